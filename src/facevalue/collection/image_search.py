"""Searching a source of images, such as Pixabay, for each emotion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from typing import Protocol

import pandas as pd
from tqdm import tqdm

from facevalue.collection.hits import Hit
from facevalue.collection.search_api import InvalidKeyError
from facevalue.data.http_retry import DownloadError
from facevalue.emotions import EMOTIONS

WORDS: dict[str, tuple[str, ...]] = {
    "angry": ("angry face", "anger", "furious", "rage", "annoyed"),
    "disgust": ("disgusted face", "disgust", "grimace", "revulsion", "yuck"),
    "fear": ("scared face", "fear", "afraid", "frightened", "terrified"),
    "happy": ("happy face", "smile", "laughing", "joy", "cheerful"),
    "sad": ("sad face", "crying", "sorrow", "unhappy", "tears"),
    "surprise": ("surprised face", "surprise", "astonished", "amazed", "shocked"),
    "neutral": ("neutral face", "serious face", "expressionless", "calm face", "passport photo"),
}
"""The search words of each emotion: the plain ones first, then synonyms."""

MAX_FAILURES = 5
"""A source is given up after this many failed searches in a row."""


class Source(Protocol):
    """A service or folder in which images can be searched."""

    name: str

    def search(self, words: str, most: int) -> list[Hit]:
        """Return at most `most` hits, the best first; there may be none.

        Raises:
            DownloadError: the search failed; the message says why, without any key.
        """


def search(source: Source, per_emotion: int, emotions: Sequence[str] = EMOTIONS) -> pd.DataFrame:
    """Search images of each emotion, with one search word after another, until there are enough.

    An address that several searches find is listed once, under the first emotion. If the search
    for a word fails, the next word is tried; after `MAX_FAILURES` failures in a row the source is
    given up.

    Args:
        source: the service, for example `Pixabay()`.
        per_emotion: the number of hits wanted for each emotion; there may be fewer.
        emotions: some of EMOTIONS.
    Returns:
        One row per hit, with the fields of `Hit` as columns. `attrs["problems"]` is a list of
        sentences, one for each search that failed.
    Raises:
        ValueError: `per_emotion` is less than 1, or an emotion has no search words.
        InvalidKeyError: the service does not accept the key.
    """
    if per_emotion < 1:
        raise ValueError(f"per_emotion must be at least 1, not {per_emotion}.")
    if unknown := set(emotions) - set(WORDS):
        raise ValueError(
            f"There are no search words for {', '.join(sorted(unknown))}: choose from "
            f"{', '.join(WORDS)}."
        )
    searches = _Searches(source)
    with tqdm(total=len(emotions) * per_emotion, desc=source.name, disable=None) as bar:
        for emotion in emotions:
            searches.find(emotion, per_emotion, bar)
    if searches.given_up():
        searches.problems.append(
            f"{source.name} was given up after {MAX_FAILURES} failures in a row."
        )
    columns = [field.name for field in fields(Hit)]
    table = pd.DataFrame([asdict(hit) for hit in searches.found.values()], columns=columns)
    table.attrs["problems"] = searches.problems
    return table


class _Searches:
    """The searches in one source: their hits and their problems."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.found: dict[str, Hit] = {}
        self.problems: list[str] = []
        self.failures = 0

    def given_up(self) -> bool:
        return self.failures >= MAX_FAILURES

    def find(self, emotion: str, wanted: int, bar: tqdm) -> None:
        """Search for the words of an emotion until there are enough hits."""
        missing = wanted
        for words in WORDS[emotion]:
            if not missing or self.given_up():
                return
            hits = self._search(emotion, words, wanted)
            new = {hit.address: hit for hit in hits if hit.address not in self.found}
            for hit in list(new.values())[:missing]:
                self.found[hit.address] = replace(hit, emotion=emotion, words=words)
                missing -= 1
                bar.update()

    def _search(self, emotion: str, words: str, wanted: int) -> list[Hit]:
        try:
            hits = self.source.search(words, wanted)
        except InvalidKeyError:
            raise
        except DownloadError as error:
            self.failures += 1
            self.problems.append(f"{emotion}, {words!r}: {error}")
            return []
        self.failures = 0
        return hits
