"""Exploring a data set: what it contains, and what is wrong with it."""
