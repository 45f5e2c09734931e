"""Decisions about photos: written, read, replayed, and made in the widget."""

import base64
from datetime import datetime, timedelta

import pandas as pd
import pytest

from facevalue.collection import selection


@pytest.fixture
def hits():
    return pd.DataFrame(
        {
            "emotion": ["angry", "happy", "sad"],
            "words": ["angry face", "smile", "sad face"],
            "source": "Pixabay",
            "address": [f"http://127.0.0.1:5{n}000/img/{n}.jpg?key=secret" for n in range(3)],
            "page": [f"http://127.0.0.1:5{n}000/photos/{n}/" for n in range(3)],
            "file": ["a.png", "b.png", "c.png"],
        }
    )


def test_names_do_not_change_with_port_or_key(hits):
    elsewhere = hits.assign(page=hits["page"].str.replace("127.0.0.1:", "localhost:9"))
    assert list(selection.names(hits)) == list(selection.names(elsewhere))
    without_page = hits.assign(page="")
    assert selection.names(without_page)[0] == "Pixabay /img/0.jpg"


def test_a_decision_is_kept_with_time_and_reason_and_the_last_one_counts(tmp_path):
    path = tmp_path / "decisions.csv"
    selection.decide(path, "a", "drop", reason="shows nobody, I think")
    selection.decide(path, "b", "keep")
    selection.decide(path, "a", "move", "sad", "a tear")
    table = selection.read(path).set_index("photo")
    assert table.loc["a"].to_list()[:3] == ["move", "sad", "a tear"]
    assert table.loc["b", "decision"] == "keep"
    written = datetime.fromisoformat(table.loc["a", "time"])
    assert abs(datetime.now(written.tzinfo) - written) < timedelta(minutes=1)
    assert [file.name for file in tmp_path.iterdir()] == ["decisions.csv"]


def test_replay_selects_and_moves(hits, tmp_path):
    path = tmp_path / "decisions.csv"
    first, second, _ = selection.names(hits)
    selection.decide(path, first, "drop", reason="smiles")
    selection.decide(path, second, "move", "surprise")
    seen = selection.replay(hits, selection.read(path))
    assert list(seen["selected"]) == [False, True, True]
    assert list(seen["emotion"]) == ["angry", "surprise", "sad"]
    assert list(seen["decision"]) == ["drop", "move", "unseen"]
    assert list(seen["reason"]) == ["smiles", "", ""]
    assert list(hits["emotion"]) == ["angry", "happy", "sad"], "the hits themselves stay"


def test_replay_without_any_decision_keeps_everything(hits, tmp_path):
    seen = selection.replay(hits, selection.read(tmp_path / "absent.csv"))
    assert seen["selected"].all()
    assert set(seen["decision"]) == {"unseen"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("photo,decision,reason,time\na,keep,,\n", "no column 'emotion'"),
        ("photo,decision,emotion,reason,time\na,keep,,,\nb,perhaps,,,\n", "line 3: 'perhaps'"),
        ("photo,decision,emotion,reason,time\na,move,bored,,\n", "line 2: A move needs one of"),
        ("", "not a CSV file"),
    ],
)
def test_a_wrong_file_is_named_with_its_place(tmp_path, text, says):
    path = tmp_path / "decisions.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=says):
        selection.read(path)


def test_a_wrong_decision_is_refused_and_not_written(tmp_path):
    with pytest.raises(ValueError, match="write keep, drop, move"):
        selection.decide(tmp_path / "d.csv", "a", "maybe")
    with pytest.raises(ValueError, match="A move needs one of"):
        selection.decide(tmp_path / "d.csv", "a", "move")
    assert not list(tmp_path.iterdir())


PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)


def test_choosing_in_the_grid_writes_the_decision(hits, tmp_path):
    for name in hits["file"]:
        (tmp_path / name).write_bytes(PNG)
    path = tmp_path / "decisions.csv"
    pager, place = selection.grid(hits, tmp_path, path, size=2).children
    assert len(place.children) == 2
    _, label, choice, reason = place.children[0].children
    assert "angry face" in label.value
    choice.value = "move to fear"
    reason.value = "wide eyes"
    first = selection.names(hits)[0]
    assert selection.read(path).set_index("photo").loc[first].to_list()[:3] == [
        "move",
        "fear",
        "wide eyes",
    ]
    pager.value = 1
    assert len(place.children) == 1
    pager.value = 0
    assert place.children[0].children[2].value == "move to fear", "a second look shows the choice"
