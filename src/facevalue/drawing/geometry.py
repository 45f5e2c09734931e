"""The geometry of a drawn face: the positions of features, and how action units move them.

The unit of length is half the frame of a tight crop, about nine centimetres. x points right, y
down, z towards the viewer. Each side of the face is described with x >= 0; the left side of the
image is mirrored, with its own intensities. The numbers were tuned by eye, and by how well a
network trained only on photos recognises the drawn faces (tools/bench_faces.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from facevalue.drawing.appearance import Intensities, Person


@cache
def _spline_basis(points: int, per_segment: int) -> tuple[np.ndarray, np.ndarray]:
    t = np.linspace(0, 1, per_segment, endpoint=False)[:, None]
    basis = 0.5 * np.hstack(
        [
            -t + 2 * t**2 - t**3,
            2 - 5 * t**2 + 3 * t**3,
            t + 4 * t**2 - 3 * t**3,
            -(t**2) + t**3,
        ]
    )
    segments = np.arange(points - 1)[:, None] + np.arange(-1, 3)
    return basis, np.clip(segments, 0, points - 1)


BROW_AXIS = np.linspace(0, 4, 21)
"""Positions along a brow, from its inner end on, in fifths."""

EYE_AXIS, MOUTH_AXIS = np.linspace(-1, 1, 17), np.linspace(-1, 1, 33)
"""Positions across an eye and the mouth, from corner to corner."""


def smooth(points: np.ndarray, per_segment: int = 5) -> np.ndarray:
    """Return a Catmull-Rom curve through `points` (..., n, 2), including the last one."""
    basis, index = _spline_basis(points.shape[-2], per_segment)
    curve = (basis @ points[..., index, :]).reshape(*points.shape[:-2], -1, 2)
    return np.concatenate([curve, points[..., -1:, :]], -2)


def mirror(points: np.ndarray) -> np.ndarray:
    """Return points (..., 2) mirrored at the vertical axis."""
    return points * np.array([-1.0, 1.0])


def youth(p: Person) -> float:
    """Return how much of a small child a person has: 1 up to the age of 2, 0 from 15 on."""
    return min(1.0, max(0.0, (15 - p.age) / 13))


def of_age(p: Person) -> Person:
    """Return the person with the shapes that come from being a child, or old.

    A child's eyes are large and the rest is small and soft; old skin hangs, and lips get thin.
    """
    young = youth(p)
    old = min(1.0, max(0.0, (p.age - 52) / 30))
    if young:
        alike = 1 - 0.6 * young  # bones, in which adults differ, have yet to grow
        return replace(
            p,
            face_width=p.face_width * (1 + 0.06 * young),
            forehead=p.forehead * (1 + 0.05 * young),
            jaw=1 + alike * (p.jaw - 1) - 0.16 * young,
            chin=p.chin * (1 - 0.08 * young),
            chin_width=alike * p.chin_width - 0.4 * young,
            cheekbones=alike * p.cheekbones,
            weight=alike * p.weight + 0.3 * young,
            eye_size=p.eye_size * (1 + 0.25 * young),
            eye_opening=1 + alike * (p.eye_opening - 1) + 0.25 * young,
            eye_depth=p.eye_depth - 0.6 * young,
            hooded_lids=p.hooded_lids * (1 - young),
            brow_thickness=p.brow_thickness * (1 - 0.35 * young),
            brow_density=p.brow_density * (1 - 0.45 * young),
            brow_height=p.brow_height + 0.02 * young,
            nose_length=p.nose_length * (1 - 0.26 * young),
            nose_width=p.nose_width * (1 - 0.1 * young),
            nose_height=p.nose_height * (1 - 0.5 * young),
            nose_bridge=p.nose_bridge * (1 - 0.7 * young),
            mouth_width=p.mouth_width * (1 - 0.16 * young),
            mouth_height=p.mouth_height + 0.07 * young,
            wrinkles=p.wrinkles * (1 - young),
        )
    if old:
        return replace(
            p,
            hooded_lids=min(1.0, p.hooded_lids + 0.5 * old),
            eye_bags=min(1.0, p.eye_bags + 0.45 * old),
            brow_density=p.brow_density * (1 - 0.25 * old),
            nose_length=p.nose_length * (1 + 0.05 * old),
            nose_width=p.nose_width * (1 + 0.06 * old),
            lip_thickness=p.lip_thickness * (1 - 0.3 * old),
            ears=p.ears + 0.2 * old,
        )
    return p


@dataclass
class Brow:
    """An eyebrow: its centre line (n, 2), and half its thickness at each point (n,)."""

    line: np.ndarray
    half: np.ndarray

    def mirrored(self) -> Brow:
        """Return the eyebrow of the other side."""
        return Brow(mirror(self.line), self.half)


@dataclass
class Eye:
    """An eye: lids and crease (n, 2), from inner to outer corner; centre and radius of the iris."""

    upper: np.ndarray
    lower: np.ndarray
    crease: np.ndarray
    iris: np.ndarray
    radius: float

    def mirrored(self) -> Eye:
        """Return the eye of the other side."""
        upper, lower, crease = mirror(self.upper), mirror(self.lower), mirror(self.crease)
        return Eye(upper, lower, crease, mirror(self.iris), self.radius)


@dataclass
class Mouth:
    """The lips' outlines (n, 2), from the left corner to the right; opening, teeth and jaw."""

    upper_outer: np.ndarray
    upper_inner: np.ndarray
    lower_inner: np.ndarray
    lower_outer: np.ndarray
    opening: float
    upper_teeth: float
    lower_teeth: float
    tongue: float
    jaw: float


def brow(u: Intensities, p: Person) -> Brow:
    """Return the eyebrow of one side, with x >= 0."""
    flat = 1 - 0.85 * min(1.0, max(u[4], u[9]))
    arch = p.brow_arch * flat * np.array([0.02, -0.01, -0.035, -0.035, 0.025])
    x = np.array([0.13, 0.25, 0.38, 0.50, 0.61])
    x = (0.13 + (x - 0.13) * p.brow_length) * p.eye_distance
    y = -0.448 - p.brow_height + arch
    y = y - p.brow_slant * np.array([-0.5, -0.25, 0.25, 0.75, 1.0])
    y = y - u[1] * np.array([0.14, 0.11, 0.05, 0.01, 0.0])
    y = y - u[2] * np.array([0.02, 0.05, 0.10, 0.12, 0.10])
    lowering = np.array([0.135, 0.12, 0.09, 0.045, 0.01]) * u[4]
    lowering[:3] *= 1 - 0.95 * u[1]
    y = y + lowering + u[9] * np.array([0.07, 0.065, 0.06, 0.045, 0.03])
    y = y + (u[6] + u[7]) * np.array([0.0, 0.003, 0.008, 0.012, 0.014])
    x = x - (u[4] + 0.4 * u[9]) * np.array([0.05, 0.04, 0.03, 0.02, 0.01])
    half = 0.036 * p.brow_thickness * np.array([0.6, 1.0, 0.85, 0.65, 0.3])
    return Brow(smooth(np.stack([x, y], 1)), np.interp(BROW_AXIS, range(5), half))


def eye(u: Intensities, p: Person, gaze: tuple[float, float]) -> Eye:
    """Return the eye of one side, with x >= 0; `gaze` is already mirrored."""
    cx, cy = 0.36 * p.eye_distance, -0.235
    width = 0.172 * p.eye_size
    t = EYE_AXIS
    old = max(0.0, p.age - 40) / 35
    upper = 0.060 * p.eye_size * p.eye_opening * (1 - 0.15 * old) * (1 - 0.25 * p.hooded_lids)
    upper += 0.065 * u[5] - 0.016 * u[7] - 0.012 * u[6] - 0.010 * u[4] - 0.024 * u[9]
    lower = (
        0.044 * p.eye_size * p.eye_opening
        - 0.026 * u[7]
        - 0.022 * u[6]
        - 0.020 * u[9]
        + 0.006 * u[5]
    )
    lower -= 0.012 * u[12]
    closed = min(1.0, u[43])
    upper = max(0.012, upper) * (1 - closed) - 0.030 * closed
    lower = max(0.006, lower) * (1 - closed) + 0.034 * closed
    corners = cy + (0.012 + 0.022 * p.eye_fold) * (1 - t) / 2 - (0.012 + p.eye_slant) * (1 + t) / 2
    bow = (1 - t**2) ** 0.7
    skew = 1 - (0.18 + 0.12 * p.hooded_lids) * t - 0.35 * p.eye_fold * np.maximum(-t, 0)
    x = cx + width * t
    top = np.stack([x, corners - upper * bow * skew], 1)
    bottom = np.stack([x, corners + lower * bow * (1 + 0.15 * t)], 1)
    lift = 0.052 * (1 - 0.7 * max(p.hooded_lids, p.eye_fold))
    lift += -0.022 * u[5] + 0.04 * closed + 0.02 * u[1] * u[2]
    crease = np.stack([x, corners - (max(upper, 0.0) + lift) * (1 - t**2) ** 0.6], 1)
    iris = np.array([cx + 0.055 * gaze[0], cy - 0.008 + 0.03 * gaze[1]])
    return Eye(top, bottom, crease, iris, 0.073 * p.eye_size)


def mouth(left: Intensities, right: Intensities, p: Person) -> Mouth:
    """Return the mouth; a corner depends on the units of its side, the middle on their mean."""
    u = Intensities({k: (left[k] + right[k]) / 2 for k in {*left, *right}})
    jaw = 0.10 * u[26] + 0.34 * u[27]
    part = 0.022 * u[25] + 0.30 * jaw + 0.03 * u[19]
    t = MOUTH_AXIS
    side = (1 + np.clip(t * 1.2, -1, 1)) / 2

    def corner(s: Intensities) -> tuple[float, float]:
        wide = 0.275 * p.mouth_width + 0.075 * s[12] + 0.075 * s[20] + 0.05 * s[14]
        wide += 0.01 * s[15] - 0.03 * s[23] - 0.01 * s[24] - 0.02 * s[17] - 0.05 * s[27]
        wide -= 0.11 * s[18]
        wide -= 0.03 * s[26] * (1 - max(s[12], s[20]))
        down = -0.012 - 0.095 * s[12] + 0.095 * s[15] + 0.035 * s[20] - 0.03 * s[14]
        return wide, down + 0.35 * jaw + 0.012 * s[16]

    (wide_l, down_l), (wide_r, down_r) = corner(left), corner(right)
    x = t * np.where(t < 0, wide_l, wide_r)
    curl = np.abs(t) ** 1.8 * (down_l * (1 - side) + down_r * side)
    middle = 0.515 - p.mouth_height - 0.02 * u[17] - 0.008 * u[24] + 0.012 * u[12]
    bow = 1 - t**2
    square = 1 - np.abs(t) ** 3.5
    raised = 0.055 * u[10] + 0.07 * u[9] + 0.022 * u[12] * min(1.0, u[25] + u[26]) + 0.05 * jaw
    line = middle + curl
    upper_inner = line - raised * square - 0.25 * part * bow**0.7
    dropped = 0.04 * u[16] + 1.0 * jaw + part
    lower_inner = line + np.where(dropped > 0, dropped, 0) * square
    lower_inner = lower_inner - 0.015 * u[17] * bow
    pushed = max(u[17], u[24]) * max(0.0, 1 - u[25] - u[26] - u[27])
    lower_inner = lower_inner - pushed * raised * square  # the chin closes what the lip opens
    lower_inner = np.maximum(lower_inner, upper_inner)
    thin = 1 - 0.55 * u[24] - 0.40 * u[23] - 0.2 * u[12] - 0.15 * u[20] - 0.2 * u[17]
    thick = p.lip_thickness * max(0.25, thin) * (1 + 0.3 * u[18])
    cupid = np.exp(-((np.abs(t) - 0.22) ** 2) / 0.02) * 0.15 - np.exp(-(t**2) / 0.008) * 0.12
    upper_outer = upper_inner - 0.080 * p.upper_lip * thick * (bow**0.9 * (1 + cupid))
    stretch = 1 + 0.5 * u[17] - 0.2 * u[16]
    lower_outer = lower_inner + 0.105 * thick * stretch * bow**0.75

    def stack(y: np.ndarray) -> np.ndarray:
        return np.stack([x, y], 1)

    opening = float((lower_inner - upper_inner).max())
    return Mouth(
        stack(upper_outer),
        stack(upper_inner),
        stack(lower_inner),
        stack(lower_outer),
        opening,
        upper_teeth=0.062 * min(1.0, opening / 0.05) * (1 - 0.8 * u[18]),
        lower_teeth=0.05 * min(1.0, u[16] + 0.6 * u[20]),
        tongue=u[19],
        jaw=jaw,
    )


def outline(p: Person, jaw: float) -> np.ndarray:
    """Return half the head's outline (n, 2), from the crown to the chin, with x >= 0."""
    w, j, c, full = p.face_width, p.jaw, p.chin, p.weight
    if full < 0:
        full *= 0.6  # a thin face keeps its bones
    square, bones, brow = 0.06 * p.chin_width, 0.04 * p.cheekbones, p.forehead
    points = np.array(
        [
            [0.0, -1.42],
            [0.38 * brow, -1.36],
            [0.62 * brow, -1.12],
            [0.745 * brow, -0.75],
            [0.785 * (1 + brow) / 2 + 0.3 * bones, -0.35],
            [0.78 + bones + 0.03 * full, -0.05],
            [0.75 + bones + 0.08 * full, 0.22],
            [0.69 * j + 0.4 * square + 0.12 * full, 0.50 + 0.2 * jaw],
            [0.55 * j + square + 0.14 * full, 0.77 * c + 0.7 * jaw],
            [0.35 * j + 1.4 * square + 0.10 * full, 0.94 * c + 0.9 * jaw],
            [0.0, 1.01 * c + 0.95 * jaw],
        ]
    )
    points[:, 0] *= w
    return smooth(points, 6)


def bumps(left: Intensities, right: Intensities, p: Person, mouth: Mouth) -> np.ndarray:
    """Return the bumps of features and muscles: rows of x, y, width, height and amplitude."""
    old = np.clip((p.age - 30) / 45, 0, 1) * min(p.wrinkles, 1.5)
    lips = 0.50 - p.mouth_height
    full = 0.05 * p.weight
    tip = 0.16 * p.nose_length
    nose = p.nose_height
    width = p.nose_width
    rows = [
        (0.0, -0.26, 0.07, 0.10, 0.05 * nose * p.nose_bridge),
        (0.0, -0.12, 0.075 * width, 0.10, (0.09 * p.nose_bridge + 0.04 * p.nose_hook) * nose),
        (0.0, 0.0, 0.095 * width, 0.10, 0.11 * nose),
        (0.0, tip - 0.03, 0.115 * width, 0.075, 0.15 * nose),
        (0.0, tip + 0.02 * p.nose_hook, 0.065 * width, 0.05, 0.06 * nose),
        (0.0, -0.40, 0.12, 0.07, 0.03),
        (0.0, 0.33, 0.035, 0.06, -0.02),
        (0.0, lips + 0.4 * mouth.jaw, 0.26, 0.16, 0.075),
        (0.0, 0.70 * (1 + p.chin) / 2 + 0.9 * mouth.jaw, 0.16, 0.045, -0.04),
        (0.0, 0.84 * (1 + p.chin) / 2 + 0.9 * mouth.jaw, 0.15, 0.08, 0.06),
    ]
    for side, u in ((-1, left), (1, right)):
        lift = 0.12 + 0.03 * u[12] - 0.05 * u[6] - 0.02 * u[9]
        eye = 0.36 * p.eye_distance
        half = [
            (0.30, -0.43, 0.19, 0.055, 0.045 + 0.02 * u[4] + 0.03 * p.eye_depth),
            (0.10, -0.40, 0.05, 0.06, 0.03 * u[4]),
            (eye - 0.17, -0.23, 0.07, 0.07, -0.07 * (1 + p.eye_depth)),
            (eye + 0.02, -0.24, 0.17, 0.10, -0.085 * (1 + p.eye_depth)),
            (eye, -0.235, 0.10, 0.07, 0.075),
            (eye, -0.33, 0.13, 0.04, 0.03 * max(p.eye_fold, p.hooded_lids)),
            (eye, -0.15, 0.11, 0.025, 0.03 * p.eye_bags),
            (eye, -0.12, 0.14, 0.03, -0.012 - 0.03 * old - 0.02 * p.eye_bags),
            (0.46, lift, 0.17, 0.13, 0.055 + 0.05 * u[12] + 0.035 * u[6] + 0.4 * full),
            (0.29, 0.05, 0.09, 0.10, 0.04 * u[9] + 0.04 * u[10]),
            (0.125 * width, tip + 0.02 - 0.03 * u[9], 0.05, 0.05, 0.085 + 0.03 * u[9]),
            (0.205 * width, tip + 0.03, 0.035, 0.05, -0.03),
            (0.47, 0.45, 0.10, 0.16, -0.025 - 0.03 * old + full),
            (0.33, lips + 0.10, 0.06, 0.06, 0.02 * u[15] + 0.02 * u[12]),
            (0.34, lips, 0.03, 0.04, -0.05 * u[14]),
            (0.12, 0.85 + 0.9 * mouth.jaw, 0.07, 0.06, 0.03 * u[17]),
        ]
        rows += [(side * x, y, sx, sy, a) for x, y, sx, sy, a in half]
    return np.array(rows)


@dataclass
class Fold:
    """A wrinkle: points with x >= 0, half its maximum thickness, and its depth (0 to 1)."""

    points: list[tuple[float, float]]
    half: float
    depth: float


def folds(u: Intensities, p: Person, mouth: Mouth) -> list[Fold]:
    """Return the wrinkles of one side that age and the action units cause."""
    old = float(np.clip((p.age - 28) / 45, 0, 1)) * p.wrinkles
    corner = np.abs(mouth.upper_outer[-1])
    nose = 0.155 * p.nose_width
    tip = 0.16 * p.nose_length
    found: list[Fold] = []
    firm = 1 - 0.45 * youth(p)  # the skin of children folds less deeply

    def add(points: list[tuple[float, float]], half: float, depth: float) -> None:
        depth *= firm
        if depth > 0.04:
            found.append(Fold(points, half, min(1.0, depth)))

    smile, sneer = u[12], max(u[9], u[10])
    start = tip - 0.03 - 0.05 * sneer
    wing, lift = 0.15 * p.nose_width, 0.03 * u[9]
    add(  # the nose's wing
        [(wing - 0.01, tip - 0.06 - lift), (wing + 0.03, tip - lift), (wing, tip + 0.05 - lift)],
        0.012,
        0.3,
    )
    at_rest = 0.10 + 0.35 * old + 0.5 * p.smile_lines
    add(
        [
            (nose + 0.03, start),
            (nose + 0.11 + 0.05 * smile, start + 0.10),
            (corner[0] + 0.045 + 0.03 * smile, corner[1] - 0.13),
            (corner[0] + 0.065 + 0.02 * smile, corner[1] + 0.01 + 0.03 * sneer),
        ],
        0.022,
        at_rest + 0.7 * smile + 0.75 * sneer + 0.2 * u[15] + 0.2 * u[20],
    )
    add(
        [
            (corner[0] + 0.01, corner[1]),
            (corner[0] + 0.05, corner[1] + 0.07),
            (corner[0] + 0.04, corner[1] + 0.16),
        ],
        0.018,
        0.25 * old + 0.7 * u[15] + 0.2 * u[17] + 0.2 * u[9],
    )
    add(  # the dimple next to the corner
        [
            (corner[0] + 0.04, corner[1] - 0.06),
            (corner[0] + 0.06, corner[1]),
            (corner[0] + 0.03, corner[1] + 0.05),
        ],
        0.02,
        0.9 * u[14],
    )
    for k in range(3):
        y = -0.66 - 0.10 * k
        inner, outer = 0.03 * u[1], 0.03 * u[2]
        depth = 0.4 * old * (0.5 * u[1] + 0.5 * u[2] + 0.7) + 0.5 * max(u[1], u[2])
        depth += 0.5 * p.forehead_lines
        wide = 0.24 + 0.26 * max(u[2], old, p.forehead_lines)
        add(
            [
                (0.0, y - inner),
                (0.34 * wide, y - inner),
                (0.68 * wide, y - outer),
                (wide, y + 0.03),
            ],
            0.012,
            depth * (1 - 0.2 * k),
        )
    frown = max(0.0, u[4] - 0.2 * u[2])
    frown_line = 0.12 * old + 0.45 * p.frown_lines + 0.95 * frown
    add([(0.045, -0.36), (0.06, -0.44), (0.05, -0.54)], 0.016, frown_line)
    add([(0.0, -0.31), (0.08, -0.30)], 0.014, 0.8 * u[9] + 0.2 * frown)
    add([(0.0, -0.24), (0.075, -0.22)], 0.012, 0.8 * u[9])
    add([(0.05, -0.17), (0.10, -0.08)], 0.014, 0.7 * u[9])
    for k in range(3):
        y = -0.26 + 0.05 * k
        add(
            [(0.56, y), (0.63, y - 0.03 + 0.035 * k), (0.69, y - 0.05 + 0.06 * k)],
            0.010,
            0.3 * old + 0.4 * p.crows_feet + 0.5 * u[6] + 0.15 * u[12],
        )
    lid = -0.235 + 0.09 - 0.02 * u[7]
    add(
        [(0.22, lid), (0.34, lid + 0.035), (0.47, lid + 0.01)],
        0.014,
        0.15 + 0.35 * old + 0.4 * p.eye_bags + 0.5 * u[6] + 0.35 * u[7] + 0.4 * u[9],
    )
    chin = 0.69 - 0.5 * p.mouth_height + mouth.jaw
    add([(0.0, chin), (0.13, chin + 0.01)], 0.02, 0.15 + 0.6 * u[17])
    return found


PROFILE = smooth(np.array(
    [
        (-1.42, 0.0), (-1.33, 0.36), (-1.15, 0.58), (-0.9, 0.72), (-0.65, 0.79), (-0.45, 0.82),
        (-0.2, 0.81), (0.1, 0.80), (0.4, 0.77), (0.62, 0.73), (0.78, 0.70), (0.88, 0.65),
        (0.95, 0.54), (1.0, 0.38), (1.04, 0.25),
    ]
))  # fmt: skip
"""The profile of the head: y and depth z of its centre line, without nose and lips."""


def both(right: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Return a closed outline from its right half and the mirror image of its left half."""
    return np.vstack([right, mirror(left)[::-1]])


def curve(*points: tuple[float, float]) -> np.ndarray:
    """Return a smooth curve through points."""
    return smooth(np.array(points))


EAR = curve((0.70, -0.3), (0.80, -0.34), (0.85, -0.22), (0.82, -0.02), (0.78, 0.1), (0.70, 0.12))


def ear(p: Person) -> tuple[np.ndarray, np.ndarray]:
    """Return the outlines of an ear and of its hollow; ears that stick out are seen whole."""
    points = EAR.copy()
    points[:, 0] += 0.9 * p.ears * np.maximum(points[:, 0] - 0.70, 0)
    return points, points.mean(0) + (points - points.mean(0)) * (0.5, 0.62)


NECK = curve(
    (0, 0.5), (0.5, 0.5), (0.52, 1.15), (0.66, 1.38), (1.1, 1.5), (1.6, 1.75), (1.7, 3), (0, 3)
)
SHIRT = curve((0, 1.62), (0.35, 1.45), (0.62, 1.3), (1.15, 1.42), (1.65, 1.7), (1.8, 3.2), (0, 3.2))
