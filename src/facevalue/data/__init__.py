"""Labelled faces and other data: FER-2013, FER+, a survey, published tables, downloads."""
