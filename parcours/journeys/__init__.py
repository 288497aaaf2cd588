"""Scenarios: their graph, the engine that moves cohorts of people through it in set-based statements, recipes.

Not here: whether a message may leave (`delivery.gate`), one-off sends (`campaigns`).
"""
