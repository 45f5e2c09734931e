"""Print, and write to reports/detection.md, what the face detectors find and how long they take.

    python tools/bench_detection.py                    drawn photos, and real ones where there are
    python tools/bench_detection.py --cluster 10000    and a folder of that many on a Dask cluster

Sections that are not measured in this run stay in the report.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import textwrap
import time
from datetime import date
from pathlib import Path

import cv2
import pandas as pd
from tqdm import tqdm

from facevalue import image_files, paths
from facevalue.drawing import faces
from facevalue.evaluation import detectors, results
from facevalue.files import write_text
from facevalue.recognition import detection
from facevalue.scale.crop_folder import crop_folder

REPORT = paths.root() / "reports" / "detection.md"
TITLE = "# What the face detectors find, and how fast"
DISTINCT = 600
"""Different drawn photos that the cluster crops, under many names."""

LONGEST = 480
"""Longest side of those photos, in pixels."""


def block(prose: str, figures: str) -> str:
    """Return wrapped paragraphs, followed by a table."""
    paragraphs = [textwrap.fill(" ".join(part.split()), 100) for part in prose.split("\n\n")]
    return "\n\n".join([*paragraphs, f"```text\n{figures}\n```"])


def drawn(n: int) -> str:
    """Return what the detectors find in `n` drawn photos of 0 to 3 people."""
    photos = [faces.photo(seed, seed % 4) for seed in tqdm(range(n), desc="drawing photos")]
    table = detectors.compare(photos).round(0).astype(int)
    people = sum(len(photo.boxes) for photo in photos)
    prose = f"""{people} faces of 100 to 280 pixels in {n} photos (`faces.photo`, seeds from 0), a
        quarter of them without anybody. A face is found if a box of its own overlaps it by 0.4 or
        more (intersection over union); every other box is false."""
    return block(prose, table.to_string())


def real(folder: Path) -> str:
    """Return what the detectors find in real photos, compared with what a person saw in them."""
    seen = pd.read_csv(paths.root() / "data" / "reference" / "photos_seen.csv")
    names = tqdm(seen["file"], desc="reading photos")
    images = [image_files.read_photo(folder / name) for name in names]
    megapixels = sum(image.shape[0] * image.shape[1] for image in images) / 1e6
    there = (seen["faces"] > 0).to_numpy()
    rows = []
    for detector in detection.DETECTORS:
        for border in (detection.BORDER, 0.0) if detector != "yunet" else (0.0,):
            start = time.perf_counter()
            found = [
                len(detection.find_faces(image, detector, border=border))
                for image in tqdm(images, desc=detector, leave=False)
            ]
            seconds = time.perf_counter() - start
            counts = pd.Series(found)
            hits = int((counts[there] > 0).sum())
            rows.append(
                {
                    "detector": detector,
                    "border": border,
                    "photos found": hits,
                    "share": f"{hits / there.sum():.3f}",
                    "boxes too many": int((counts - seen["faces"])[there].clip(lower=0).sum()),
                    "other photos": int((counts[~there] > 0).sum()),
                    "ms per megapixel": round(1000 * seconds / megapixels),
                }
            )
    table = pd.DataFrame(rows).set_index("detector")
    notes = seen.loc[~there, "note"].value_counts()
    reasons = ", ".join(f"{number} {note}" for note, number in notes.items())
    some, others = there.sum(), (~there).sum()
    prose = f"""{len(seen)} photos of muxspace/facial_expressions, most of them close-ups. One of us
        looked at each, before any detector ran on them, and wrote down how many frontal faces of
        40 pixels or more it shows (data/reference/photos_seen.csv): one in {some} photos, none
        in {others}. Frontal means that both eyes are in sight, open or not, and the nose is inside
        the outline of the face, so up to a three-quarter view. The others show a person too, but
        not so: {reasons}.\n
        "photos found" counts those of the {some} with at least one box, "boxes too many" the boxes
        there beyond the face that was seen, "other photos" those of the {others} with a box, on a
        turned, covered or small face, or on nothing. The border is what is added around a photo
        before the cascade looks, as a share of its short side."""
    return block(prose, table.to_string())


def write_photos(folder: Path, n: int) -> None:
    """Write `n` drawn photos; beyond `DISTINCT` they are copies under other names."""
    distinct = min(n, DISTINCT)
    for seed in tqdm(range(distinct), desc="drawing photos"):
        image = faces.photo(seed, seed % 4).image
        scale = min(1, LONGEST / max(image.shape[:2]))
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(folder / f"photo_{seed:05d}.jpg"), image[..., ::-1])
    for number in range(distinct, n):
        original = folder / f"photo_{number % distinct:05d}.jpg"
        os.link(original, folder / f"photo_{number:05d}.jpg")


def cluster(n: int) -> str:
    """Return how long cropping a folder takes with one worker, with two, and without Dask."""
    from distributed import LocalCluster

    seconds: dict[str, float] = {}
    few = max(1, n // 10)
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        (place / "photos").mkdir()
        write_photos(place / "photos", n)
        for workers in (1, 2):
            with LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                local_directory=place,
            ) as started:
                os.environ["FACEVALUE_SCHEDULER"] = started.scheduler_address
                start = time.perf_counter()
                table = crop_folder(place / "photos", place / f"crops{workers}")
                seconds[f"LocalCluster, {workers} process{'es' * (workers > 1)}"] = (
                    time.perf_counter() - start
                )
        del os.environ["FACEVALUE_SCHEDULER"]
        (place / "few").mkdir()
        for photo in sorted((place / "photos").iterdir())[:few]:
            os.link(photo, place / "few" / photo.name)
        for threads in (1, cv2.getNumberOfCPUs()):
            cv2.setNumThreads(threads)
            start = time.perf_counter()
            out = place / f"few{threads}"
            crop_folder(place / "few", out)
            label = f"no Dask, OpenCV with {threads} thread{'s' * (threads > 1)}, {few:,} of them"
            seconds[label] = time.perf_counter() - start
    one, two, *_ = seconds.values()
    lines = []
    for label, value in seconds.items():
        each = 1000 * value / (few if "no Dask" in label else n)
        lines.append(f"{label:<52} {value:8.1f} s {each:8.1f} ms a photo")
    lines.append(
        f"{'two processes take, of the time of one':<52} {two / one:8.2f}   to reach: 0.60"
    )
    crops = (table["crop"] != "").sum()
    prose = f"""{n:,} JPEG files of {min(n, DISTINCT)} different drawn photos, at most
        {LONGEST} pixels wide, through
        `crop_folder.crop_folder`: read, searched, {crops:,} faces cropped to 48 x 48 grey and
        written. The time is from the call to the table; starting the cluster is not in it. Each
        worker has one thread, and its OpenCV one."""
    return block(prose, "\n".join(lines))


def update(report: str, section: str, text: str) -> str:
    """Return the report with one section replaced, or added at its end."""
    entry = f"## {section}\n\n{text.strip()}\n"
    pattern = rf"^## {re.escape(section)}\n.*?(?=^## |\Z)"
    if re.search(pattern, report, re.MULTILINE | re.DOTALL):
        flags = re.MULTILINE | re.DOTALL
        return re.sub(pattern, lambda _: f"{entry}\n", report, flags=flags).rstrip() + "\n"
    return f"{report.rstrip()}\n\n{entry}"


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    default = paths.root().parent / "shared" / "data" / "photos"
    parser.add_argument("--photos", type=Path, default=default, help="folder of the real photos")
    parser.add_argument("--drawn", type=int, default=200, help="drawn photos to search")
    parser.add_argument("--cluster", type=int, metavar="N", help="time N photos on a LocalCluster")
    parser.add_argument("--only-cluster", action="store_true", help="skip the detectors")
    options = parser.parse_args()
    parts: dict[str, str] = {}
    used = f"--drawn {options.drawn}"
    if not options.only_cluster:
        parts["Drawn photos"] = drawn(options.drawn)
        if options.photos.is_dir():
            parts["Real photos"] = real(options.photos)
        else:
            print(
                f"The real photos are skipped: there is no folder {options.photos}.",
                file=sys.stderr,
            )
    if options.cluster:
        parts["A large folder on a cluster"] = cluster(options.cluster)
    report = REPORT.read_text("utf-8") if REPORT.is_file() else f"{TITLE}\n"
    for section, text in parts.items():
        if section.startswith("A large"):
            used = f"--only-cluster --cluster {options.cluster}"
        source = f"Printed on {date.today()} by `python tools/bench_detection.py {used}`"
        text = f"{source}\n({results.machine()}, OpenCV {cv2.__version__}).\n\n{text}"
        print(f"\n{section}\n\n{text}", flush=True)
        report = update(report, section, text)
    write_text(REPORT, report)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\nStopped: the report is unchanged.")
