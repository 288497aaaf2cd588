"""Who: the rule language, its compiler to SQL, and segments kept current from events.

Not here: what is done with an audience (`journeys`, `campaigns`, `delivery.gate`).
"""
