"""Measure notebook 02 on all of FER-2013 with FER+, and write the counts to reports/on_real_photos.

    python tools/lesson02_on_photos.py

FER-2013 and FER+ are read from data/raw or FACEVALUE_DATA. Only counts are written, and average
faces of hundreds to thousands of people; no single photo.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import photo_results
from photo_results import Rows

import utils
from facevalue.data.dataset import Dataset
from facevalue.drawing import course_faces
from facevalue.emotions import EMOTIONS
from facevalue.exploration import (
    average_faces,
    duplicates,
    image_faults,
    image_measures,
    second_opinion,
    wrong_labels,
)
from facevalue.exploration.second_opinion import Opinion

PERMUTATIONS = 200
SAMPLE = 2_000
"""Images that are changed to see which copies are recognised."""

BLOCK = 500
"""Images that are compared with all Training images at once."""


def balance(data: Dataset, opinion: Opinion) -> tuple[str, Rows]:
    """Return how many images have each label, and how many each most frequent answer."""
    rows: Rows = []
    for label, name in enumerate(EMOTIONS):
        rows.append((name, "label", int((data.labels == label).sum()), len(data)))
        answered = int((opinion.answers == label).sum())
        rows.append((name, "most frequent answer", answered, len(data)))
    shares = {(name, series): count / of for name, series, count, of in rows}
    labelled, seen = shares["neutral", "label"], shares["neutral", "most frequent answer"]
    return f"{labelled:.0%} are labelled neutral, but people see it in {seen:.0%}", rows


def light(training: Dataset, brightness: np.ndarray) -> tuple[str, Rows]:
    """Return how many images of each emotion are brighter than the median image."""
    bright = brightness > np.median(brightness)
    rows: Rows = []
    for label, name in enumerate(EMOTIONS):
        own = bright[training.labels == label]
        rows.append((name, "brighter than the median image", int(own.sum()), len(own)))
    shares = {name: count / of for name, _, count, of in rows}
    top, bottom = max(shares, key=shares.__getitem__), min(shares, key=shares.__getitem__)
    both = f"{shares[top]:.0%} of {top} and {shares[bottom]:.0%} of {bottom}"
    return f"{both} are brighter than the median image", rows


def copies(data: Dataset, exact: np.ndarray, near: np.ndarray) -> tuple[str, Rows]:
    """Return how many images of each test have a copy among the Training images."""
    tables = {
        "exact copy": duplicates.across_splits(exact, data.splits),
        "exact or near copy": duplicates.across_splits(near, data.splits),
    }
    rows: Rows = [
        (split, series, int(table["Training"].to_dict()[split]), int((data.splits == split).sum()))
        for split in ("PublicTest", "PrivateTest")
        for series, table in tables.items()
    ]
    (_, _, count, of), (_, _, near_ones, _) = rows[2:]
    title = f"{count} of {of:,} PrivateTest images are in Training, {near_ones} with near copies"
    return title, rows


def memory(data: Dataset, exact: np.ndarray) -> tuple[str, Rows]:
    """Return how often the label of the most similar Training image is right."""
    training, test = data.split("Training"), data.split("PrivateTest")
    known, asked = (duplicates.standardise(part.images) for part in (training, test))
    nearest = [
        (asked[start : start + BLOCK] @ known.T).argmax(axis=1)
        for start in range(0, len(asked), BLOCK)
    ]
    right = training.labels[np.concatenate(nearest)] == test.labels
    groups = exact[data.splits == "PrivateTest"]
    copied = np.isin(groups, exact[data.splits == "Training"])
    parts = {"with an exact copy in Training": copied, "without one": ~copied}
    parts["all PrivateTest images"] = np.ones(len(right), bool)
    rows: Rows = [
        (name, "right", int(right[part].sum()), int(part.sum())) for name, part in parts.items()
    ]
    shares = [count / of for _, _, count, of in rows]
    return (
        f"memory alone is right on {shares[0]:.0%} of the copies, {shares[1]:.0%} of the others",
        rows,
    )


def changes(training: Dataset) -> tuple[str, Rows]:
    """Return how many copies the search recognises after each change."""
    some = training.images[:SAMPLE]
    rows: Rows = []
    for change, changed in duplicates.modified_copies(some).items():
        hits = duplicates.are_near_duplicates(some, changed)
        rows.append((change, "recognised", int(hits.sum()), len(some)))
    shares = {name: count / of for name, _, count, of in rows}
    saved, moved = shares["saved as JPEG (quality 50)"], shares["moved by 1 pixel"]
    return f"{saved:.0%} of copies saved again are recognised, {moved:.0%} of moved ones", rows


def faults(data: Dataset, opinion: Opinion, measures: pd.DataFrame) -> tuple[str, Rows]:
    """Return how well the rule for images without a face finds what FER+'s people call so."""
    found = image_faults.find_faults(data, measures, opinion.votes)
    fault = next(fault for fault in found if fault.name == "no face")
    known = np.asarray(fault.known)
    hits = int(known[fault.rows].sum())
    rows: Rows = [
        ("no face, of all images", "share", int(known.sum()), len(data)),
        ("no face, of those that the rule finds", "share", hits, len(fault.rows)),
        ("found, of those without a face", "share", hits, int(known.sum())),
    ]
    return f"of {len(fault.rows):,} images that the rule finds, {hits} show no face", rows


def suspects(data: Dataset, opinion: Opinion, near: np.ndarray) -> tuple[str, Rows]:
    """Return how many suspects the most frequent of ten answers contradicts, too."""
    probabilities = wrong_labels.out_of_fold_probabilities(data.images, data.labels, near)
    found = wrong_labels.suspects(data.labels, probabilities)
    differs = second_opinion.disagrees(opinion, data.labels)
    table = wrong_labels.precision_at_k(found, differs)
    rows: Rows = [
        (name, "labelled differently", round(images * share), int(images))
        for name, images, share in table.itertuples()
    ]
    first, every = table["labelled differently"].iloc[[0, -1]]
    return f"people contradict {first:.0%} of the first 100 suspects, {every:.0%} of all", rows


def people(data: Dataset, opinion: Opinion) -> tuple[str, Rows]:
    """Return the most frequent answers to the images of each label."""
    rows: Rows = []
    for label, name in enumerate(EMOTIONS):
        answers = opinion.answers[data.labels == label]
        other = answers == len(EMOTIONS)  # OTHER is the eighth
        kinds = {
            "the label": answers == label,
            "another": (answers != label) & ~other,
            "unclear": other,
        }
        rows += [(name, kind, int(hits.sum()), len(hits)) for kind, hits in kinds.items()]
    shares = {name: count / of for name, kind, count, of in rows if kind == "the label"}
    top, bottom = max(shares, key=shares.__getitem__), min(shares, key=shares.__getitem__)
    return f"people confirm {shares[top]:.0%} of {top}, {shares[bottom]:.0%} of {bottom}", rows


def answers(data: Dataset, opinion: Opinion) -> tuple[str, Rows]:
    """Return the most frequent answers to images labelled fear, and to those labelled sad."""
    labelled = {name: data.labels == EMOTIONS.index(name) for name in ("fear", "sad")}
    rows: Rows = []
    for answer, name in enumerate([*EMOTIONS, second_opinion.OTHER]):
        for label, own in labelled.items():
            count = int((opinion.answers[own] == answer).sum())
            rows.append((name, f"labelled {label}", count, int(own.sum())))
    fear, sad = (count / of for name, _, count, of in rows if name == "neutral")
    return f"the most frequent answer to {fear:.0%} of fear and {sad:.0%} of sad is neutral", rows


def ceiling(data: Dataset, opinion: Opinion) -> tuple[str, Rows]:
    """Return how well people predict the labels, and one more person's answer."""
    table = second_opinion.upper_bounds(opinion, data)
    rows: Rows = []
    for split, images, majority, one_person in table.itertuples():
        rows.append((split, "the label", round(images * majority), int(images)))
        rows.append((split, "one more person", round(images * one_person), int(images)))
    label, person = (count / of for split, _, count, of in rows if split == "PrivateTest")
    return f"the most frequent answer predicts {label:.0%} of labels, {person:.0%} of answers", rows


def draw_averages(training: Dataset) -> None:
    """Draw the average face of each emotion, as notebook 02 draws those of drawn faces."""
    average = average_faces.averages(training.images, training.labels)
    low, high = np.percentile(average, [0.5, 99.5])
    counts = np.bincount(training.labels)
    titles = [f"{name} ({count:,})" for name, count in zip(EMOTIONS, counts, strict=True)]
    title = "On real photos: the average face of each emotion"
    figure = utils.show_images(
        average, titles, title=title, columns=4, size=1.4, vmin=low, vmax=high
    )
    _save(figure, "averages", f"FER-2013, all {len(training):,} Training images")


def draw_contrasts(training: Dataset) -> None:
    """Draw happy minus each other emotion, as notebook 02 draws those of drawn faces."""
    contrast = average_faces.contrasts(training.images, training.labels, PERMUTATIONS)
    happy = EMOTIONS.index("happy")
    limit = float(np.nanpercentile(np.abs(contrast.difference), 99.5))
    painted = average_faces.overlay(contrast, training.images.mean(axis=0), limit)
    others = [label for label in range(len(EMOTIONS)) if label != happy]
    shares = contrast.share[happy]
    titles = [f"minus {EMOTIONS[k]}: {shares[k]:.0%}" for k in others]
    most = others[int(np.argmax(shares[others]))]
    title = (
        f"On real photos: happy differs most from {EMOTIONS[most]} ({shares[most]:.0%} of pixels)"
    )
    figure = utils.show_images(painted[happy, others], titles, title=title, columns=3)
    figure.set_size_inches(6, 4)
    scale = plt.cm.ScalarMappable(plt.Normalize(-limit, limit), "RdBu_r")
    figure.colorbar(scale, ax=figure.axes, shrink=0.8, label="difference (grey levels)")
    _save(figure, "contrasts", f"FER-2013, all {len(training):,} Training images")
    print(np.round(contrast.share, 2))


def _save(figure: plt.Figure, name: str, note: str) -> None:
    figure.supxlabel(f"{note}, {photo_results.run()}", x=0.01, ha="left", fontsize=7, color="0.35")
    figure.savefig(photo_results.FOLDER / f"02_{name}.png", dpi=100)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="measure these results only, such as copies")
    only = parser.parse_args(arguments).names
    plt.rcParams.update(utils.STYLE)
    data = course_faces.load("fer2013")
    opinion = second_opinion.second_opinion(data)
    if not len(opinion.shares):
        raise FileNotFoundError("FER+ was not found: put fer2013new.csv beside FER-2013.")
    training = data.split("Training")
    exact = duplicates.exact_duplicates(data.images)
    results: dict[str, Callable[[], tuple[str, Rows]]] = {
        "people": lambda: people(data, opinion),
        "answers": lambda: answers(data, opinion),
        "balance": lambda: balance(data, opinion),
        "ceiling": lambda: ceiling(data, opinion),
        "light": lambda: light(training, training.images.mean(axis=(1, 2))),
        "memory": lambda: memory(data, exact),
        "copies": lambda: copies(data, exact, duplicates.near_duplicates(data.images)),
        "changes": lambda: changes(training),
        "wrong_labels": lambda: suspects(data, opinion, duplicates.near_duplicates(data.images)),
        "faults": lambda: faults(data, opinion, image_measures.measure(data.images)),
    }
    drawings = {"averages": draw_averages, "contrasts": draw_contrasts}
    if unknown := set(only) - {*results, *drawings}:
        parser.error(
            f"{sorted(unknown)[0]} is unknown: choose from {', '.join([*results, *drawings])}"
        )
    for name, measure in results.items():
        if not only or name in only:
            both = name in ("people", "answers", "balance", "ceiling", "wrong_labels", "faults")
            source = "FER-2013 and FER+" if both else "FER-2013"
            photo_results.write("02", name, f"{source}, {photo_results.run()}", *measure())
    for name, draw in drawings.items():
        if not only or name in only:
            draw(training)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
