"""`parcours demo`: a real shop's two years of orders, lived through by the real engine and gate under a virtual clock.

`orders` reads the data, `people` invents who they are, `shop` sets the workspace up, `history` lets the time pass, `letters` lets
messages leave and people react, `reactions` is the model of how they do, `command` is the command line.
"""
