"""Print, and write to reports/detection.md, what the face detectors find and how long they take.

    python tools/bench_detection.py --photos FOLDER    drawn photos and real ones
    python tools/bench_detection.py --only real time   some sections

Each section is written when it is measured; those not measured in this run stay as they are.
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from tqdm import tqdm

from facevalue import emotions, image_files, paths
from facevalue.drawing import faces
from facevalue.emotions import EMOTIONS
from facevalue.evaluation import detection_scenes as scenes
from facevalue.evaluation import detectors, metrics, results
from facevalue.files import write_text
from facevalue.recognition import cropping, detection, haar_detector, yunet
from facevalue.recognition.face import Face
from facevalue.recognition.recogniser import NAMES, Recogniser

REPORT = paths.root() / "reports" / "detection.md"
TITLE = "# What the face detectors find, and how fast"
LOOKED_AT = 49
"""How many boxes on real photos without a frontal face we have looked at."""

EMPTY = 20_000
"""Seed of the first drawn photo of nobody."""

EMPTIES = 100
"""How many of them tell which score a face needs."""

SCENE_OVERLAP = 0.25
"""The overlap with a known square that makes a box a hit, also where the face is turned."""

SMALL = {
    640: (12, 16, 20, 24, 32, 40, 48),
    1280: (12, 16, 20, 24, 32, 40),
    4000: (40, 50, 60, 80, 100),
}
"""Heights of faces, in pixels, in photos of several widths."""

TIMED = (640, 1152, 4000)
"""Widths of the photos whose search is timed: one of a megapixel is 1,152 x 864."""

DRAWN_TIMED = 20
"""How many drawn photos of each width are timed."""

MARGINS = (-0.1, -0.05, 0.0, 0.05, 0.1, 0.15, 0.2)
ROLLS = (0, 15, 30, 45)

SECTIONS = {
    "real": "Real photos",
    "margins": "The margin of the crop",
    "rolls": "Photos that are turned",
    "yaws": "Faces turned to the side",
    "drawn": "Drawn photos",
    "crowds": "Drawn photos of several people",
    "smallest": "The smallest face",
    "time": "Time",
}
"""The name and the title of each section."""

REAL = {"real", "margins", "rolls"}
"""Those that need the real photos."""

DRAWN = {"yaws", "drawn", "crowds", "smallest"}
"""Those of drawn photos."""


def block(prose: str, figures: str) -> str:
    """Return wrapped paragraphs, followed by a table."""
    paragraphs = [textwrap.fill(" ".join(part.split()), 100) for part in prose.split("\n\n")]
    return "\n\n".join([*paragraphs, f"```text\n{figures}\n```"])


def text(table: pd.DataFrame) -> str:
    """Return a table as text, with three digits."""
    return table.to_string(float_format="{:.3f}".format)


def drawn(n: int) -> str:
    """Return what the detectors find in drawn photos, one condition after the other."""
    rows = []
    for name, settings in tqdm(scenes.CONDITIONS.items(), desc="drawn photos"):
        for setting in settings:
            photos = [scenes.scene(seed, **setting) for seed in range(n)]  # type: ignore[arg-type]
            row: dict[str, object] = {"condition": name, "value": setting[name]}
            for detector in detection.DETECTORS:
                hits, false = hits_and_false(photos, detector)
                row |= {detector: hits / n, f"{detector}, false": false}
            rows.append(row)
    empty = [faces.photo(EMPTY + seed, 0) for seed in range(n)]
    none: dict[str, object] = {"condition": "nobody", "value": ""}
    for detector in detection.DETECTORS:
        none |= {detector: float("nan"), f"{detector}, false": hits_and_false(empty, detector)[1]}
    table = pd.DataFrame([*rows, none]).set_index(["condition", "value"])
    prose = f"""Share of faces found, and false boxes, in {n} drawn photos of 640 x 480 pixels for
        each row, one person in each (`detection_scenes.scene`, seeds from 0: the same people and
        places in each row). The face is 120 pixels high but in the rows on size, looks at the
        camera but in those on yaw, and so on. Light is the share that reaches the camera, or hard
        light from one side; skin goes from 0, dark, to 1, fair. A face is found if a box of its
        own overlaps it by {SCENE_OVERLAP} or more (intersection over union: a turned face leaves
        the square that is known); every other box is false. The last row has no person at all."""
    return block(prose, text(table))


def hits_and_false(photos: Sequence[faces.Photo], detector: str, **how: int) -> tuple[int, int]:
    """Return how many of the drawn faces are found, and how many boxes are no face."""
    hits = false = 0
    for photo in photos:
        boxes = [face.box for face in detection.find_faces(photo.image, detector, **how)]
        found = detectors.matched(boxes, photo.boxes, SCENE_OVERLAP)
        hits, false = hits + found, false + len(boxes) - found
    return hits, false


def crowds(n: int) -> str:
    """Return what the detectors find in photos of 0 to 3 people."""
    photos = [faces.photo(seed, seed % 4) for seed in tqdm(range(n), desc="drawing photos")]
    table = detectors.compare(photos).round(0).astype(int)
    people = sum(len(photo.boxes) for photo in photos)
    prose = f"""{people} faces of 100 to 280 pixels in {n} photos (`faces.photo`, seeds from 0), a
        quarter of them without anybody. A face is found if a box of its own overlaps it by 0.4 or
        more; every other box is false."""
    return block(prose, table.to_string())


def smallest(n: int) -> str:
    """Return how small a face may be in photos of several sizes."""
    rows = []
    for width, sizes in tqdm(SMALL.items(), desc="small faces"):
        for size in sizes:
            row: dict[str, object] = {
                "photo": f"{width} x {width * 3 // 4}",
                "face": size,
                "share of the width": size / width,
            }
            photos = [
                scenes.scene(seed, size=size, width=width, height=width * 3 // 4)
                for seed in range(n)
            ]
            for detector in detection.DETECTORS:
                if detector == "yunet" or width <= 1280:
                    row[detector] = hits_and_false(photos, detector, min_face=1)[0] / n
            rows.append(row)
    table = pd.DataFrame(rows).set_index(["photo", "face"])
    prose = f"""Share of faces found by their height in pixels, in {n} drawn photos for each row,
        one person in each, `min_face=1`. Photos of up to 640 pixels get one look; larger ones of
        up to 1,280 a second one at their own size where the first finds nothing, as here; still
        larger ones always one at 1,280. Haar searches for faces of
        {haar_detector.MIN_FACE} pixels or more."""
    return block(prose, text(table))


def read_real(folder: Path) -> tuple[pd.DataFrame, list[np.ndarray]]:
    """Return what was noted on the real photos, and the photos."""
    seen = pd.read_csv(paths.root() / "data" / "reference" / "photos_seen.csv")
    labels = pd.read_csv(folder / "photos.csv").set_index("file")["emotion"]
    seen["label"] = [emotions.number(labels[name]) for name in seen["file"]]
    seen["half"] = np.where(np.arange(len(seen)) % 2 == 0, "A", "B")  # odd rows first
    names = tqdm(seen["file"], desc="reading photos")
    return seen, [image_files.read_photo(folder / name) for name in names]


def real(seen: pd.DataFrame, images: Sequence[np.ndarray]) -> str:
    """Return what the detectors find in real photos, compared with what an AI model saw in them."""
    there = (seen["faces"] > 0).to_numpy()
    ways: dict[str, Callable[[np.ndarray], list[Face]]] = {
        "yunet": partial(detection.find_faces, detector="yunet"),
        "yunet, one look at 320": partial(detection.find_faces, side=320),
        "yunet, photos at 15 % of the light": lambda image: detection.find_faces(darker(image)),
        "yunet, photos enlarged to 1,000": lambda image: detection.find_faces(enlarged(image)),
        "haar": partial(detection.find_faces, detector="haar"),
        "haar, no border": partial(haar_detector.find_faces, border=0),
    }
    rows = []
    for name, way in ways.items():
        found = [way(image) for image in tqdm(images, desc=name, leave=False)]
        counts = np.array([len(some) for some in found])
        row: dict[str, object] = {"detector": name}
        for half in "AB":
            rows_of = there & (seen["half"] == half).to_numpy()
            row |= {f"found, {half}": f"{(counts[rows_of] > 0).sum()} of {rows_of.sum()}"}
        row["interval, B"] = interval(counts[there & (seen["half"] == "B").to_numpy()] > 0)
        row["boxes too many"] = int((counts - seen["faces"])[there].clip(lower=0).sum())
        row["other photos"] = f"{(counts[~there] > 0).sum()} of {(~there).sum()}"
        rows.append(row)
        if name == "yunet":
            seen_there = looked_at(int(counts[~there].sum()))
    table = pd.DataFrame(rows).set_index("detector")
    scores = {
        least: sum(
            any(face[4] >= least for face in yunet.search(picture, 0.1)) for picture in empties()
        )
        for least in (0.3, 0.4, 0.5, 0.6, 0.7)
    }
    notes = seen.loc[~there, "note"].value_counts()
    reasons = ", ".join(f"{number} {note}" for note, number in notes.items())
    prose = f"""{len(seen)} photos of muxspace/facial_expressions, 33 to 536 pixels wide, most of
        them close-ups. One of us looked at each, before any detector ran on them, and wrote down
        how many frontal faces of 40 pixels or more it shows (data/reference/photos_seen.csv): one
        in {there.sum()} photos, none in {(~there).sum()}. Half A is the odd rows of photos.csv,
        half B the even ones. Settings were chosen on A and on drawn photos, and B is the half to
        quote: the interval is Wilson's, 95 %. Haar's border was chosen, long ago, on both.\n
        "boxes too many" counts the boxes beyond the faces that were seen, in both halves, "other
        photos" those of the {(~there).sum()} with a box; they show a person too, but not from the
        front: {reasons}.\n
        The score that a face needs is {yunet.MIN_SCORE}. Of {EMPTIES} drawn photos of nobody, so
        many have a box with at least a score: {", ".join(f"{k}: {v}" for k, v in scores.items())}.
        """
    return block(prose, text(table)) + "\n\n" + seen_there


def looked_at(boxes: int) -> str:
    """Return what we saw in the boxes on photos without a frontal face."""
    if boxes != LOOKED_AT:
        return f"There are {boxes} boxes on the other photos now: look at them one by one again."
    prose = f"""YuNet's {LOOKED_AT} boxes on the other photos were looked at one by one on
        2026-11-28: each holds a face, in profile, turned, bowed, blurred, covered or tiny, and
        none holds anything else. The five photos without a box show the back of a head with a
        lost profile (photo_0064) and four faces of under 40 pixels, dark and blurred (photo_0089,
        0092, 0104, 0111)."""
    return textwrap.fill(" ".join(prose.split()), 100)


def empties() -> Iterator[np.ndarray]:
    """Yield drawn photos of nobody, BGR."""
    for seed in range(EMPTIES):
        yield np.ascontiguousarray(faces.photo(EMPTY + seed, 0).image[..., ::-1])


def darker(image: np.ndarray) -> np.ndarray:
    """Return a photo as with 15 % of the light."""
    return (image * 0.15).astype(np.uint8)


def enlarged(image: np.ndarray, side: int = 1000) -> np.ndarray:
    """Return a photo whose longest side is `side`."""
    scale = side / max(image.shape[:2])
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)


def interval(hits: np.ndarray) -> str:
    """Return the 95 % interval of a share (Wilson)."""
    low, high = metrics.confidence_interval(hits.sum(), len(hits))
    return f"{low:.3f} to {high:.3f}"


def speed(real_photos: Sequence[np.ndarray], rounds: int = 5) -> str:
    """Return the time of one photo, with one thread and with two."""
    rows = []
    timed_photos = {
        f"drawn, {width} x {width * 3 // 4}": [
            scenes.scene(n, width=width, height=width * 3 // 4).image for n in range(DRAWN_TIMED)
        ]
        for width in TIMED
    }
    if len(real_photos):
        timed_photos["real"] = [photo for photo in real_photos if max(photo.shape) <= 640]
    for name, photos in timed_photos.items():
        row: dict[str, object] = {"photo": name}
        for threads in (1, 2):
            cv2.setNumThreads(threads)
            if max(photos[0].shape) <= 1280:
                row[f"haar, {threads}"] = timed(1, photos, "haar")
            row[f"yunet, {threads}"] = timed(rounds, photos, "yunet")
            row[f"yunet at 320, {threads}"] = timed(rounds, photos, "yunet", side=320)
        row["yunet, two processes"] = in_two_processes(rounds, photos)
        rows.append(row)
    table = pd.DataFrame(rows).set_index("photo")
    prose = f"""Milliseconds of `find_faces` for a photo, with one thread and with two: the fastest
        of {rounds} rounds (of Haar, one). Drawn: the mean of {DRAWN_TIMED} photos of one person,
        120 pixels high; real: of the photos whose longest side is at most 640 pixels. "at 320" is
        the one look of a video frame. The last column is half the time of a photo in each of two
        processes with a thread each, as a folder is scored on two cores. Reading the file is not
        in it."""
    return block(prose, table.to_string(float_format="{:.1f}".format))


def timed(rounds: int, photos: Sequence[np.ndarray], detector: str, **how: int) -> float:
    """Return the milliseconds that one photo takes, in the fastest of some rounds."""
    detection.find_faces(photos[0], detector, **how)
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        for photo in photos:
            detection.find_faces(photo, detector, **how)
        times.append(time.perf_counter() - start)
    return 1000 * min(times) / len(photos)


def in_two_processes(rounds: int, photos: Sequence[np.ndarray]) -> float:
    """Return the milliseconds that one photo takes when two processes search at the same time."""
    spawn = multiprocessing.get_context("spawn")  # a fork would lose ONNX Runtime's threads
    with ProcessPoolExecutor(2, spawn, cv2.setNumThreads, (1,)) as pool:
        work = partial(timed, rounds, photos, "yunet")
        list(pool.map(_called, [work] * 2))  # both processes have started
        return max(pool.map(_called, [work] * 2)) / 2


def _called(work: Callable[[], float]) -> float:
    return work()


Labelled = tuple[np.ndarray, Face, int]
"""A photo, the largest face that was found in it, and its label."""


def accuracy(model: Recogniser, found: Sequence[Labelled], **how: float) -> np.ndarray:
    """Return for each face whether the model names its emotion."""
    crops = [image_files.to_grey(cropping.crop(image, face, **how)) for image, face, _ in found]  # type: ignore[arg-type]
    labels = np.array([label for _, _, label in found])
    hits: np.ndarray = model.probabilities(np.stack(crops)).argmax(axis=1) == labels
    return hits


def largest(images: Iterable[np.ndarray], labels: Iterable[int]) -> list[Labelled]:
    """Return the largest face of each photo that has one."""
    pairs = zip(images, labels, strict=True)
    return [(im, face, label) for im, label in pairs for face in detection.find_faces(im)[:1]]


def margins(seen: pd.DataFrame, images: Sequence[np.ndarray], models: list[Recogniser]) -> str:
    """Return the accuracy by the margin of the crop, and the margin chosen on half A."""
    parts = {
        half: largest(
            [images[int(k)] for k in np.flatnonzero(seen["half"] == half)],
            seen.loc[seen["half"] == half, "label"],
        )
        for half in "AB"
    }
    rows = []
    for margin in MARGINS:
        row: dict[str, object] = {"margin": margin}
        for half, found in parts.items():
            hits = [accuracy(model, found, margin=margin) for model in models]
            row |= {f"{m.name}, {half}": h.mean() for m, h in zip(models, hits, strict=True)}
            row[f"mean, {half}"] = np.mean(hits)
            if half == "B":
                row["interval, accurate, B"] = interval(hits[0])
        rows.append(row)
    table = pd.DataFrame(rows).set_index("margin")
    best = table["mean, A"].idxmax()
    prose = f"""Accuracy on the real photos with a face ({len(parts["A"])} in half A,
        {len(parts["B"])} in half B; labels by students) by what is added on each side of YuNet's
        box, as a fraction of its longer side. On half A {best:g} is best;
        `cropping.MARGIN` is {cropping.MARGIN:g}. The interval is Wilson's, 95 %: the margins
        between -0.05 and 0.05 do not differ beyond it."""
    return block(prose, text(table))


def rolls(seen: pd.DataFrame, images: Sequence[np.ndarray], models: list[Recogniser]) -> str:
    """Return the accuracy on photos that are turned, with and without turning the crop."""
    rows = seen.index[seen["half"] == "B"]
    table_rows = []
    for degrees in ROLLS:
        signs = np.where(np.arange(len(rows)) % 2, 1, -1)
        turned = [rolled(images[k], s * degrees) for k, s in zip(rows, signs, strict=True)]
        found = largest(turned, seen.loc[rows, "label"])
        flat = [(image, replace(face, landmarks=None), label) for image, face, label in found]
        leans = [abs(face.roll) for _, face, _ in found]
        row: dict[str, object] = {
            "roll": degrees,
            "found": f"{len(found)} of {len(rows)}",
            "haar found": sum(bool(haar_detector.find_faces(image)) for image in turned),
            "lean by the eyes": float(np.median(leans)),
        }
        for model in models:
            row[f"{model.name}, upright"] = accuracy(model, found).mean()
            row[f"{model.name}, as it is"] = accuracy(model, flat).mean()
        table_rows.append(row)
    table = pd.DataFrame(table_rows).set_index("roll")
    prose = f"""Accuracy on half B's real photos, turned by so many degrees, every other one to the
        left, with the crop turned upright by the eyes and without. The largest face of each photo;
        the number found is of {len(rows)} photos, of which {(seen.loc[rows, "faces"] > 0).sum()}
        show a frontal face. "lean by the eyes" is the median."""
    return block(prose, text(table))


def rolled(image: np.ndarray, degrees: float) -> np.ndarray:
    """Return a photo turned by an angle, whole, on a larger canvas."""
    if not degrees:
        return image
    height, width = image.shape[:2]
    side = int(np.ceil(np.hypot(height, width)))
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    matrix[:, 2] += (side - width) / 2, (side - height) / 2
    return cv2.warpAffine(image, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)


def yaws(models: list[Recogniser], n: int) -> str:
    """Return the accuracy on drawn faces that are turned to the side."""
    rows = []
    for degrees in (0, 20, 40, 60):
        photos = [scenes.scene(seed, size=200, yaw=degrees) for seed in range(n)]
        labels = [EMOTIONS.index(photo.emotions[0]) for photo in photos]
        found = largest([photo.image for photo in photos], labels)
        row: dict[str, object] = {"yaw": degrees, "found": f"{len(found)} of {n}"}
        row |= {model.name: accuracy(model, found).mean() for model in models}
        rows.append(row)
    prose = f"""Accuracy on {n} drawn photos (`detection_scenes.scene`, seeds from 0) of a person
        whose face is 200 pixels high and turned to the side. The models were trained on photos of
        real faces, so that the level says less than its fall."""
    return block(prose, text(pd.DataFrame(rows).set_index("yaw")))


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
    parser.add_argument("--drawn", type=int, default=40, help="drawn photos of each kind")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, help="measure these sections alone")
    options = parser.parse_args()
    chosen = options.only or list(SECTIONS)
    if not options.photos.is_dir():
        print(f"The real photos are skipped: there is no folder {options.photos}.", file=sys.stderr)
        chosen = [name for name in chosen if name not in REAL]
    n = options.drawn
    models = [Recogniser(name) for name in NAMES]
    wanted = options.photos.is_dir() and {*REAL, "time"} & set(chosen)
    seen, images = read_real(options.photos) if wanted else (pd.DataFrame(), [])
    measures = {
        "real": lambda: real(seen, images),
        "margins": lambda: margins(seen, images, models),
        "rolls": lambda: rolls(seen, images, models),
        "yaws": lambda: yaws(models, 2 * n),
        "drawn": lambda: drawn(n),
        "crowds": lambda: crowds(2 * n),
        "smallest": lambda: smallest(n // 2),
        "time": lambda: speed(images),
    }
    for name in chosen:
        cv2.setNumThreads(cv2.getNumberOfCPUs())
        measured = measures[name]()
        used = f"--only {name}" + f" --drawn {n}" * (name in DRAWN)
        source = f"Printed on {date.today()} by `python tools/bench_detection.py {used}`"
        body = f"{source}\n({results.machine()}, OpenCV {cv2.__version__}).\n\n{measured}"
        print(f"\n{SECTIONS[name]}\n\n{body}", flush=True)
        report = REPORT.read_text("utf-8") if REPORT.is_file() else f"{TITLE}\n"
        write_text(REPORT, update(report, SECTIONS[name], body))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\nStopped: the sections measured so far are in the report.")
