"""Measure notebook 01 on real photos, and write the counts to reports/on_real_photos.

    python tools/lesson01_on_photos.py --photos FOLDER

FOLDER has the 381 photos and photos.csv (file, emotion) of muxspace/facial_expressions; what was
seen in each of them is in data/reference/photos_seen.csv. FER-2013 and FER+ are read from data/raw
or FACEVALUE_DATA. Only counts are written, no photo and no line about a single one.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import photo_results
from photo_results import Rows
from tqdm import tqdm

from facevalue import emotions, image_files, paths
from facevalue.data.dataset import SPLITS, Dataset
from facevalue.drawing import course_faces
from facevalue.emotions import EMOTIONS
from facevalue.exploration import duplicates, second_opinion
from facevalue.recognition import detection

SMALLEST = 48
"""Height of the smallest face that is kept, in pixels: what the course's networks see."""

CONDITIONS = {"blurred": "other", "bowed": "other", "from behind": "other"}
"""Notes on photos without a frontal face that are counted together."""


def read(folder: Path) -> pd.DataFrame:
    """Return a row per photo: what was seen, its label, its hash, and what the detectors found."""
    photos = pd.read_csv(paths.root() / "data" / "reference" / "photos_seen.csv")
    labels = pd.read_csv(folder / "photos.csv").set_index("file")["emotion"]
    photos["emotion"] = [EMOTIONS[emotions.number(labels[name])] for name in photos["file"]]
    photos["sha256"] = [
        hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in photos["file"]
    ]
    images = [image_files.read_photo(folder / name) for name in photos["file"]]
    for detector in detection.DETECTORS:
        found = [detection.find_faces(image, detector) for image in tqdm(images, desc=detector)]
        photos[detector] = [faces[0].box[3] if faces else 0 for faces in found]
    return photos


def steps(photos: pd.DataFrame, detector: str = "yunet") -> dict[str, pd.Series]:
    """Return which photos are left after each step: each step keeps a part of those before it."""
    left = {"labelled by students": photos["fits"] >= 0}
    left["label fits, by eye"] = photos["fits"] == 1
    left["face found"] = left["label fits, by eye"] & (photos[detector] > 0)
    left["face large enough"] = left["face found"] & (photos[detector] >= SMALLEST)
    kept = left["face large enough"]
    left["stored once"] = kept & ~photos["sha256"].where(kept).duplicated()
    return left


def funnel(photos: pd.DataFrame) -> tuple[str, Rows]:
    """Return how many photos each step leaves."""
    rows = [
        (name, detector, int(kept.sum()), len(photos))
        for detector in detection.DETECTORS
        for name, kept in steps(photos, detector).items()
    ]
    fit, yunet, haar = rows[1][2], rows[len(rows) // 2 - 1][2], rows[-1][2]
    title = f"{fit} of {len(photos)} photos fit their label; YuNet keeps {yunet}, Haar {haar}"
    return title, rows


def losses(photos: pd.DataFrame) -> tuple[str, Rows]:
    """Return how many photos of each emotion are left at the end."""
    kept = list(steps(photos).values())[-1]
    counts = photos["emotion"].value_counts().reindex(EMOTIONS)
    rows = [
        (name, "photos", int(kept[photos["emotion"] == name].sum()), int(count))
        for name, count in zip(EMOTIONS, counts, strict=True)
    ]
    shares = {name: count / of for name, _, count, of in rows}
    worst, best = min(shares, key=shares.__getitem__), max(shares, key=shares.__getitem__)
    return f"{worst} keeps {shares[worst]:.0%} of its photos, {best} {shares[best]:.0%}", rows


def detectors(photos: pd.DataFrame) -> tuple[str, Rows]:
    """Return on how many photos of each kind each detector finds a face."""
    frontal = photos["faces"] > 0
    kind = photos["note"].replace(CONDITIONS).mask(frontal, "frontal")
    names = ["frontal", "turned", "profile", "tiny", "covered", "other"]
    rows = [
        (
            name,
            detector,
            int((photos.loc[kind == name, detector] > 0).sum()),
            int(sum(kind == name)),
        )
        for name in names
        for detector in detection.DETECTORS
    ]
    missed = {d: sum(of - n for _, series, n, of in rows if series == d) for d in ("yunet", "haar")}
    title = f"YuNet overlooks {missed['yunet']} of {len(photos)} people, Haar {missed['haar']}"
    return title, rows


def labels(data: Dataset) -> tuple[str, Rows]:
    """Return how many images of each label of FER-2013 have it as the most frequent answer."""
    table = second_opinion.agreement(second_opinion.second_opinion(data), data.labels)
    if not len(table):
        raise FileNotFoundError("FER+ was not found: put fer2013new.csv beside FER-2013.")
    same_counts = (table["same"] * table["images"]).round().astype(int)
    rows: Rows = [
        (name, "images", int(same_counts[name]), int(table["images"][name])) for name in EMOTIONS
    ]
    same = sum(row[2] for row in rows) / len(data)
    return f"the search word is people's most frequent answer for {same:.0%}", rows


def copies(data: Dataset) -> tuple[str, Rows]:
    """Return how many images of each split of FER-2013 have an exact copy, and contradict it."""
    groups = duplicates.exact_duplicates(data.images)
    copied = pd.Series(groups).duplicated(keep=False).to_numpy()
    contradicted = duplicates.conflicting_labels(groups, data.labels)
    rows: Rows = []
    for split in SPLITS:
        of = int((data.splits == split).sum())
        for series, has in (
            ("has an exact copy", copied),
            ("a copy has another label", contradicted),
        ):
            rows.append((split, series, int(has[data.splits == split].sum()), of))
    different = int(groups.max()) + 1
    share, wrong = copied.mean(), contradicted.mean()
    title = f"{len(data):,} files hold {different:,} pictures: {share:.0%} have an exact copy, "
    return f"{title}{wrong:.1%} one with another label", rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    default = paths.root().parent / "shared" / "data" / "photos"
    parser.add_argument("--photos", type=Path, default=default, help="the folder of real photos")
    options = parser.parse_args(arguments)
    if not (options.photos / "photos.csv").is_file():
        print(f"There is no photos.csv in {options.photos}: give the folder.", file=sys.stderr)
        return 1
    run = photo_results.run()
    photos = read(options.photos)
    note = f"{len(photos)} photos of muxspace/facial_expressions, {run}"
    photo_results.write("01", "funnel", note, *funnel(photos))
    photo_results.write("01", "losses", note, *losses(photos))
    photo_results.write("01", "detectors", note, *detectors(photos))
    data = course_faces.load("fer2013")
    photo_results.write("01", "labels", f"FER-2013 and the votes of FER+, {run}", *labels(data))
    photo_results.write("01", "copies", f"FER-2013, {run}", *copies(data))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
