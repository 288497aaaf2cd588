"""What happened: the log, its intake (authenticate, parse, identify, deduplicate, store), cursors over it, signed tokens.

Not here: reading HTTP (`public`), what follows from an event (each room pulls with its own cursor).
"""
