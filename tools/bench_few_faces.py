"""Measure on drawn faces what notebook 05 has no time for, and write reports/few_faces.csv.

    python tools/bench_few_faces.py

Two questions: what does a network from scratch reach with few faces if it may learn for longer, and
what do frozen layers reach with all Training faces? Settings are chosen on 500 Training faces that
are kept apart, results are those of PrivateTest, as in the notebook. A row is the mean of several
draws and trainings; with all faces there is one.
"""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Iterator

import numpy as np
import pandas as pd
from lesson05_on_photos import CHANGES, LITE, maps
from tqdm import tqdm

from facevalue import paths
from facevalue.data.dataset import Dataset
from facevalue.drawing import course_faces
from facevalue.evaluation import results
from facevalue.files import write_text
from facevalue.learning import few_images

TABLE = "reports/few_faces.csv"
TRAINING, SIZE, CUT = 10_000, 64, "block4_add"
RUNS = ((10, 2_000), (30, 2_000), (100, 2_000))
"""Faces per emotion and gradient steps of the network from scratch."""

ALPHAS = (100, 1_000, 10_000, 100_000)


def parts(seed: int) -> tuple[Dataset, Dataset, Dataset]:
    """Return faces to learn from, to choose by and to test with, as in notebook 05."""
    data = course_faces.load("rendered", TRAINING)
    train = data.split("Training")
    order = np.random.default_rng(seed).permutation(len(train))
    return train.take(order[500:]), train.take(order[:500]), data.split("PrivateTest")


def features(title: str, images: np.ndarray) -> np.ndarray:
    """Return one row of numbers per face."""
    if title == "hand-made edges (HOG)":
        return maps("HOG", images)
    return maps(LITE, images, SIZE, CUT, trained=title.startswith("ImageNet"))


def frozen(seed: int) -> Iterator[dict[str, object]]:
    """Yield what a head on each kind of features reaches with all faces."""
    pool, validation, test = parts(seed)
    for title in ("ImageNet's layers", "the same, random weights", "hand-made edges (HOG)"):
        x, held, asked = (features(title, part.images) for part in (pool, validation, test))
        heads = {alpha: few_images.head(alpha).fit(x, pool.labels) for alpha in ALPHAS}
        best = max(ALPHAS, key=lambda alpha: heads[alpha].score(held, validation.labels))
        reached = heads[best].score(asked, test.labels)
        yield {"way": f"{title}, frozen", "per emotion": "all", "accuracy": reached}


def from_scratch(per_class: int, steps: int, seed: int) -> dict[str, object]:
    """Return what the network from scratch reaches with few faces after some steps."""
    pool, _, test = parts(seed)
    drawn = few_images.draw(pool.labels, per_class, seed)
    model = few_images.small_network(0.003)
    images, labels = pool.images[drawn], pool.labels[drawn]
    few_images.train_from_scratch(model, images, labels, steps, seed, CHANGES)
    right = few_images.predicted(model, test.images) == test.labels
    own = few_images.predicted(model, images) == labels
    row = {"way": f"from scratch, {steps:,} steps", "per emotion": str(per_class)}
    return row | {"accuracy": float(right.mean()), "own faces": float(own.mean())}


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=3, help="draws and trainings from scratch")
    options = parser.parse_args()
    rows = list(frozen(seed=0))
    runs = [(*run, seed) for run in RUNS for seed in range(options.seeds)]
    rows += [from_scratch(*run) for run in tqdm(runs, desc="from scratch")]
    ways = pd.DataFrame(rows).groupby(["way", "per emotion"], sort=False)
    table = ways[["accuracy", "own faces"]].mean().round(4)
    table.insert(1, "spread", ways["accuracy"].std().round(4))
    table.insert(2, "runs", ways.size())
    command = f"python tools/bench_few_faces.py --seeds {options.seeds}"
    table = table.assign(machine=results.machine(), date=str(datetime.date.today()))
    table = table.assign(command=command).reset_index()
    print(table.drop(columns=["machine", "date", "command"]).to_string(index=False))
    write_text(paths.root() / TABLE, table.to_csv(index=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
