"""The calls of Brevo's API that a shop's programs make most, under `/v3`: an existing client works when its address is changed.

Shapes, names and errors are Brevo's; what happens is what our own REST does, by the same actions. Not here: anything that decides.
"""
