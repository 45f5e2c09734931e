"""Measure the seconds, memory and disk space that frozen features of all of FER-2013 need.

    python tools/bench_transfer.py                               MobileNetV2, all images
    python tools/bench_transfer.py --backbone vgg16 --images 500

The weights are random, since they take as long as trained ones; nothing is downloaded. If FER-2013
is not on this machine, the faces are random grey levels.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np

from facevalue.drawing import course_faces
from facevalue.learning import backbones, frozen_features

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]


def faces(n: int) -> np.ndarray:
    """Return n faces, uint8 (n, 48, 48)."""
    try:
        return course_faces.load("fer2013").images[:n]
    except FileNotFoundError:
        print("FER-2013 is not on this machine: using random grey levels.")
        return np.random.default_rng(0).integers(0, 256, (n, 48, 48)).astype(np.uint8)


def peak() -> str:
    """Return the most memory that this process has used."""
    if resource is None:
        return "unknown"
    unit = 1 if sys.platform == "darwin" else 1024
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9:.2f} GB"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", choices=backbones.PUBLISHED, default="mobilenet_v2")
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--images", type=int, default=35_887)
    parser.add_argument("--batch", type=int, default=128)
    options = parser.parse_args()
    images = faces(options.images)
    body = backbones.backbone(options.backbone, options.size, weights=False)
    before = peak()
    start = time.perf_counter()
    found = frozen_features.features(
        body, options.backbone, images, batch_size=options.batch, keep=False
    )
    seconds = time.perf_counter() - start
    size = found.nbytes / 1e6
    print(f"{options.backbone} at {options.size} pixels, {len(images):,} faces")
    print(f"seconds                     {seconds:8.1f}   {len(images) / seconds:,.0f} faces/s")
    print(f"memory before and peak      {before}, {peak()}")
    print(f"features                    {found.shape}, {size:.0f} MB on disk")


if __name__ == "__main__":
    main()
