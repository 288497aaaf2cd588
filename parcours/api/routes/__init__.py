"""The operations, one module for each noun. They read queries and call actions; no rule of the domain lives here."""
