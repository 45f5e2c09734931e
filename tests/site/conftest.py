"""The website, built once for all of its tests."""

import build_site
import pytest


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The folder of the website, and Sphinx's warnings."""
    out = tmp_path_factory.mktemp("site") / "pages"
    return out, build_site.build(out)


@pytest.fixture(scope="session")
def pages(built):
    return built[0]
