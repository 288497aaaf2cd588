"""Pages for staff who signed in: one folder per place. Reads queries, calls actions; no rule of the domain lives here."""
