"""Draw the emotions of one person over time: docs/emotions_over_time.png.

    python tools/emotions_over_time.py                    a video of drawn people, its table, a plot
    python tools/emotions_over_time.py --keep FOLDER      keep the video, the table, a frame, too

Two drawn people sit side by side, and each shows other emotions in turn. `facevalue score` finds
out which, four times a second, and numbers the people from the left.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from facevalue import paths
from facevalue.drawing import camera, expressions, scenery
from facevalue.drawing.appearance import Intensities, Person, View
from facevalue.drawing.variety import MILD
from facevalue.emotions import COLOURS
from facevalue.files import atomic_write
from facevalue.recognition.video_writer import VideoWriter

SIZE = 720, 400
RATE = 4
"""Frames per second: the drawing takes longer than the recognition."""

SHOWN = (
    ("neutral", "happy", "neutral", "surprise", "neutral", "sad"),
    ("sad", "neutral", "surprise", "neutral", "happy", "neutral"),
)
"""The emotions of the person on the left and on the right, one after the other."""

SECONDS = 4.0
"""How long each emotion is shown; half a second of it to move there."""

SEEDS = (8, 21)
"""The two people."""

OUT = paths.root() / "docs" / "emotions_over_time.png"


def intensities(shown: tuple[str, ...], seed: int, seconds: float) -> dict[int, float]:
    """Return the intensities of the action units of a person at a moment."""
    now = min(int(seconds / SECONDS), len(shown) - 1)
    units = [
        expressions.expression(emotion, np.random.default_rng([seed, turn]), 1.0)
        for turn, emotion in enumerate(shown[: now + 1])
    ]
    before, after = units[max(0, now - 1)], units[now]
    share = min(1.0, (seconds - now * SECONDS) / 0.5)
    return {
        unit: (1 - share) * before.get(unit, 0.0) + share * after.get(unit, 0.0)
        for unit in {*before, *after}
    }


def draw_video(file: Path) -> None:
    """Draw the two people, frame by frame."""
    width, height = SIZE
    backdrop = scenery.landscape(width, height, np.random.default_rng(5))
    with VideoWriter(file, SIZE, RATE) as writer:
        for number in range(round(RATE * SECONDS * len(SHOWN[0]))):
            seconds, image = number / RATE, backdrop.copy()
            for place, (shown, seed) in enumerate(zip(SHOWN, SEEDS, strict=True)):
                rng = np.random.default_rng(seed)
                person, clothes = Person.random(rng, MILD), scenery.muted(rng, 40, 210)
                view = replace(View(), yaw=5 * np.sin(seconds + seed), roll=3 * np.cos(seconds / 2))
                units = Intensities(intensities(shown, seed, seconds))
                centre = width * (0.27 + 0.46 * place) + 6 * np.sin(seconds), 0.47 * height
                camera.paste(image, units, person, view, centre, 150, clothes)
            writer.write(np.clip(np.rint(image), 0, 255).astype(np.uint8), seconds)
        writer.finish(SECONDS * len(SHOWN[0]))


def plot(scores: pd.DataFrame, out: Path) -> None:
    """Draw the probabilities of the person on the left over time."""
    left = scores[scores.person == 1].plot(
        x="seconds", y=list(COLOURS), color=COLOURS, figsize=(6, 3), linewidth=2
    )
    for turn, emotion in enumerate(SHOWN[0]):
        left.axvline(turn * SECONDS, color="0.8", linewidth=1, zorder=0)
        left.text((turn + 0.5) * SECONDS, 1.04, emotion, ha="center", fontsize=9, color="0.35")
    left.set(xlabel="time (seconds)", ylabel="probability", ylim=(0, 1.12))
    left.set(xlim=(0, SECONDS * len(SHOWN[0])), yticks=[0, 0.5, 1])
    left.spines[["top", "right"]].set_visible(False)
    left.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=9)
    with atomic_write(out, suffix=out.suffix) as part:
        plt.gcf().savefig(part, dpi=100, bbox_inches="tight")


def main() -> None:
    """Draw the video, score it, and draw the plot."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--keep", type=Path, help="a folder for the video and the table")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        video, table = folder / "people.mp4", folder / "scores.csv"
        draw_video(video)
        facevalue = [sys.executable, "-m", "facevalue"]
        score = ["score", str(video), "--every", str(1 / RATE), "--out", str(table)]
        subprocess.run([*facevalue, *score], check=True)
        scores = pd.read_csv(table)
    plot(scores, OUT)
    for person, shown in enumerate(SHOWN, 1):
        rows = scores[scores.person == person]
        means = rows.groupby(rows.seconds // SECONDS)[list(COLOURS)].mean()
        print(f"person {person}, shown:      {', '.join(shown)}")
        print(f"person {person}, recognised: {', '.join(means.idxmax(axis=1).astype(str))}")
    print(f"{OUT.name}: {len(scores)} faces, {scores.person.nunique()} people.")


if __name__ == "__main__":
    main()
