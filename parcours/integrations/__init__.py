"""What other systems are told: signed webhooks about what the log holds, to the addresses that a workspace names.

Not here: messages to people (`delivery`), what comes in from other systems (`events`, `api`).
"""
