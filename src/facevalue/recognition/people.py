"""Numbering the people in a video: the same number for the same person in each looked-at frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from facevalue.recognition.face import Box, Face

MOST_SHIFT = 1.5
"""How far the centre of a face moves at most between two looks, in sides of the face.

People who sit or stand and talk stay within one; two people side by side are two or more apart.
"""

MOST_GROWTH = 2.0
"""The largest ratio of a face's sides between two looks: another one is another person."""

MEMORY_SECONDS = 5.0
"""How long a person is remembered who is not found, for example in profile or behind a hand."""

MEMORY_LOOKS = 3
"""How many looks a person is remembered at least: in a time-lapse they are far apart in time."""


@dataclass(eq=False)
class _Person:
    """Where somebody was seen last, and when."""

    number: int
    box: Box
    seconds: float
    looks_missed: int = 0


class People:
    """Gives each person of one video a number, from 1 on: new ones are counted from the left.

    A face belongs to the known person whose face was nearest, relative to its size, unless the
    centre has moved by more than `MOST_SHIFT` sides or the side has changed by more than a factor
    of `MOST_GROWTH`; then it is somebody new. The nearest pair is matched first, and each person
    has one face. A person who has not been found for `MEMORY_SECONDS` and for `MEMORY_LOOKS` looks
    gets a new number when they come back.

    Places and sizes are compared, not what people look like: two people who change places between
    two looks exchange their numbers, and after a cut the numbers say nothing. Look more often
    (`--every 0.2`) where people move.
    """

    def __init__(self) -> None:
        """Start without people."""
        self._people: list[_Person] = []
        self._count = 0

    def __call__(self, faces: Sequence[Face], seconds: float) -> list[int]:
        """Return the number of the person whom each face of the next frame belongs to.

        Args:
            faces: those of a frame, in any order.
            seconds: the frame's time, later than that of the frame before.
        Returns:
            As many numbers as `faces`, all different.

        >>> people = People()
        >>> people([Face((400, 100, 80, 80)), Face((100, 100, 80, 80))], 0.0)
        [2, 1]
        >>> people([Face((110, 100, 80, 80)), Face((390, 100, 80, 80))], 1.0)
        [1, 2]
        """
        self._people = [
            person
            for person in self._people
            if seconds - person.seconds <= MEMORY_SECONDS or person.looks_missed < MEMORY_LOOKS
        ]
        boxes = [face.box for face in faces]
        matched = _nearest_pairs(self._people, boxes)
        for person in self._people:
            person.looks_missed += 1
        for index in sorted(set(range(len(boxes))) - set(matched), key=lambda k: boxes[k][0]):
            self._count += 1
            matched[index] = _Person(self._count, boxes[index], seconds)
            self._people.append(matched[index])
        for index, person in matched.items():
            person.box, person.seconds, person.looks_missed = boxes[index], seconds, 0
        return [matched[index].number for index in range(len(boxes))]


def _nearest_pairs(people: Sequence[_Person], boxes: Sequence[Box]) -> dict[int, _Person]:
    """Return who each box belongs to, by its index; the boxes of new people are left out."""
    pairs = sorted(
        (shift(person.box, box), index, which)
        for index, box in enumerate(boxes)
        for which, person in enumerate(people)
    )
    matched: dict[int, _Person] = {}
    taken: set[int] = set()
    for distance, index, which in pairs:
        if distance <= MOST_SHIFT and index not in matched and which not in taken:
            matched[index] = people[which]
            taken.add(which)
    return matched


def shift(before: Box, after: Box) -> float:
    """Return how far a face has moved, in sides: infinity where the sizes are too different.

    A side is the square root of a box's area, and the distance is divided by the mean of both.

    >>> shift((0, 0, 100, 100), (50, 0, 100, 100))
    0.5
    >>> shift((0, 0, 100, 100), (0, 0, 20, 20))
    inf
    """
    sides = [math.sqrt(max(1, width * height)) for _, _, width, height in (before, after)]
    if max(sides) > MOST_GROWTH * min(sides):
        return math.inf
    centres = [(x + width / 2, y + height / 2) for x, y, width, height in (before, after)]
    return math.dist(*centres) / (sum(sides) / 2)
