"""Workspaces, the people who work in them and their roles, keys for machines, and the trail of every change.

Not here: contacts (the people who are written to), sign-in pages (`web`), what a workspace sends with (`delivery`).
"""
