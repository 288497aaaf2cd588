"""What every room stands on, with no word of the domain: clock, ids, errors, crypto, http, named SQL, tenant scope."""
