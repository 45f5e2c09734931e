"""What a drawn face looks like: the person, the view, and the intensities of action units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from facevalue.drawing.variety import DEFAULT, Variety

ACTION_UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 20, 23, 24, 25, 26, 27, 43)
"""The FACS action units that move the drawn face."""

GAZE_UNITS = (61, 62, 63, 64)
"""The FACS units of gaze: left, right, up and down, as seen in the image."""

OCCLUSIONS = ("none", "hand", "hair", "microphone")
"""Objects that may cover part of the face."""

HAIRSTYLES = ("bald", "receding", "short", "parted", "fringe", "long", "curly", "bob")


@dataclass(frozen=True)
class Person:
    """The person who is drawn.

    `age` is in years. Shapes are factors around 1, except for `eye_slant`, `brow_height` and
    `hairline`, which are offsets around 0 in half frames. `skin`, `hair`, `iris` and `lip_colour`
    go from 0 to 1, skin and hair from dark to fair, and `beard` from 0 (none) to 1. `asymmetry` is
    the share by which intensities are higher on one side and lower on the other. `texture` is a
    seed.
    """

    age: float = 32.0
    skin: float = 0.7
    face_width: float = 1.0
    jaw: float = 1.0
    chin: float = 1.0
    eye_distance: float = 1.0
    eye_size: float = 1.0
    eye_slant: float = 0.0
    brow_thickness: float = 1.0
    brow_height: float = 0.0
    brow_arch: float = 1.0
    nose_length: float = 1.0
    nose_width: float = 1.0
    nose_height: float = 1.0
    mouth_width: float = 1.0
    lip_thickness: float = 1.0
    lip_colour: float = 0.3
    iris: float = 0.3
    hair: float = 0.15
    hairstyle: str = "short"
    hairline: float = 0.0
    beard: float = 0.0
    glasses: bool = False
    asymmetry: float = 0.0
    texture: int = 0

    @classmethod
    def random(cls, rng: np.random.Generator, variety: Variety = DEFAULT) -> Person:
        """Return a random adult: any skin tone and hair, some with a beard or glasses."""

        def around(mean: float, spread: float) -> float:
            return float(mean + spread * np.clip(rng.normal(), -2, 2))

        age = float(18 + 57 * rng.beta(1.3, 2.2))
        skin = float(rng.beta(1.5, 1.0))
        beard = float(rng.uniform(0.15, 0.9)) if rng.random() < 0.2 else 0.0
        styles = HAIRSTYLES[:4] if beard else HAIRSTYLES
        weights = [0.1, 0.2, 0.4, 0.3] if beard else [0.04, 0.1, 0.22, 0.2, 0.06, 0.18, 0.1, 0.1]
        hair = float(rng.beta(1, 3)) * (0.3 + 0.7 * skin)
        if age > 50:
            hair = max(hair, float(rng.uniform(0, (age - 45) / 30)))
        return cls(
            age=age,
            skin=skin,
            face_width=around(1, 0.035),
            jaw=around(1, 0.05),
            chin=around(1, 0.025),
            eye_distance=around(1, 0.035),
            eye_size=around(1, 0.06),
            eye_slant=around(0, 0.01),
            brow_thickness=around(1.05 if beard else 0.95, 0.18),
            brow_height=around(0, 0.012),
            brow_arch=around(1, 0.3),
            nose_length=around(1, 0.06),
            nose_width=around(1, 0.1),
            nose_height=around(1, 0.12),
            mouth_width=around(1, 0.06),
            lip_thickness=around(1, 0.15),
            lip_colour=float(rng.beta(1.5, 3)) * (0.5 if beard else 1.0),
            iris=float(rng.beta(1, 2.5)) * (0.2 + 0.8 * skin),
            hair=min(hair, 1.0),
            hairstyle=str(rng.choice(styles, p=weights)),
            hairline=around(0, 0.05),
            beard=beard,
            glasses=bool(rng.random() < 0.1),
            asymmetry=around(0, 0.08),
            texture=int(rng.integers(1 << 30)),
        )


@dataclass(frozen=True)
class View:
    """How the face is seen.

    Angles are in degrees, shifts in half frames, and `blur` is the standard deviation in pixels of
    the image. Light comes from `light_x` (-1 left, 1 right) and `light_y` (-1 below, 1 above);
    `hardness` goes from 0 (ambient light only) to 1. `noise` is a standard deviation on the scale
    of grey levels from 0 to 1, `jpeg` the quality from 1 to 100 (100: no compression), and
    `texture` a seed.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    scale: float = 1.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    light_x: float = 0.25
    light_y: float = 0.5
    hardness: float = 0.45
    brightness: float = 0.0
    contrast: float = 1.0
    background: float = 0.6
    blur: float = 0.0
    noise: float = 0.0
    jpeg: int = 100
    occlusion: str = "none"
    text: bool = False
    texture: int = 0

    @classmethod
    def random(cls, rng: np.random.Generator, variety: Variety = DEFAULT) -> View:
        """Return a random view."""
        mild = variety.yaw < 6  # until the knobs of the view are there
        wide = 0.5 if mild else 1.0

        def around(mean: float, spread: float) -> float:
            return float(mean + spread * wide * np.clip(rng.normal(), -2, 2))

        hard = not mild and rng.random() < 0.25
        occluded = not mild and rng.random() < 0.08
        return cls(
            yaw=around(0, 11),
            pitch=around(0, 6),
            roll=around(0, 6),
            scale=around(1.09, 0.05),
            shift_x=around(0, 0.05),
            shift_y=around(0, 0.05),
            light_x=float(np.clip(around(0, 0.8), -1.4, 1.4)),
            light_y=around(0.5, 0.3),
            hardness=float(rng.uniform(0.5, 0.8) if hard else rng.uniform(0.3, 0.5)),
            brightness=around(0, 0.1),
            contrast=around(1.0, 0.15),
            background=float(rng.random()),
            blur=0.0 if mild else float(max(0.0, rng.normal(0.0, 0.45))),
            noise=0.0 if mild else float(min(0.03, rng.exponential(0.008))),
            jpeg=100 if mild or rng.random() < 0.5 else int(rng.integers(30, 90)),
            occlusion=str(rng.choice(OCCLUSIONS[1:])) if occluded else "none",
            text=bool(not mild and rng.random() < 0.06),
            texture=int(rng.integers(1 << 30)),
        )


def check(action_units: Mapping[int, float]) -> None:
    """Check that the given action units can be drawn.

    Raises:
        ValueError: an action unit is unknown, or an intensity is not from 0 to 1.
    """
    known = ACTION_UNITS + GAZE_UNITS
    for unit, intensity in action_units.items():
        if unit not in known:
            raise ValueError(
                f"Unknown action unit {unit!r}: use one of {', '.join(map(str, known))}."
            )
        if not 0 <= intensity <= 1:
            raise ValueError(
                f"The intensity of action unit {unit} must be from 0 to 1, not {intensity}."
            )


class Intensities(dict[int, float]):
    """Intensities (0 to 1) of the action units of one side of the face; 0 for missing keys."""

    def __missing__(self, unit: int) -> float:
        return 0.0


def sides(action_units: Mapping[int, float], person: Person) -> tuple[Intensities, Intensities]:
    """Return the intensities on the left and right side of the image; no face is symmetric.

    The dimpler, unit 14, is visible on one side only, as in contempt.
    """
    pair = []
    for side in (-1, 1):
        gain = 1 + side * person.asymmetry
        units = Intensities({k: min(1.0, v * gain) for k, v in action_units.items()})
        if 14 in units and side * (person.asymmetry or 1) < 0:
            units[14] = 0.0
        pair.append(units)
    return pair[0], pair[1]
