"""Databases for the tests of this folder."""

from databases import engine, postgresql, url  # noqa: F401 - fixtures
