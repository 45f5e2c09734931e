"""Where files are, in a checkout and without one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from facevalue import paths
from facevalue.data import reference


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make it look as if the package were installed by pip; return the home folder."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setattr(paths, "__file__", str(tmp_path / "a" / "b" / "c" / "paths.py"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(home))
    for name in ("FACEVALUE_DATA", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    return home


def test_the_checkout_is_found_from_the_installation_and_from_a_folder_inside(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Path(__file__).parents[1]
    assert paths.checkout() is None
    monkeypatch.chdir(here / "notebooks")
    assert paths.checkout() == paths.root() == here
    assert paths.processed() == here / "data" / "processed"
    monkeypatch.undo()
    assert paths.checkout(Path("/")) == here


@pytest.mark.parametrize("library", ["with platformdirs", "without"])
def test_without_a_checkout_data_and_caches_are_in_the_users_cache_folder(
    installed: Path, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    if library == "without":
        monkeypatch.setitem(sys.modules, "platformdirs", None)
    elif sys.platform != "linux":
        pytest.skip("the user's cache folder has another name on this system")
    assert paths.raw() == installed / ".cache" / "facevalue" / "raw"
    assert paths.raw_file("x.csv") == paths.raw() / "x.csv"
    assert paths.processed() == installed / ".cache" / "facevalue" / "processed"
    assert paths.processed().is_dir()


def test_facevalue_data_wins(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEVALUE_DATA", "~/faces")
    assert paths.raw() == installed / "faces"


def test_what_needs_the_checkout_says_so(installed: Path) -> None:
    with pytest.raises(FileNotFoundError, match="files of the Face Value repository.*clone"):
        paths.root()
    with pytest.raises(FileNotFoundError, match="clone"):
        reference.published("headline")
