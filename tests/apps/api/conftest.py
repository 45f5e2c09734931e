"""An API over a small database."""

import pytest
from api_helpers import SOURCES, rows
from databases import postgresql, url  # noqa: F401 - fixtures: both kinds of database  # noqa: F401 - fixtures
from fastapi.testclient import TestClient

from apps.api.app import create_app
from facevalue.collection import database, database_import


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    made = database.create(f"sqlite:///{tmp_path_factory.mktemp('api') / 'faces.db'}")
    database_import.add_sources(made, SOURCES)
    database_import.add_facs(made)
    database_import.add_images(made, rows())
    yield made
    made.dispose()


@pytest.fixture(scope="module")
def client(engine):
    return TestClient(create_app(engine))
