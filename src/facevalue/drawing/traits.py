"""Random people: the distributions that the traits of a drawn person come from.

Every person takes the same number of random values, whatever the knobs are. So the same seed with
one knob turned gives the same people, who differ in what that knob changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from facevalue.drawing.chance import Draws
from facevalue.drawing.variety import Variety


@dataclass(frozen=True)
class Kind:
    """What many traits of a person depend on. Skin goes from dark (0) to fair (1)."""

    age: float
    man: bool
    skin: float
    east_asian: bool
    african: bool

    @property
    def child(self) -> bool:
        """Whether the person has neither a beard nor make-up."""
        return self.age < 15


def random_traits(rng: np.random.Generator, variety: Variety) -> dict[str, Any]:
    """Return the fields of a random `Person`."""
    draws = Draws(rng)
    kind = _kind(draws, variety)
    traits: dict[str, Any] = {"age": kind.age, "skin": kind.skin}
    for part in (_head, _eyes, _brows, _nose, _mouth, _skin, _resting, _hair, _worn):
        traits |= part(draws, variety, kind)
    if traits["headwear"] == "hijab":
        traits |= {"hairstyle": "bald", "beard": 0.0}
    return traits


def _kind(draws: Draws, variety: Variety) -> Kind:
    child, old = draws.chance(variety.children), draws.chance(variety.old_people)
    years = draws.skewed(1.3, 2.2)
    age = 18 + 45 * years
    if child:
        age = 1 + 13 * years
    elif old:
        age = 62 + 28 * years
    skin, origin = draws.skewed(1.5, 1.0), draws.between()
    if origin < 0.22 and skin > 0.3:
        return Kind(age, draws.chance(0.5), skin, True, False)
    return Kind(age, draws.chance(0.5), skin, False, skin < 0.35 and origin < 0.75)


def _head(draws: Draws, variety: Variety, kind: Kind) -> dict[str, Any]:
    much = variety.head_shapes
    sticking = draws.chance(0.2 * min(1.0, variety.ears))
    return {
        "face_width": draws.around(1 if kind.man else 0.98, 0.05 * much),
        "jaw": draws.around(1.02 if kind.man else 0.95, 0.06 * much),
        "chin": draws.around(1.0 if kind.man else 0.98, 0.035 * much),
        "chin_width": draws.around(0.1 if kind.man else -0.15, 0.45 * much),
        "forehead": draws.around(1, 0.04 * much),
        "cheekbones": draws.around(0.3 if kind.east_asian else 0, 0.45 * much),
        "weight": draws.around(0.0, 0.36 * much),
        "asymmetry": draws.around(0, variety.one_sided),
        "ears": draws.between(0.3, 1.0) * variety.ears if sticking else draws.between(0, 0.2),
    }


def _eyes(draws: Draws, variety: Variety, kind: Kind) -> dict[str, Any]:
    much = variety.eye_shapes
    fold = draws.between(0.5, 1.0) * min(1.0, much) if kind.east_asian else draws.between(0, 0.0)
    dark = 0.1 if kind.east_asian or kind.african else 0.2 + 0.8 * kind.skin
    return {
        "eye_distance": draws.around(1, 0.04 * much),
        "eye_size": draws.around(1.0 if kind.man else 1.06, 0.08 * much),
        "eye_opening": draws.around(1.05 - 0.1 * fold, 0.17 * much),
        "eye_slant": draws.around(0.012 * fold, 0.015 * much),
        "eye_depth": draws.around((0.2 if kind.man else -0.1) - 0.5 * fold, 0.35 * much),
        "eye_fold": fold,
        "hooded_lids": draws.often(0.25 * much, 0.3, 1.0),
        "eye_bags": draws.often(0.2 * much, 0.3, 1.0) * (0.0 if kind.child else 1.0),
        "iris": draws.skewed(1, 2.5) * dark,
    }


def _brows(draws: Draws, variety: Variety, kind: Kind) -> dict[str, Any]:
    much = variety.brow_shapes
    joined = draws.often(0.06 * much, 0.3, 1.0)
    return {
        "brow_thickness": max(0.35, draws.around(1.08 if kind.man else 0.82, 0.2 * much)),
        "brow_height": draws.around(-0.008 if kind.man else 0.008, 0.02 * much),
        "brow_arch": draws.around(0.8 if kind.man else 1.15, 0.45 * much),
        "brow_slant": draws.around(0, 0.012 * much),
        "brow_length": draws.around(1, 0.07 * much),
        "brow_density": min(1.15, draws.around(0.98, 0.14 * much)),
        "brow_join": joined if kind.man else 0.3 * joined,
    }


def _nose(draws: Draws, variety: Variety, kind: Kind) -> dict[str, Any]:
    much = variety.noses
    wide = 1.2 if kind.african else 1.06 if kind.east_asian else 0.98
    return {
        "nose_length": draws.around(1.02 if kind.man else 0.97, 0.11 * much),
        "nose_width": draws.around(wide, 0.16 * much),
        "nose_height": max(0.4, draws.around(0.9 if kind.african else 1, 0.15 * much)),
        "nose_bridge": draws.around(0.7 if kind.african or kind.east_asian else 1, 0.2 * much),
        "nose_hook": draws.around(0, 0.5 * much),
    }


def _mouth(draws: Draws, variety: Variety, kind: Kind) -> dict[str, Any]:
    much = variety.lips
    made_up = draws.chance(variety.make_up) and not kind.man and not kind.child
    lips, plain, liner = draws.between(0.6, 1.5), draws.skewed(1.5, 3), draws.between(0.2, 1)
    gap = draws.often(variety.tooth_gaps, 0.5, 1.0)
    return {
        "mouth_width": draws.around(1, 0.07 * much),
        "mouth_height": draws.around(0, 0.025 * much),
        "lip_thickness": max(
            0.4, draws.around((1.25 if kind.african else 1) - 0.08 * kind.man, 0.22 * much)
        ),
        "upper_lip": draws.around(1, 0.18 * much),
        "lip_colour": lips if made_up else plain * (0.5 if kind.man else 1.0),
        "tooth_gap": gap,
        "eye_liner": liner if made_up else 0.0,
    }


def _skin(draws: Draws, variety: Variety, kind: Kind) -> dict[str, Any]:
    worn = 0.0 if kind.child else 0.3 + 0.7 * min(1.0, kind.age / 60)
    marks = variety.skin_marks
    share = 0.22 * variety.wrinkles
    return {
        "wrinkles": max(0.2, draws.around(1, 0.3 * variety.wrinkles)),
        "forehead_lines": worn * draws.often(share, 0.2, 0.8),
        "frown_lines": worn * draws.often(share, 0.2, 0.8),
        "crows_feet": worn * draws.often(share, 0.3, 1.0),
        "smile_lines": worn * draws.often(share, 0.2, 0.7),
        "freckles": draws.often(0.4 * marks, 0.3, 1.0) * (0.4 + 0.6 * kind.skin),
        "moles": int(draws.often(0.6 * marks, 1, 4)),
        "blotches": draws.often(0.5 * marks, 0.3, 1.0),
        "texture": int(draws.between(0, 1 << 30)),
    }


def _resting(draws: Draws, variety: Variety, kind: Kind) -> dict[str, Any]:
    share, old = variety.resting, 1.4 if kind.age > 60 else 1.0
    return {
        "resting_frown": draws.often(0.30 * share, 0.1, 0.5),
        "resting_worry": draws.often(0.15 * share, 0.1, 0.4),
        "resting_droop": draws.often(0.30 * share * old, 0.1, 0.5),
        "resting_smile": draws.often(0.15 * share, 0.08, 0.3),
        "resting_lids": draws.often(0.25 * share, 0.08, 0.3),
        "resting_raised": draws.often(0.12 * share, 0.08, 0.3),
    }


SHORT = {"bald": 5, "receding": 10, "short": 26, "parted": 16, "buzz": 12, "messy": 11, "swept": 8}
LONG = {
    **{"long": 14, "curly": 8, "bob": 10, "fringe": 6, "curtains": 10, "swept": 6},
    **{"ponytail": 10, "bun": 8, "wavy": 10, "short": 5},
}
AFRICAN_SHORT = {"bald": 15, "buzz": 45, "receding": 6, "afro": 20, "braids": 6, "short": 8}
AFRICAN_LONG = {"afro": 30, "braids": 25, "bun": 15, "buzz": 8, "curly": 10, "wavy": 6, "long": 6}
USUAL = ("bald", "receding", "short", "parted", "fringe", "long", "curly", "bob")
"""The hairstyles of people when the knob `hairstyles` is 0."""


def _hair(draws: Draws, variety: Variety, kind: Kind) -> dict[str, Any]:
    if kind.african:
        styles = AFRICAN_SHORT if kind.man else AFRICAN_LONG
    else:
        styles = SHORT if kind.man else LONG
    usual = {k: v for k, v in styles.items() if k in USUAL}
    rarely = {"receding": 0.05, "bald": 0.2} if kind.age < 30 else {}
    weights = {
        name: weight * rarely.get(name, 1)
        for name, weight in (styles if draws.chance(variety.hairstyles) else usual).items()
    }
    shade = draws.skewed(1, 3) * (0.3 + 0.7 * kind.skin)
    shade *= 0.12 if kind.east_asian or kind.african else 1.0
    grey = draws.between(0, (kind.age - 42) / 26)
    style = draws.choice(weights)
    bearded = draws.chance(2 * variety.facial_hair) and kind.man and not kind.child
    beard, strength = draws.choice(BEARDS), draws.between(0.35, 1.0)
    locks = draws.often(variety.loose_locks, 0.3, 1.0)
    return {
        "hairstyle": style,
        "hair": min(1.0, max(shade, grey)),
        "hairline": draws.around(-0.07, 0.09),
        "hair_side": 1 if draws.chance(0.5) else -1,
        "hair_volume": draws.between() ** 2,
        "hair_locks": 0.0 if style in ("bald", "receding", "buzz", "braids", "afro") else locks,
        "beard": strength if bearded else 0.0,
        "beard_style": beard,
    }


BEARDS = {"stubble": 40, "moustache": 14, "goatee": 16, "full": 30}
FRAMES = {"round": 20, "square": 35, "thick": 20, "rimless": 12, "half": 13}
HEADWEAR = {"cap": 28, "beanie": 18, "hat": 12, "headband": 17, "hijab": 25}


def _worn(draws: Draws, variety: Variety, kind: Kind) -> dict[str, Any]:
    sunglasses, glasses = draws.chance(variety.sunglasses), draws.chance(variety.glasses)
    frame, covered = draws.choice(FRAMES), draws.chance(variety.headwear)
    women = {"headband", "hijab"} if not kind.child else {"headband"}
    weights = {k: 0.0 if k == "hijab" else v for k, v in HEADWEAR.items()}
    if not kind.man:
        weights = {k: v if k in women else 0.5 * v for k, v in HEADWEAR.items()}
    headwear = draws.choice(weights)
    return {
        "glasses": glasses or sunglasses,
        "frame": "sunglasses" if sunglasses else frame,
        "frame_shade": draws.skewed(1, 3),
        "glare": draws.often(0.35, 0.3, 1.0),
        "headwear": headwear if covered else "none",
        "cloth": draws.between(),
    }
