"""Images in folders on disk, including a data set from Kaggle."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from PIL import Image

from facevalue import emotions, paths
from facevalue.collection.hits import Hit
from facevalue.collection.image_search import WORDS
from facevalue.data.download import download_from_kaggle
from facevalue.emotions import EMOTIONS
from facevalue.files import file_lock
from facevalue.image_files import FORMATS, SUFFIXES

RANDOM_IMAGES = "sudarshanvaidya/random-images-for-face-emotion-recognition"
"""A data set on Kaggle: about 5,500 grey faces of 224 x 224 pixels, in eight folders.

One of these is contempt, which the course does not use.
"""


class Folder:
    """Images on disk, in folders at any depth that are named after emotions (or synonyms).

    A hit's address is the image's path: nothing needs to be downloaded.

    Attributes:
        skipped: the number of images in folders with other names, such as contempt, by name; and
            of files of other types, by suffix. Files that turn out not to be images count as
            "no image".

    Args:
        path: the folder.
        name: the name of the source in the hits.
        licence: the licence of the images.
    Raises:
        FileNotFoundError: `path` is not a folder.
    """

    def __init__(self, path: str | Path, name: str = "folder", licence: str = "") -> None:
        path = Path(path)
        if not path.is_dir():
            raise FileNotFoundError(f"{path} is not a folder.")
        self.name, self._path, self._licence = name, path, licence
        self.skipped: Counter[str] = Counter()
        self._files: dict[str, list[Path]] = {emotion: [] for emotion in EMOTIONS}
        for file in sorted(path.rglob("*")):
            if file.name.startswith(".") or not file.is_file():
                continue
            if file.suffix.lower() not in SUFFIXES:
                self.skipped[file.suffix.lower() or "no suffix"] += 1
                continue
            try:
                self._files[EMOTIONS[emotions.number(file.parent.name)]].append(file)
            except ValueError:
                self.skipped[file.parent.name] += 1

    def search(self, words: str, most: int) -> list[Hit]:
        """Return the first images of the emotion that `words` name: its name or search words."""
        wanted = [emotion for emotion, all_words in WORDS.items() if words in all_words]
        emotion = wanted[0] if wanted else EMOTIONS[emotions.number(words)]
        hits: list[Hit] = []
        for file in self._files[emotion].copy():
            if len(hits) == most:
                break
            try:
                with Image.open(file, formats=FORMATS) as image:
                    size = image.size
            except (OSError, Image.DecompressionBombError):
                self._files[emotion].remove(file)  # so that another search does not count it again
                self.skipped["no image"] += 1
                continue
            hits.append(Hit(emotion, words, str(file), *size, "", self._licence, "", self.name))
        return hits


class Kaggle(Folder):
    """The data set `RANDOM_IMAGES` from Kaggle, read as a folder.

    It is downloaded once, without an account, by default into data/raw/random-images.

    Raises:
        DownloadError: kagglehub is not installed, or the download failed.
    """

    def __init__(self, folder: Path | None = None) -> None:
        folder = folder or paths.raw_file("random-images")
        arriving = folder.with_name(f".{folder.name}-arriving")
        if not folder.exists():
            with file_lock(arriving):
                if not folder.exists():  # another process may have downloaded it meanwhile
                    download_from_kaggle(RANDOM_IMAGES, arriving)
                    arriving.replace(folder)
        super().__init__(folder, "Kaggle", "see its page on Kaggle")
