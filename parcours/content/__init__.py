"""What is said: templates (Liquid in MJML), their versions, preview, coupons.

Not here: who receives it and whether it leaves (`delivery`).
"""
