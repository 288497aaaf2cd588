"""Pages for the people who are written to: stop, choose, "why do I receive this?", confirm.

They need no sign-in, no cookie and no JavaScript: the signed token in the address says who it is. Reading changes nothing; only a
POST does. Not here: the token itself (`events.tokens`), what a statement means (`consent`).
"""
