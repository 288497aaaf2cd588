"""Reaching out: the outbox, the gate that judges every message, assembling, signing, submitting, and what comes back.

Not here: who should be written to (`journeys`, `campaigns`), what is written (`content`).
"""
