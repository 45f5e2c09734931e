"""Numbering the people in a video: a person has the same number in each analysed frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from facevalue.recognition.face import Box, Face

MAX_SHIFT = 1.5
"""How far the centre of a face may move between two analysed frames, in sides of the face.

People who sit or stand and talk move by less than one side; two people next to each other are two
or more sides apart.
"""

MAX_GROWTH = 2.0
"""The largest ratio of a face's sides between two frames; beyond it, it is another person's."""

MEMORY_SECONDS = 5.0
"""How long a person who is not found, for example in profile or behind a hand, is remembered."""

MEMORY_FRAMES = 3
"""How many analysed frames a person is remembered at least: a time-lapse has few in 5 seconds."""


@dataclass(eq=False)
class _Person:
    """A person: the box of the face that was found last, and its time."""

    number: int
    box: Box
    seconds: float
    frames_missed: int = 0


class People:
    """Gives each person in a video a number, starting at 1; new people are numbered from the left.

    A face is assigned to the person whose last face was nearest, relative to the size of the face.
    If its centre has moved by more than `MAX_SHIFT` sides, or its side has changed by more than a
    factor of `MAX_GROWTH`, it is the face of a new person. The nearest pair is matched first, and
    each person has one face in a frame. A person who has not been found for `MEMORY_SECONDS` and in
    `MEMORY_FRAMES` frames gets a new number when they come back.

    Only positions and sizes are compared, not appearance: two people who change places between
    two frames exchange their numbers, and after a cut in the film the numbers are meaningless. If
    people move, analyse more frames (`facevalue score --every 0.2`).
    """

    def __init__(self) -> None:
        """Start without people."""
        self._people: list[_Person] = []
        self._count = 0

    def __call__(self, faces: Sequence[Face], seconds: float) -> list[int]:
        """Return, for each face of the next frame, the number of the person that it belongs to.

        Args:
            faces: the faces of one frame, in any order.
            seconds: the time of the frame, later than that of the previous one.
        Returns:
            A number for each of `faces`, all of them different.

        >>> people = People()
        >>> people([Face((400, 100, 80, 80)), Face((100, 100, 80, 80))], 0.0)
        [2, 1]
        >>> people([Face((110, 100, 80, 80)), Face((390, 100, 80, 80))], 1.0)
        [1, 2]
        """
        self._people = [
            person
            for person in self._people
            if seconds - person.seconds <= MEMORY_SECONDS or person.frames_missed < MEMORY_FRAMES
        ]
        boxes = [face.box for face in faces]
        matched = _nearest_pairs(self._people, boxes)
        for person in self._people:
            person.frames_missed += 1
        new = set(range(len(boxes))) - set(matched)
        for index in sorted(new, key=lambda k: boxes[k][0]):
            self._count += 1
            matched[index] = _Person(self._count, boxes[index], seconds)
            self._people.append(matched[index])
        for index, person in matched.items():
            person.box, person.seconds, person.frames_missed = boxes[index], seconds, 0
        return [matched[index].number for index in range(len(boxes))]


def _nearest_pairs(people: Sequence[_Person], boxes: Sequence[Box]) -> dict[int, _Person]:
    """Return the person of each box, by the index of the box; boxes of new people are left out."""
    pairs = sorted(
        (shift(person.box, box), index, which)
        for index, box in enumerate(boxes)
        for which, person in enumerate(people)
    )
    matched: dict[int, _Person] = {}
    taken: set[int] = set()
    for distance, index, which in pairs:
        if distance <= MAX_SHIFT and index not in matched and which not in taken:
            matched[index] = people[which]
            taken.add(which)
    return matched


def shift(before: Box, after: Box) -> float:
    """Return how far a face has moved, in sides, or infinity if the sizes are too different.

    A side is the square root of a box's area; the distance is divided by the mean of both sides.

    >>> shift((0, 0, 100, 100), (50, 0, 100, 100))
    0.5
    >>> shift((0, 0, 100, 100), (0, 0, 20, 20))
    inf
    """
    sides = [math.sqrt(max(1, width * height)) for _, _, width, height in (before, after)]
    if max(sides) > MAX_GROWTH * min(sides):
        return math.inf
    centres = [(x + width / 2, y + height / 2) for x, y, width, height in (before, after)]
    return math.dist(*centres) / (sum(sides) / 2)
