"""FER+ votes and labels, against the counts of its authors' code and rows worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facevalue.data import ferplus
from facevalue.data.dataset import SPLITS, Dataset

SHARED = Path(__file__).parents[3] / "shared" / "data"
needs_votes = pytest.mark.skipif(
    not (SHARED / "fer2013new.csv").is_file(), reason="the FER+ votes are not on this machine"
)


def images(splits: list[str], origins: list[str]) -> Dataset:
    """A data set of black images that says where its images stood."""
    n = len(splits)
    faces = np.zeros((n, 48, 48), np.uint8)
    return Dataset("fer2013", faces, np.zeros(n, int), np.array(splits), np.array(origins))


@needs_votes
def test_votes_join_by_the_line_that_an_image_stood_on() -> None:
    path = SHARED / "fer2013new.csv"
    lines = path.read_text().splitlines()
    part = images(["PrivateTest", "Training"], ["fer2013.csv.xz:35002", "fer2013.csv:9"])
    for line, row in zip((35_002, 9), ferplus.votes(path, part).to_numpy(), strict=True):
        expected = lines[line - 1].split(",")
        assert [str(cell) for cell in row] == [expected[0], *expected[2:]]


@needs_votes
@pytest.mark.parametrize(
    ("mode", "counts"),
    [("majority", [25_060, 3_199, 3_153]), ("probability", [27_956, 3_505, 3_505])],
)
@pytest.mark.slow
def test_ferplus_keeps_as_many_images_as_its_authors_code(mode: str, counts: list[int]) -> None:
    votes = ferplus.votes(SHARED / "fer2013new.csv")
    assert len(votes) == 35_887
    targets = ferplus.targets(votes, mode)
    usage = votes.loc[targets.index, "Usage"].value_counts()
    assert usage[list(SPLITS)].tolist() == counts
    assert np.allclose(targets.sum(axis=1), 1)


@needs_votes
def test_ferplus_majority_by_class() -> None:
    votes = ferplus.votes(SHARED / "fer2013new.csv")
    private = ferplus.targets(votes[votes["Usage"] == "PrivateTest"], "majority")
    assert private.idxmax(axis=1).value_counts().to_dict() == {
        **{"neutral": 1090, "happiness": 893, "surprise": 396, "sadness": 384, "anger": 273},
        **{"disgust": 18, "fear": 83, "contempt": 16},
    }


# ------------------------------------------------------------------------------ votes by hand

# neutral happiness surprise sadness anger disgust fear contempt unknown NF
HAND = {
    "clear": ([0, 9, 1, 0, 0, 0, 0, 0, 0, 0], {"happiness": 1}, {"happiness": 1}),
    # the single vote for fear is dropped: 6 of 9 are a majority, 0.75 x 9 needs both
    "two": ([6, 0, 0, 3, 0, 0, 1, 0, 0, 0], {"neutral": 1}, {"neutral": 6 / 9, "sadness": 3 / 9}),
    # 5 of 10 are not more than half
    "half": ([5, 5, 0, 0, 0, 0, 0, 0, 0, 0], None, {"neutral": 0.5, "happiness": 0.5}),
    "three": (
        [4, 3, 3, 0, 0, 0, 0, 0, 0, 0],
        None,
        {"neutral": 0.4, "happiness": 0.3, "surprise": 0.3},
    ),
    # ties are taken together: four choices are too many
    "four": ([4, 2, 2, 2, 0, 0, 0, 0, 0, 0], None, None),
    "unknown wins": ([2, 0, 0, 0, 0, 0, 0, 0, 8, 0], None, None),
    "no face": ([0, 0, 0, 0, 0, 0, 0, 0, 0, 10], None, None),
    # anger has 5 of 10, then unknown is reached: 5 is not more than half
    "unknown second, half": ([0, 0, 0, 0, 5, 2, 0, 0, 3, 0], None, None),
    # anger has 6 of 9, then unknown is reached and left out: 6 is more than half
    "unknown second": ([0, 0, 0, 0, 6, 1, 0, 0, 3, 0], {"anger": 1}, {"anger": 1}),
    # fear and unknown tie at the top: fear keeps 5 of 10, not more than half
    "tie with unknown": ([0, 0, 0, 0, 0, 0, 5, 0, 5, 0], None, None),
    "all single": ([1, 1, 1, 1, 1, 1, 1, 1, 1, 1], None, None),
}


@pytest.mark.parametrize(("row", "majority", "probability"), HAND.values(), ids=HAND)
def test_ferplus_rules_on_rows_worked_out_by_hand(
    row: list[int], majority: dict | None, probability: dict | None
) -> None:
    votes = pd.DataFrame([["Training", *row]], columns=["Usage", *ferplus.VOTES], index=[5])
    for mode, expected in (("majority", majority), ("probability", probability)):
        targets = ferplus.targets(votes, mode)
        if expected is None:
            assert len(targets) == 0
        else:
            assert targets.index.tolist() == [5]
            got = targets.iloc[0]
            assert got[got > 0].to_dict() == pytest.approx(expected)


def test_bad_votes_give_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="FERPlus"):
        ferplus.votes(tmp_path / "fer2013new.csv")
    path = tmp_path / "votes.csv"
    for content in ("", "a,b\n1,2\n", f"Usage,{','.join(ferplus.VOTES)}\nTraining{',x' * 10}\n"):
        path.write_text(content)
        with pytest.raises(ValueError, match="votes.csv"):
            ferplus.votes(path)
    with pytest.raises(ValueError, match="multi_target"):
        ferplus.targets(pd.DataFrame(columns=["Usage", *ferplus.VOTES]), "multi_target")


def test_votes_with_other_separators_or_below_zero_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "fer2013new.csv"
    header = ",".join(["Usage", "Image name", *ferplus.VOTES])
    row = ",".join(["Training", "fer0000000.png", *(["1"] * 10)])
    file.write_text(f"{header}\n{row}\n".replace(",", ";"))
    with pytest.raises(ValueError, match=r"FER\+'s table of votes: it lacks the columns Usage, n"):
        ferplus.votes(file)
    file.write_text(f"{header}\n{row[:-1]}-1\n")
    with pytest.raises(ValueError, match="it has negative numbers of votes"):
        ferplus.votes(file)


def test_votes_refuse_images_whose_rows_are_not_known(tmp_path: Path) -> None:
    path = tmp_path / "votes.csv"
    rows = [["Training", *[1] * 10], ["PublicTest", *[2] * 10]]
    pd.DataFrame(rows, columns=["Usage", *ferplus.VOTES]).to_csv(path, index=False)
    with pytest.raises(ValueError, match="read from its CSV file"):
        ferplus.votes(path, images(["Training"], ["train.parquet:0"]))
    with pytest.raises(ValueError, match="read from its CSV file"):
        ferplus.votes(path, images(["Training"], ["fer2013.csv:4"]))
    with pytest.raises(ValueError, match="not in the order"):
        ferplus.votes(path, images(["Training"], ["fer2013.csv:3"]))
    votes = ferplus.votes(path, images(["PublicTest"], ["fer2013.csv:3"]))
    assert votes[list(ferplus.VOTES)].to_numpy().tolist() == [[2] * 10]
