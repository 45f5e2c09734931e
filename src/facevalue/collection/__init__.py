"""Collecting faces: image search, a local photo service, selection, the database, Haar cascades."""
