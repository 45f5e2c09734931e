"""What a drawn face looks like: the person, the view, and the intensities of action units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from facevalue.drawing import traits
from facevalue.drawing.chance import Draws
from facevalue.drawing.variety import DEFAULT, Variety

ACTION_UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 18, 19, 20, 23, 24, 25, 26, 27, 43)
"""The FACS action units that move the drawn face."""

LID_UNITS = (5, 7, 43)
"""The action units of the eyelids."""

GAZE_UNITS = (61, 62, 63, 64)
"""The FACS units of gaze: left, right, up and down, as seen in the image."""

OCCLUSIONS = ("none", "hand", "hair", "microphone")
"""Objects that may cover part of the face."""

HAND_PLACES = ("mouth", "cheek", "brow")
"""Where a hand may cover the face."""

SHADES = ("none", "edge", "brim", "blind", "leaves")
"""What casts a shadow on the face: nothing, a wall's edge, a brim, a window blind, leaves."""

SCENES = ("clouds", "plain", "stripes", "room", "lights", "leaves", "crowd")
"""What stands behind the face."""

BORDERS = ("none", "bar", "frame", "rounded")
"""What surrounds the picture: nothing, bars at the edges, a frame, or rounded corners."""


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
    (wrinkles of habit), `tooth_gap` (between the front teeth), `tears`, `freckles`, `blotches`,
    `eye_liner`, `hair_volume`, `hair_locks` (over the brow), `beard`, `frame_shade` (dark to
    bright glasses), `glare` (on the lenses) and `cloth` (dark to bright headwear). `moles` is
    their number, `hair_side` (-1 or 1) the side of the parting.

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
    tooth_gap: float = 0.0
    wrinkles: float = 1.0
    forehead_lines: float = 0.0
    frown_lines: float = 0.0
    crows_feet: float = 0.0
    smile_lines: float = 0.0
    tears: float = 0.0
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
    hair_volume: float = 0.0
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

    Angles are in degrees, shifts in half frames, blurs in pixels of a 48-pixel image.

    `near` is the reciprocal of the camera's distance, in half frames: 0 is far away, 0.25 a
    telephone in the hand. Light comes from `light_x` (-1 left, 1 right) and `light_y` (-1 below,
    1 above); `hardness` goes from 0 (ambient light only) to 1, `cast` is the darkness of the
    shadows that the face casts on itself, and `shade` names a thing that casts one on it.

    `metering` is how much of the way to middle grey the camera's automatic exposure goes (0 to 1).
    `exposure`, in stops, comes on top and clips at white. `gamma` is an exponent, `brightness` an
    offset and `contrast` a factor around middle grey. `scene` is what stands behind the face, of
    grey level `background`. `blur` is a standard deviation, and `motion` a length in the direction
    `motion_angle`.

    `resolution` is the number of pixels across the photo from which the 48 pixels were made. There
    the image gets its `noise`, a standard deviation on the scale of grey levels from 0 to 1, and
    is compressed with the quality `jpeg` from 1 to 100 (100: no compression). `sharpening` is the
    share of the fine detail that is added again. A hand is at `hand_at`. `texture` is a seed.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    scale: float = 1.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    near: float = 0.0
    light_x: float = 0.25
    light_y: float = 0.5
    hardness: float = 0.45
    cast: float = 0.0
    shade: str = "none"
    brightness: float = 0.0
    contrast: float = 1.0
    metering: float = 0.0
    exposure: float = 0.0
    gamma: float = 1.0
    background: float = 0.6
    scene: str = "clouds"
    blur: float = 0.0
    motion: float = 0.0
    motion_angle: float = 0.0
    noise: float = 0.0
    resolution: int = 48
    jpeg: int = 100
    sharpening: float = 0.0
    occlusion: str = "none"
    hand_at: str = "mouth"
    border: str = "none"
    text: bool = False
    texture: int = 0

    @classmethod
    def random(cls, rng: np.random.Generator, variety: Variety = DEFAULT) -> View:
        """Return a random view.

        Every value takes the same random numbers, however much the view varies, so that a knob
        of `variety` changes nothing but what it says.
        """
        v, draws = variety, Draws(rng)

        def either(share: float, low: float, high: float, otherwise: float = 0.0) -> float:
            """Return, in a share of cases, a value from `low` to `high`."""
            happens, value = draws.chance(share), draws.between(low, high)
            return value if happens else otherwise

        def one_of(share: float, weights: dict[str, float]) -> str:
            """Return, in a share of cases, one of the names."""
            happens, name = draws.chance(share), draws.choice(weights)
            return name if happens else "none"

        hard, clipped = draws.chance(v.hard_light), draws.chance(v.exposure)
        compressed = draws.chance(v.jpeg)
        soft_x, hard_x = draws.around(0, v.light), draws.sign() * draws.between(0.5, 1.8)
        soft_y, hard_y = draws.around(0.5, 0.5 * v.light), draws.around(0.6, 0.6)
        soft, harsh = draws.between(0.25, 0.5), draws.between(0.55, 0.9)
        photo = draws.pick([48, 96, 144, 192])
        stops, exponent = draws.sign() * draws.between(0.3, 1.0), draws.between(-0.4, 0.4)
        covers = {"hand": v.hands, "hair": v.loose_hair, "microphone": v.microphones}
        scene = one_of(v.clutter, dict.fromkeys(SCENES[1:], 1.0))
        return cls(
            yaw=draws.tailed(v.yaw, 40),
            pitch=draws.tailed(v.pitch, 30),
            roll=draws.tailed(v.roll, 30),
            scale=draws.around(1.1, v.scale),
            shift_x=draws.around(0, v.shift),
            shift_y=draws.around(0, v.shift),
            near=either(v.perspective, 0.12, 0.38),
            light_x=hard_x if hard else soft_x,
            light_y=hard_y if hard else soft_y,
            hardness=harsh if hard else soft,
            cast=either(float(hard), 0.5, 0.9),
            shade=one_of(v.shadows, {"edge": 0.4, "brim": 0.3, "blind": 0.1, "leaves": 0.2}),
            brightness=draws.around(0, 0.67 * v.contrast),
            contrast=draws.around(1.0, v.contrast),
            metering=v.metering * draws.between(0.5, 1),
            exposure=min(stops, 0.65) if clipped else 0.0,
            gamma=float(np.exp(exponent)) if clipped else 1.0,
            background=draws.between() ** 0.8,
            scene=SCENES[0] if scene == "none" else scene,
            blur=max(0.0, draws.around(0, v.defocus)),
            motion=either(v.motion, 1.5, 5),
            motion_angle=draws.between(0, 180),
            noise=min(0.05, float(rng.exponential()) * v.noise),
            resolution=int(either(v.enlarged, 16, 37, photo if compressed else 48)),
            jpeg=int(either(float(compressed), 25, 90, 100)),
            sharpening=either(v.sharpening, 0.2, 0.9),
            hand_at=draws.pick(HAND_PLACES),
            border=one_of(v.borders, dict.fromkeys(BORDERS[1:], 1.0)),
            text=draws.chance(v.text),
            texture=int(rng.integers(1 << 30)),
            occlusion=one_of(sum(covers.values()), covers),
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
    not add up beyond 1. Both eyes open and close together. The dimpler, unit 14, is visible on one
    side only, as in contempt.
    """
    action_units = _with_rest(action_units, person)
    pair = []
    for side in (-1, 1):
        lean = side * person.asymmetry
        gain = {unit: 1 + (0.2 * lean if unit in LID_UNITS else lean) for unit in action_units}
        units = Intensities({k: min(1.0, v * gain[k]) for k, v in action_units.items()})
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
