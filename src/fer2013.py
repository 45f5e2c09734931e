"""FER-2013 in every layout in which people have it."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import lzma
import re
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet as parquet
from PIL import Image
from tqdm import tqdm

from facevalue import emotions, paths
from facevalue.dataset import SIZE, SPLITS, Dataset
from facevalue.emotions import EMOTIONS

ROWS = 35_887
PIXELS = SIZE * SIZE

FILES = tuple(
    name + packing
    for name in ("fer2013.csv", "fer2013.tar.gz", "icml_face_data.csv")
    for packing in (("", ".xz", ".gz", ".zip") if name.endswith(".csv") else ("",))
)
"""The file names that `find` looks for, in this order; then parquet files, then image folders."""

OFFICIAL_MD5 = {
    "f8428a1edbd21e88f42c73edd2a14f95": "fer2013.csv",
    "b114b9e04e6949e5fe8b6a98b3892b1d": "icml_face_data.csv",
}
"""Checksums of Kaggle's two complete files, from torchvision.datasets.FER2013."""

IMAGE_TYPES = (".png", ".jpg", ".jpeg", ".bmp")
LONGEST_LINE = 100_000
LARGEST_IMAGE_FILE = 1_000_000
DAMAGED = (OSError, EOFError, lzma.LZMAError, zlib.error, zipfile.BadZipFile, tarfile.TarError)


def find(folder: Path | None = None) -> Path:
    """Return the file or folder that holds FER-2013, for `read`.

    Looks in `folder` and two levels below it: first for the names in `FILES`, in that order,
    then for parquet files whose names begin with train, publicTest and privateTest, then for the
    folders train and test (or validation) with one folder per emotion.

    Args:
        folder: a folder, or the file itself; by default `paths.raw()`, which is what
            FACEVALUE_DATA names, else data/raw in the project.

    Raises:
        FileNotFoundError: it is not there; the message says how to get it.
    """
    start = folder or paths.raw()
    if start.is_file():
        return start
    places = _folders(start)
    for name in FILES:
        for place in places:
            if (place / name).is_file():
                return place / name
    for layout in (_parquet_files, _image_folders):
        for place in places:
            if layout(place):
                return place
    raise FileNotFoundError(
        f"FER-2013 was not found in {start} as {FILES[0]}, fer2013.tar.gz, icml_face_data.csv, "
        "parquet files or the folders train and test: run `make data` to download it, or set "
        "FACEVALUE_DATA to the file or folder that holds it."
    )


def read(path: Path) -> Dataset:
    """Return FER-2013 from a file or a folder in any of the layouts of `find`.

    The splits are the official ones wherever the layout keeps them. Folders train and test
    whose file names do not say PublicTest or PrivateTest have lost that split: then every other
    test image of each emotion becomes PublicTest and the rest PrivateTest, so that choosing and
    reporting stay apart, and a warning says that only the two together (7,178 images) compare
    with published numbers. Class counts that differ from the published ones give a warning.

    Raises:
        FileNotFoundError: there is no such file or folder.
        ValueError: the content is not FER-2013's; the message names the line or the image.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist: `make data` downloads FER-2013.")
    if path.is_dir():
        try:
            path = find(path)
        except FileNotFoundError:
            raise ValueError(f"{path} holds FER-2013 in none of the known layouts.") from None
    if path.is_file():
        return _read_csv(path)
    return _read_parquet(path) if _parquet_files(path) else _read_images(path)


def _folders(start: Path) -> list[Path]:
    """Return `start` and the folders two levels below it; hidden ones may be half downloaded."""
    levels = [[start]]
    for _ in range(2):
        below = [child for place in levels[-1] if place.is_dir() for child in place.iterdir()]
        levels.append(sorted(p for p in below if p.is_dir() and not p.name.startswith(".")))
    return [place for level in levels for place in level]


# ------------------------------------------------------------------------------ one csv file


def _read_csv(path: Path) -> Dataset:
    labels, splits, origins, images = [], [], [], []
    md5 = hashlib.md5(usedforsecurity=False)
    try:
        with _opened(path) as file:
            rows = csv.reader(_lines(file, path.name, md5))
            columns = _columns(next(rows, []), path.name)
            bar = tqdm(rows, total=ROWS, desc=f"Reading {path.name}", unit=" faces", disable=None)
            for row in bar:
                if not row:
                    continue
                where = f"{path.name}, line {rows.line_num}"
                label, pixels, split = _fields(row, columns, where)
                labels.append(label)
                images.append(pixels)
                splits.append(split)
                origins.append(f"{path.name}:{rows.line_num}")
    except (*DAMAGED, csv.Error) as error:
        raise ValueError(f"{path.name} is damaged or not what its name says: {error}.") from error
    if not images:
        raise ValueError(f"{path.name} holds no images.")
    data = _dataset(np.stack(images), labels, splits, origins)
    exact = md5.hexdigest() in OFFICIAL_MD5
    if not exact and not _warn_of_counts(data, path.name):
        warnings.warn(
            f"{path.name} is not Kaggle's file byte for byte, but has the class counts of "
            "FER-2013: it is used as it is.",
            stacklevel=3,
        )
    return data


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a csv file through whatever it is packed in; nothing is written to the disk."""
    name = path.name.lower()
    if name.endswith((".tar.gz", ".tgz")):
        with tarfile.open(path, "r|gz") as archive:
            for member in archive:
                inner = archive.extractfile(member) if _wanted(member.name) else None
                if inner:
                    yield inner
                    return
        raise ValueError(f"{path.name} holds no fer2013.csv.")
    if name.endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            found = sorted(filter(_wanted, archive.namelist()))
            if not found:
                raise ValueError(
                    f"{path.name} holds no fer2013.csv: if it holds images, unpack it."
                )
            if archive.getinfo(found[0]).flag_bits & 1:
                raise ValueError(f"{path.name} is locked by a password: unpack it first.")
            with archive.open(found[0]) as inner:
                yield inner
    elif name.endswith(".gz"):
        with gzip.open(path) as unpacked:
            yield cast(IO[bytes], unpacked)
    elif name.endswith(".xz"):
        with lzma.open(path) as unxz:
            yield unxz
    else:
        with path.open("rb") as plain:
            yield plain


def _wanted(member: str) -> bool:
    return member.rsplit("/", 1)[-1] in ("fer2013.csv", "icml_face_data.csv")


def _lines(file: IO[bytes], name: str, md5: hashlib._Hash) -> Iterator[str]:
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        md5.update(line)
        if len(line) == LONGEST_LINE:
            raise ValueError(f"{name}, line {number} is far too long for a face.")
        yield line.decode("utf-8-sig" if number == 1 else "utf-8", errors="replace")


def _columns(header: list[str], name: str) -> tuple[int, int, int]:
    """Return where emotion, pixels and Usage stand; icml_face_data.csv has blanks around them."""
    names = [column.strip().lower() for column in header]
    if not names:
        raise ValueError(f"{name} is empty.")
    for column in ("emotion", "pixels", "Usage"):
        if column.lower() not in names:
            raise ValueError(
                f"{name} has no column {column}: FER-2013's complete file has emotion, pixels "
                "and Usage."
            )
    return names.index("emotion"), names.index("pixels"), names.index("usage")


def _fields(row: list[str], columns: tuple[int, int, int], where: str) -> tuple:
    if len(row) <= max(columns):
        raise ValueError(f"{where} is cut short: it has {len(row)} of {max(columns) + 1} columns.")
    emotion, text, usage = (row[column].strip() for column in columns)
    if emotion not in _LABELS:
        raise ValueError(f"{where}: emotion is {_short(emotion)}, it must be a number from 0 to 6.")
    if usage not in SPLITS:
        raise ValueError(f"{where}: Usage is {_short(usage)}, it must be {', '.join(SPLITS)}.")
    try:
        pixels = np.fromstring(text, dtype=np.int64, sep=" ")
    except ValueError:
        raise ValueError(f"{where}: a pixel is not a whole number.") from None
    if len(pixels) != PIXELS:
        raise ValueError(f"{where} has {len(pixels):,} pixels instead of {PIXELS:,}.")
    if pixels.min() < 0 or pixels.max() > 255:
        raise ValueError(f"{where}: a pixel is not between 0 and 255.")
    return int(emotion), pixels.astype(np.uint8).reshape(SIZE, SIZE), usage


_LABELS = tuple(str(label) for label in range(len(EMOTIONS)))


def _short(text: str) -> str:
    return repr(text if len(text) <= 20 else text[:20] + "...")


# ------------------------------------------------------------------------------ parquet files


def _parquet_files(folder: Path) -> dict[str, list[Path]]:
    """Return the files of each split, by file name or folder name; empty unless all three."""
    files: dict[str, list[Path]] = {}
    for file in sorted([*folder.glob("*.parquet"), *folder.glob("*/*.parquet")]):
        split = official_split(file.name if file.parent == folder else file.parent.name)
        if split:
            files.setdefault(split, []).append(file)
    return {split: files[split] for split in SPLITS} if len(files) == len(SPLITS) else {}


def official_split(name: str) -> str | None:
    """Return the split that a file or folder name begins with: train, PublicTest_12.jpg, ..."""
    match = re.match(r"(train|public|private)(?:ing)?[ _-]?(test)?", name.lower())
    if not match or (match[1] == "train") == bool(match[2]):
        return None
    return {"train": SPLITS[0], "public": SPLITS[1], "private": SPLITS[2]}[match[1]]


def _read_parquet(folder: Path) -> Dataset:
    files = _parquet_files(folder)
    labels, splits, origins, images = [], [], [], []
    with tqdm(total=ROWS, desc="Reading parquet files", unit=" faces", disable=None) as bar:
        for split, file in [(split, file) for split, part in files.items() for file in part]:
            name = file.relative_to(folder).as_posix()
            for row, (content, label) in enumerate(_parquet_rows(file)):
                images.append(_decoded(io.BytesIO(content), f"{name}, row {row}"))
                labels.append(label)
                splits.append(split)
                origins.append(f"{name}:{row}")
                bar.update()
    if not images:
        raise ValueError(f"the parquet files in {folder} hold no images.")
    data = _dataset(np.stack(images), labels, splits, origins)
    _warn_of_counts(data, folder.name)
    return data


def _parquet_rows(file: Path) -> Iterator[tuple[bytes, int]]:
    """Yield each image's bytes and label, in the two ways in which people store images."""
    try:
        with parquet.ParquetFile(file) as table:
            image = _column(table, file.name, ("image", "img", "pixels"))
            label = _column(table, file.name, ("label", "labels", "emotion"))
            numbers = _label_numbers(table, label)
            for batch in table.iter_batches(1000, columns=[image, label]):
                for cell, value in zip(
                    batch[image].to_pylist(), batch[label].to_pylist(), strict=True
                ):
                    content = cell.get("bytes") if isinstance(cell, dict) else cell
                    if not isinstance(content, bytes):
                        raise ValueError(f"{file.name} has a row without the bytes of an image.")
                    yield content, _label(value, numbers, file.name)
    except (pyarrow.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise ValueError(f"{file.name} is not a readable parquet file: {reason}.") from error


def _column(table: parquet.ParquetFile, file: str, names: tuple[str, ...]) -> str:
    for column in table.schema_arrow.names:
        if column.strip().lower() in names:
            return column
    raise ValueError(f"{file} has no column {names[0]}.")


def _label_numbers(table: parquet.ParquetFile, column: str) -> list[int] | None:
    """Return our label for each number in the file, where Hugging Face's metadata names them."""
    metadata = (table.schema_arrow.metadata or {}).get(b"huggingface", b"{}")
    try:
        names = json.loads(metadata)["info"]["features"][column]["names"]
        return [emotions.number(name) for name in names]
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _label(value: object, numbers: list[int] | None, file: str) -> int:
    if isinstance(value, str):
        return emotions.number(value)
    if not isinstance(value, int) or not 0 <= value < len(EMOTIONS):
        raise ValueError(f"{file}: label is {value!r}, it must be a number from 0 to 6.")
    return numbers[value] if numbers and value < len(numbers) else value


# ------------------------------------------------------------------------------ image folders


def _image_folders(folder: Path) -> dict[str, Path]:
    """Return the split folders below `folder`, by the split they stand for; empty if none.

    "test" stands for both test splits together, unless there is a validation folder too.
    """
    if not folder.is_dir():
        return {}
    names = {child.name.lower(): child for child in folder.iterdir() if child.is_dir()}
    found: dict[str, Path] = {}
    for name, child in names.items():
        split = official_split(name)
        if split and any(_emotion(below) is not None for below in child.iterdir()):
            found[split] = child
    validation = next((names[n] for n in ("validation", "valid", "val") if n in names), None)
    test = names.get("test")
    if validation and test:
        found |= {"PublicTest": validation, "PrivateTest": test}
    elif "PublicTest" not in found and (merged := test or validation):
        found["test"] = merged
    return found if "Training" in found and len(found) > 1 else {}


def _emotion(folder: Path) -> int | None:
    """Return the label that a class folder stands for: its emotion's name, or a digit."""
    if folder.name in _LABELS:
        return int(folder.name)
    try:
        return emotions.number(folder.name)
    except ValueError:
        return None


def _read_images(folder: Path) -> Dataset:
    listed = [
        (file, label, official_split(file.name) if "_" in file.name else None, split)
        for split, place in _image_folders(folder).items()
        for label, file in _labelled_files(place)
    ]
    if not listed:
        raise ValueError(f"the folders in {folder} hold no images ({', '.join(IMAGE_TYPES)}).")
    bar = tqdm(listed, desc=f"Reading {folder.name}", unit=" faces", disable=None)
    images = np.stack([_decoded(file, str(file.relative_to(folder))) for file, *_ in bar])
    labels = [label for _, label, _, _ in listed]
    splits = [named or place for _, _, named, place in listed]
    origins = [file.relative_to(folder).as_posix() for file, *_ in listed]
    lost = "test" in splits
    data = _dataset(images, labels, _halved(splits, labels), origins)
    if lost:
        warnings.warn(
            f"{folder.name} has lost FER-2013's official test splits: every other test image of "
            "each emotion is PublicTest here and the rest PrivateTest, so compare only the two "
            "together with published numbers.",
            stacklevel=3,
        )
    _warn_of_counts(data, folder.name, merged=lost)
    return data


def _labelled_files(place: Path) -> Iterator[tuple[int, Path]]:
    for child in sorted(place.iterdir()):
        if not child.is_dir() or child.name.startswith("."):
            continue
        label = _emotion(child)
        if label is None:
            raise ValueError(f"{place.name}/{child.name} is the folder of none of the emotions.")
        for file in sorted(child.iterdir()):
            if file.suffix.lower() in IMAGE_TYPES and not file.name.startswith("."):
                yield label, file


def _halved(splits: list[str], labels: list[int]) -> list[str]:
    """Deal the images of "test" to PublicTest and PrivateTest in turn, emotion by emotion."""
    dealt = dict.fromkeys(labels, 0)
    result = []
    for split, label in zip(splits, labels, strict=True):
        if split == "test":
            split = SPLITS[1 + dealt[label] % 2]
            dealt[label] += 1
        result.append(split)
    return result


def _decoded(source: Path | io.BytesIO, name: str) -> np.ndarray:
    size = source.stat().st_size if isinstance(source, Path) else source.getbuffer().nbytes
    if size > LARGEST_IMAGE_FILE:
        raise ValueError(f"{name} has {size:,} bytes: far too large for a {SIZE}x{SIZE} face.")
    try:
        # the size is known before the pixels are decoded
        with Image.open(source, formats=("PNG", "JPEG", "BMP")) as image:
            if image.size == (SIZE, SIZE):
                return np.asarray(image.convert("L"))
            width, height = image.size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise ValueError(f"{name} cannot be decoded as an image.") from None
    raise ValueError(f"{name} is {width}x{height} pixels: FER-2013's faces are {SIZE}x{SIZE}.")


# ------------------------------------------------------------------------------ all layouts


def _dataset(
    images: np.ndarray, labels: list[int], splits: list[str], origins: list[str]
) -> Dataset:
    return Dataset(
        "fer2013", images, np.array(labels, dtype=np.int64), np.array(splits), np.array(origins)
    )


def published_counts() -> pd.DataFrame:
    """Return FER-2013's published number of images by split (rows) and emotion (columns)."""
    table = paths.root() / "data" / "reference" / "fer2013_counts.csv"
    return pd.read_csv(table, index_col="split")


def _warn_of_counts(data: Dataset, name: str, merged: bool = False) -> bool:
    """Warn and return True if the class counts are not the published ones.

    Args:
        data: what was read.
        name: where from.
        merged: whether only the sum of the two test splits can be compared.
    """
    ours, published = data.counts().drop(columns="total"), published_counts().drop(columns="total")
    if merged:
        rename = {"PublicTest": "test", "PrivateTest": "test"}
        ours, published = (t.rename(rename).groupby(level=0).sum() for t in (ours, published))
    differences = [
        f"{ours.loc[split, emotion]:,} instead of {published.loc[split, emotion]:,} {emotion} "
        f"in {split}"
        for split in published.index
        for emotion in EMOTIONS
        if ours.loc[split, emotion] != published.loc[split, emotion]
    ]
    if differences:
        more = f", and {len(differences) - 3} more" if len(differences) > 3 else ""
        warnings.warn(
            f"{name} does not have FER-2013's published class counts: "
            f"{', '.join(differences[:3])}{more}.",
            stacklevel=4,
        )
    return bool(differences)
