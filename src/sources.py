"""Where images are searched; `python -m facevalue.sources` brings FER-2013 to data/raw.

Every source has one method, `search(words, most)`, which returns hits; `search` below goes
through the words of each emotion, and `downloads.fetch_images` fetches what was found.
"""

from __future__ import annotations

import math
import os
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Protocol

import pandas as pd
from PIL import Image
from tqdm import tqdm

from facevalue import downloads, emotions, fer2013, paths, web
from facevalue.emotions import EMOTIONS
from facevalue.fer2013_download import fetch_fer2013
from facevalue.web import DownloadError, Pace, RefusedKey, is_this_machine, public

PIXABAY = "https://pixabay.com/api/"
OPENVERSE = "https://api.openverse.org/v1/images/"
RANDOM_IMAGES = "sudarshanvaidya/random-images-for-face-emotion-recognition"
"""About 5,500 grey faces of 224 x 224 pixels on Kaggle, in eight folders; one is contempt."""

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


# ------------------------------------------------------------------------------ services


class Pixabay:
    """Pixabay's search, or a service that speaks the same API, such as `photo_service`.

    Answers are kept for 24 hours, as Pixabay asks, in data/processed, and without the key. Its
    rules: show where an image comes from (`Hit.page`), keep it on your own disk, and no
    systematic mass downloads.

    Args:
        key: your key; by default the environment's PIXABAY_API_KEY.
        base_url: https, or an address of this machine.
        cache: where answers are kept; for a service on this machine, by default, nowhere.
        pace: spaces the requests; the service's own limit (100 in 60 seconds) is kept besides.
    Raises:
        ValueError: there is no key, or the address would send it in the clear.
    Source: https://pixabay.com/api/docs/
    """

    def __init__(
        self,
        key: str | None = None,
        base_url: str = PIXABAY,
        *,
        cache: Path | None = None,
        pace: Pace | None = None,
    ) -> None:
        here = is_this_machine(base_url)
        if not here and not base_url.startswith("https://"):
            raise ValueError(f"{public(base_url)} is not an https address: the key would be seen.")
        self._key = key or os.environ.get("PIXABAY_API_KEY", "")
        if not self._key:
            raise ValueError(
                "Pixabay needs a key: make a free account at https://pixabay.com/api/docs/ and "
                "set the environment variable PIXABAY_API_KEY to the key shown there."
            )
        self.name = "drawn photos" if here else "Pixabay"
        self._licence = "MIT, as this course" if here else "Pixabay Content License"
        self._base_url = base_url
        self._api = web.Api(base_url, cache, pace or Pace(), "hits")

    def __repr__(self) -> str:
        return f"Pixabay(base_url={public(self._base_url)!r})"

    def search(self, words: str, most: int) -> list[Hit]:
        """Return the most popular photos; Pixabay shows no more than 500 for the same words.

        Raises:
            ValueError: `words` has over 100 characters.
            DownloadError: the service failed; `RefusedKey` if it does not know the key.
        """
        if len(words) > 100:
            raise ValueError(f"Pixabay takes 100 characters at most, {words[:20]!r}... has more.")
        per_page = min(max(most, 3), 200)
        wanted = {"key": self._key, "q": words, "image_type": "photo", "safesearch": "true"}
        rows = self._api.rows(
            wanted | {"per_page": per_page},
            most,
            lambda answer: math.ceil(_number(answer.get("totalHits")) / per_page),
        )
        return _unique((self._hit(row, words) for row in rows), most)

    def _hit(self, row: Mapping[str, Any], words: str) -> Hit | None:
        address = _text(row, "largeImageURL") or _text(row, "webformatURL")
        width, height = _number(row.get("imageWidth")), _number(row.get("imageHeight"))
        scale = min(1.0, 1280 / max(width, height, 1))  # the large image is 1,280 pixels at most
        return _checked(
            Hit(
                emotion="",
                words=words,
                address=address,
                width=round(width * scale),
                height=round(height * scale),
                author=_text(row, "user"),
                licence=self._licence,
                page=_text(row, "pageURL"),
                source=self.name,
            ),
            self._base_url,
        )


class Openverse:
    """Openverse's search among openly licensed images; no key. Each hit has its own licence.

    Without an account it gives 20 images per page, 240 for the same words, and takes 20 requests
    per minute and 200 per day. Answers are kept for 24 hours, in data/processed.

    Args:
        base_url: the address of the API's image search.
        cache: where answers are kept; for a service on this machine, by default, nowhere.
        pace: spaces the requests; by default 20 per minute.
    Source: https://api.openverse.org/v1/
    """

    name = "Openverse"

    def __init__(
        self, base_url: str = OPENVERSE, *, cache: Path | None = None, pace: Pace | None = None
    ) -> None:
        self._base_url = base_url
        here = is_this_machine(base_url)
        self._api = web.Api(base_url, cache, pace or Pace(None if here else 20 / 60), "results")

    def search(self, words: str, most: int) -> list[Hit]:
        """Return the most relevant images, none marked as mature.

        Raises:
            DownloadError: the service failed.
        """
        rows = self._api.rows(
            {"q": words, "page_size": 20},
            most,
            lambda answer: min(_number(answer.get("page_count")), 240 // 20),
        )
        return _unique((self._hit(row, words) for row in rows), most)

    def _hit(self, row: Mapping[str, Any], words: str) -> Hit | None:
        licence, version = _text(row, "license"), _text(row, "license_version")
        name = {"cc0": "CC0", "pdm": "Public Domain Mark"}.get(licence, f"CC {licence.upper()}")
        return _checked(
            Hit(
                emotion="",
                words=words,
                address=_text(row, "url"),
                width=_number(row.get("width")),
                height=_number(row.get("height")),
                author=_text(row, "creator"),
                licence=f"{name} {version}".strip() if licence else "",
                page=_text(row, "foreign_landing_url"),
                source=self.name,
            ),
            self._base_url,
        )


class DuckDuckGo:
    """DuckDuckGo's image search, through the ddgs library: `pip install ddgs`.

    There is no official interface: it is strict about many requests, breaks now and then, and
    tells no licence: each image belongs to its owner. Do not pass such images on.

    Args:
        client: what does the search; by default ddgs.DDGS().
        pace: spaces the requests; by default one in 2 seconds.
    Source: https://github.com/deedy5/ddgs
    """

    name = "DuckDuckGo"

    def __init__(self, client: Any = None, *, pace: Pace | None = None) -> None:
        if client is None:
            try:
                from ddgs import DDGS
            except ImportError:
                raise ImportError(
                    "DuckDuckGo needs one more library: run `pip install ddgs`."
                ) from None
            client = DDGS()
        self._client, self._pace = client, pace or Pace(0.5)

    def search(self, words: str, most: int) -> list[Hit]:
        """Return photos, about 100 per request.

        Raises:
            DownloadError: nothing came, which may also mean: too many requests.
        """
        hits: list[Hit] = []
        for page in range(1, 11):
            before = len(hits)
            rows = self._page(words, most, page)
            hits = _unique([*hits, *(self._hit(row, words) for row in rows)], most)
            if len(hits) in (before, most):
                break
        return hits

    def _page(self, words: str, most: int, page: int) -> list[Mapping[str, Any]]:
        """Return a page of results; after the first page, that there are no more is no error."""
        service, problem = "https://duckduckgo.com", ""
        for attempt in range(1 if page > 1 else 3):
            self._pace.wait(service)
            try:
                rows = self._client.images(
                    words,
                    safesearch="on",
                    max_results=most,
                    page=page,
                    backend="duckduckgo",
                    type_image="photo",
                )
                return [row for row in rows if isinstance(row, Mapping)]
            except Exception as error:  # ddgs passes on what its own libraries raise
                problem = type(error).__name__
                self._pace.hold(service, 5.0 * 2**attempt)
        if page > 1:
            return []
        raise DownloadError(f"no results, or too many requests for now ({problem}).")

    def _hit(self, row: Mapping[str, Any], words: str) -> Hit | None:
        return _checked(
            Hit(
                emotion="",
                words=words,
                address=_text(row, "image"),
                width=_number(row.get("width")),
                height=_number(row.get("height")),
                author="",
                licence="each image its owner's",
                page=_text(row, "url"),
                source=self.name,
            ),
            "",
        )


# ------------------------------------------------------------------------------ on disk


class Folder:
    """Images on disk, in folders named by emotion or another name of it, at any depth.

    A hit's address is the image's path: nothing needs to be downloaded.

    Attributes:
        skipped: how many images are in folders of other names, such as contempt, by name; files
            that are no image count under "no image".

    Args:
        path: the folder.
        name: the name of the source in the hits.
        licence: under which the images may be used.
    Raises:
        FileNotFoundError: there is no such folder.
    """

    def __init__(self, path: Path, name: str = "folder", licence: str = "") -> None:
        if not path.is_dir():
            raise FileNotFoundError(f"There is no folder {path}.")
        self.name, self._path, self._licence = name, path, licence
        self.skipped: Counter[str] = Counter()
        self._files: dict[str, list[Path]] = {emotion: [] for emotion in EMOTIONS}
        for file in sorted(path.rglob("*")):
            if file.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp") and file.is_file():
                try:
                    self._files[EMOTIONS[emotions.number(file.parent.name)]].append(file)
                except ValueError:
                    self.skipped[file.parent.name] += 1

    def search(self, words: str, most: int) -> list[Hit]:
        """Return the first images of the emotion that `words` stand for: its name or WORDS."""
        wanted = [emotion for emotion, all_words in WORDS.items() if words in all_words]
        emotion = wanted[0] if wanted else EMOTIONS[emotions.number(words)]
        hits: list[Hit] = []
        for file in self._files[emotion]:
            if len(hits) == most:
                break
            try:
                with Image.open(file, formats=("JPEG", "PNG", "WEBP")) as image:
                    size = image.size
            except (OSError, Image.DecompressionBombError):
                self.skipped["no image"] += 1
                continue
            hits.append(Hit(emotion, words, str(file), *size, "", self._licence, "", self.name))
        return hits


class Kaggle(Folder):
    """The data set `RANDOM_IMAGES` from Kaggle, read as a folder; contempt is skipped, counted.

    It is downloaded once, without an account, into data/raw/random-images.

    Raises:
        DownloadError: kagglehub is not installed, or Kaggle did not deliver.
    """

    def __init__(self, folder: Path | None = None) -> None:
        folder = folder or paths.raw_file("random-images")
        if not folder.exists():
            arriving = folder.with_name(f".{folder.name}-arriving")
            downloads.kaggle(RANDOM_IMAGES, arriving)
            arriving.replace(folder)
        super().__init__(folder, "Kaggle", "see its page on Kaggle")


def _unique(hits: Iterable[Hit | None], most: int) -> list[Hit]:
    return list({hit.address: hit for hit in hits if hit}.values())[:most]


def _checked(hit: Hit, base_url: str) -> Hit | None:
    """Return a hit unless its address must not be fetched: no service may name private hosts.

    Its page is left out if it is no web address, for somebody may click on it.
    """
    try:
        web.check_address(hit.address, base_url)
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


# ------------------------------------------------------------------------------ single files

YUNET = "face_detection_yunet_2023mar.onnx"
YUNET_SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
YUNET_ADDRESSES = (
    "https://huggingface.co/opencv/face_detection_yunet/resolve/main/",
    "https://media.githubusercontent.com/media/opencv/opencv_zoo/main/models/face_detection_yunet/",
)
"""Where OpenCV publishes it, under the MIT licence; 233 kB. The second is for the first's sake."""


def fetch_yunet(folder: Path | None = None) -> Path:
    """Download the face detector YuNet, for OpenCV 4, and return its file.

    Args:
        folder: by default data/raw, or the folder that FACEVALUE_DATA names.
    Raises:
        DownloadError: no address delivered the file with the right checksum.
    """
    problems = []
    for address in YUNET_ADDRESSES:
        try:
            file = folder / YUNET if folder else paths.raw_file(YUNET)
            return downloads.download(address + YUNET, file, YUNET_SHA256, largest=5_000_000)
        except DownloadError as error:
            problems.append(str(error))
    raise DownloadError(" ".join(problems))


def main() -> int:
    """Bring FER-2013 and YuNet to where they are looked for; return an exit status."""
    return downloads.bring({"FER-2013": _fer2013, "YuNet": fetch_yunet})


def _fer2013() -> Path:
    try:
        return fer2013.find()
    except FileNotFoundError:
        return fetch_fer2013()


if __name__ == "__main__":
    sys.exit(main())
