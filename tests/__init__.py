"""The tests of Parcours; folders mirror `parcours/`."""
