from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from facevalue import paths
from facevalue.collection import facs_page
from facevalue.data import download
from facevalue.drawing import facs

UNITS = """<table><tr><th>Action Unit</th><th>Description</th><th>Facial Muscle</th><th>Example</th>
</tr><tr><td>{unit}</td><td>Lip Corner Puller</td><td>Zygomatic Major</td><td>{image}</td></tr>
<tr><td>6</td><td>Cheek Raiser</td><td>Orbicularis oculi</td><td></td></tr></table>"""
EMOTIONS = """<table><tr><td>Emotion</td><td>Action Units</td><td>Description</td><td>Examples</td>
</tr><tr><td>{emotion}</td><td>{units}</td><td></td><td></td></tr></table>"""


def html(
    unit: str = "12", image: str = "", emotion: str = "Happiness / Joy", units: str = "6 + 12"
) -> str:
    page = UNITS.format(unit=unit, image=image) + EMOTIONS.format(emotion=emotion, units=units)
    return f"<html><body><p>text</p>{page}</body></html>"


def test_the_stored_page_gives_the_tables_of_the_csv_files() -> None:
    units, of_emotions = facs_page.scrape()
    pd.testing.assert_frame_equal(units.drop(columns="example"), facs.action_units())
    stored = of_emotions.groupby("emotion")["action_unit"].apply(tuple).to_dict()
    assert stored.pop("contempt") == (12, 14)
    assert stored | {"neutral": ()} == facs.emotion_units()


def test_the_stored_page_has_30_units_and_7_emotions() -> None:
    units, of_emotions = facs_page.scrape()
    assert len(units) == 30
    assert of_emotions["emotion"].nunique() == 7
    smile = of_emotions[of_emotions["emotion"] == "happy"]
    assert smile["action_unit"].tolist() == [6, 12]
    assert smile["description"].tolist() == ["Cheek Raiser", "Lip Corner Puller"]


def test_only_contempt_is_on_one_side_of_the_face() -> None:
    of_emotions = facs_page.units_of_emotions(facs_page.page())
    assert set(of_emotions.loc[of_emotions["one_side"], "emotion"]) == {"contempt"}
    assert of_emotions["one_side"].sum() == 2


def test_units_keep_the_text_of_their_cells_as_qualifiers() -> None:
    units = facs_page.single_units(facs_page.page()).set_index("action_unit")
    assert units.loc[9, "qualifier"] == "also shows slight AU4 and AU10"
    assert units.loc[16, "qualifier"] == "with AU25"
    assert units.loc[2, "description"] == "Outer Brow Raiser"
    assert units.loc[2, "qualifier"] == "unilateral, right side"
    assert pd.isna(units.loc[1, "qualifier"])


def test_the_raw_tables_are_those_of_the_page_with_its_slips() -> None:
    units, of_emotions = facs_page.tables(facs_page.page())
    assert "9 (also shows slight AU4 and AU10)" in units["Action Unit"].tolist()
    assert of_emotions["Action Units"].iloc[-1] == "12 + 14 (on one side of the face)"
    assert "alaquae" in units["Facial Muscle"].str.cat()
    assert "alaquae" not in facs_page.single_units(facs_page.page())["facial_muscle"].str.cat()


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ('<img src="https://a.example/12.gif">', "https://a.example/12.gif"),
        ('<img src="data:x" data-src="https://a.example/12.gif">', "https://a.example/12.gif"),
        ('<img data-src="https://a.example/12.gif" src="data:x"/>', "https://a.example/12.gif"),
        ('<img src="data:x">', None),
        ("", None),
    ],
)
def test_examples_are_the_addresses_of_images_loaded_lazily(image: str, expected: str) -> None:
    example = facs_page.single_units(html(image=image))["example"].iloc[0]
    assert example == expected if expected else pd.isna(example)


@pytest.mark.parametrize("cell", ["12", " 12 ", "AU 12", "AU12", "12 (with AU25)"])
def test_a_unit_cell_gives_its_number(cell: str) -> None:
    assert facs_page.single_units(html(unit=cell))["action_unit"].tolist() == [12, 6]


def test_muscles_are_spelt_as_in_anatomy() -> None:
    assert facs_page.single_units(html())["facial_muscle"].iloc[0] == "Zygomaticus major"


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("", "no table with the columns Action Unit,"),
        ("<p>Not found</p>", "no table with the columns Action Unit,"),
        ("<table><tr><th>Price</th></tr><tr><td>3</td></tr></table>", "no table with the columns"),
        (UNITS.format(unit="12", image=""), "no table with the columns Emotion,"),
        (html(unit="smile"), "Row 1 .* does not begin with a number: 'smile'"),
        (html(units="6 + 99"), "Action unit 99 is not in the page's table"),
        (html(units="none"), "no action unit for happy"),
        (html(emotion="Boredom"), "'boredom' is not one of the seven"),
    ],
)
def test_another_page_is_named_in_one_sentence(page: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        facs_page.units_of_emotions(page)


def test_the_stored_page_is_read_where_the_live_one_cannot_be_had(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> Path:
        raise download.DownloadError("imotions.com cannot be reached.")

    monkeypatch.setattr(download, "download", refuse)
    assert facs_page.page(live=True) == facs_page.page()
    assert "cannot be reached. The stored page is read instead." in capsys.readouterr().err


def test_the_live_page_is_read_with_a_size_limit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def arrive(url: str, path: Path, *, max_bytes: int, backoff: float, allow_html: bool) -> Path:
        assert (url, allow_html) == (facs_page.PAGE, True)
        assert max_bytes <= 10_000_000
        path.write_text(globals()["html"](units="12"), encoding="utf-8")
        return path

    monkeypatch.setattr(download, "download", arrive)
    monkeypatch.setattr(paths, "processed", lambda: tmp_path)
    units, of_emotions = facs_page.scrape(live=True)
    assert len(units) == 2
    assert of_emotions["action_unit"].tolist() == [12]


def test_the_stored_page_holds_no_address_of_an_image_of_others() -> None:
    stored = (paths.root() / "data" / "facs" / "imotions_page.html").read_text(encoding="utf-8")
    assert "wp-content" not in stored
    assert "https://imotions.com/wp" not in stored
