"""Collecting faces: search, polite HTTP, the photo service, selection, the database, Haar."""
