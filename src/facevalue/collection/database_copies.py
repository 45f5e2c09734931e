"""Keeping further copies of stored images, with their labels, in the table image_copies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from facevalue.collection.database_schema import Image, ImageCopy

Record = dict[str, Any]
"""One row: values by column name."""

VALUES_PER_QUERY = 500
"""Values per query, because SQLite limits the number of parameters."""

Value = TypeVar("Value", str, int)


def in_parts(values: Sequence[Value]) -> Iterator[Sequence[Value]]:
    """Yield the values in parts that one query may name."""
    for start in range(0, len(values), VALUES_PER_QUERY):
        yield values[start : start + VALUES_PER_QUERY]


def add_copies(session: Session, found: Sequence[Record]) -> int:
    """Keep the rows whose file is stored under another name or label; each only once.

    Args:
        session: in a transaction in which every file of `found` is stored.
        found: one row per image, with sha256, source_id, origin, emotion_id and split.

    Returns:
        how many of the newly kept rows contradict the label of the stored image.
    """
    stored: dict[str, tuple[int, int, str, int]] = {}
    columns = Image.sha256, Image.id, Image.source_id, Image.origin, Image.emotion_id
    for part in in_parts(list({record["sha256"] for record in found})):
        for row in session.execute(select(*columns).where(Image.sha256.in_(part))):
            stored[row[0]] = row[1], row[2], row[3], row[4]
    copies: dict[tuple[int, int, str, int], Record] = {}
    for record in found:
        first = stored[record["sha256"]]
        copy = first[0], record["source_id"], record["origin"], record["emotion_id"]
        if copy != first:
            copies.setdefault(copy, record)
    for known in _known_copies(session, list({copy[0] for copy in copies})):
        copies.pop(known, None)
    names = "image_id", "source_id", "origin", "emotion_id"
    rows = [
        dict(zip(names, copy, strict=True)) | {"split": record["split"]}
        for copy, record in copies.items()
    ]
    if rows:
        session.execute(insert(ImageCopy), rows)
    return sum(copy[3] != stored[record["sha256"]][3] for copy, record in copies.items())


def _known_copies(session: Session, ids: Sequence[int]) -> Iterator[tuple[int, int, str, int]]:
    columns = ImageCopy.image_id, ImageCopy.source_id, ImageCopy.origin, ImageCopy.emotion_id
    for part in in_parts(ids):
        for row in session.execute(select(*columns).where(ImageCopy.image_id.in_(part))):
            yield row[0], row[1], row[2], row[3]
