"""Measure how scoring a folder scales with photos and workers, and what kills cost.

    python tools/bench_scale.py                  50,000 drawn photos: hours, see --photos
    python tools/bench_scale.py --photos 60 --dry     a quick test that writes nothing
    python tools/bench_scale.py --distinct 5000  draws 5,000 photos, and copies them
    python tools/bench_scale.py --page           only updates docs/beyond-one-machine.md

Draws photos into a folder, and scores a tenth of them on local Dask clusters of 1, 2 and 4 workers,
then while a worker is killed every 30 seconds and with a scheduler that is killed once; then all
of them with the numbers of workers in --all-workers. Adds a row for each run to reports/scale.csv,
and computes the numbers of the page from these rows. Runs that have a row are not repeated: the
command can be stopped and started again.
"""

from __future__ import annotations

import argparse
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import date
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import pandas as pd
import psutil
from PIL import Image
from tqdm import tqdm

from facevalue import paths
from facevalue.drawing import faces
from facevalue.evaluation import results
from facevalue.files import atomic_write, write_text
from facevalue.image_files import decode_reduced
from facevalue.recognition.detection import find_faces
from facevalue.recognition.recogniser import Recogniser
from facevalue.scale import cluster, score_batch, score_folder

TABLE = paths.root() / "reports" / "scale.csv"
PAGE = paths.root() / "docs" / "beyond-one-machine.md"
BEGIN, END = "<!-- written by tools/bench_scale.py -->", "<!-- end of what it writes -->"

COLUMNS = (
    "run", "photos", "distinct", "workers", "seconds", "photos_per_second",
    "core_hours_per_million",
    "peak_mb_per_worker", "peak_mb_first_half", "faces", "failed", "kills", "same_rows",
    "bytes_per_photo", "bytes_per_photo_scored", "bytes_per_photo_parts", "tasks_per_second",
    "decode_ms", "search_ms", "recognise_ms",
    "command", "machine", "date",
)  # fmt: skip

PER_FOLDER = 1_000
TENTH = "tenth"
"""The folder of a tenth of the photos, to see whether memory depends on their number."""

ONE_PHOTO = "the steps of one photo"
SOME = 300
"""How many photos the steps are measured on."""

EMPTY = 5_000
"""Tasks that do nothing, to measure the throughput of Dask's scheduler and one client."""


def draw(folder: Path, photos: int, distinct: int) -> None:
    """Draw the missing photos: `faces.photo` of 0 to 3 people, and copies after `distinct`."""
    wanted = [_place(folder, seed, photos) for seed in range(photos)]
    tasks = [(seed, file) for seed, file in enumerate(wanted[:distinct]) if not file.is_file()]
    with ProcessPoolExecutor() as pool:
        made = pool.map(_draw, tasks, chunksize=16)
        list(tqdm(made, desc="drawing photos", total=len(tasks), disable=not tasks))
    for seed, file in enumerate(wanted[distinct:], distinct):
        if not file.is_file():
            with atomic_write(file) as part:
                shutil.copyfile(wanted[seed % distinct], part)


def _place(folder: Path, seed: int, photos: int) -> Path:
    part = TENTH if seed < photos // 10 else "the_rest"
    return folder / part / f"{seed // PER_FOLDER:05d}" / f"{seed:08d}.jpg"


def _draw(task: tuple[int, Path]) -> None:
    seed, file = task
    with atomic_write(file, suffix=".jpg") as part:
        Image.fromarray(faces.photo(seed, seed % 4).image).save(part, quality=90)


def serve(workers: int) -> None:
    """Run a local cluster until standard input ends."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        memory_limit=0,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
    ) as started:
        print(started.scheduler_address, flush=True)
        sys.stdin.read()


class Cluster:
    """A cluster in a separate process, which can be watched and killed."""

    def __init__(self, workers: int) -> None:
        """Start it."""
        command = [sys.executable, __file__, "--serve", str(workers)]
        pipe = subprocess.PIPE
        self.run = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        assert self.run.stdout is not None
        self.address = self.run.stdout.readline().strip()
        if not self.address:
            raise SystemExit("The cluster did not start: see above.")
        self.started = set(psutil.Process(self.run.pid).children(recursive=True))

    def workers(self) -> list[Any]:
        """Return the workers' processes."""
        try:
            found = psutil.Process(self.run.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []
        self.started.update(found)
        return [process for process in found if "spawn_main" in _line(process)]

    def stop(self) -> None:
        """Stop the process and all that it started."""
        self.run.terminate()
        self.run.wait()
        for process in self.started:
            if process.is_running():  # the same process, not a new one with its id
                process.kill()


def _line(process: Any) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


@contextmanager
def on(workers: int) -> Iterator[Cluster]:
    """Let `cluster` use a local cluster of this many workers."""
    started = Cluster(workers)
    os.environ["FACEVALUE_SCHEDULER"] = started.address
    try:
        yield started
    finally:
        del os.environ["FACEVALUE_SCHEDULER"]
        started.stop()


class Watch(threading.Thread):
    """Record the workers' memory every second, and kill one of them from time to time."""

    def __init__(self, watched: Cluster, kill_every: float = 0) -> None:
        """Start watching."""
        super().__init__(daemon=True)
        self.watched, self.kill_every = watched, kill_every
        self.peaks, self.kills = [0], 0
        self.ended = threading.Event()
        self.start()

    def run(self) -> None:
        """Watch until `stop`."""
        chance = random.Random(0)
        last = time.monotonic()
        while not self.ended.wait(1):
            workers = self.watched.workers()
            self.peaks.append(max(map(_bytes, workers), default=0))
            if self.kill_every and workers and time.monotonic() - last >= self.kill_every:
                chance.choice(workers).kill()
                self.kills += 1
                last = time.monotonic()

    def stop(self) -> None:
        """Stop watching."""
        self.ended.set()
        self.join()


def _bytes(process: Any) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:  # it has just died
        return 0


def scored(folder: Path, out: Path, workers: int, kill_every: float = 0) -> dict[str, Any]:
    """Score a folder on a new cluster, and return the measurements."""
    with on(workers) as started:
        watch = Watch(started, kill_every)
        start = time.perf_counter()
        try:
            done = score_folder.score(folder, out, keep_parts=True)
        finally:
            watch.stop()
        seconds = time.perf_counter() - start
    speed = done.files / seconds
    cores = min(workers, os.cpu_count() or 1)
    return {
        "photos": done.files,
        "workers": workers,
        "seconds": round(seconds, 1),
        "photos_per_second": round(speed, 2),
        "core_hours_per_million": round(1e6 / speed * cores / 3600, 1),
        "peak_mb_per_worker": round(max(watch.peaks) / 1e6),
        "peak_mb_first_half": round(max(watch.peaks[: 1 + len(watch.peaks) // 2]) / 1e6),
        "faces": done.faces,
        "failed": done.failed,
        "kills": watch.kills,
        "bytes_per_photo_scored": round(out.stat().st_size / done.files, 1),
        "bytes_per_photo_parts": round(sum(map(_size, _parts(out))) / done.files, 1),
    }


def interrupted(folder: Path, out: Path, workers: int) -> dict[str, Any]:
    """Kill the scheduler half-way, and let a second run finish the work."""
    start = time.perf_counter()
    with on(workers) as started:
        some = threading.Event()
        killer = threading.Thread(target=_kill_later, args=(started, out, some), daemon=True)
        killer.start()
        try:
            score_folder.score(folder, out, keep_parts=True)
            raise SystemExit("The work was done before the scheduler was killed: use more photos.")
        except ConnectionError as error:
            print(error)
    first = time.perf_counter() - start
    kept = len(_parts(out))
    row = scored(folder, out, workers)
    print(f"The first run left {kept} parts after {first:.0f} s.")
    # of both runs together: the second alone has less to do
    seconds = first + row["seconds"]
    return row | {
        "seconds": round(seconds, 1),
        "photos_per_second": round(row["photos"] / seconds, 2),
        "core_hours_per_million": None,
        "kills": 1,
    }


def _kill_later(started: Cluster, out: Path, stop: threading.Event) -> None:
    undisturbed = out.with_name("tenth.parquet")
    wanted = 1 + len(_parts(undisturbed)) // 3
    while not stop.wait(0.1):
        if len(_parts(out)) >= wanted:
            started.workers()  # remembers them, so that none is left over
            os.kill(started.run.pid, signal.SIGKILL)
            return


def _parts(out: Path) -> list[Path]:
    """Return the finished parts of a result."""
    return list(out.with_suffix(".parts").glob("*.jsonl.gz"))


def _size(file: Path) -> int:
    return file.stat().st_size


def empty(workers: int) -> dict[str, Any]:
    """Return how many tasks per second one client and one scheduler handle."""
    with on(workers):
        answers = cluster.map_unordered(abs, range(EMPTY + 500), label="empty tasks")
        list(islice(answers, 500))  # the workers have loaded the package
        start = time.perf_counter()
        count = sum(1 for _ in answers)
    seconds = time.perf_counter() - start
    return {
        "workers": workers,
        "seconds": round(seconds, 1),
        "tasks_per_second": round(count / seconds),
    }


def one_photo(folder: Path) -> dict[str, Any]:
    """Return the milliseconds of CPU time that each step takes for a photo, on one core."""
    cv2.setNumThreads(1)
    recogniser = Recogniser("fast", threads=1)
    spent = dict.fromkeys(("decode_ms", "search_ms", "recognise_ms"), 0.0)
    files = list(islice(folder.rglob("*.jpg"), SOME))
    for file in files[:5] + files:  # the first ones load the networks
        start = time.process_time()
        pixels, _ = decode_reduced(file.read_bytes(), file.name, score_batch.DECODED_SIDE)
        decoded = time.process_time()
        found = find_faces(pixels)
        searched = time.process_time()
        recogniser.in_photo(pixels, found)
        steps = decoded - start, searched - decoded, time.process_time() - searched
        if file == files[0]:
            spent = dict.fromkeys(spent, 0.0)
        spent = {name: spent[name] + step for name, step in zip(spent, steps, strict=True)}
    milliseconds = {name: round(1e3 * step / len(files), 1) for name, step in spent.items()}
    return {"photos": len(files), "workers": 1, **milliseconds}


def measure(options: argparse.Namespace, done: set[tuple[str, int]]) -> Iterator[dict[str, Any]]:
    """Yield a row for each run that is not in `done` by its name and number of workers."""
    folder, workers, kill_every = options.folder, options.workers, options.kill_every
    distinct = min(options.distinct or options.photos, options.photos)
    draw(folder, options.photos, distinct)
    sizes = [_size(file) for file in islice(folder.rglob("*.jpg"), 2_000)]
    known = {"distinct": distinct, "bytes_per_photo": round(sum(sizes) / len(sizes))}
    outs = folder.with_name(f"{folder.name}_scored")
    outs.mkdir(exist_ok=True)
    tenth, killed, again = outs / "tenth.parquet", outs / "killed.parquet", outs / "again.parquet"
    two = min(2, max(workers))
    # a run's name and workers, what it starts, the photos, the result, and what that must equal
    plans: list[tuple[str, int, Callable[..., dict[str, Any]], Path, Path, Path]] = []
    for count in workers:
        out = tenth if count == workers[0] else outs / f"tenth_{count}.parquet"
        plans.append(("a tenth", count, scored, folder / TENTH, out, tenth))
    often = partial(scored, kill_every=kill_every)
    name = f"a worker killed every {kill_every:g} s"
    plans.append((name, two, often, folder / TENTH, killed, tenth))
    plans.append(("the scheduler killed once", two, interrupted, folder / TENTH, again, tenth))
    whole = [outs / f"whole_{count}.parquet" for count in options.all_workers]
    for count, out in zip(options.all_workers, whole, strict=True):
        plans.append(("all", count, scored, folder, out, whole[0]))
    for run, count, start, photos, out, same in plans:
        if (run, count) in done and out.is_file():
            continue
        out.unlink(missing_ok=True)
        shutil.rmtree(out.with_suffix(".parts"), ignore_errors=True)  # of a run that was stopped
        row = known | {"run": run, **start(photos, out, count)}
        if out != same:
            row["same_rows"] = pd.read_parquet(same).equals(pd.read_parquet(out))
        yield row
    if (ONE_PHOTO, 1) not in done:
        yield known | {"run": ONE_PHOTO, **one_photo(folder / TENTH)}
    if ("empty tasks", two) not in done:
        yield {"run": "empty tasks", **empty(two)}


def measured(command: str) -> set[tuple[str, int]]:
    """Return the runs of a command that have a row, and need not be repeated."""
    if not TABLE.is_file():
        return set()
    rows = pd.read_csv(TABLE)
    rows = rows[rows["command"] == command]
    return set(zip(rows["run"], rows["workers"], strict=True))


def keep(row: dict[str, Any], command: str) -> None:
    """Add a row to reports/scale.csv."""
    facts = {"command": command, "machine": results.machine(), "date": date.today().isoformat()}
    new = pd.DataFrame([row | facts], columns=list(COLUMNS)).astype(object)
    old = pd.read_csv(TABLE, dtype=object) if TABLE.is_file() else new.iloc[:0]
    both = pd.concat([old, new]) if len(old) else new
    text = both.to_csv(columns=list(COLUMNS), index=False, lineterminator="\n")
    write_text(TABLE, text)


def page(table: pd.DataFrame) -> str:
    """Return the page's part on the largest runs, and on a billion photos."""
    newest = table.drop_duplicates(["run", "workers"], keep="last")
    tenths = newest[newest["run"] == "a tenth"].sort_values("workers")
    wholes = newest[newest["run"] == "all"].sort_values("workers")
    tasks = newest[newest["run"] == "empty tasks"].iloc[-1]
    cores = int(tenths["machine"].iloc[0].split(" cores")[0].rsplit(" ", 1)[-1])
    best = wholes[wholes["workers"] <= cores].iloc[-1]
    each = best["photos_per_second"] / best["workers"]
    lines = [
        f"{best['photos']:,.0f} drawn photos, {best['distinct']:,.0f} of them different "
        f"({best['machine']}, {best['date']}, `{best['command']}`):",
        "",
        "| photos | workers | photos per second | core-hours per million photos | "
        "MB per worker, at most |",
        "| --: | --: | --: | --: | --: |",
    ]
    for _, row in pd.concat([tenths, wholes]).iterrows():
        lines.append(
            f"| {row['photos']:,.0f} | {row['workers']:.0f} | {row['photos_per_second']:.1f} | "
            f"{row['core_hours_per_million']:.1f} | {row['peak_mb_per_worker']:.0f} |"
        )
    lines += [
        "",
        f"The machine has {cores} cores: more workers than that cannot be faster.",
        *_shares(table),
        "",
        *(
            f"- With {row['workers']:.0f} workers the largest had "
            f"{row['peak_mb_first_half']:.0f} MB in the first half of the run on all photos, and "
            f"{row['peak_mb_per_worker']:.0f} MB in all of it."
            for _, row in wholes.iterrows()
            if pd.notna(row["peak_mb_first_half"])
        ),
    ]
    disturbed = table[table["kills"] > 0].drop_duplicates("run", keep="last")
    for _, row in disturbed.iterrows():
        same = "the same rows as" if str(row["same_rows"]) == "True" else "OTHER rows than"
        lines.append(
            f"- With {row['run']} (kills: {row['kills']:.0f}), {row['photos']:,.0f} photos on "
            f"{row['workers']:.0f} workers: {row['seconds']:,.0f} s, and {same} an undisturbed run."
        )
    # copies pack better than photos that all differ, as the first tenth do
    result = float(tenths["bytes_per_photo_scored"].iloc[0])
    lines += ["", *_billion(best, each, result, float(tasks["tasks_per_second"]))]
    return "\n".join(line if line.startswith("|") else _wrapped(line) for line in lines)


def _shares(table: pd.DataFrame) -> list[str]:
    """Return the lines on where the time of a photo goes, once that is measured."""
    steps = table[table["run"] == ONE_PHOTO]
    if steps.empty:
        return []
    row = steps.iloc[-1]
    decode, search, recognise = row["decode_ms"], row["search_ms"], row["recognise_ms"]
    total = decode + search + recognise
    return [
        "",
        f"In one process a photo takes {total:.1f} ms of CPU time ({row['photos']:.0f} photos, "
        f"{row['machine']}, {row['date']}): reading and decoding {decode:.1f} ms "
        f"({100 * decode / total:.0f} %), the search for faces {search:.1f} ms "
        f"({100 * search / total:.0f} %), their emotions {recognise:.1f} ms "
        f"({100 * recognise / total:.0f} %).",
    ]


def _wrapped(line: str) -> str:
    indent = "  " if line.startswith("- ") else ""
    return textwrap.fill(line, 100, subsequent_indent=indent, break_on_hyphens=False)


LINE = 10e9 / 8
"""Bytes per second from the storage of the photos: an assumption, a line of 10 Gbit/s."""


def _billion(best: pd.Series, each: float, result: float, tasks: float) -> list[str]:
    """Return the lines on a billion photos.

    Args:
        best: the row of the fastest run.
        each: photos per second of one core.
        result: bytes of Parquet for a photo.
        tasks: empty tasks per second of the scheduler.
    """
    size, parts = best["bytes_per_photo"], best["bytes_per_photo_parts"]
    lines = [
        f"From these figures, one core scores {each:.1f} photos per second, and a billion photos "
        f"take {1e9 / each / 3600:,.0f} core-hours:",
        "",
        "| workers, a core each | hours | photos read, MB per second | tasks per second |",
        "| --: | --: | --: | --: |",
    ]
    for count in (100, 1_000, 10_000):
        speed = count * each
        lines.append(
            f"| {count:,} | {1e9 / speed / 3600:,.1f} | {speed * size / 1e6:,.0f} | "
            f"{speed / score_folder.BATCH_SIZE:,.1f} |"
        )
    line, passed = LINE / (each * size), tasks * score_folder.BATCH_SIZE / each
    first = "the line to the photos" if line < passed else "the scheduler with its one client"
    return [
        *lines,
        "",
        f"Storage: {1e9 * size / 1e12:,.1f} TB of photos of {size / 1e3:,.0f} kB, and "
        f"{1e9 * result / 1e9:,.0f} GB of Parquet. During the work, its parts take "
        f"{1e9 * parts / 1e9:,.0f} GB more, in {1e9 / score_folder.BATCH_SIZE / 1e6:,.0f} million "
        "small files, each of which a disk rounds up to a block.",
        "",
        f"The first bottleneck: a line of 10 Gbit/s to the photos is full with {line:,.0f} "
        f"workers. The scheduler and one client handled {tasks:,.0f} empty tasks per second, which "
        f"is enough for {passed:,.0f} workers, since a task is {score_folder.BATCH_SIZE} "
        f"photos. So {first} "
        "comes first.",
    ]


def write_page() -> None:
    """Write the page's part between its two marks."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    said = page(pd.read_csv(TABLE))
    write_text(PAGE, f"{before}{BEGIN}\n\n{said}\n\n{END}{after}")


def main() -> None:
    """Measure, store the rows, and write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=int, default=50_000)
    parser.add_argument("--distinct", type=int, help="how many different ones; default: all")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--all-workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--kill-every", type=float, default=30, metavar="SECONDS")
    default = paths.processed() / "scale"
    parser.add_argument("--folder", type=Path, help="where the photos are drawn and kept")
    parser.add_argument("--dry", action="store_true", help="print the rows, and write nothing")
    parser.add_argument("--page", action="store_true", help="only update the page")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return
    # a folder for each number, so that it holds no photos of another run
    options.folder = options.folder or default / str(options.photos)
    if not options.page:
        command = shlex.join(["python", "tools/bench_scale.py", *sys.argv[1:]])
        for row in measure(options, set() if options.dry else measured(command)):
            print(row, flush=True)
            if not options.dry:
                keep(row, command)
    if not options.dry:
        write_page()


if __name__ == "__main__":
    main()
