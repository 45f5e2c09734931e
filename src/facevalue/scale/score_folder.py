"""Scoring the photos and videos of a folder of any size: a table with a row for each face.

The files are scored in batches, here or on a Dask cluster (see `cluster`). Each batch is stored
when it is finished, so that a killed run can continue.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from facevalue import files
from facevalue.emotions import EMOTIONS
from facevalue.file_kinds import HEAD, content_kind, with_article
from facevalue.files import (
    NOT_REGULAR,
    atomic_write,
    explain_write_errors,
    open_regular,
    without_secrets,
)
from facevalue.progress import ProgressBar
from facevalue.recognition.detection import MIN_FACE
from facevalue.recognition.recogniser import Recogniser
from facevalue.scale import cluster, no_face, storage
from facevalue.scale.face_parts import Parts
from facevalue.scale.face_table import Row, check_out, write_csv, write_table
from facevalue.scale.score_batch import (
    KINDS,
    SUFFIXES,
    Batch,
    Method,
    check_detector,
    kind,
    score_batch,
)

BATCH_SIZE = 32
"""How many files a batch has on average: a kill costs each worker the work of some seconds."""

MAX_BATCH_SIZE = 4 * BATCH_SIZE
"""How many files a batch has at most."""

Item = TypeVar("Item")


class Scored(NamedTuple):
    """A summary of what `score` has done.

    Attributes:
        files: the number of photos and videos, including those that failed.
        faces: the number of faces, which is that of the rows in the table.
        failed: the number of files that could not be read and folders that could not be listed.
        skipped: the number of files of other types, by suffix.
        emotions: the number of faces, by emotion.
        no_face: the number of photos and videos without a face, by reason (`no_face.REASONS`).
        kinds: what the skipped files on this machine are by their content, if that is known, and
            how many there are of each kind.
        photos, videos: the numbers of photos and videos that could be read, a video perhaps only
            in part.
        people: the number of people in the videos.
    """

    files: int
    faces: int
    failed: int
    skipped: dict[str, int]
    emotions: dict[str, int]
    no_face: dict[str, int]
    kinds: dict[str, int]
    photos: int
    videos: int
    people: int


def score(
    source: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    model: str = "fast",
    detector: str = "yunet",
    min_face: int = MIN_FACE,
    every: float = 1.0,
    cropped: bool = False,
    annotate: str | Path | None = None,
    keep_parts: bool = False,
    models: Path | None = None,
    progress: bool = True,
) -> Scored:
    """Find the faces in all photos and videos of a folder, and recognise their emotions.

    Writes `out`, a row per face with the columns `face_table.COLUMNS`: file (the path relative to
    the folder, by which the rows are sorted; those of a photo or a frame follow from left to
    right), frame, seconds and person (the number of the frame in
    a video, its time stamp, and the number of the person; 0 and empty for photos), x, y, width and
    height (the box in pixels), the probability of each emotion, and emotion (the most probable
    one). Beside out.csv, files that failed are listed with the reason in out.failed.csv, and files
    without a face in out.no_face.csv, unless there are none. In these three files, a name that a
    spreadsheet would take for a formula begins with a quote (`face_table.spreadsheet_text`).

    Finished work is kept in the folder out.parts until all files are scored. Another call after a
    kill scores only the files that are new, changed, or could not be reached.

    Args:
        source: a folder with photos (`image_files.SUFFIXES`) and videos (`video.SUFFIXES`) at any
            depth, on this machine or at an address that fsspec knows, such as s3://bucket/folder;
            or one or several files on this machine, whose names are then relative to the folder
            that they share. A cluster's workers must be able to read it.
        out: the file to write, in a folder that exists; its suffix is .csv or .parquet.
        model: as in `Recogniser`.
        detector, min_face: as in `detection.find_faces`.
        every: the interval between two scored frames of a video, in seconds.
        cropped: each image is a cropped face: no detector is used, and the box is the whole image.
        annotate: a folder for copies of the photos with faces, on which boxes, numbers and bars
            are drawn; it is created if need be. A JPEG of more than `image_files.MAX_PIXELS`
            pixels is drawn in reduced size.
        keep_parts: keep out.parts at the end, so that a later run scores only new photos.
        models: the folder of the model files; by default that of the package.
        progress: show a progress bar.
    Returns:
        How many files, faces and failures there were.
    Raises:
        FileNotFoundError: there is no such folder or file, no such model file, or no folder for
            `out`.
        ValueError: the source is not a photo, a video or a folder that contains some, or an
            argument is invalid.
        OSError: `out` cannot be written, for example because the disk is full or because another
            process writes it.
        RuntimeError: this OpenCV has no Haar cascade.
        ModuleNotFoundError: the address, the detector or a Parquet file needs a package that is
            not installed.
        cluster.TaskError, cluster.VersionError, ConnectionError: as in `cluster.map`.
    """
    out = Path(out)
    check_out(out)
    if not 0 < every < 1e6:
        raise ValueError(f"every must be above 0 and below 1,000,000 seconds, not {every:,g}.")
    if min_face < 1:
        raise ValueError(f"min_face must be 1 pixel or more, not {min_face}.")
    folder, named = _folder_and_files(source)
    if named is not None and len(named) == 1 and not kind(named[0]):
        raise ValueError(_not_scored(Path(folder, named[0])))
    method = Method(
        address=folder,
        model=model,
        models=str(Path(models).resolve()) if models else None,
        checksum=files.checksum(Recogniser(model, models, threads=1).file),
        every=every,
        cropped=cropped,
        detector=detector,
        min_face=min_face,
        annotate=_annotated_folder(annotate, folder, named),
    )
    check_detector(detector)
    run = Run(method, out, named)
    with run.parts.held():
        with ProgressBar("scoring", 0, unit="file", show=progress) as bar:
            lost = run.work(run.unfinished(bar), bar)
            run.work_one_by_one(lost)
        if not run.files and not run.problems:
            kinds = ", ".join(f"{kind} {n:,}" for kind, n in run.kinds.items())
            others = f" By their content, its files are: {kinds}. Convert other images to JPEG."
            raise ValueError(
                f"There is no file in {without_secrets(folder)} that is, by its name, "
                f"{KINDS}.{others if kinds else ''}"
            )
        with explain_write_errors(out):
            return run.write(keep_parts)


def _folder_and_files(
    source: str | Path | Sequence[str | Path],
) -> tuple[str, tuple[str, ...] | None]:
    """Return the address of the folder to score, and the names of the only files in it to score.

    Raises:
        FileNotFoundError: there is no such folder or file.
        ValueError: it is empty or a file of another type, or one of several is not a file.
    """
    if isinstance(source, Sequence) and not isinstance(source, str | bytes):
        sources = list(dict.fromkeys(source))
    else:
        sources = [source]
    if not sources:
        raise ValueError("There is nothing to score: name a folder, or photos and videos.")
    addresses = [storage.address(one) for one in sources]
    for address in addresses:
        if "://" not in address and not Path(address).exists():
            raise FileNotFoundError(
                f"There is no photo, video or folder {address}: check the path."
            )
    if len(addresses) == 1 and not _is_single_file(addresses[0]):
        storage.check_folder(addresses[0])
        return addresses[0], None
    for address in addresses:
        if not _is_single_file(address):
            raise ValueError(
                f"{without_secrets(address)} is not a file on this machine: score one "
                "folder, or several photos and videos."
            )
    folder = Path(os.path.commonpath([Path(address).parent for address in addresses]))
    return str(folder), tuple(Path(address).relative_to(folder).as_posix() for address in addresses)


def _is_single_file(address: str) -> bool:
    """Return whether an address is that of a file on this machine, and not of a folder.

    Raises:
        ValueError: it is neither of both.
    """
    path = Path(address)
    if "://" in address or path.is_dir():
        return False
    if not path.is_file():
        raise ValueError(f"{path.name} {NOT_REGULAR}.")
    return True


def _not_scored(file: Path) -> str:
    """Return a sentence on a file whose name does not say that it is a photo or a video."""
    content = _content(file)
    if content.endswith("image") or content.endswith("photo"):
        told = f"{with_article(content)}: convert it to JPEG"
        return f"{file.name} is not scored, because it is {told}."
    return f"{file.name} is not scored: by its name, it must be {KINDS}."


def _content(path: Path) -> str:
    """Return what a file is by its content, "" if that is unknown or it is not on this machine."""
    try:
        with open_regular(path) as opened:
            return content_kind(opened.read(HEAD))
    except (OSError, ValueError):
        return ""


def _annotated_folder(
    annotate: str | Path | None, folder: str, named: tuple[str, ...] | None
) -> str | None:
    """Return the full path of the folder for annotated photos.

    Raises:
        ValueError: annotated photos would replace photos, or the next run would score them.
    """
    if annotate is None:
        return None
    place = Path(annotate).resolve()
    here = Path(folder).resolve()
    if named is None:
        among = place == here or here in place.parents
    else:
        among = not {place / name for name in named}.isdisjoint(here / name for name in named)
    if among:
        raise ValueError(
            f"The annotated photos would be among the photos in {folder}: choose another folder "
            f"than {annotate}."
        )
    return str(place)


class Run:
    """One run of `score`: the finished and the unfinished batches of one folder.

    Args:
        method: how the files are scored.
        out: the table to write.
        named: the names of the only files to score; by default all files are scored.
    """

    def __init__(self, method: Method, out: Path, named: tuple[str, ...] | None = None) -> None:
        self.method, self.out, self.named = method, out, named
        self.parts = Parts(out.with_suffix(".parts"))
        self.failed_file = out.with_suffix(".failed.csv")
        self.no_face_file = out.with_suffix(".no_face.csv")
        self.keys: list[str] = []
        self.files = self.videos = 0
        self.problems: list[Row] = []
        self.skipped: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()

    def unfinished(self, bar: ProgressBar) -> Iterator[Batch]:
        """List the folder, and yield the batches that are not finished."""

        def batches() -> Iterator[Batch]:
            done = 0
            for batch in make_batches(self.method, self._listed()):
                self.keys.append(batch.key)
                self.files += len(batch.files)
                self.videos += sum(kind(name) == "video" for name in batch.files)
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
        if self.named is None:
            yield from storage.files(system, root, SUFFIXES, self.problems, skip=self._skip)
            return
        for name in self.named:
            if kind(name):
                facts = Path(storage.join(root, name)).stat()
                yield name, f"{facts.st_size} {facts.st_mtime}"
            else:
                self._skip(name)

    def _skip(self, name: str) -> None:
        """Count a file of another type, unless this or an earlier run wrote it."""
        path = Path(self.method.address, name)
        written = (self.out, self.failed_file, self.no_face_file)
        if path.parent != self.parts.folder.resolve() and path not in map(Path.resolve, written):
            self.skipped[path.suffix.lower()] += 1
            if content := _content(path):
                self.kinds[content] += 1

    def work(self, batches: Iterable[Batch], bar: ProgressBar) -> list[Batch]:
        """Score and store the batches; return those that killed their workers."""
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
        """Score each file of the lost batches alone, to find the one that kills the workers.

        Only one file is on the cluster at a time, because the others on its worker are lost too.
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

    def write(self, keep_parts: bool = False) -> Scored:
        """Write the table, the list of failed files and the list of files without a face.

        Args:
            keep_parts: keep the parts although the table is complete.
        """
        problems = list(self.problems)
        without_face: list[Row] = []
        counts = _Counts()

        def face_rows() -> Iterator[Row]:
            for row in self.rows():
                if "problem" in row:
                    problems.append(row)
                    counts.add_problem(row)
                elif "no_face" in row:
                    without_face.append(row)
                else:
                    counts.add_face(row)
                    yield row

        with atomic_write(self.out) as table:
            write_table(table, face_rows(), self.out.suffix.lower())
            _write_reasons(self.failed_file, problems, "problem")
            _write_reasons(self.no_face_file, without_face, "no_face")
        self.parts.remove_all_but(set(self.keys))
        if not (keep_parts or self.problems or self.parts.has_unfinished()):
            self.parts.remove()
        reasons = Counter(row["no_face"].split(":")[0] for row in without_face)
        return Scored(
            self.files,
            counts.emotions.total(),
            len(problems),
            dict(self.skipped),
            dict(counts.emotions),
            {reason: reasons[reason] for reason in no_face.REASONS if reasons[reason]},
            dict(self.kinds),
            self.files - self.videos - counts.unread["photo"],
            self.videos - counts.unread["video"],
            counts.people,
        )

    def rows(self) -> Iterator[Row]:
        """Yield the rows of all parts, in the order of the files."""
        for key in self.keys:
            yield from self.parts.rows(key)


class _Counts:
    """Counts the faces and the people in rows that are in the order of their files.

    Attributes:
        emotions: the number of faces, by emotion.
        people: the number of people in videos.
        unread: the number of files of which nothing could be read, by kind.
    """

    def __init__(self) -> None:
        self.emotions = Counter(dict.fromkeys(EMOTIONS, 0))
        self.people = 0
        self.unread: Counter[str] = Counter()
        self._file, self._people_in_file = "", 0

    def add_face(self, row: Row) -> None:
        """Count a face, and its person if that has a higher number than all before."""
        if row["file"] != self._file:
            self._file, self._people_in_file = row["file"], 0
        new = max(0, (row["person"] or 0) - self._people_in_file)
        self._people_in_file += new
        self.people += new
        self.emotions[row["emotion"]] += 1

    def add_problem(self, row: Row) -> None:
        """Count a file that failed, unless it is a video that only breaks off."""
        if row["file"] != self._file:
            self.unread[kind(row["file"])] += 1


def _write_reasons(file: Path, rows: list[Row], column: str) -> None:
    """Write a list of files with their reasons, or delete an older list if there are no files.

    Args:
        column: the key of the reason in `rows`.
    """
    if not rows:
        file.unlink(missing_ok=True)
        return
    with atomic_write(file) as part:
        write_csv(part, ("file", "reason"), ((row["file"], row[column]) for row in rows))


def make_batches(method: Method, files: Iterable[tuple[str, str]]) -> Iterator[Batch]:
    """Divide files into batches; each video is a batch of its own.

    Where a batch ends depends on the name of its last file, so that a new file changes only one
    batch, and not those that follow.

    Args:
        method: how the files are scored.
        files: their names, and texts that change when the files change.
    """
    batch: list[tuple[str, str]] = []
    for name, state in files:
        alone = kind(name) == "video"
        if alone and batch:
            yield _batch(method, batch)
            batch = []
        batch.append((name, state))
        if alone or len(batch) == MAX_BATCH_SIZE or zlib.crc32(name.encode()) % BATCH_SIZE == 0:
            yield _batch(method, batch)
            batch = []
    if batch:
        yield _batch(method, batch)


def _batch(method: Method, files: list[tuple[str, str]]) -> Batch:
    """Return a batch, whose key changes with the method, the files and this package's version."""
    text = repr((method, files, cluster.version()))
    key = hashlib.sha256(text.encode()).hexdigest()[:32]
    return Batch(key, tuple(name for name, _ in files))


def _read_ahead(items: Iterable[Item], most: int) -> Iterator[Item]:
    """Yield the same items, but read up to `most` in advance, so that the total is known sooner."""
    queue: deque[Item] = deque()
    for item in items:
        queue.append(item)
        if len(queue) > most:
            yield queue.popleft()
    yield from queue
