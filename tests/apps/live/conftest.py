"""A live page with a small model or the fast one, and a small database."""

import pytest
from browsers import chromium, running
from fastapi import FastAPI
from fastapi.testclient import TestClient
from live_helpers import frame, jpeg, small_database, small_model
from starlette.staticfiles import StaticFiles

from apps.api.live_app import STATIC, create_live_app
from facevalue import Recogniser


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
    return create_live_app(models, engine, videos=tmp_path)


@pytest.fixture
def client(app):
    with TestClient(app) as made:
        yield made


@pytest.fixture(scope="module")
def picture():
    return jpeg(frame()[0])


@pytest.fixture(scope="module")
def recogniser():
    return Recogniser("fast", threads=1)


@pytest.fixture(scope="module")
def page(recogniser, engine):
    """The live page, in whose browser a worker can be asked."""
    app = create_live_app({"fast": recogniser}, engine, model="fast")
    with running(app) as address, chromium() as browser:
        page = browser.new_page()
        page.set_default_timeout(60_000)
        page.goto(address)
        yield page


@pytest.fixture(scope="module")
def script_page():
    """A page from whose server the scripts of the live page can be imported."""
    app = FastAPI()
    app.mount("/", StaticFiles(directory=STATIC))
    with running(app) as address, chromium() as browser:
        page = browser.new_page()
        page.goto(f"{address}/live.css")
        yield page
