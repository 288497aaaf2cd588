"""The people who may be written to: contacts, all their identities, typed attributes, lists, import, merge.

Not here: what they allowed (`consent`), what they did (`events`), rules about them (`audiences`).
"""
