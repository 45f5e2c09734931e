"""Draw faces that the recogniser names rightly, and the same faces changed, which it does not.

python tools/failing_faces.py        writes models/where_it_fails.png for the model card
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from facevalue import Recogniser, paths
from facevalue.drawing import faces
from facevalue.drawing.appearance import Person, View
from facevalue.drawing.expressions import expression
from facevalue.drawing.variety import MILD
from facevalue.emotions import EMOTIONS
from facevalue.evaluation import corruptions
from facevalue.files import atomic_write
from facevalue.recognition import recogniser

PICTURE = paths.root() / "models" / "where_it_fails.png"
SURE = 0.5
"""The least probability of a wrong answer that is shown."""


class Change(NamedTuple):
    """A drawn face, the same face changed, its label, the answer, and that answer's probability."""

    words: str
    before: np.ndarray
    after: np.ndarray
    label: int
    answer: int
    probability: float


Pair = tuple[np.ndarray, np.ndarray]


def _person(index: int, **change: Any) -> Pair:
    """Return a drawn face, and the same face with one trait changed."""
    rng = np.random.default_rng([3, index])
    person, view = Person.random(rng, MILD), View.random(rng, MILD)
    units = expression(EMOTIONS[index % len(EMOTIONS)], rng)
    return faces.draw(units, person, view), faces.draw(units, replace(person, **change), view)


def _picture(index: int, corruption: str, strength: int) -> Pair:
    """Return a drawn face, and the same picture corrupted."""
    before, _ = _person(index)
    return before, corruptions.corrupt(before[None], corruption, strength)[0]


CHANGES: dict[str, Callable[[int], Pair]] = {
    "very dark skin": partial(_person, skin=0.05),
    "glasses": partial(_person, glasses=True),
    "75 years old": partial(_person, age=75.0),
    "blur": partial(_picture, corruption="blur", strength=2),
    "noise": partial(_picture, corruption="noise", strength=2),
    "JPEG, quality 20": partial(_picture, corruption="JPEG", strength=2),
    "turned by 40 degrees": partial(_picture, corruption="rotation", strength=3),
    "a fifth covered": partial(_picture, corruption="occlusion", strength=3),
}
"""What is changed in the picture of failures, and how."""


def changed_faces(model: Recogniser, n: int = 60) -> list[Change]:
    """Return for each change the first of n drawn people of whom the model names only the original.

    Of the emotions, each is shown at most twice.
    """
    found: list[Change] = []
    seen: Counter[int] = Counter()
    for words, change in CHANGES.items():
        for index in range(n):
            label = index % len(EMOTIONS)
            before, after = change(index)
            p = model.probabilities(np.stack([before, after]))
            guess = p.argmax(axis=1)
            if guess[0] == label != guess[1] and seen[label] < 2 and p[1].max() >= SURE:
                found.append(Change(words, before, after, label, int(guess[1]), float(p[1].max())))
                seen[label] += 1
                break
    return found


def picture(found: Sequence[Change]) -> Image.Image:
    """Return the picture of failures: a column for each change."""
    side, text_height, gap = 144, 34, 8
    width = len(found) * (side + gap) + gap
    sheet = Image.new("RGB", (width, 2 * (side + text_height) + 3 * gap), "white")
    draw = ImageDraw.Draw(sheet)
    for column, change in enumerate(found):
        x = gap + column * (side + gap)
        titles = (
            f"drawn: {EMOTIONS[change.label]}",
            f"{change.words}:\n{EMOTIONS[change.answer]} {change.probability:.0%}",
        )
        for row, (face, title) in enumerate(zip(change[1:3], titles, strict=True)):
            y = gap + row * (side + text_height + gap)
            draw.text((x, y), title, fill="black", font_size=13)
            enlarged = Image.fromarray(face).resize((side, side), Image.Resampling.BICUBIC)
            sheet.paste(enlarged, (x, y + text_height))
    return sheet


def main() -> int:
    """Draw and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--model", choices=recogniser.NAMES, default="fast")
    options = parser.parse_args()
    found = changed_faces(Recogniser(options.model))
    with atomic_write(PICTURE, suffix=".png") as part:
        picture(found).save(part)
    for change in found:
        print(f"{EMOTIONS[change.label]}, {change.words}: {EMOTIONS[change.answer]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
