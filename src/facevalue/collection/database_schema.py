"""The tables and views of the image database, as SQLAlchemy models."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

MAX_NAME, MAX_ADDRESS = 80, 2_000
"""The most characters of the name and of the address of a source."""


class Base(DeclarativeBase):
    """The common base class of the tables."""


class DataSource(Base):
    """A source of images."""

    __tablename__ = "data_sources"
    # the apps show both on their pages
    __table_args__ = (
        CheckConstraint(
            f"length(name) <= {MAX_NAME} AND length(address) <= {MAX_ADDRESS}", "short_texts"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(MAX_NAME), unique=True)
    address: Mapped[str]
    licence: Mapped[str]


class EmotionId(Base):
    """One of the seven emotions; its id is the label, 0 to 6."""

    __tablename__ = "emotions_ids"
    __table_args__ = (CheckConstraint("id BETWEEN 0 AND 6", "seven_emotions"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(20), unique=True)


class SingleUnit(Base):
    """A FACS action unit: its appearance, and the muscles that produce it."""

    __tablename__ = "facs_single_units"

    action_unit: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    description: Mapped[str] = mapped_column(String(80))
    facial_muscle: Mapped[str]
    qualifier: Mapped[str | None]


class EmotionUnit(Base):
    """One action unit of one emotion.

    Contempt has action units but is not one of the seven emotions: its `emotion_id` is empty.
    """

    __tablename__ = "facs_emotions_units"

    emotion: Mapped[str] = mapped_column(String(20), primary_key=True)
    action_unit: Mapped[int] = mapped_column(
        ForeignKey("facs_single_units.action_unit"), primary_key=True
    )
    one_side: Mapped[bool]
    emotion_id: Mapped[int | None] = mapped_column(ForeignKey("emotions_ids.id"))

    unit: Mapped[SingleUnit] = relationship()


class Image(Base):
    """A face image: the PNG file and its metadata. Each file is stored once (unique SHA-256)."""

    __tablename__ = "all_images"
    # the columns that people filter by: a covering index reads them without the PNG files
    __table_args__ = (
        CheckConstraint("emotion_id BETWEEN 0 AND 6", "one_of_seven_emotions"),
        CheckConstraint("height > 0 AND width > 0 AND aspect_ratio > 0", "has_pixels"),
        CheckConstraint("length(sha256) = 64", "whole_hash"),
        Index("images_by_filter", "source_id", "emotion_id", "colour_space", "aspect_ratio"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    source_id: Mapped[int] = mapped_column(ForeignKey("data_sources.id"))
    emotion_id: Mapped[int] = mapped_column(ForeignKey("emotions_ids.id"), index=True)
    origin: Mapped[str]
    split: Mapped[str | None] = mapped_column(String(20))
    height: Mapped[int]
    width: Mapped[int]
    aspect_ratio: Mapped[float]
    format: Mapped[str] = mapped_column(String(8))
    colour_space: Mapped[str] = mapped_column(String(12))
    size_mb: Mapped[float]
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    licence: Mapped[str | None]
    author: Mapped[str | None]
    address: Mapped[str | None]
    png: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)

    source: Mapped[DataSource] = relationship()
    emotion: Mapped[EmotionId] = relationship()


class ImageCopy(Base):
    """A further copy of a stored image: where else the same file was found, and its label there.

    Its emotion may contradict that of the stored image, and its split may differ.
    """

    __tablename__ = "image_copies"

    image_id: Mapped[int] = mapped_column(ForeignKey("all_images.id"), primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("data_sources.id"), primary_key=True)
    origin: Mapped[str] = mapped_column(primary_key=True)
    emotion_id: Mapped[int] = mapped_column(ForeignKey("emotions_ids.id"), primary_key=True)
    split: Mapped[str | None] = mapped_column(String(20))


class EverydayWord(Base):
    """One of the 18 emotion words of the survey; `emotion_id` is empty if it names no face."""

    __tablename__ = "everyday_words"

    word: Mapped[str] = mapped_column(String(20), primary_key=True)
    positive: Mapped[bool]
    emotion_id: Mapped[int | None] = mapped_column(ForeignKey("emotions_ids.id"))


class EverydayReport(Base):
    """A complete report of the survey: who, and when. Days are 1 to 7, hours 0 to 23."""

    __tablename__ = "everyday_reports"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    person: Mapped[int] = mapped_column(index=True)
    hour: Mapped[int]
    day: Mapped[int]
    simulated: Mapped[bool]


class EverydayFelt(Base):
    """A word that a report says yes to; a report without rows names no emotion."""

    __tablename__ = "everyday_felt"

    report_id: Mapped[int] = mapped_column(ForeignKey("everyday_reports.id"), primary_key=True)
    word: Mapped[str] = mapped_column(ForeignKey("everyday_words.word"), primary_key=True)


VIEWS = {
    "images_pixabay": "pixabay",
    "images_ddg": "duckduckgo",
    "images_kaggle": "kaggle",
    "images_fer2013": "fer2013",
}
"""The prefix of the names of a view's sources (lower case, no spaces or hyphens), by view."""
