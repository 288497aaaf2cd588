"""Pages for staff who signed in. Reads queries, calls actions; no rule of the domain lives here."""
