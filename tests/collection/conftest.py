"""Databases for the tests of this folder."""

from databases import engine, postgresql, url  # noqa: F401 - fixtures
from search_helpers import noise_photos, service  # noqa: F401 - fixtures
