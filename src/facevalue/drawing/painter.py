"""Painting a drawn face from the front: a height field lit by a lamp, with skin, eyes and hair.

`geometry` says where everything is; `camera` turns the picture and photographs it.
"""

from __future__ import annotations

import cv2
import numpy as np

from facevalue.drawing import geometry, lighting
from facevalue.drawing.appearance import Intensities, Person, View, sides
from facevalue.drawing.canvas import Canvas, circle, mix, ribbon, taper, texture
from facevalue.drawing.geometry import Brow, Eye, Fold, both, mirror

TINTS = {
    "skin": (1.17, 0.96, 0.82),
    "lips": (1.32, 0.86, 0.84),
    "mouth": (1.4, 0.8, 0.8),
    "white": (1.02, 1.0, 0.96),
    "dark": (1.1, 0.98, 0.9),
}
"""Factors for red, green and blue that turn grey levels into the colours of a photo."""


def base_height(canvas: Canvas, outline: np.ndarray) -> np.ndarray:
    """Return the height of the head without features: round cross-sections of half an outline."""
    y, x = canvas.axis, np.abs(canvas.axis)
    longer = 0.8 / (outline[-1, 1] - 0.2)  # an open jaw stretches the profile
    profile = geometry.PROFILE
    depth = np.interp(np.where(y > 0.2, 0.2 + (y - 0.2) * longer, y), profile[:, 0], profile[:, 1])
    width = np.interp(y, outline[:, 1], outline[:, 0], left=0.05, right=0.05)
    ratio = np.minimum(x[None, :] / width[:, None], 0.97).astype(np.float32)
    square = ratio * ratio
    return depth[:, None].astype(np.float32) * np.sqrt(1 - square * np.sqrt(ratio))


def bumps(canvas: Canvas, table: np.ndarray) -> np.ndarray:
    """Return the sum of Gaussians, given as rows of (x, y, width, height, amplitude)."""
    x, y, wide, high, amplitude = table.astype(np.float32).T[:, :, None]
    across = np.exp(-0.5 * ((canvas.axis - x) / wide) ** 2)
    down = np.exp(-0.5 * ((canvas.axis - y) / high) ** 2) * amplitude
    # unlike @, it uses one thread; OpenCV's stubs do not know that the third matrix may be None
    return cv2.gemm(down, across, 1, None, 0, flags=cv2.GEMM_1_T)  # type: ignore[call-overload]


class Painter:
    """Paints one person from the front, in grey levels from 0 to 1.

    With `colour`, the attribute `tint` (n, n, 3) holds the factors that turn the grey levels into
    a colour photo.
    """

    def __init__(
        self, canvas: Canvas, units: Intensities, person: Person, view: View, colour: bool = False
    ) -> None:
        self.canvas, self.person, self.view = canvas, person, view
        self.left, self.right = sides(units, person)
        self.mouth = geometry.mouth(self.left, self.right, person)
        self.outline = geometry.outline(person, self.mouth.jaw)
        gaze = (units[62] - units[61], units[64] - units[63])
        self.eyes = (
            geometry.eye(self.left, person, (-gaze[0], gaze[1])).mirrored(),
            geometry.eye(self.right, person, gaze),
        )
        self.brows = (
            geometry.brow(self.left, person).mirrored(),
            geometry.brow(self.right, person),
        )
        self.skin = 0.30 + 0.47 * person.skin
        self.hair = 0.06 + 0.62 * person.hair
        self.back = 0.6 * self.skin if person.hairstyle == "bald" else 0.7 * self.hair
        self.tint = np.ones((canvas.pixels, canvas.pixels, 3), np.float32) if colour else None

    def lay(
        self,
        image: np.ndarray,
        cover: np.ndarray,
        value: np.ndarray | float,
        tint: str | tuple[float, float, float] = "",
    ) -> None:
        """Blend a grey level into the image, and its tint into the colours, in place."""
        mix(image, cover, value)
        if self.tint is not None and tint:
            shade = TINTS[tint] if isinstance(tint, str) else tint
            mix(self.tint, cover, np.array(shade, np.float32))

    def render(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the person's grey levels and opacity, both float32, shape (n, n), 0 to 1."""
        canvas, p, mouth = self.canvas, self.person, self.mouth
        wrinkles = self.wrinkles()
        upper = np.concatenate([mouth.upper_outer, mouth.upper_inner[::-1]])
        lower = np.concatenate([mouth.lower_inner, mouth.lower_outer[::-1]])
        lips = canvas.fill(upper, lower)
        height = base_height(canvas, self.outline)
        near = np.float32(np.sin(np.radians(self.view.yaw))) * canvas.axis  # < 0 on the near side
        rim = np.clip(0.45 + 1.2 * height - 0.9 * near[None, :], 0.3, 1)
        height += bumps(canvas, geometry.bumps(self.left, self.right, p, mouth))
        height += 0.035 * cv2.GaussianBlur(lips, (0, 0), 0.03 * canvas.unit) - 0.06 * wrinkles
        height += 0.06 * cv2.GaussianBlur(
            wrinkles, (0, 0), 0.045 * canvas.unit
        )  # the skin swells around them
        light, gloss = self.light(height)
        light *= rim

        face = self.skin * (1 + 0.03 * texture("skin", canvas.pixels, 1.0, p.texture))
        self.lay(face, np.ones_like(face), face, "skin")
        mix(face, 0.40 * wrinkles, 0.35 * self.skin)
        self.paint_beard(face)
        self.lay(face, 0.85 * lips, self.skin * (0.78 - 0.35 * p.lip_colour) + 0.02, "lips")
        self.paint_brows(face, self.brows)
        self.paint_nostrils(face)
        face *= light
        face += gloss
        self.paint_eyes(face, light, self.eyes)
        self.paint_mouth(face, light)
        if p.glasses:
            frames = canvas.fill(*GLASSES)
            self.lay(face, 0.65 * frames, 0.14, "dark")
        return self.add_hair(face)

    def wrinkles(self) -> np.ndarray:
        """Return the depth (0 to 1) of the wrinkles that age and the action units cause."""
        mask = self.canvas.blank()
        found: list[tuple[float, np.ndarray]] = []
        for side, units in ((-1, self.left), (1, self.right)):
            for fold in geometry.folds(units, self.person, self.mouth):
                found.append((fold.depth, self.stroke(fold, side)))
        for depth, outline in sorted(found, key=lambda pair: pair[0]):
            self.canvas.fill_into(mask, outline, 255 * depth)
        return self.canvas.soften(mask, 0.016)

    def stroke(self, fold: Fold, side: int) -> np.ndarray:
        """Return the outline of a fold on one side."""
        line = geometry.smooth(np.array(fold.points), 4)
        outline = ribbon(line, fold.half * taper(len(line), 0.25))
        return outline if side > 0 else mirror(outline)

    def light(self, height: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the diffuse light on the surface, and its gloss.

        The light follows Lambert's law with an ambient part. Cavities, which lie below their
        blurred surroundings, are darker.
        """
        unit, view = self.canvas.unit, self.view
        smooth = cv2.GaussianBlur(height, (0, 0), 0.022 * unit)
        dx = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=unit / 8)
        dy = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=unit / 8)
        slope = 1 / np.sqrt(1 + dx * dx + dy * dy)
        yaw, pitch = np.radians(view.yaw), np.radians(view.pitch)
        c, s = np.cos(pitch), np.sin(pitch)  # the lamp stays in place when the head turns
        down, front = -view.light_y * c + s, c + view.light_y * s
        across, front = view.light_x * np.cos(yaw) - front * np.sin(yaw), (
            front * np.cos(yaw) + view.light_x * np.sin(yaw)
        )
        lamp = np.array([across, down, front], np.float32)
        lamp /= np.linalg.norm(lamp)
        lambert = np.maximum((lamp[2] - lamp[0] * dx - lamp[1] * dy) * slope, 0)
        half = lamp + np.array([0, 0, 1], np.float32)
        half /= np.linalg.norm(half)
        mirrored = np.maximum((half[2] - half[0] * dx - half[1] * dy) * slope, 0)
        small = cv2.resize(height, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        around = cv2.GaussianBlur(small, (0, 0), 0.045 * unit)
        around = cv2.resize(around, height.shape[::-1], interpolation=cv2.INTER_LINEAR)
        cavity = np.clip(1 - 6 * np.maximum(around - height, 0), 0.3, 1)
        if view.cast:
            shadow = lighting.own_shadow(smooth, lamp, unit)
            lambert *= 1 - np.float32(view.cast) * shadow
            mirrored *= 1 - shadow
        if view.shade != "none":
            cavity *= 1 - 0.6 * lighting.foreign_shadow(self.canvas, view.shade, view.texture)
        key = np.float32(view.hardness)
        shade = ((1 - key) + 1.55 * key * lambert) * cavity
        gloss = np.square(np.square(np.square(mirrored)))
        return shade, 0.11 * key * cavity * gloss

    def paint_beard(self, face: np.ndarray) -> None:
        p = self.person
        if p.beard:
            area = self.canvas.fill(both(BEARD, BEARD) + [0, 0.5 * self.mouth.jaw], blur=0.05)
            self.lay(face, 0.75 * p.beard * area, 0.07 + 0.5 * p.hair + 0.15 * self.skin, "dark")

    def paint_brows(self, face: np.ndarray, brows: tuple[Brow, Brow]) -> None:
        cover = self.canvas.fill(*(ribbon(b.line, b.half) for b in brows), blur=0.018)
        self.lay(face, 0.85 * cover, min(0.05 + 0.45 * self.person.hair, 0.7 * self.skin), "dark")

    def paint_nostrils(self, face: np.ndarray) -> None:
        p = self.person
        lift = 0.045 * max(self.left[9], self.right[9])
        holes = [
            circle(13) * (0.036, 0.014) + (x * p.nose_width, 0.205 * p.nose_length - lift)
            for x in (-0.078, 0.078)
        ]
        mix(face, 0.8 * self.canvas.fill(*holes, blur=0.012), 0.25 * self.skin)

    def paint_eyes(self, face: np.ndarray, light: np.ndarray, eyes: tuple[Eye, Eye]) -> None:
        canvas = self.canvas
        edge = taper(len(eyes[0].upper))
        lids = [np.concatenate([e.upper, np.maximum(e.lower, e.upper)[::-1]]) for e in eyes]
        opening = canvas.fill(*lids)
        ball = 0.88 * np.minimum(light, 1.05)
        iris = canvas.fill(*(e.iris + e.radius * circle() for e in eyes))
        mix(ball, iris, 0.10 + 0.32 * self.person.iris)
        mix(ball, canvas.fill(*(e.iris + 0.45 * e.radius * circle() for e in eyes)), 0.03)
        spark = canvas.fill(*(e.iris + (0.02, -0.028) + 0.018 * circle() for e in eyes))
        mix(ball, 0.9 * spark, 0.95)
        shadow = canvas.fill(*(ribbon(e.upper + (0, 0.012), 0.02) for e in eyes), blur=0.012)
        ball *= 1 - 0.55 * shadow
        self.lay(face, opening, ball, "white")
        lashes = canvas.fill(*(ribbon(e.upper, 0.013 * edge) for e in eyes), blur=0.006)
        mix(face, 0.85 * lashes, 0.10 * self.skin)
        lines = [ribbon(e.lower, 0.006 * edge) for e in eyes]
        lines += [ribbon(e.crease, 0.008 * edge) for e in eyes]
        mix(face, 0.35 * canvas.fill(*lines, blur=0.008), 0.3 * self.skin)

    def paint_mouth(self, face: np.ndarray, light: np.ndarray) -> None:
        m, canvas = self.mouth, self.canvas
        if m.opening <= 0.012:
            seam = (m.upper_inner + m.lower_inner) / 2
            line = ribbon(seam, 0.010 * taper(len(seam)))
            mix(face, 0.85 * canvas.fill(line, blur=0.006), 0.15 * self.skin)
            return
        inside = np.full_like(face, 0.05)
        width = max(abs(m.upper_inner[0, 0]), abs(m.upper_inner[-1, 0]))
        span = np.clip(1.15 - (canvas.axis / width) ** 2, 0, 1)[None, :]
        enamel = np.minimum(light + 0.1, 1.0)
        rows = ((m.upper_inner, m.upper_teeth, 0.85), (m.lower_inner, -m.lower_teeth, 0.7))
        for gum, length, white in rows:
            if abs(length) > 0.01:
                tips = gum + (0, length)
                teeth = canvas.fill(np.concatenate([gum, tips[::-1]]), blur=0.008)
                mix(inside, teeth * span, white * enamel)
        hole = canvas.fill(np.concatenate([m.upper_inner, m.lower_inner[::-1]]))
        self.lay(face, hole, inside, "white")

    def add_hair(self, face: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Paint the face over back hair, neck and ears, and the front hair over the face."""
        canvas, p = self.canvas, self.person
        strands = texture("strands", canvas.pixels, canvas.unit / 50, p.texture)
        shine = 1 + 0.35 * np.exp(-(((canvas.axis + 1.0) / 0.22) ** 2))[:, None]
        base = self.hair * (0.75 + 0.5 * self.view.hardness)
        hair = np.clip(base * shine * (1 + 0.4 * strands), 0.01, 1).astype(np.float32)
        head = canvas.fill(both(self.outline, self.outline))
        picture, cover = np.zeros_like(face), np.zeros_like(face)
        face_tint = self.tint
        self.tint = None if face_tint is None else np.ones_like(face_tint)
        hair_tint = (1.05 + 0.25 * p.hair, 1.0, 0.95 - 0.4 * p.hair) if p.age < 55 else (1.0,) * 3

        def lay(part: np.ndarray, value: np.ndarray | float, tint: tuple | str) -> None:
            self.lay(picture, part, value, tint)
            np.maximum(cover, part, out=cover)

        style = p.hairstyle
        back = geometry.BACK_HAIR.get(style)
        if back is not None:
            lay(self.fray(both(back, back), strands), hair * 0.6, hair_tint)
        chin = self.outline[-1, 1]
        fall = np.clip(0.35 + 0.9 * (canvas.axis - chin), 0.3, 0.8)[:, None]
        across = np.sqrt(np.clip(1 - (canvas.axis / 0.62) ** 2, 0.15, 1))[None, :]
        lay(canvas.fill(both(geometry.NECK, geometry.NECK)), fall * across * self.skin, "skin")
        if back is None:
            ears = canvas.fill(geometry.EAR, mirror(geometry.EAR), blur=0.01)
            lay(ears, 0.7 * self.skin, "skin")
        lay(head, face, "")
        if self.tint is not None and face_tint is not None:
            mix(self.tint, head, face_tint)
        if style in geometry.FRONT_HAIR:
            outer, left, right = geometry.FRONT_HAIR[style]
            lift = np.array([0.0, -p.hairline])
            outline = both(np.vstack([outer, right + lift]), np.vstack([outer, left + lift]))
            front = self.fray(outline, strands)
            picture *= 1 - 0.35 * cv2.GaussianBlur(front, (0, 0), 0.05 * canvas.unit) * head
            lay(front, hair, hair_tint)
        return picture, cover

    def fray(self, outline: np.ndarray, strands: np.ndarray) -> np.ndarray:
        """Return the opacity of hair that frays into strands at its edge."""
        soft = self.canvas.fill(outline, blur=0.04)
        return np.clip(2.2 * soft - 0.6 + 0.5 * strands * (1 - soft) * (soft > 0.02), 0, 1)


def _glasses() -> list[np.ndarray]:
    rounded = np.sign(circle(33)) * np.abs(circle(33)) ** 0.6 * (0.25, 0.155)
    parts = [ribbon(rounded + (x, -0.21), 0.012) for x in (-0.37, 0.37)]
    parts.append(ribbon(np.array([[-0.12, -0.25], [0, -0.27], [0.12, -0.25]]), 0.012))
    for side in (-1, 1):
        parts.append(ribbon(np.array([[0.62 * side, -0.25], [0.79 * side, -0.27]]), 0.012))
    return parts


GLASSES = _glasses()
"""The outlines of glasses."""

BEARD = np.array(
    [
        (0.0, 0.36), (0.2, 0.38), (0.36, 0.52), (0.5, 0.38), (0.68, 0.1), (0.80, 0.15),
        (0.74, 0.7), (0.4, 1.05), (0.0, 1.1),
    ]
)  # fmt: skip
"""The right half of a beard's outline."""
