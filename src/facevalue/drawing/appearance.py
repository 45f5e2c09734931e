"""What a drawn face looks like: the person, the view, and the intensities of action units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from facevalue.drawing import traits
from facevalue.drawing.variety import DEFAULT, Variety

ACTION_UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 20, 23, 24, 25, 26, 27, 43)
"""The FACS action units that move the drawn face."""

GAZE_UNITS = (61, 62, 63, 64)
"""The FACS units of gaze: left, right, up and down, as seen in the image."""

OCCLUSIONS = ("none", "hand", "hair", "microphone")
"""Objects that may cover part of the face."""


@dataclass(frozen=True)
class Person:
    """The person who is drawn.

    `age` is in years; children look like children up to 15. Factors around 1: `face_width`,
    `jaw` (its width), `chin` (its length), `forehead` (its width), `eye_distance`, `eye_size`,
    `eye_opening`, the brows' thickness, arch, length and density, the nose's length, width, height
    and `nose_bridge` (the height of its bridge), `mouth_width`, `lip_thickness`, `upper_lip` and
    `wrinkles` (how early they come). From about -1 to 1: `weight` (thin to heavy), `chin_width`
    (pointed to square), `cheekbones`, `eye_depth` (flat to deep-set) and `nose_hook` (hollow to
    hooked). Offsets in half frames: `eye_slant`, `brow_height`, `brow_slant`, `mouth_height`,
    `hairline`.

    From 0 to 1: `skin`, `hair` (dark to fair), `iris`, `lip_colour` (over 1: lipstick),
    `eye_fold` (the epicanthic fold), `hooded_lids`, `eye_bags`, `brow_join` (grown together),
    `ears` (how far they stick out), `forehead_lines`, `frown_lines`, `crows_feet`, `smile_lines`
    (wrinkles of habit), `freckles`, `blotches`, `eye_liner`, `hair_locks` (over the brow), `beard`,
    `frame_shade` (dark to bright glasses), `glare` (on the lenses) and `cloth` (dark to bright
    headwear). `moles` is their number, `hair_side` (-1 or 1) the side of the parting.

    A neutral face may look sad or angry. The `resting_` fields, from 0 to 1, are intensities of
    action units at rest: see `RESTING_UNITS`. `asymmetry` is the share by which intensities are
    higher on one side and lower on the other. `texture` is a seed.
    """

    age: float = 32.0
    skin: float = 0.7
    face_width: float = 1.0
    jaw: float = 1.0
    chin: float = 1.0
    chin_width: float = 0.0
    forehead: float = 1.0
    cheekbones: float = 0.0
    weight: float = 0.0
    ears: float = 0.0
    eye_distance: float = 1.0
    eye_size: float = 1.0
    eye_opening: float = 1.0
    eye_slant: float = 0.0
    eye_depth: float = 0.0
    eye_fold: float = 0.0
    hooded_lids: float = 0.0
    eye_bags: float = 0.0
    iris: float = 0.3
    brow_thickness: float = 1.0
    brow_height: float = 0.0
    brow_arch: float = 1.0
    brow_slant: float = 0.0
    brow_length: float = 1.0
    brow_density: float = 1.0
    brow_join: float = 0.0
    nose_length: float = 1.0
    nose_width: float = 1.0
    nose_height: float = 1.0
    nose_bridge: float = 1.0
    nose_hook: float = 0.0
    mouth_width: float = 1.0
    mouth_height: float = 0.0
    lip_thickness: float = 1.0
    upper_lip: float = 1.0
    lip_colour: float = 0.3
    wrinkles: float = 1.0
    forehead_lines: float = 0.0
    frown_lines: float = 0.0
    crows_feet: float = 0.0
    smile_lines: float = 0.0
    freckles: float = 0.0
    moles: int = 0
    blotches: float = 0.0
    resting_frown: float = 0.0
    resting_worry: float = 0.0
    resting_droop: float = 0.0
    resting_smile: float = 0.0
    resting_lids: float = 0.0
    resting_raised: float = 0.0
    hair: float = 0.15
    hairstyle: str = "short"
    hairline: float = 0.0
    hair_side: int = 1
    hair_locks: float = 0.0
    beard: float = 0.0
    beard_style: str = "full"
    eye_liner: float = 0.0
    glasses: bool = False
    frame: str = "square"
    frame_shade: float = 0.1
    glare: float = 0.0
    headwear: str = "none"
    cloth: float = 0.4
    asymmetry: float = 0.0
    texture: int = 0

    @classmethod
    def random(cls, rng: np.random.Generator, variety: Variety = DEFAULT) -> Person:
        """Return a random person: any age, skin tone and hair, some with a beard or glasses.

        Args:
            rng: the source of chance. Whatever `variety` is, it takes as many values.
            variety: how much people vary; its knobs are shares and spreads.
        """
        return cls(**traits.random_traits(rng, variety))


RESTING_UNITS: dict[str, tuple[int, ...]] = {
    "resting_frown": (4,),
    "resting_worry": (1,),
    "resting_droop": (15,),
    "resting_smile": (12,),
    "resting_lids": (43,),
    "resting_raised": (1, 2),
}
"""The action units that each resting field of `Person` moves."""


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

    A muscle that is tense at rest has less way to go: its rest and the expression's intensity do
    not add up beyond 1. The dimpler, unit 14, is visible on one side only, as in contempt.
    """
    action_units = _with_rest(action_units, person)
    pair = []
    for side in (-1, 1):
        gain = 1 + side * person.asymmetry
        units = Intensities({k: min(1.0, v * gain) for k, v in action_units.items()})
        if 14 in units and side * (person.asymmetry or 1) < 0:
            units[14] = 0.0
        pair.append(units)
    return pair[0], pair[1]


def _with_rest(action_units: Mapping[int, float], person: Person) -> Mapping[int, float]:
    rest = {name: value for name in RESTING_UNITS if (value := getattr(person, name)) > 0}
    if not rest:
        return action_units
    units = dict(action_units)
    for name, value in rest.items():
        for unit in RESTING_UNITS[name]:
            units[unit] = value + (1 - value) * units.get(unit, 0.0)
    return units
