"""Score the photos and videos of a folder of any size: a row for each face, in one Parquet file.

The work goes in parts of some dozen files, here or on a Dask cluster (see `cluster`), and each part
is stored when it is done: what was killed goes on where it was.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import re
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet
from tqdm import tqdm

from facevalue import image_files
from facevalue.emotions import EMOTIONS
from facevalue.files import atomic_write, explain_write_errors
from facevalue.recognition import detection, video
from facevalue.recognition.recogniser import MARGIN, SIZE, Recogniser, Sighting
from facevalue.scale import cluster, storage

SCHEMA = pa.schema(
    [
        ("file", pa.string()),
        ("frame", pa.int32()),
        *((name, pa.int32()) for name in ("x", "y", "width", "height")),
        *((emotion, pa.float32()) for emotion in EMOTIONS),
        ("emotion", pa.string()),
    ]
)
"""The columns of the result: where a face is, in pixels, its probabilities, the largest of them."""

PART = SCHEMA.append(pa.field("problem", pa.string()))
"""The columns of a part: a file that failed has a row with nothing but the reason."""

BATCH = 32
"""Files in a part, on average: what a kill costs at most for each worker is some seconds."""

MOST_FILES = 4 * BATCH
ROWS = 100_000
"""Rows that are written to the result at once."""

SUFFIXES = (*image_files.SUFFIXES, *video.SUFFIXES)
MOST_VIDEO = 50_000_000_000
"""Bytes that a video may have."""

Item = TypeVar("Item")
Row = dict[str, Any]


class Scored(NamedTuple):
    """What `score` has done: files looked at, faces found, files that failed."""

    files: int
    faces: int
    failed: int


@dataclass(frozen=True)
class _Way:
    """How files are scored: what a worker must know, and what a part depends on."""

    address: str
    model: str
    models: str | None
    digest: str
    every: float


@dataclass(frozen=True)
class _Batch:
    """Some files that are scored together; the key says which they were, and how."""

    key: str
    files: tuple[str, ...]

    def __str__(self) -> str:
        more = len(self.files) - 1
        return self.files[0] + (f" and the {more} files after it" if more else "")


def score(
    folder: str | Path,
    out: Path,
    *,
    model: str = "fast",
    every: float = 1.0,
    models: Path | None = None,
    progress: bool = True,
) -> Scored:
    """Find the faces in all photos and videos of a folder, and tell the emotions of each.

    Writes `out`, with the columns of `SCHEMA`: file (under `folder`, in the order of the names),
    frame (its number in a video; 0 in a photo), the box x, y, width and height in pixels, the
    probability of each emotion, and emotion, the most probable. A photo without a face has no row.
    Files that failed are listed beside it: out.failed.csv for out.parquet, with file and reason.

    What is done is kept in out.parts: started again, after a kill or with more photos, it goes on
    with what is new, changed, or could not be reached. The folder may be deleted in the end.

    Args:
        folder: photos (`image_files.SUFFIXES`) and videos (`video.SUFFIXES`) at any depth: on this
            machine, or an address that fsspec knows, as s3://bucket/folder. A cluster's workers
            must reach it too.
        out: the Parquet file to write.
        model: as in `Recogniser`.
        every: seconds of a video between two frames that are looked at.
        models: the folder of the model files, if it is not the project's.
        progress: show a bar.
    Raises:
        FileNotFoundError: there is no such folder, or no such model file.
        ValueError: no photo or video is in it, or an argument is out of the question.
        OSError: `out` cannot be written, as when the disk is full.
        ModuleNotFoundError: the address needs a package that is not installed.
        cluster.TaskError, cluster.VersionError, ConnectionError: as in `cluster.map`.
    """
    out = Path(out)
    if out.suffix != ".parquet" or out.is_dir():
        raise ValueError(f"the result is a Parquet file: {out.name} must end in .parquet.")
    if not 0 < every < 1e6:
        raise ValueError(f"every must be seconds, more than 0, not {every:g}.")
    address = storage.address(folder)
    storage.check_folder(address)
    own = str(Path(models).resolve()) if models else None
    way = _Way(address, model, own, _digest(model, models), every)
    work = _Work(way, out.with_suffix(".parts"))
    with tqdm(desc="scoring", unit="file", total=0, disable=not progress) as bar:
        lost = work.do(work.left(bar), bar)
        work.do_alone(lost)
    if not work.files:
        endings = ", ".join(SUFFIXES)
        raise ValueError(
            f"there is no photo or video in {storage.without_secrets(way.address)}: no {endings}."
        )
    with explain_write_errors(out):
        return work.put_together(out)


def _kind(path: str) -> str:
    """Return whether a path is that of a "photo" or a "video", or of neither."""
    ending = Path(path).suffix.lower()
    return "photo" if ending in image_files.SUFFIXES else "video" * (ending in video.SUFFIXES)


def _batches(way: _Way, files: Iterable[tuple[str, str]]) -> Iterator[_Batch]:
    """Cut the files into batches; a video is one by itself.

    A batch ends where the name says so, so that one more file changes one batch and not all that
    come after it.
    """
    batch: list[tuple[str, str]] = []
    for name, state in files:
        alone = _kind(name) == "video"
        if alone and batch:
            yield _batch(way, batch)
            batch = []
        batch.append((name, state))
        if alone or len(batch) == MOST_FILES or zlib.crc32(name.encode()) % BATCH == 0:
            yield _batch(way, batch)
            batch = []
    if batch:
        yield _batch(way, batch)


def _batch(way: _Way, files: list[tuple[str, str]]) -> _Batch:
    text = repr((way, files, cluster.version(), MARGIN, SIZE))
    key = hashlib.sha256(text.encode()).hexdigest()[:32]
    return _Batch(key, tuple(name for name, _ in files))


def _ahead(items: Iterable[Item], most: int) -> Iterator[Item]:
    """Yield the same items, but draw up to `most` of them earlier: the bar then knows the end."""
    queue: deque[Item] = deque()
    for item in items:
        queue.append(item)
        if len(queue) > most:
            yield queue.popleft()
    yield from queue


class _Work:
    """The parts of one folder: those that are done, in their folder, and those that are left."""

    def __init__(self, way: _Way, folder: Path) -> None:
        self.way, self.folder = way, folder
        self.keys: list[str] = []
        self.files = 0
        self.problems: list[Row] = []

    def left(self, bar: tqdm) -> Iterator[_Batch]:
        """List the folder, and yield what is left to do."""

        def listed() -> Iterator[_Batch]:
            system, root = storage.file_system(self.way.address)
            done = 0
            for batch in _batches(self.way, storage.files(system, root, SUFFIXES, self.problems)):
                self.keys.append(batch.key)
                self.files += len(batch.files)
                bar.total = self.files
                if self._is_done(batch.key):
                    done += len(batch.files)
                    bar.initial = done  # they tell nothing of the speed
                    bar.update(len(batch.files))
                else:
                    yield batch

        return _ahead(listed(), cluster.AHEAD)

    def do(self, batches: Iterable[_Batch], bar: tqdm) -> list[_Batch]:
        """Score the batches, and store each; return those that killed their workers."""
        lost = []
        for batch, result in cluster.map_unordered(partial(_scored, self.way), batches, label="scoring"):
            if isinstance(result, cluster.WorkerDied):
                lost.append(batch)
            else:
                self._store(batch.key, *result)
            bar.update(len(batch.files))
        return lost

    def do_alone(self, lost: list[_Batch]) -> None:
        """Score each file by itself, to know which of them it is that kills the workers.

        One at a time: a worker takes those that wait for it with it.
        """
        for batch in lost:
            found: list[Row] = []
            for name in batch.files:
                one = [_Batch(batch.key, (name,))]
                ((_, result),) = cluster.map_unordered(partial(_scored, self.way), one, label="scoring")
                if isinstance(result, cluster.WorkerDied):
                    found.append({"file": name, "problem": "the workers that read it died"})
                else:
                    found.extend(parquet.read_table(io.BytesIO(result[0])).to_pylist())
            self._store(batch.key, _packed(found), again=True)

    def _place(self, key: str, again: bool) -> Path:
        return self.folder / f"{key}{'.again' * again}.parquet"

    def _store(self, key: str, content: bytes, again: bool) -> None:
        """Store a part; one that holds files to try again has another name."""
        with explain_write_errors(self.folder):
            with atomic_write(self._place(key, again)) as part:
                part.write_bytes(content)
            self._place(key, not again).unlink(missing_ok=True)

    def _is_done(self, key: str) -> bool:
        try:
            return bool(parquet.read_schema(self._place(key, again=False)) == PART)
        except (OSError, pa.ArrowInvalid):  # not there, or damaged
            return False

    def _tables(self) -> Iterator[pa.Table]:
        for key in self.keys:
            place = self._place(key, again=False)
            yield parquet.read_table(place if place.is_file() else self._place(key, again=True))

    def put_together(self, out: Path) -> Scored:
        """Write the result and the list of failed files from the parts."""
        failed = out.with_suffix(".failed.csv")
        faces, problems = 0, len(self.problems)
        with atomic_write(out) as whole, atomic_write(failed) as listed:
            reasons = pd.DataFrame(self.problems, columns=["file", "problem"])
            reasons.to_csv(listed, header=["file", "reason"], index=False, lineterminator="\n")
            with parquet.ParquetWriter(whole, SCHEMA, compression="zstd") as writer:
                for table in _gathered(self._tables()):
                    wrong = table["problem"].is_valid()
                    bad = table.filter(wrong).select(["file", "problem"]).to_pandas()
                    bad.to_csv(listed, mode="a", header=False, index=False, lineterminator="\n")
                    good = table.filter(table["problem"].is_null()).select(SCHEMA.names)
                    writer.write_table(good)
                    faces, problems = faces + len(good), problems + len(bad)
        if not problems:
            failed.unlink()
        self._forget_the_old()
        return Scored(self.files, faces, problems)

    def _forget_the_old(self) -> None:
        """Delete the parts whose files have changed or gone."""
        wanted = set(self.keys)
        for file in self.folder.glob("*.parquet*"):
            key = re.fullmatch(r"([0-9a-f]{32})(\.again)?\.parquet(\.part)?", file.name)
            if key and key[1] not in wanted:
                file.unlink(missing_ok=True)


def _gathered(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Yield tables of at least `ROWS` rows, but for the last."""
    some, rows = [], 0
    for table in tables:
        some.append(table)
        rows += len(table)
        if rows >= ROWS:
            yield pa.concat_tables(some)
            some, rows = [], 0
    if some:
        yield pa.concat_tables(some)


def _digest(model: str, models: Path | None) -> str:
    """Return the SHA-256 of a model file that was checked."""
    return _sha256(Recogniser(model, models, threads=1).file)


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


@lru_cache(maxsize=1)
def _recogniser(model: str, models: str | None, digest: str) -> Recogniser:
    """Return this process's recogniser: one for all of its batches.

    Raises:
        ValueError: this machine has another model file than the one that started the work.
        RuntimeError: this OpenCV cannot find faces.
    """
    recogniser = Recogniser(model, Path(models) if models else None, threads=1)
    if _sha256(recogniser.file) != digest:
        raise ValueError(f"{recogniser.file.name} is another one here than where it was started.")
    detection.find_faces(np.zeros((64, 64), np.uint8))  # what is missing fails for all files
    return recogniser


def _scored(way: _Way, batch: _Batch) -> tuple[bytes, bool]:
    """Score a batch of files; return the part, and whether some should be tried again."""
    recogniser = _recogniser(way.model, way.models, way.digest)
    system, root = storage.file_system(way.address)
    rows: list[Row] = []
    again = False
    for name in batch.files:
        path = storage.join(root, name)
        try:
            seen = _video(system, path, way.every, recogniser) if _kind(name) == "video" else (
                (0, sighting) for sighting in recogniser.photo(storage.read_image(system, path))
            )  # fmt: skip
            for frame, sighting in seen:
                rows.append({"file": name, "frame": frame, **_columns(sighting)})
        except Exception as error:  # a storage's own types too: one file must not stop the rest
            rows.append({"file": name, "problem": storage.reason(error)})
            again = again or not isinstance(error, ValueError)
    return _packed(rows), again


def _columns(sighting: Sighting) -> Row:
    box = dict(zip(("x", "y", "width", "height"), sighting.box, strict=True))
    return {**box, **sighting.probabilities, "emotion": sighting.emotion}


def _packed(rows: list[Row]) -> bytes:
    sink = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(rows, schema=PART), sink, compression="zstd")
    return sink.getvalue()


def _video(
    system: Any, path: str, every: float, recogniser: Recogniser
) -> Iterator[tuple[int, Sighting]]:
    """Yield the faces of a video with the number of their frame.

    Raises:
        ValueError: it is no video, or it ends early; what comes before that was yielded.
    """
    with storage.local_file(system, path, MOST_VIDEO) as file:
        clip = video.clip(file)
        step, frame = max(1, round(clip.rate * every)), 0
        try:
            while clip.capture.grab():  # a frame that is not looked at need not be unpacked
                there, image = clip.capture.retrieve() if frame % step == 0 else (False, None)
                if there:
                    for sighting in recogniser.photo(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)):
                        yield frame, sighting
                frame += 1
        finally:
            clip.close()
        if not frame:
            raise ValueError(f"{file.name} holds no frame that can be read.")
        if frame < 0.9 * clip.frames:  # some kinds of files only estimate their length
            raise ValueError(f"{file.name} breaks off after {frame} of {clip.frames} frames.")


def main(options: argparse.Namespace) -> None:
    """Run `python -m facevalue score`: options.folder, out, model, every."""
    done = score(options.folder, options.out, model=options.model, every=options.every)
    print(f"{options.out}: {done.faces:,} faces in {done.files:,} photos and videos.")
    if done.failed:
        print(f"{options.out.with_suffix('.failed.csv')}: {done.failed:,} files that failed.")
