"""What came of it: figures per journey step, message and campaign, and the dashboard. Reads; writes only its own roll-ups.

Not here: decisions about people.
"""
