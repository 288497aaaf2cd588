"""May we? Purposes and their legal bases, the ledger of what people said, the suppression list.

Not here: the decision about one message (`delivery.gate`), the page where people choose (`public`).
"""
