"""Taking in a CSV file of people: reading it, guessing what its columns are, the plan that a person confirms, its progress.

Not here: writing people and what they consented to, which are also events (`events.importing` runs the plan).
"""
