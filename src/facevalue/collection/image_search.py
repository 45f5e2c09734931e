"""Searching the same emotions in any source of images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Protocol

import pandas as pd
from tqdm import tqdm

from facevalue.collection.polite_http import RefusedKey
from facevalue.data import addresses
from facevalue.data.download import DownloadError
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
"""What is searched for each emotion: the plain words first, then what else people call it."""

MOST_FAILURES = 5
"""Words that may fail one after the other before a source is given up."""


@dataclass(frozen=True)
class Hit:
    """One image that a search found.

    Attributes:
        emotion: what was searched for, one of EMOTIONS.
        words: the words that found it.
        address: where the image is; for a folder on disk, its path.
        width, height: in pixels as the service says, 0 if it does not.
        author: who made it, as the service says, or "".
        licence: its name, or whose it is.
        page: the address of the page that shows it; give it wherever you show the image.
        source: the name of the service.
    """

    emotion: str
    words: str
    address: str
    width: int
    height: int
    author: str
    licence: str
    page: str
    source: str


class Source(Protocol):
    """A place to search images in."""

    name: str

    def search(self, words: str, most: int) -> list[Hit]:
        """Return at most `most` hits, the best first; none is a normal answer.

        Raises:
            DownloadError: the service failed; the message says how, without any key.
        """


def search(source: Source, per_emotion: int, emotions: Sequence[str] = EMOTIONS) -> pd.DataFrame:
    """Search images of each emotion, word by word, until there are enough.

    The same address is kept once, under the first emotion that found it. When a word fails, the
    next one is tried; after `MOST_FAILURES` failures in a row the source is given up.

    Args:
        source: the service, for example `Pixabay()`.
        per_emotion: hits wanted for each emotion; there may be fewer.
        emotions: some of EMOTIONS.
    Returns:
        One row per hit, with the fields of `Hit` as columns. `attrs["problems"]` is a list of
        sentences, one for each word that failed.
    Raises:
        ValueError: `per_emotion` is under 1, or an emotion has no words.
        RefusedKey: the service does not know the key.
    """
    if per_emotion < 1:
        raise ValueError(f"per_emotion must be at least 1, got {per_emotion}.")
    if unknown := set(emotions) - set(WORDS):
        raise ValueError(f"No words are known for {', '.join(sorted(unknown))}.")
    found: dict[str, Hit] = {}
    problems: list[str] = []
    failures = 0
    bar = tqdm(total=len(emotions) * per_emotion, desc=source.name, disable=None)
    with bar:
        for emotion in emotions:
            mine = 0
            for words in WORDS[emotion]:
                if mine >= per_emotion or failures >= MOST_FAILURES:
                    break
                try:
                    hits = source.search(words, per_emotion)
                    failures = 0
                except RefusedKey:
                    raise
                except DownloadError as error:
                    failures += 1
                    problems.append(f"{emotion}, {words!r}: {error}")
                    continue
                new = {hit.address: hit for hit in hits if hit.address not in found}
                for hit in list(new.values())[: per_emotion - mine]:
                    found[hit.address] = replace(hit, emotion=emotion, words=words)
                    mine += 1
                    bar.update()
    if failures >= MOST_FAILURES:
        problems.append(f"{source.name} was given up after {failures} failures in a row.")
    columns = [field.name for field in fields(Hit)]
    table = pd.DataFrame([asdict(hit) for hit in found.values()], columns=columns)
    table.attrs["problems"] = problems
    return table


def _unique(hits: Iterable[Hit | None], most: int) -> list[Hit]:
    return list({hit.address: hit for hit in hits if hit}.values())[:most]


def _checked(hit: Hit, base_url: str) -> Hit | None:
    """Return a hit unless its address must not be fetched: no service may name private hosts.

    Its page is left out if it is no web address, for somebody may click on it.
    """
    try:
        addresses.check_address(hit.address, base_url)
    except DownloadError:
        return None
    return hit if hit.page.startswith(("http://", "https://")) else replace(hit, page="")


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return "".join(c for c in value if c.isprintable())[:2000] if isinstance(value, str) else ""


def _number(value: Any) -> int:
    try:
        return max(0, int(value))
    except (TypeError, ValueError, OverflowError):
        return 0
