"""What is wrong with a set of face images: copies, odd pictures, doubtful labels.

Each search is one stated rule, simple enough to explain in a sentence, and says what it cannot
see. Where something is known (drawn faces) or ten people voted (FER+), it is checked against that.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import eigsh
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sqlalchemy import make_url
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from facevalue import database, ferplus, paths
from facevalue.dataset import SIZE, SPLITS, Dataset
from facevalue.emotions import EMOTIONS
from facevalue.images import perceptual_hash

BITS = 6
"""Most bits of 64 in which the perceptual hashes of near copies differ."""

CORRELATION = 0.95
"""The pixels of near copies correlate by more than this."""

AT_ONCE = 1_000
"""Rows of a large comparison that are held in memory together."""

VOTES_FILE = "fer2013new.csv"

# ---------------------------------------------------------------------------------- copies


def exact_copies(images: np.ndarray) -> np.ndarray:
    """Number the images so that equal ones, pixel by pixel, have the same number.

    Cannot see: copies that were saved again, cut, mirrored or made brighter.

    Args:
        images: uint8, shape (n, 48, 48).

    Returns:
        int64, shape (n,), numbered from 0 in the order of first appearance.
    """
    return pd.factorize(np.array([image.tobytes() for image in images], dtype=object))[0]


def alike(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return whether image i of `first` and image i of `second` are near copies.

    They are if their perceptual hashes differ in `BITS` bits of 64 at most and their pixels
    correlate by more than `CORRELATION`. Blank images are like no other.

    Args:
        first: uint8, shape (n, 48, 48).
        second: uint8, shape (n, 48, 48).

    Returns:
        bool, shape (n,).
    """
    distance = (perceptual_hash(first) != perceptual_hash(second)).sum(axis=1)
    correlation = (_standardised(first) * _standardised(second)).sum(axis=1)
    return (distance <= BITS) & (correlation > CORRELATION)


def near_pairs(images: np.ndarray) -> np.ndarray:
    """Return all pairs of near copies, exact ones included; the rule is that of `alike`.

    Cannot see: mirrored or cut copies. Can mistake two photos of one scene for copies.

    Args:
        images: uint8, shape (n, 48, 48).

    Returns:
        int64, shape (k, 2): rows of `images`, the smaller first. Blank images are in no pair.
    """
    # the product of two hashes of +1 and -1 is 64 minus twice the number of bits that differ
    signs = np.where(perceptual_hash(images), np.float32(1), np.float32(-1))
    pixels = _standardised(images)
    pairs = [np.zeros((0, 2), "int64")]
    starts = range(0, len(images), AT_ONCE)
    show = len(images) > 10_000 and sys.stderr.isatty()
    for start in tqdm(starts, desc="comparing hashes", disable=not show):
        close = signs[start : start + AT_ONCE] @ signs[start:].T >= 64 - 2 * BITS
        rows, columns = np.nonzero(np.triu(close, 1))
        for k in range(0, len(rows), AT_ONCE):
            a, b = rows[k : k + AT_ONCE] + start, columns[k : k + AT_ONCE] + start
            kept = (pixels[a] * pixels[b]).sum(axis=1) > CORRELATION
            pairs.append(np.column_stack([a[kept], b[kept]]))
    return np.concatenate(pairs)


def near_copies(images: np.ndarray) -> np.ndarray:
    """Number the images so that near copies, and near copies of these, have the same number.

    Returns:
        int64, shape (n,), numbered from 0 in the order of first appearance. Blank images that
        are equal count as copies here, too.
    """
    groups = exact_copies(images)
    pairs = np.concatenate([near_pairs(images), _chained(groups)])
    ones = np.ones(len(pairs), bool)
    graph = coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(len(images), len(images)))
    return pd.factorize(connected_components(graph, directed=False)[1])[0]


def _chained(groups: np.ndarray) -> np.ndarray:
    """Return pairs that join each member of a group to the next one."""
    order = np.argsort(groups, kind="stable")
    same = groups[order[1:]] == groups[order[:-1]]
    return np.column_stack([order[:-1][same], order[1:][same]])


def _standardised(images: np.ndarray) -> np.ndarray:
    """Return the pixels of each image with mean 0 and length 1 (blank: 0), shape (n, 2304)."""
    pixels = images.reshape(len(images), SIZE * SIZE).astype("float32")
    pixels -= pixels.mean(axis=1, keepdims=True)
    length = np.linalg.norm(pixels, axis=1, keepdims=True)
    # rounding leaves a little even where every pixel is the same
    flat = np.ptp(images.reshape(len(images), SIZE * SIZE), axis=1)[:, None] == 0
    return np.where(flat, np.float32(0), pixels / np.maximum(length, 1e-6))


def repeats(groups: np.ndarray) -> np.ndarray:
    """Return whether an image has a copy before it: dropping these leaves one of each.

    Args:
        groups: int, shape (n,), from `exact_copies` or `near_copies`.

    Returns:
        bool, shape (n,).
    """
    return pd.Series(groups).duplicated().to_numpy()


def across_splits(groups: np.ndarray, splits: np.ndarray) -> pd.DataFrame:
    """Return how many images of each split (row) have a copy in each split (column).

    The diagonal counts images that have another copy in their own split.

    Args:
        groups: int, shape (n,), from `exact_copies` or `near_copies`.
        splits: str, shape (n,).
    """
    table = pd.DataFrame(0, index=list(SPLITS), columns=list(SPLITS))
    for row in SPLITS:
        mine = groups[splits == row]
        for column in SPLITS:
            if row == column:
                shared = pd.Series(mine).duplicated(keep=False)
            else:
                shared = pd.Series(np.isin(mine, groups[splits == column]))
            table.loc[row, column] = int(shared.sum())
    return table


def conflicting(groups: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return whether an image has a copy with another label: one of the labels must be wrong.

    Args:
        groups: int, shape (n,), from `exact_copies` or `near_copies`.
        labels: int, shape (n,).

    Returns:
        bool, shape (n,).
    """
    return (pd.Series(labels).groupby(groups).transform("nunique") > 1).to_numpy()


def label_agreement(groups: np.ndarray, labels: np.ndarray) -> tuple[int, int]:
    """Return in how many pairs of copies the labels agree, and how many pairs there are."""
    table = pd.crosstab(groups, labels).to_numpy()
    pairs = table.sum(axis=1)
    return int((table * (table - 1)).sum() // 2), int((pairs * (pairs - 1)).sum() // 2)


def altered(images: np.ndarray) -> dict[str, np.ndarray]:
    """Return what happens to pictures on the web, to see which copies are still recognised.

    Args:
        images: uint8, shape (n, 48, 48).

    Returns:
        the images, uint8, same shape, after each change.
    """

    def jpeg(image: np.ndarray) -> np.ndarray:
        code = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 50])[1]
        return np.asarray(cv2.imdecode(code, cv2.IMREAD_GRAYSCALE))

    def small(image: np.ndarray) -> np.ndarray:
        half = cv2.resize(image, (SIZE // 2, SIZE // 2), interpolation=cv2.INTER_AREA)
        return cv2.resize(half, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)

    return {
        "saved as JPEG (quality 50)": np.stack([jpeg(image) for image in images]),
        "20 grey levels brighter": np.clip(images.astype("int16") + 20, 0, 255).astype("uint8"),
        "halved and enlarged again": np.stack([small(image) for image in images]),
        "moved by 1 pixel": np.roll(images, 1, axis=2),
        "moved by 3 pixels": np.roll(images, 3, axis=2),
        "mirrored": images[:, :, ::-1],
    }


# ------------------------------------------------------------------------------- measures


def measures(images: np.ndarray) -> pd.DataFrame:
    """Return what can be measured in each image without knowing what a face is.

    Args:
        images: uint8, shape (n, 48, 48).

    Returns:
        One row per image:
        brightness: mean grey level. Cannot tell a dark room from dark skin.
        contrast: standard deviation of the grey levels. A bright background raises it.
        sharpness: variance of the Laplacian. Noise raises it like detail does.
        side_light: difference of brightness between left and right half. A turned head raises
        it, or a background of two colours.
        symmetry: correlation of the edges with those of the mirrored image, -1 to 1. Low where
        the head is turned or tilted, off centre, or something covers one side.
        flatness: share of neighbouring pixels with the same grey level. High in line drawings
        and placeholders, but also in photos with black or white areas.
        strangeness: share of the image's variance that the ten main components of this set
        (Turk and Pentland's eigenfaces, 1991) cannot make. High in what is no face, in covered
        and tilted ones; a strange face that is frequent in the set is not strange to it.
    """
    parts = range(0, max(len(images), 1), AT_ONCE)
    local = pd.concat([_local_measures(images[k : k + AT_ONCE]) for k in parts])
    return local.reset_index(drop=True).assign(strangeness=_strangeness(images))


def _local_measures(images: np.ndarray) -> pd.DataFrame:
    pixels = images.astype("float32")
    half = SIZE // 2
    left, right = pixels[:, :, :half].mean(axis=(1, 2)), pixels[:, :, half:].mean(axis=(1, 2))
    across = (np.diff(images, axis=2) == 0).mean(axis=(1, 2))
    down = (np.diff(images, axis=1) == 0).mean(axis=(1, 2))
    sharpness = [cv2.Laplacian(image, cv2.CV_32F).var() for image in images]
    edges = np.hypot(*np.gradient(pixels, axis=(1, 2)))
    edges = ndimage.gaussian_filter(edges, (0, 1.5, 1.5))
    edges -= edges.mean(axis=(1, 2), keepdims=True)
    total = np.maximum((edges**2).sum(axis=(1, 2)), 1)
    columns = {
        "brightness": pixels.mean(axis=(1, 2)),
        "contrast": pixels.std(axis=(1, 2)),
        "sharpness": np.array(sharpness, "float32"),
        "side_light": np.abs(left - right),
        "symmetry": (edges * edges[:, :, ::-1]).sum(axis=(1, 2)) / total,
        "flatness": (across + down) / 2,
    }
    return pd.DataFrame(columns)


def _strangeness(images: np.ndarray, components: int = 10) -> np.ndarray:
    if len(images) <= components:
        return np.zeros(len(images))
    pixels = _standardised(images) * SIZE
    pixels -= pixels.mean(axis=0)
    start = np.ones(SIZE * SIZE)  # the same on every machine
    _, faces = eigsh((pixels.T @ pixels).astype("float64"), k=components, v0=start)
    faces = faces.astype("float32")
    return np.square(pixels - (pixels @ faces) @ faces.T).mean(axis=1)


@dataclass(frozen=True, eq=False)
class Problem:
    """Images that have one thing wrong with them.

    Attributes:
        name: what is wrong.
        rows: int, shape (k,), where they are, the clearest first.
        basis: "measure", "truth" or "votes": how they were found.
        rule: the measure's rule, in words.
        unseen: what the rule cannot see, or takes for something else.
        precision: of the rule's images, the share that really are so; NaN where nobody knows.
        recall: of those that really are so, the share that the rule finds; NaN likewise.
    """

    name: str
    rows: np.ndarray
    basis: str
    rule: str
    unseen: str
    precision: float = float("nan")
    recall: float = float("nan")


# name, column of `measures`, sign (1: large is wrong), limit (None: the whisker of the box plot,
# 1.5 times the middle half's range beyond it), what it cannot see
_RULES: tuple[tuple[str, str, int, float | None, str], ...] = (
    ("no face", "strangeness", 1, None, "dolls, cats; takes tilted and cut faces"),
    ("covered", "strangeness", 1, None, "a small hand, glasses; takes tilted faces"),
    ("drawing", "flatness", 1, 0.3, "shaded drawings; takes signs, black areas"),
    ("too dark", "brightness", -1, 40, "hard shadows; takes dark skin"),
    ("too bright", "brightness", 1, 200, "glare; takes white backgrounds"),
    ("low contrast", "contrast", -1, 22, "a flat face before a varied background"),
    ("lit from a side", "side_light", 1, None, "light from below; takes turned heads"),
    ("turned", "symmetry", -1, -0.2, "nodding, small angles; takes hands, hair"),
)


def problems(
    data: Dataset, votes: pd.DataFrame | None = None, table: pd.DataFrame | None = None
) -> list[Problem]:
    """Return the images with something wrong in the picture, one entry for each kind of fault.

    Where it is known which images have the fault, from the truth of drawn faces or the FER+
    votes, these are returned, and precision and recall say how well the rule would have done.

    Args:
        data: any data set.
        votes: FER+ votes for its images in its order, from `ferplus.votes`, if there are any.
        table: what `measures` returned for these images, where it has been computed.
    """
    table = measures(data.images) if table is None else table
    rows = np.flatnonzero(np.ptp(data.images.reshape(len(data), SIZE * SIZE), axis=1) == 0)
    found = [Problem("blank", rows, "measure", "all pixels equal", "one pixel of another grey")]
    known = _known(data, votes)
    for name, column, sign, limit, unseen in _RULES:
        values = sign * table[column].to_numpy()
        bound = _whisker(np.delete(values, rows)) if limit is None else sign * limit
        hits = values > bound
        hits[rows] = False
        order = np.argsort(-values, kind="stable")
        rule = f"{column.replace('_', ' ')} {'over' if sign > 0 else 'under'} {sign * bound:.3g}"
        basis, scores = "measure", {"precision": float("nan"), "recall": float("nan")}
        if name in known:
            basis, really = known[name]
            scores = {k: float(v) for k, v in score(hits, really).items() if k in scores}
            hits = really
        found.append(Problem(name, order[hits[order]], basis, rule, unseen, **scores))
    return found


def _whisker(values: np.ndarray) -> float:
    if not len(values):
        return float("inf")
    low, high = np.quantile(values, [0.25, 0.75])
    return float(high + 1.5 * (high - low))


def copy_problems(data: Dataset, exact: np.ndarray, near: np.ndarray) -> list[Problem]:
    """Return the images that have copies, one entry for each kind; copies stand side by side.

    Args:
        data: any data set.
        exact: from `exact_copies`.
        near: from `near_copies`.
    """
    blank = np.ptp(data.images.reshape(len(data), SIZE * SIZE), axis=1) == 0
    twice = pd.Series(exact).duplicated(keep=False).to_numpy()
    # groups of near copies that hold more than one group of exact copies
    several = pd.Series(exact).groupby(near).transform("nunique").to_numpy() > 1
    training = data.splits == "Training"
    leaked = np.isin(exact, exact[training]) & np.isin(exact, exact[~training])
    changed, similar = "copies that were changed", "takes two photos of one scene"
    kinds = (
        ("exact copies", twice, exact, "all pixels equal", changed),
        ("near copies", several, near, f"hash within {BITS} bits of 64, r over {CORRELATION}",
         f"moved, mirrored; {similar}"),
        ("training and test", leaked, exact, "exact copies in both", changed),
        ("two labels", conflicting(exact, data.labels), exact, "exact copies, labels differ",
         "copies with the same wrong label"),
    )  # fmt: skip
    found = []
    for name, hits, groups, rule, unseen in kinds:
        # blank images come last: they are copies, but show nothing
        order = np.lexsort((np.arange(len(data)), groups, blank))
        found.append(Problem(name, order[hits[order]], "measure", rule, unseen))
    return found


def _known(data: Dataset, votes: pd.DataFrame | None) -> dict[str, tuple[str, np.ndarray]]:
    known: dict[str, tuple[str, np.ndarray]] = {}
    if data.truth is not None and {"occlusion", "yaw", "roll"} <= set(data.truth):
        truth = data.truth
        known["no face"] = ("truth", np.zeros(len(data), bool))
        known["covered"] = ("truth", truth["occlusion"].ne("none").to_numpy())
        turned = (truth["yaw"].abs() > 15) | (truth["roll"].abs() > 10)
        known["turned"] = ("truth", turned.to_numpy())
        side = (truth["light_x"].abs() > 1) & (truth["hardness"] > 0.5)
        known["lit from a side"] = ("truth", side.to_numpy())
    elif votes is not None:
        known["no face"] = ("votes", (votes["NF"] >= 5).to_numpy())
    return known


def problem_table(found: list[Problem]) -> pd.DataFrame:
    """Return one row per kind of fault: how many, how found, and how good the rule is."""
    columns = ["images", "basis", "rule", "precision", "recall", "unseen"]
    rows = {p.name: [len(p.rows), p.basis, p.rule, p.precision, p.recall, p.unseen] for p in found}
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def score(found: np.ndarray, planted: np.ndarray | None) -> pd.Series:
    """Return found, planted, precision and recall of a search; NaN where they are not known.

    Args:
        found: bool, shape (n,), what the search found.
        planted: bool, shape (n,), what is there; None where nobody knows.
    """
    result = pd.Series({"found": float(found.sum()), "planted": np.nan})
    result["precision"] = result["recall"] = np.nan
    if planted is not None:
        hits, there = float((found & planted).sum()), float(planted.sum())
        result["planted"] = there
        result["precision"] = hits / found.sum() if found.any() else np.nan
        result["recall"] = hits / there if there else np.nan
    return result


def scores(data: Dataset, searches: Mapping[str, tuple[np.ndarray, str]]) -> pd.DataFrame:
    """Compare searches with what was planted in drawn faces; photos get NaN, since nobody knows.

    Args:
        data: any data set.
        searches: by name: what was found (bool, shape (n,)) and what was looked for, "copies" or
            "wrong labels".

    Returns:
        One row per search: found, planted, precision and recall.
    """
    planted: dict[str, np.ndarray] = {}
    if data.truth is not None:
        planted["copies"] = (data.truth["duplicate_of"] >= 0).to_numpy()
        planted["wrong labels"] = data.truth["clean_label"].to_numpy() != data.labels
    rows = {name: score(found, planted.get(what)) for name, (found, what) in searches.items()}
    return pd.DataFrame(rows).T


# ---------------------------------------------------------------------------- wrong labels


def hog(images: np.ndarray, cell: int = 8, step: int = 8) -> np.ndarray:
    """Return histograms of oriented gradients: which way the edges run, place by place.

    Args:
        images: uint8, shape (n, 48, 48).
        cell: width and height of a cell in pixels; a block has 2 x 2 of them.
        step: pixels from one block to the next.

    Returns:
        float32, shape (n, d): with the defaults, d is 900.
    Source: Dalal and Triggs (2005), https://doi.org/10.1109/CVPR.2005.177
    """
    descriptor = cv2.HOGDescriptor((SIZE, SIZE), (2 * cell,) * 2, (step,) * 2, (cell,) * 2, 9)
    rows = [np.ravel(descriptor.compute(np.ascontiguousarray(image))) for image in images]
    return np.array(rows, "float32").reshape(len(images), descriptor.getDescriptorSize())


def out_of_fold(
    images: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    folds: int = 5,
    model: Callable[[], LinearDiscriminantAnalysis] | None = None,
) -> np.ndarray:
    """Return how probable each emotion is, by models that saw neither the image nor its copies.

    Args:
        images: uint8, shape (n, 48, 48).
        labels: int, shape (n,).
        groups: int, shape (n,): images with the same number stay in the same fold.
        folds: how many parts; each is predicted by a model of the others.
        model: makes a classifier of scikit-learn for `hog` features; by default a linear
            discriminant analysis, which takes seconds.

    Returns:
        float64, shape (n, 7). An emotion that no training image has gets probability 0.

    Raises:
        ValueError: there are fewer groups than folds, or one emotion only.
    """
    numbers, member = np.unique(groups, return_inverse=True)
    if len(numbers) < folds or len(np.unique(labels)) < 2:
        raise ValueError(
            f"out-of-fold predictions need {folds} different images or more, of two emotions or "
            f"more; got {len(numbers)} of {len(np.unique(labels))}."
        )
    make = model or (lambda: LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1))
    fold = np.random.default_rng(0).permutation(len(numbers))[member.ravel()] % folds
    features = hog(images)
    result = np.zeros((len(images), len(EMOTIONS)))
    show = len(images) > 10_000 and sys.stderr.isatty()
    for number in tqdm(range(folds), desc="out-of-fold models", disable=not show):
        held = fold == number
        with threadpool_limits(1):  # on a busy machine, threads wait for each other
            fitted = make().fit(features[~held], labels[~held])
        result[np.ix_(held, fitted.classes_)] = fitted.predict_proba(features[held])
    return result


def suspects(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the images whose labels are probably wrong, the most doubtful first.

    Confident learning counts, for each two emotions, the images labelled as the first where the
    model is as sure of the second as it usually is where that is the label. So many are
    suspected: those whose probability of another emotion exceeds that of the label most.
    Cannot see: mistakes that the model makes, too. Takes faces that are merely hard.
    Source: Northcutt, Jiang and Chuang (2021), https://doi.org/10.1613/jair.1.12125; cleanlab.

    Args:
        labels: int, shape (n,).
        probabilities: float, shape (n, 7), from `out_of_fold`.

    Returns:
        int64, shape (k,), rows in the order of that excess.
    """
    from cleanlab.filter import find_label_issues  # takes a second

    used, numbers = np.unique(labels, return_inverse=True)
    shares = probabilities[:, used] + 1e-12  # cleanlab wants every class to occur
    shares = shares / shares.sum(axis=1, keepdims=True)
    ranked = find_label_issues(
        numbers.ravel(), shares, return_indices_ranked_by="normalized_margin", n_jobs=1
    )
    return np.asarray(ranked, "int64")


def precision_table(
    rows: np.ndarray, wrong: np.ndarray, at: tuple[int, ...] = (100, 1_000)
) -> pd.DataFrame:
    """Return how many of the first suspects others label differently, too.

    Args:
        rows: int, from `suspects`.
        wrong: shape (n,), from `differs`: whether the second opinion is another one.
        at: how many of the first to look at; more than there are means all.

    Returns:
        images and precision for each of `at`, for all suspects, and for all images: the base
        rate, which a search at random would reach.
    """
    counts = {f"first {k:,}": rows[:k] for k in at} | {"all suspects": rows}
    table = {
        name: [len(part), wrong[part].mean() if len(part) else np.nan]
        for name, part in counts.items()
    }
    table["all images"] = [len(wrong), wrong.mean() if len(wrong) else np.nan]
    columns = ["images", "otherwise labelled"]
    result = pd.DataFrame.from_dict(table, orient="index", columns=columns)
    return result.astype({"images": "int64"})


# ------------------------------------------------------------------------ a second opinion

OTHER = "other"
"""What FER+ calls contempt, unknown or no face."""

RATERS = 10
"""How many people voted on each image of FER+."""


@dataclass(frozen=True, eq=False)
class Opinion:
    """What others say that each image shows.

    Attributes:
        shares: one row per image, a column for each of the seven emotions and `OTHER`; each row
            sums to 1. No rows where there is no second opinion.
        note: whose opinion it is, or why there is none, in one sentence.
        votes: the FER+ votes, or None.
    """

    shares: pd.DataFrame
    note: str
    votes: pd.DataFrame | None = None

    @property
    def answers(self) -> np.ndarray:
        """What most of them say, int, shape (n,): 0 to 6, or 7 for `OTHER`; a tie: the first."""
        return self.shares.to_numpy().reshape(-1, len(EMOTIONS) + 1).argmax(axis=1)


def second_opinion(data: Dataset, path: Path | None = None) -> Opinion:
    """Return the FER+ votes on FER-2013's images, or the truth about drawn faces.

    Args:
        data: any data set.
        path: fer2013new.csv; by default it is looked for where FER-2013 is (`paths.raw`).
    """
    columns = [*EMOTIONS, OTHER]
    if data.truth is not None and "clean_label" in data.truth:
        shares = np.eye(len(columns))[data.truth["clean_label"].to_numpy()]
        note = "The second opinion is the emotion that was drawn: one answer, and always right."
        return Opinion(pd.DataFrame(shares, columns=columns), note)
    path = path or paths.raw_file(VOTES_FILE)
    nothing = pd.DataFrame(columns=columns, dtype=float)
    if not path.is_file():
        note = f"There is no second opinion: get {VOTES_FILE} of FER+, or use the drawn faces."
        return Opinion(nothing, note)
    try:
        votes = ferplus.votes(path, data)
    except ValueError as error:
        return Opinion(nothing, f"There is no second opinion: {error}")
    names = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
    counts = votes[list(names)].set_axis(list(EMOTIONS), axis=1)
    counts[OTHER] = votes[["contempt", "unknown", "NF"]].sum(axis=1)
    shares_ = counts.div(counts.sum(axis=1), axis=0).reset_index(drop=True)
    note = "The second opinion is that of FER+: ten people voted on each image."
    return Opinion(shares_, note, votes.reset_index(drop=True))


def agreement(opinion: Opinion, labels: np.ndarray) -> pd.DataFrame:
    """Return, for each emotion that the labels name, how far the second opinion agrees.

    Args:
        opinion: from `second_opinion`, with shares or without (then the table has no rows).
        labels: int, shape (n,).

    Returns:
        By emotion: images; same (share of images whose most frequent answer is the label);
        top (mean share of people who gave the most frequent answer); entropy (of the answers to
        one image, mean, in bits: 0 if all agree, 3 if each of eight is equally frequent).
    """
    shares = opinion.shares.to_numpy()
    if not len(shares):
        return pd.DataFrame(columns=["images", "same", "top", "entropy"])
    bits = -np.sum(shares * np.log2(np.where(shares > 0, shares, 1)), axis=1)
    columns = {"same": opinion.answers == labels, "top": shares.max(axis=1), "entropy": bits}
    table = pd.DataFrame(columns).groupby(labels).agg(["size", "mean"])
    result = pd.DataFrame({"images": table[("same", "size")]})
    for column in columns:
        result[column] = table[(column, "mean")]
    return result.rename(index=dict(enumerate(EMOTIONS)))


def answers_by_label(opinion: Opinion, labels: np.ndarray) -> pd.DataFrame:
    """Return the share of each label's images (row) that most people name so (column).

    Shape (7, 8); a row of an emotion without images, or without opinions, is NaN.
    """
    rows = labels if len(opinion.shares) else labels[:0]
    table = pd.crosstab(rows, opinion.answers)
    table = table.reindex(index=range(len(EMOTIONS)), columns=range(len(EMOTIONS) + 1))
    table = table.fillna(0).set_axis(list(EMOTIONS)).set_axis([*EMOTIONS, OTHER], axis=1)
    return table.div(table.sum(axis=1).replace(0, np.nan), axis=0)


def differs(opinion: Opinion, labels: np.ndarray) -> np.ndarray:
    """Return 1 where most people name an image otherwise than its label, 0 where they do not.

    Returns:
        float64, shape (n,); NaN where there is no second opinion.
    """
    if not len(opinion.shares):
        return np.full(len(labels), np.nan)
    return (opinion.answers != labels).astype("float64")


def ceiling(opinion: Opinion, data: Dataset) -> pd.DataFrame:
    """Return how good a model can be, by split, if it knows what others say and no more.

    Returns:
        By split: images; majority: the accuracy, against the data set's labels, of answering as
        most people did; one_person: how often the majority of all but one person predicts what
        that one says, the mean over all people (a tie counts as no). That is what to expect at
        best where each label is one more person's answer. Neither is a limit for a model that
        learns the habits of those who made the labels.
    """
    splits = data.splits if len(opinion.shares) else data.splits[:0]
    shares = opinion.shares.to_numpy(dtype=float)
    second, top = np.sort(shares, axis=1)[:, -2:].T
    # without one of those who gave it, the top answer must still lead: by two votes of ten
    leads = top - second > 1.5 / RATERS
    columns = {"majority": 1 - differs(opinion, data.labels)[: len(splits)]}
    columns["one_person"] = np.where(leads, top, 0)
    table = pd.DataFrame(columns).astype(float).groupby(splits)
    result = table.mean()
    result.insert(0, "images", table.size())
    return result.reindex([s for s in SPLITS if s in result.index])


# ------------------------------------------------------------------------------- database


def query(sql: str, address: str | None = None) -> tuple[pd.DataFrame, str]:
    """Ask notebook 01's database; where it is missing, return an empty table and say so.

    Args:
        sql: a SELECT statement.
        address: of the database; by default `database.url()`.

    Returns:
        the answer, and "" or a sentence that says why it is empty.
    """
    address = address or database.url()
    file = make_url(address).database
    if address.startswith("sqlite") and not (file and Path(file).is_file()):
        note = "There is no image database yet: run notebook 01, then this cell shows its sources."
        return pd.DataFrame(), note
    engine = database.create(address)
    try:
        with engine.connect() as connection:
            table = pd.read_sql(sql, connection)
    finally:
        engine.dispose()
    return table, "" if len(table) else "The image database is empty: run notebook 01 first."
