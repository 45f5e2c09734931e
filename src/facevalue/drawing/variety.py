"""How much drawn faces vary: one knob for each way in which faces on photos differ.

A knob is a share (how often something is seen, 0 to 1) or a spread (how far a value strays).
`DEFAULT` is the default data set's variety, `MILD` a clean set's; reports/drawing shows every knob.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

LIMITS = {
    **dict.fromkeys(("head_shapes", "ears", "eye_shapes", "brow_shapes", "noses", "lips"), 3),
    **dict.fromkeys(("roll", "yaw", "pitch"), 45),
    **{"wrinkles": 3, "shift": 0.3, "scale": 0.3, "light": 2, "defocus": 2, "noise": 0.1},
}
"""The largest values of the knobs that are not shares."""


@dataclass(frozen=True)
class PeopleKnobs:
    """How much people differ."""

    head_shapes: float = 1.0
    """Spread of the head's shape (round, long, square, heavy, thin), as a factor."""

    ears: float = 1.0
    """How far ears stick out, as a factor; a fifth of people have ears that do."""

    eye_shapes: float = 1.0
    """Spread of the eyes' shape (round, narrow, hooded, deep-set, folded), as a factor."""

    brow_shapes: float = 1.0
    """Spread of the eyebrows' shape (straight, arched, thin, sparse, joined), as a factor."""

    noses: float = 1.0
    """Spread of the nose's shape (broad, narrow, long, short, hooked), as a factor."""

    lips: float = 1.0
    """Spread of the mouth's width and of the lips' thickness, as a factor."""

    children: float = 0.08
    """Share of children under 15."""

    old_people: float = 0.14
    """Share of people over 62."""

    wrinkles: float = 1.0
    """Share of people with wrinkles of habit, and spread of those of age, as a factor."""

    skin_marks: float = 0.25
    """Share of people with freckles, moles or blotches; more than one kind may occur."""

    resting: float = 0.6
    """Share of people whose neutral face looks tense, sad, tired or friendly."""

    hairstyles: float = 0.7
    """Share of people who choose from all hairstyles, instead of eight usual ones."""

    loose_locks: float = 0.12
    """Share of people with locks of hair over the brow."""

    facial_hair: float = 0.18
    """Share of people with a beard, a moustache or stubble; at most 0.5, all men."""

    glasses: float = 0.12
    """Share of people with glasses."""

    sunglasses: float = 0.01
    """Share of people with sunglasses."""

    headwear: float = 0.08
    """Share of people with a hat, a cap, a headband or a headscarf."""

    make_up: float = 0.3
    """Share of women with lipstick and eye liner."""


@dataclass(frozen=True)
class ExpressionKnobs:
    """How much the ways in which people show an emotion differ."""

    weakness: float = 0.55
    """How far below 1 the intensity of an expression may lie."""

    rarities: float = 0.25
    """Share of rarer ways to show an emotion: crying, laughing with closed eyes, a smirk."""

    blends: float = 0.12
    """Share of faces that also show some of a second emotion, 15 to 45 %."""

    partial: float = 0.12
    """Share of faces that show the expression weakly in the upper or in the lower half."""

    individuality: float = 0.15
    """Spread of each action unit's intensity around the emotion's, as a share of it."""

    stray_units: float = 0.15
    """Share of faces that also move action units that have nothing to do with the emotion."""

    asymmetric: float = 0.06
    """Share of faces that show the expression mostly on one side."""

    one_sided: float = 0.08
    """Spread of the difference between the two sides, as a share of the intensity."""

    speech: float = 0.12
    """Share of faces that are speaking."""

    gaze: float = 0.3
    """Share of faces that look aside, up or down; of fearful ones, always half do."""

    blinks: float = 0.04
    """Share of faces caught with half or wholly closed eyes."""

    tooth_gaps: float = 0.06
    """Share of people with a gap between their teeth."""


@dataclass(frozen=True)
class ViewKnobs:
    """How much the ways in which a face is seen and photographed differ."""

    shift: float = 0.05
    """Spread (standard deviation) of the face's place in the crop, in half frames."""

    scale: float = 0.06
    """Spread of the face's size in the crop, as a share of its size."""

    roll: float = 6.0
    """Spread of the roll, in degrees; tails reach 30."""

    yaw: float = 14.0
    """Spread of the yaw, in degrees; it reaches 40 at most."""

    pitch: float = 7.0
    """Spread of the pitch, in degrees; it reaches 30 at most."""

    perspective: float = 0.3
    """Share of faces that a near camera sees, with a larger nose and middle."""

    light: float = 0.5
    """Spread of the direction of soft light: 1 is 45 degrees from the side."""

    hard_light: float = 0.15
    """Share of faces in hard light, from a side or above."""

    shadows: float = 0.08
    """Share of faces on which something outside the face casts a shadow."""

    metering: float = 0.7
    """How much of the way to middle grey the camera's automatic exposure goes, at most."""

    exposure: float = 0.15
    """Share of faces that are over- or under-exposed, with clipped greys."""

    contrast: float = 0.15
    """Spread of the contrast around 1; the brightness strays by two thirds of it."""

    motion: float = 0.05
    """Share of faces blurred by motion."""

    defocus: float = 0.35
    """Spread of the blur, in pixels of the image."""

    jpeg: float = 0.5
    """Share of faces with visible traces of JPEG compression."""

    sharpening: float = 0.6
    """Share of faces that were sharpened after they were made smaller."""

    enlarged: float = 0.07
    """Share of faces that were 16 to 36 pixels high and have been enlarged."""

    noise: float = 0.006
    """Mean of the sensor noise's standard deviation, on the scale of grey levels from 0 to 1."""

    borders: float = 0.04
    """Share of faces with a bar or a frame at the edge of the picture."""

    text: float = 0.06
    """Share of faces with a watermark or a caption."""

    clutter: float = 0.5
    """Share of backgrounds with things and people instead of smooth clouds."""

    hands: float = 0.06
    """Share of faces with a hand at the mouth, the cheek or the brow."""

    loose_hair: float = 0.05
    """Share of faces with hair over the face."""

    microphones: float = 0.02
    """Share of faces behind a microphone."""


@dataclass(frozen=True)
class Variety(ViewKnobs, ExpressionKnobs, PeopleKnobs):
    """How much faces vary in people, expressions and views; 0 turns a knob off.

    Raises:
        ValueError: a knob is below 0, above its limit (`LIMITS`; 1 for a share), or no number.

    >>> Variety(glasses=2)
    Traceback (most recent call last):
    ValueError: The knob glasses must be a number from 0 to 1, not 2.
    """

    def __post_init__(self) -> None:
        for knob in fields(self):
            value, limit = getattr(self, knob.name), LIMITS.get(knob.name, 1)
            if not isinstance(value, int | float) or not 0 <= value <= limit:
                raise ValueError(
                    f"The knob {knob.name} must be a number from 0 to {limit:g}, not {value}."
                )


DEFAULT = Variety()
"""The variety of the default data set."""

MILD = Variety(
    head_shapes=0.7,
    ears=0.5,
    eye_shapes=0.7,
    brow_shapes=0.7,
    noses=0.7,
    lips=0.7,
    children=0.0,
    old_people=0.08,
    wrinkles=0.5,
    skin_marks=0.0,
    resting=0.0,
    hairstyles=0.3,
    loose_locks=0.0,
    facial_hair=0.0,
    sunglasses=0.0,
    headwear=0.0,
    make_up=0.0,
    weakness=0.0,
    rarities=0.0,
    blends=0.0,
    partial=0.0,
    individuality=0.05,
    stray_units=0.0,
    asymmetric=0.0,
    one_sided=0.06,
    speech=0.0,
    gaze=0.1,
    blinks=0.0,
    tooth_gaps=0.0,
    shift=0.025,
    scale=0.025,
    roll=3.0,
    yaw=5.5,
    pitch=3.0,
    perspective=0.0,
    light=0.4,
    hard_light=0.0,
    shadows=0.0,
    metering=0.0,
    exposure=0.0,
    contrast=0.075,
    motion=0.0,
    defocus=0.0,
    jpeg=0.0,
    sharpening=0.0,
    enlarged=0.0,
    noise=0.0,
    borders=0.0,
    text=0.0,
    clutter=0.0,
    hands=0.0,
    loose_hair=0.0,
    microphones=0.0,
)
"""The variety of a clean set: nearly frontal, sharp, uncovered, well lit; no hats or beards."""
