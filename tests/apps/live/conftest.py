"""A live page with a small model and a small database."""

import pytest
from fastapi.testclient import TestClient
from live_helpers import frame, jpeg, small_database, small_model

from apps.api.live_app import create_live_app


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return small_model(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    made = small_database(tmp_path_factory.mktemp("live"))
    yield made
    made.dispose()


@pytest.fixture
def app(models, engine, tmp_path):
    return create_live_app(models, engine, threads=1, videos=tmp_path)


@pytest.fixture
def client(app):
    with TestClient(app) as made:
        yield made


@pytest.fixture(scope="module")
def picture():
    return jpeg(frame()[0])
