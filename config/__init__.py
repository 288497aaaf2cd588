"""How the rooms are put together: settings, addresses, the server and the one list of parts (`wiring`)."""
