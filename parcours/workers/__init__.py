"""Who ticks what, how often and in which batch sizes. The work itself is in the rooms."""
