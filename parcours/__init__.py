"""Parcours: marketing automation that respects people. The rooms and their order are drawn in `docs/concepts/rooms.md`."""
