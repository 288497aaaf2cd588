"""One-off sends to a segment or list: schedule, freeze the audience, progress, pause.

Not here: sending itself (`delivery`), scenarios (`journeys`).
"""
