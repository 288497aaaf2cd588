"""One module per place of the rail: its views and forms. Reads queries, calls actions; templates are in `templates/web`."""
