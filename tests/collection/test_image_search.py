from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from search_helpers import asked, pixabay

from facevalue.collection import image_search, photo_service
from facevalue.collection.hits import Hit
from facevalue.data.http_retry import DownloadError
from facevalue.emotions import EMOTIONS
from facevalue.scale import fetch_images

pytestmark = pytest.mark.usefixtures("noise_photos")


@pytest.mark.slow
def test_photos_of_each_emotion_are_found_and_brought(
    service: photo_service.Service, tmp_path: Path
) -> None:
    hits = image_search.search(pixabay(service), 4)
    assert hits.attrs["problems"] == []
    counts = hits.groupby("emotion").size()
    assert set(counts.index) == set(EMOTIONS)
    assert counts.max() == 4
    assert hits["address"].is_unique
    for row in hits.itertuples():
        assert row.words in image_search.WORDS[str(row.emotion)]
        assert row.source == "drawn photos" and row.licence.startswith("MIT")
        assert str(row.page).startswith("http://127.0.0.1") and row.author == "Face Value"
    assert len(set(hits["words"])) > 7  # synonyms were needed
    brought = fetch_images.fetch_images(hits, tmp_path, this_machine=True)
    assert (brought["problem"] == "").all()
    for row in brought.itertuples():
        with Image.open(tmp_path / str(row.file)) as image:
            assert image.size == (row.width, row.height)


def test_a_search_can_be_for_some_emotions(service: photo_service.Service) -> None:
    hits = image_search.search(pixabay(service), 1, ("sad", "happy"))
    assert hits["emotion"].tolist() == ["sad", "happy"]
    assert asked(service) == 2  # the first words were enough
    with pytest.raises(ValueError, match="boredom"):
        image_search.search(pixabay(service), 1, ["boredom"])
    with pytest.raises(ValueError, match="at least 1"):
        image_search.search(pixabay(service), 0)


def test_every_emotion_has_its_own_words_of_a_length_that_pixabay_takes() -> None:
    every = [words for emotion in EMOTIONS for words in image_search.WORDS[emotion]]
    assert len(every) == len(set(every))
    assert all(3 <= len(words) <= 100 for words in every)
    assert all(len(image_search.WORDS[emotion]) >= 4 for emotion in EMOTIONS)


class Fake:
    """A source whose answers are told to it."""

    name = "fake"

    def __init__(self, answer: Callable[[str, int], list[str]]) -> None:
        self.answer, self.words = answer, []

    def search(self, words: str, most: int) -> list[Hit]:
        self.words.append(words)
        return [Hit("", words, a, 0, 0, "", "", "", "fake") for a in self.answer(words, most)]


def test_the_same_address_is_kept_once() -> None:
    hits = image_search.search(
        Fake(lambda words, most: ["https://a.example/1"]), 2, ["sad", "happy"]
    )
    assert hits[["emotion", "words"]].to_numpy().tolist() == [["sad", "sad face"]]


def test_one_word_that_fails_does_not_stop_the_rest() -> None:
    def answer(words: str, most: int) -> list[str]:
        if words == "crying":
            raise DownloadError("the server is on fire.")
        return [f"https://a.example/{words}"]

    hits = image_search.search(Fake(answer), 3, ["sad"])
    assert hits["words"].tolist() == ["sad face", "sorrow", "unhappy"]
    assert hits.attrs["problems"] == ["sad, 'crying': the server is on fire."]


def test_a_source_that_always_fails_is_given_up() -> None:
    def answer(words: str, most: int) -> list[str]:
        raise DownloadError("no network.")

    fake = Fake(answer)
    hits = image_search.search(fake, 3)
    assert len(fake.words) == image_search.MAX_FAILURES
    assert hits.empty and "address" in hits
    assert "given up after 5 failures" in hits.attrs["problems"][-1]


def test_nothing_found_is_no_problem() -> None:
    hits = image_search.search(Fake(lambda words, most: []), 3)
    assert hits.empty and hits.attrs["problems"] == []


@pytest.mark.slow
def test_the_table_of_hits_can_be_kept(service: photo_service.Service, tmp_path: Path) -> None:
    hits = image_search.search(pixabay(service), 1)
    hits.to_csv(tmp_path / "hits.csv", index=False)
    again = pd.read_csv(tmp_path / "hits.csv", keep_default_na=False)
    assert again.to_numpy().tolist() == hits.to_numpy().tolist()
