"""Faces drawn from FACS action units: single faces, photos, and labelled data sets."""
