"""FACS, and faces that are drawn from action units."""
