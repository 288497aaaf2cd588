"""`parcours demo`: a real shop's two years of orders, lived through by the real engine and gate under a virtual clock.

`orders` reads the data, `people` invents who they are, `shop` sets the workspace up, `reactions` is the model of what people do
with a message, `history` lets the time pass, `command` is the command line.
"""
