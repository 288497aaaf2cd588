"""What the shop sells: products, as the shop states them and as events show them.

Not here: who looked at or bought what (`events`), how a message shows a product (`content`).
"""
