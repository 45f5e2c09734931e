"""Expressions as sets of FACS action units: variants of each emotion, and how people show them.

An emotion has at least four variants, such as a pressed mouth and shouting for anger. A person
shows one with a strength, on both sides or one, perhaps blended with another emotion, while
speaking, blinking or looking aside. Every such way has a knob in `variety.Variety`.

Source: Ekman and Friesen, Facial Action Coding System (1978); what faces of FER-2013 show.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from facevalue.drawing.appearance import Person
from facevalue.drawing.chance import pick
from facevalue.drawing.variety import MILD, Variety

Recipe = dict[int, tuple[float, float]]
"""A range of intensities by action unit."""


@dataclass(frozen=True)
class Variant:
    """One way to show an emotion.

    Attributes:
        units: a range of intensities by action unit.
        rare: it occurs as often as the knob `rarities` says; a clean set leaves it out.
        tears: tears run down the cheeks.
        lean: how far the expression lies on one side, 0 to 1.
    """

    units: Recipe
    rare: bool = False
    tears: bool = False
    lean: float = 0.0


VARIANTS: dict[str, dict[str, Variant]] = {
    "angry": {
        "pressed": Variant(
            {4: (0.95, 1), 5: (0.7, 1), 7: (0.1, 0.4), 9: (0.25, 0.5), 10: (0, 0.2),
             15: (0.4, 0.7), 17: (0.3, 0.7), 23: (0.6, 1), 24: (0.2, 0.5)}),
        "snarl": Variant(
            {4: (0.95, 1), 5: (0.7, 1), 7: (0.1, 0.4), 9: (0.25, 0.5), 10: (0.25, 0.5),
             16: (0.6, 1), 23: (0, 0.3), 25: (0.7, 1), 26: (0.4, 0.8)}),
        "shout": Variant(
            {4: (0.95, 1), 5: (0.7, 1), 7: (0.2, 0.5), 9: (0.25, 0.5), 10: (0.3, 0.6),
             16: (0.4, 0.8), 25: (0.6, 1), 27: (0.5, 0.9)}),
        "clenched": Variant(
            {4: (0.95, 1), 5: (0.7, 1), 7: (0.1, 0.4), 9: (0.3, 0.5), 10: (0.3, 0.5),
             15: (0.2, 0.5), 16: (0.6, 0.9), 20: (0, 0.2), 23: (0, 0.2), 25: (0.7, 1)}),
        "glare": Variant(
            {4: (0.9, 1), 5: (0.5, 0.9), 7: (0.4, 0.7), 23: (0.3, 0.6), 17: (0.1, 0.4)}, rare=True),
    },
    "disgust": {
        "curled": Variant(
            {9: (0.9, 1), 10: (0.5, 0.8), 4: (0, 0.25), 6: (0.4, 0.9), 7: (0.6, 1), 15: (0.7, 1),
             16: (0.2, 0.6), 25: (0.4, 0.7), 26: (0.1, 0.4), 43: (0, 0.25)}),
        "ugh": Variant(
            {9: (0.9, 1), 10: (0.5, 0.8), 4: (0, 0.25), 6: (0.4, 0.9), 7: (0.6, 1), 15: (0.7, 1),
             16: (0.3, 0.7), 25: (0.6, 1), 26: (0.3, 0.6), 43: (0, 0.3)}),
        "bared": Variant(
            {9: (0.9, 1), 10: (0.6, 0.9), 4: (0, 0.25), 6: (0.6, 1), 7: (0.6, 1), 15: (0.5, 0.9),
             16: (0.6, 0.9), 20: (0, 0.3), 25: (0.5, 0.9), 43: (0, 0.3)}),
        "squeezed": Variant(
            {9: (0.9, 1), 10: (0.7, 1), 4: (0, 0.25), 6: (0.7, 1), 7: (0.8, 1), 15: (0.7, 1),
             16: (0.3, 0.7), 25: (0.5, 0.9), 26: (0.2, 0.5), 43: (0.6, 1)}, rare=True),
        "pout": Variant(
            {9: (0.9, 1), 10: (0.8, 1), 4: (0, 0.25), 6: (0.7, 1), 7: (0.6, 0.9),
             15: (0.5, 0.9), 17: (0.5, 0.9), 43: (0.1, 0.4)}, rare=True),
        "tongue": Variant(
            {9: (0.9, 1), 10: (0.8, 1), 4: (0, 0.15), 6: (0.6, 1), 7: (0.6, 0.9), 15: (0.5, 0.8),
             19: (0.7, 1), 25: (0.3, 0.6), 26: (0.2, 0.5), 43: (0.2, 0.6)}, rare=True),
        "sneer": Variant(
            {9: (0.5, 0.9), 10: (0.8, 1), 6: (0.3, 0.6), 7: (0.3, 0.7), 15: (0.3, 0.6),
             25: (0.1, 0.5)}, rare=True, lean=0.6),
    },
    "fear": {
        "gasp": Variant(
            {1: (0.9, 1), 2: (0, 0.1), 4: (0.7, 1), 5: (0.95, 1), 15: (0, 0.3), 16: (0.2, 0.6),
             20: (0.4, 0.8), 25: (0.6, 1), 26: (0.9, 1)}),
        "stretched": Variant(
            {1: (0.9, 1), 2: (0, 0.1), 4: (0.7, 1), 5: (0.95, 1), 15: (0, 0.3), 16: (0.3, 0.7),
             20: (0.6, 1), 25: (0.6, 1), 26: (0.7, 1)}),
        "teeth": Variant(
            {1: (0.9, 1), 2: (0, 0.1), 4: (0.7, 1), 5: (0.95, 1), 16: (0.4, 0.8),
             20: (0.6, 1), 25: (0.7, 1), 26: (0.5, 0.8)}),
        "frozen": Variant(
            {1: (0.9, 1), 2: (0, 0.1), 4: (0.7, 1), 5: (0.9, 1), 7: (0, 0.3), 20: (0.5, 0.9),
             25: (0.1, 0.4)}, rare=True),
        "scream": Variant(
            {1: (0.9, 1), 2: (0, 0.15), 4: (0.8, 1), 5: (0.9, 1), 16: (0.2, 0.6), 20: (0.6, 1),
             25: (0.8, 1), 26: (0.4, 0.8), 27: (0.2, 0.5)}, rare=True),
    },
    "happy": {
        "smile": Variant({6: (0.4, 0.9), 12: (0.7, 1)}),
        "beam": Variant({6: (0.5, 1), 12: (0.7, 1), 25: (0.6, 1), 26: (0.2, 0.6)}),
        "teeth": Variant({6: (0.4, 0.9), 12: (0.7, 1), 25: (0.7, 1), 10: (0, 0.2), 20: (0, 0.2)}),
        "laugh": Variant({6: (0.6, 1), 12: (0.8, 1), 25: (0.8, 1), 26: (0.6, 1), 7: (0.2, 0.6)}),
        "polite": Variant({6: (0, 0.3), 12: (0.45, 0.75), 25: (0, 0.4)}, rare=True),
        "roar": Variant(  # laughing with closed eyes
            {6: (0.8, 1), 7: (0.4, 0.8), 12: (0.8, 1), 25: (0.8, 1), 26: (0.5, 1), 27: (0, 0.5),
             43: (0.8, 1)}, rare=True),
        "smirk": Variant({12: (0.5, 0.8), 14: (0.3, 0.7), 6: (0, 0.4)}, rare=True, lean=0.5),
        "playful": Variant(
            {6: (0.4, 0.8), 12: (0.7, 1), 19: (0.5, 0.9), 25: (0.6, 0.9), 26: (0.3, 0.6)},
            rare=True),
    },
    "sad": {
        "downcast": Variant(
            {1: (0.7, 1), 4: (0.5, 0.8), 15: (0.7, 1), 17: (0.3, 0.7), 43: (0.3, 0.5),
             64: (0.5, 1)}),
        "pout": Variant(
            {1: (0.7, 1), 4: (0.5, 0.8), 15: (0.7, 1), 17: (0.7, 1), 43: (0.15, 0.4),
             64: (0, 0.5)}),
        "pained": Variant(
            {1: (0.7, 1), 4: (0.6, 0.9), 6: (0.2, 0.5), 7: (0.5, 0.9), 15: (0.7, 1),
             17: (0.3, 0.7), 43: (0.1, 0.3), 64: (0.2, 0.8)}),
        "sighing": Variant(
            {1: (0.7, 1), 4: (0.5, 0.8), 15: (0.6, 0.9), 25: (0.3, 0.6), 43: (0.3, 0.5),
             64: (0.5, 1)}),
        "asleep": Variant(
            {1: (0.7, 1), 4: (0.5, 0.9), 15: (0.7, 1), 17: (0.2, 0.7), 43: (0.9, 1)}, rare=True),
        "weeping": Variant(
            {1: (0.7, 1), 4: (0.6, 1), 6: (0.3, 0.7), 7: (0.4, 0.8), 15: (0.7, 1), 17: (0.5, 1),
             43: (0.2, 0.7)}, rare=True, tears=True),
        "sobbing": Variant(
            {1: (0.6, 1), 4: (0.6, 1), 6: (0.7, 1), 7: (0.6, 1), 10: (0.2, 0.5), 15: (0.7, 1),
             16: (0.2, 0.6), 20: (0.3, 0.7), 25: (0.6, 1), 26: (0.2, 0.7), 43: (0.7, 1)},
            rare=True, tears=True),
    },
    "surprise": {
        "gape": Variant(
            {1: (0.8, 1), 2: (0.8, 1), 5: (0.7, 1), 25: (0.6, 1), 27: (0.5, 1)}),
        "dropped": Variant(
            {1: (0.8, 1), 2: (0.8, 1), 5: (0.7, 1), 25: (0.6, 1), 26: (0.8, 1), 27: (0.2, 0.6)}),
        "oh": Variant(
            {1: (0.8, 1), 2: (0.8, 1), 5: (0.8, 1), 18: (0.3, 0.7), 25: (0.7, 1), 26: (0.9, 1),
             27: (0, 0.2)}),
        "parted": Variant(
            {1: (0.9, 1), 2: (0.9, 1), 5: (0.8, 1), 25: (0.6, 1), 26: (0.8, 1), 27: (0.1, 0.3)}),
        "delighted": Variant(
            {1: (0.8, 1), 2: (0.8, 1), 5: (0.7, 1), 12: (0.2, 0.5), 25: (0.7, 1), 27: (0.4, 0.9)},
            rare=True),
        "speechless": Variant(
            {1: (0.9, 1), 2: (0.9, 1), 5: (0.8, 1), 25: (0, 0.3), 18: (0, 0.4)}, rare=True),
    },
    "neutral": {
        "calm": Variant({}),
        "grave": Variant({4: (0, 0.12), 24: (0, 0.15), 15: (0, 0.08)}),
        "at ease": Variant({12: (0, 0.1), 25: (0, 0.15), 6: (0, 0.1)}),
        "alert": Variant({1: (0, 0.1), 2: (0, 0.1), 5: (0, 0.12), 25: (0, 0.1)}),
        "tired": Variant({43: (0, 0.15), 7: (0, 0.1), 17: (0, 0.1)}),
    },
}  # fmt: skip
"""The variants in which each emotion is shown, by name."""

BLEND_WITH: dict[str, tuple[str, ...]] = {
    "angry": ("disgust", "sad", "neutral"),
    "disgust": ("angry", "sad"),
    "fear": ("surprise", "sad"),
    "happy": ("surprise", "neutral"),
    "sad": ("fear", "neutral", "angry"),
    "surprise": ("fear", "happy"),
    "neutral": ("sad", "angry", "happy"),
}
"""Emotions that may be blended into each: those that it is mistaken for on photos."""

VISEMES: dict[str, Recipe] = {
    "open": {25: (0.6, 1), 26: (0.3, 0.8)},
    "rounded": {18: (0.6, 1), 25: (0.4, 0.8), 26: (0.1, 0.5)},
    "wide": {20: (0.3, 0.6), 25: (0.5, 0.9), 16: (0.1, 0.4)},
    "pressed": {24: (0.5, 0.9)},
}
"""The mouth's shapes while speaking: as in "ah", "oh", "ee" and "m"."""

UPPER_FACE = (1, 2, 4, 5, 6, 7, 43)
"""Action units around brows and eyes."""

STRAY = (1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 18, 20, 24, 25)
"""Action units that may move by chance."""


@dataclass(frozen=True)
class Expression:
    """What a face shows.

    Attributes:
        emotion: the emotion.
        variant: the name of one of its `VARIANTS`.
        intensity: how strong it is, 0 to 1; 0 if neutral.
        blend: a second emotion of `BLEND_WITH`, or "none".
        blend_share: the second emotion's share, 0 to 0.5.
        speech: one of `VISEMES`, or "none".
        units: the intensity, 0 to 1, of each active action unit.
        lean: how much stronger it is on the right of the image than on the left, -1 to 1.
        tears: 0 or 1.
    """

    emotion: str
    variant: str
    intensity: float
    blend: str
    blend_share: float
    speech: str
    units: dict[int, float]
    lean: float
    tears: float

    def on(self, person: Person) -> Person:
        """Return the person with this expression's tears and difference between the sides."""
        asymmetry = float(np.clip(person.asymmetry + self.lean, -0.9, 0.9))
        return replace(person, asymmetry=asymmetry, tears=max(person.tears, self.tears))


def expression(emotion: str, rng: np.random.Generator, intensity: float = 1.0) -> dict[int, float]:
    """Return intensities of the action units of an emotion: a random clear variant, scaled.

    >>> sorted(expression("surprise", np.random.default_rng(0)))
    [1, 2, 5, 18, 25, 26, 27]
    """
    return random_expression(emotion, rng, MILD, intensity).units


def random_expression(
    emotion: str, rng: np.random.Generator, variety: Variety, intensity: float | None = None
) -> Expression:
    """Return a random expression of an emotion.

    Args:
        emotion: one of the seven emotions.
        rng: the source of chance.
        variety: how much expressions vary.
        intensity: how strong it is, 0 to 1; by default random.
    """
    v = variety
    # all decisions come first, so that a knob changes what it says and nothing else
    chance = dict(zip(KNOBS, rng.random(len(KNOBS)), strict=True))
    if intensity is None:
        intensity = float(1 - v.weakness * rng.random())
    variant = _variant(emotion, rng, chance["rarities"] < v.rarities)
    shown = VARIANTS[emotion][variant]
    units = _shown(shown.units, rng, intensity)
    blend, share = "none", 0.0
    other = pick(rng, BLEND_WITH[emotion])
    second = _shown(VARIANTS[other][_variant(other, rng, False)].units, rng, intensity)
    second_share = float(rng.uniform(0.15, 0.45))
    if chance["blends"] < v.blends:
        blend, share = other, second_share
        units = _blended(units, second, share)
    if chance["partial"] < v.partial:
        _weaken_half(units, upper=bool(rng.random() < 0.6), rest=float(rng.uniform(0.1, 0.6)))
    strays = np.clip(rng.standard_normal(len(units)), -2, 2).tolist()
    units = {
        k: x * (1 + v.individuality * stray)
        for (k, x), stray in zip(units.items(), strays, strict=True)
    }
    if chance["stray_units"] < v.stray_units:
        for unit in rng.choice(STRAY, 2, replace=False):
            units[int(unit)] = max(units.get(int(unit), 0.0), float(rng.uniform(0.05, 0.3)))
    speech = "none"
    if chance["speech"] < v.speech:
        speech = pick(rng, list(VISEMES))
        _speak(units, speech, rng)
    aside = 0.5 if emotion == "fear" else v.gaze  # fear looks for a way out
    if chance["gaze"] < aside:
        _look(units, rng)
    if chance["blinks"] < v.blinks:
        units[43] = max(units.get(43, 0.0), float(rng.uniform(0.5, 1)))
    lean = float(pick(rng, (-1, 1)) * rng.uniform(0.6, 1.4)) * shown.lean
    if chance["asymmetric"] < v.asymmetric:
        lean += float(pick(rng, (-1, 1)) * rng.uniform(0.3, 0.7))
    return Expression(
        emotion,
        variant,
        0.0 if emotion == "neutral" else intensity,
        blend,
        share,
        speech,
        {k: min(1.0, max(0.0, float(x))) for k, x in units.items()},
        lean,
        float(shown.tears),
    )


KNOBS = ("rarities", "blends", "partial", "stray_units", "speech", "gaze", "blinks", "asymmetric")
"""The knobs of `Variety` that are shares of expressions."""


def _variant(emotion: str, rng: np.random.Generator, rare: bool) -> str:
    """Return the name of a random variant, rare or not; neutral has no rare ones."""
    variants = VARIANTS[emotion]
    names = [name for name, v in variants.items() if v.rare == rare] or list(variants)
    return pick(rng, names)


def _shown(recipe: Recipe, rng: np.random.Generator, intensity: float) -> dict[int, float]:
    return {unit: float(rng.uniform(*span) * intensity) for unit, span in recipe.items()}


def _blended(
    first: Mapping[int, float], second: Mapping[int, float], share: float
) -> dict[int, float]:
    """Return the weighted mean of two expressions."""
    return {
        unit: (1 - share) * first.get(unit, 0.0) + share * second.get(unit, 0.0)
        for unit in sorted({*first, *second})
    }


def _weaken_half(units: dict[int, float], *, upper: bool, rest: float) -> None:
    """Leave a part of the units of the upper or the lower face, in place: an expression begins."""
    for unit in units:
        if (unit in UPPER_FACE) == upper:
            units[unit] *= rest


def _speak(units: dict[int, float], speech: str, rng: np.random.Generator) -> None:
    """Give the mouth a shape of speaking, in place; the corners keep the emotion."""
    if speech == "pressed":
        for unit in (19, 25, 26, 27):
            units.pop(unit, None)
    if speech == "rounded":
        for unit in (12, 20, 23, 24):
            units[unit] = 0.6 * units.get(unit, 0.0)
    for unit, span in VISEMES[speech].items():
        units[unit] = max(units.get(unit, 0.0), float(rng.uniform(*span)))


def _look(units: dict[int, float], rng: np.random.Generator) -> None:
    """Turn the eyes to a side, up or down, in place."""
    across, down = rng.uniform(-1, 1), rng.uniform(-0.8, 0.8)
    for unit in (61, 62, 63, 64):
        units.pop(unit, None)
    units[62 if across > 0 else 61] = float(0.25 + 0.7 * abs(across))
    units[64 if down > 0 else 63] = float(abs(down))
