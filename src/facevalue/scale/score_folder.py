"""Scoring the photos and videos of a folder of any size: a table with a row for each face.

The work is done in batches of some dozen files, here or on a Dask cluster (see `cluster`). Each
batch is stored when it is finished, so that a killed run can continue.
"""

from __future__ import annotations

import argparse
import hashlib
import zlib
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple, TypeVar

import numpy as np

from facevalue import image_files
from facevalue.files import atomic_write, explain_write_errors
from facevalue.progress import ProgressBar
from facevalue.recognition import detection, video
from facevalue.recognition.cropping import MARGIN
from facevalue.recognition.face import Face
from facevalue.recognition.recogniser import Recogniser, Sighting
from facevalue.scale import cluster, storage
from facevalue.scale.face_parts import Parts
from facevalue.scale.face_table import Row, check_out, face_row, write_csv, write_table

BATCH_SIZE = 32
"""How many files a batch has on average: a kill costs each worker some seconds at most."""

MOST_FILES = 4 * BATCH_SIZE
"""How many files a batch has at most."""

SUFFIXES = (*image_files.SUFFIXES, *video.SUFFIXES)

MOST_VIDEO_BYTES = 50_000_000_000
"""The size of the largest video that is read."""

Item = TypeVar("Item")


class Scored(NamedTuple):
    """What `score` has done.

    Attributes:
        files: photos and videos, those that failed included.
        faces: rows of the table.
        failed: files that could not be read, and folders that could not be listed.
        passed_over: the number of files of other kinds, by suffix.
    """

    files: int
    faces: int
    failed: int
    passed_over: dict[str, int]


@dataclass(frozen=True)
class Method:
    """How files are scored: all that a worker must know, and that the results depend on."""

    address: str
    model: str
    models: str | None
    checksum: str
    every: float
    cropped: bool


@dataclass(frozen=True)
class Batch:
    """Some files that are scored together, and a cache key of the files and the method."""

    key: str
    files: tuple[str, ...]

    def __str__(self) -> str:
        more = len(self.files) - 1
        return self.files[0] + (f" and the {more} files after it" if more else "")


def score(
    source: str | Path,
    out: Path,
    *,
    model: str = "fast",
    every: float = 1.0,
    cropped: bool = False,
    models: Path | None = None,
    progress: bool = True,
) -> Scored:
    """Find the faces in all photos and videos of a folder, and recognise their emotions.

    Writes `out`, with the columns `face_table.COLUMNS`: file (its name under the folder, sorted),
    frame (its number in a video; 0 in a photo), the box x, y, width and height in pixels, the
    probability of each emotion, and emotion, the most probable one. A photo without a face has no
    row. Files that failed are listed next to it, with the reason: in out.failed.csv for out.csv.

    Finished work is kept in out.parts. Started again, after a kill or with more photos, it
    continues with the files that are new, changed, or could not be reached. Delete the folder
    when no more files come.

    Args:
        source: a folder with photos (`image_files.SUFFIXES`) and videos (`video.SUFFIXES`) at any
            depth, on this machine or at an address that fsspec knows, such as s3://bucket/folder;
            or a single file on this machine. A cluster's workers must be able to reach it.
        out: the file to write, which ends in .csv or .parquet.
        model: as in `Recogniser`.
        every: seconds of a video between two scored frames.
        cropped: the images are faces already: none is searched, and the box is the whole image.
        models: the folder of the model files, if they are not those of the package.
        progress: show a progress bar.
    Raises:
        FileNotFoundError: there is no such folder or file, or no such model file.
        ValueError: there is no photo or video in it, or an argument is out of range.
        OSError: `out` cannot be written, for example because the disk is full.
        ModuleNotFoundError: the address or a Parquet file needs a package that is not installed.
        cluster.TaskError, cluster.VersionError, ConnectionError: as in `cluster.map`.
    """
    out = Path(out)
    check_out(out)
    if not 0 < every < 1e6:
        raise ValueError(f"every must be a number of seconds above 0, not {every:g}.")
    address = storage.address(source)
    single = Path(address).name if Path(address).is_file() else None
    folder = str(Path(address).parent) if single else address
    storage.check_folder(folder)
    method = Method(
        address=folder,
        model=model,
        models=str(Path(models).resolve()) if models else None,
        checksum=_checksum(Recogniser(model, models, threads=1).file),
        every=every,
        cropped=cropped,
    )
    run = Run(method, out, single)
    with ProgressBar("scoring", 0, unit="file", show=progress) as bar:
        lost = run.work(run.unfinished(bar), bar)
        run.work_one_by_one(lost)
    if not run.files and not run.problems:
        raise ValueError(
            f"There is no photo or video in {storage.without_secrets(address)}: no "
            f"{', '.join(SUFFIXES)}."
        )
    with explain_write_errors(out):
        return run.write()


class Run:
    """One run of `score`: the finished and the unfinished batches of one folder.

    Args:
        method: how the files are scored.
        out: the table to write.
        single: the only file to score; by default all.
    """

    def __init__(self, method: Method, out: Path, single: str | None = None) -> None:
        self.method, self.out, self.single = method, out, single
        self.parts = Parts(out.with_suffix(".parts"))
        self.failed_file = out.with_suffix(".failed.csv")
        self.keys: list[str] = []
        self.files = 0
        self.problems: list[Row] = []
        self.passed_over: Counter[str] = Counter()

    def unfinished(self, bar: ProgressBar) -> Iterator[Batch]:
        """List the folder, and yield the batches that are not finished."""

        def batches() -> Iterator[Batch]:
            done = 0
            for batch in make_batches(self.method, self._listed()):
                self.keys.append(batch.key)
                self.files += len(batch.files)
                finished = self.parts.is_done(batch.key)
                done += len(batch.files) if finished else 0
                bar.set_total(self.files, done)
                if finished:
                    bar.update(len(batch.files))
                else:
                    yield batch

        return _read_ahead(batches(), cluster.AHEAD)

    def _listed(self) -> Iterator[tuple[str, str]]:
        """Yield the name of each file, and a text that changes when the file changes."""
        system, root = storage.file_system(self.method.address)
        if self.single is None:
            return storage.files(system, root, SUFFIXES, self.problems, skip=self._pass_over)
        if not kind(self.single):
            raise ValueError(f"{self.single} must be a photo or a video: {', '.join(SUFFIXES)}.")
        facts = Path(storage.join(root, self.single)).stat()
        return iter([(self.single, f"{facts.st_size} {facts.st_mtime}")])

    def _pass_over(self, name: str) -> None:
        path = Path(self.method.address, name)
        written = (self.out, self.failed_file)
        if path.parent != self.parts.folder.resolve() and path not in map(Path.resolve, written):
            self.passed_over[path.suffix.lower()] += 1

    def work(self, batches: Iterable[Batch], bar: ProgressBar) -> list[Batch]:
        """Score the batches, and store each; return those that killed their workers."""
        lost = []
        function = partial(score_batch, self.method)
        for batch, result in cluster.map_unordered(function, batches, label="scoring"):
            if isinstance(result, cluster.WorkerDied):
                lost.append(batch)
            else:
                rows, retry = result
                self.parts.store(batch.key, rows, retry=retry)
            bar.update(len(batch.files))
        return lost

    def work_one_by_one(self, lost: list[Batch]) -> None:
        """Score each file alone, to find out which one kills the workers.

        One at a time: a file takes what waits for the same worker with it.
        """
        function = partial(score_batch, self.method)
        for batch in lost:
            rows: list[Row] = []
            for name in batch.files:
                one = [Batch(batch.key, (name,))]
                ((_, result),) = cluster.map_unordered(function, one, label="scoring")
                if isinstance(result, cluster.WorkerDied):
                    rows.append({"file": name, "problem": "the workers that read it died"})
                else:
                    rows += result[0]
            self.parts.store(batch.key, rows, retry=True)

    def write(self) -> Scored:
        """Write the table and the list of failed files from the parts."""
        problems = list(self.problems)
        faces = 0

        def good() -> Iterator[Row]:
            nonlocal faces
            for row in self.rows():
                if "problem" in row:
                    problems.append(row)
                else:
                    faces += 1
                    yield row

        with atomic_write(self.out) as table, atomic_write(self.failed_file) as failed:
            write_table(table, good(), self.out.suffix.lower())
            reasons = ((row["file"], row["problem"]) for row in problems)
            write_csv(failed, ("file", "reason"), reasons)
        if not problems:
            self.failed_file.unlink()
        self.parts.remove_all_but(set(self.keys))
        return Scored(self.files, faces, len(problems), dict(self.passed_over))

    def rows(self) -> Iterator[Row]:
        """Yield the rows of all parts, in the order of the files."""
        for key in self.keys:
            yield from self.parts.rows(key)


def kind(path: str) -> str:
    """Return whether a file is a "photo" or a "video" by its name, or "" if it is neither.

    >>> kind("a.JPG"), kind("b/film.mp4"), kind("notes.txt")
    ('photo', 'video', '')
    """
    suffix = PurePosixPath(path).suffix.lower()
    if suffix in image_files.SUFFIXES:
        return "photo"
    return "video" if suffix in video.SUFFIXES else ""


def make_batches(method: Method, files: Iterable[tuple[str, str]]) -> Iterator[Batch]:
    """Divide files into batches; a video is a batch of its own.

    Where a batch ends depends on the name of its last file, so that a new file changes one batch
    and not all that follow.

    Args:
        method: how the files are scored.
        files: names, and texts that change when the files change.
    """
    batch: list[tuple[str, str]] = []
    for name, state in files:
        alone = kind(name) == "video"
        if alone and batch:
            yield _batch(method, batch)
            batch = []
        batch.append((name, state))
        if alone or len(batch) == MOST_FILES or zlib.crc32(name.encode()) % BATCH_SIZE == 0:
            yield _batch(method, batch)
            batch = []
    if batch:
        yield _batch(method, batch)


def _batch(method: Method, files: list[tuple[str, str]]) -> Batch:
    text = repr((method, files, cluster.version(), MARGIN))
    key = hashlib.sha256(text.encode()).hexdigest()[:32]
    return Batch(key, tuple(name for name, _ in files))


def _read_ahead(items: Iterable[Item], most: int) -> Iterator[Item]:
    """Yield the same items, but read up to `most` of them in advance: the total is known sooner."""
    queue: deque[Item] = deque()
    for item in items:
        queue.append(item)
        if len(queue) > most:
            yield queue.popleft()
    yield from queue


def score_batch(method: Method, batch: Batch) -> tuple[list[Row], bool]:
    """Score a batch of files, here or on a worker.

    Returns:
        The rows of the part, and whether it must be done again because a file could not be
        reached.
    """
    recogniser = _recogniser(method.model, method.models, method.checksum)
    system, root = storage.file_system(method.address)
    rows: list[Row] = []
    retry = False
    for name in batch.files:
        path = storage.join(root, name)
        try:
            for frame, image in _frames(system, path, method.every):
                sightings = _whole(recogniser, image) if method.cropped else recogniser.photo(image)
                rows += [face_row(name, frame, sighting) for sighting in sightings]
        except Exception as error:  # a storage's own types too: one file must not stop the rest
            rows.append({"file": name, "problem": storage.reason(error)})
            retry = retry or not isinstance(error, ValueError)
    return rows, retry


@lru_cache(maxsize=1)
def _recogniser(model: str, models: str | None, checksum: str) -> Recogniser:
    """Return this process's recogniser, for all of its batches.

    Raises:
        ValueError: this machine has another model file than the one that started the work.
        RuntimeError: this OpenCV cannot find faces.
    """
    recogniser = Recogniser(model, Path(models) if models else None, threads=1)
    if _checksum(recogniser.file) != checksum:
        raise ValueError(
            f"{recogniser.file} is another file than on the machine that started the work: install "
            "the same version everywhere."
        )
    detection.find_faces(np.zeros((64, 64), np.uint8))  # else each file would fail
    return recogniser


def _frames(
    system: storage.FileSystem, path: str, every: float
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the pixels of a photo, or of one frame of a video in `every` seconds.

    Raises:
        ValueError: it is no photo or video, or it breaks off; what comes before that was yielded.
    """
    if kind(path) == "photo":
        yield 0, storage.read_image(system, path)
        return
    with storage.local_file(system, path, MOST_VIDEO_BYTES) as file:
        clip = video.open_clip(file)
        try:
            yield from clip.sampled(every)
        finally:
            clip.close()


def _whole(recogniser: Recogniser, image: np.ndarray) -> list[Sighting]:
    """Return the whole image as one face."""
    height, width = image.shape[:2]
    return [Sighting(Face((0, 0, width, height)), recogniser(image))]


def _checksum(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def main(options: argparse.Namespace) -> None:
    """Run `facevalue score` with options.source, out, model, every and cropped."""
    done = score(
        options.source,
        options.out,
        model=options.model,
        every=options.every,
        cropped=options.cropped,
    )
    print(f"{options.out}: {done.faces:,} faces in {done.files:,} photos and videos.")
    if done.failed:
        print(f"{options.out.with_suffix('.failed.csv')}: {done.failed:,} files that failed.")
    if done.passed_over:
        number = sum(done.passed_over.values())
        common = Counter(done.passed_over).most_common(5)
        suffixes = ", ".join(suffix or "no suffix" for suffix, _ in common)
        print(f"Passed over {number:,} files of other kinds ({suffixes}).")
