"""The operators' command, `parcours`."""
