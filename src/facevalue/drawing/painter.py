"""Painting a drawn face from the front: a height field lit by a lamp, with skin, eyes and hair.

`geometry` says where everything is; `camera` turns the picture and photographs it.
"""

from __future__ import annotations

import cv2
import numpy as np

from facevalue.drawing import facial_hair, geometry, hair, lighting
from facevalue.drawing.appearance import Intensities, Person, View, sides
from facevalue.drawing.canvas import Canvas, circle, mix, ribbon, taper, texture
from facevalue.drawing.geometry import Brow, Eye, Fold, both, mirror
from facevalue.drawing.glasses import glasses
from facevalue.drawing.headwear import headwear

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
    return down.T @ across


class Painter:
    """Paints one person from the front, in grey levels from 0 to 1.

    With `colour`, the attribute `tint` (n, n, 3) holds the factors that turn the grey levels into
    a colour photo.
    """

    def __init__(
        self, canvas: Canvas, units: Intensities, person: Person, view: View, colour: bool = False
    ) -> None:
        person = geometry.of_age(person)
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
        self.skin = 0.33 + 0.44 * person.skin
        # a camera that is set for dark skin in hard light would show teeth and eyes as glaring
        self.white = 0.75 + 0.25 * person.skin
        self.hair = 0.06 + 0.62 * person.hair
        self.cloth = 0.06 + 0.72 * person.cloth
        self.back = 0.6 * self.skin if person.hairstyle == "bald" else 0.7 * self.hair
        if person.headwear == "hijab":
            self.back = 0.7 * self.cloth
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
        rim = np.clip(0.8 + 0.7 * height - 0.9 * near[None, :], 0.3, 1)
        height += bumps(canvas, geometry.bumps(self.left, self.right, p, mouth))
        height += 0.035 * cv2.GaussianBlur(lips, (0, 0), 0.03 * canvas.unit) - 0.06 * wrinkles
        height += 0.06 * cv2.GaussianBlur(
            wrinkles, (0, 0), 0.045 * canvas.unit
        )  # the skin swells around them
        light, gloss = self.light(height)
        light = lighting.with_stray_light(light * rim)

        face = self.skin * (1 + 0.03 * texture("skin", canvas.pixels, 1.0, p.texture))
        self.paint_marks(face)
        self.lay(face, np.ones_like(face), face, "skin")
        mix(face, 0.40 * wrinkles, 0.35 * self.skin)
        self.paint_beard(face)
        red = max(0.2, 0.78 - 0.35 * p.lip_colour)
        self.lay(face, 0.85 * lips, self.skin * red + 0.02, "lips")
        self.paint_brows(face, self.brows)
        self.paint_nostrils(face)
        face *= light
        face += gloss
        self.paint_eyes(face, light, self.eyes)
        self.paint_mouth(face, light)
        if p.eye_liner:
            self.paint_make_up(face)
        if p.glasses:
            self.paint_glasses(face)
        return self.add_hair(face)

    def wrinkles(self) -> np.ndarray:
        """Return the depth (0 to 1) of the wrinkles that age and the action units cause."""
        mask = self.canvas.blank()
        found: list[tuple[float, np.ndarray]] = []
        for side, units in ((-1, self.left), (1, self.right)):
            folds = geometry.folds(units, self.person, self.mouth)
            for points in {len(fold.points) for fold in folds}:
                same = [fold for fold in folds if len(fold.points) == points]
                depths = [fold.depth for fold in same]
                found += zip(depths, self.strokes(same) * (side, 1), strict=True)
        for depth, outline in sorted(found, key=lambda pair: pair[0]):
            self.canvas.fill_into(mask, outline, 255 * depth)
        return self.canvas.soften(mask, 0.016)

    def strokes(self, folds: list[Fold]) -> np.ndarray:
        """Return the outlines (n, points, 2) of n folds with equally many points."""
        lines = geometry.smooth(np.array([fold.points for fold in folds]), 4)
        halves = np.array([[fold.half] for fold in folds])
        return ribbon(lines, halves * taper(lines.shape[1], 0.25))

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
        across, front = (
            view.light_x * np.cos(yaw) - front * np.sin(yaw),
            (front * np.cos(yaw) + view.light_x * np.sin(yaw)),
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
        cavity = np.clip(1 - 6 * np.maximum(around - height, 0), 0.4, 1)
        if view.cast:
            shadow = lighting.own_shadow(smooth, lamp, unit)
            lambert *= 1 - np.float32(view.cast) * shadow
            mirrored *= 1 - shadow
        if view.shade != "none":
            cavity *= 1 - 0.6 * lighting.foreign_shadow(self.canvas, view.shade, view.texture)
        key = np.float32(view.hardness)
        shade = ((1 - key) + 1.55 * key * lambert) * cavity
        gloss = np.square(np.square(np.square(mirrored)))
        shine = 0.17 - 0.08 * self.person.skin  # dark skin shines more: its features stay visible
        return shade, shine * key * cavity * gloss

    def paint_marks(self, face: np.ndarray) -> None:
        """Paint freckles, moles and blotches on the skin."""
        p, canvas = self.person, self.canvas
        if p.blotches:
            clouds = texture("clouds", canvas.pixels, canvas.unit / 20, p.texture)
            face *= 1 + 0.13 * p.blotches * clouds
        if p.freckles:
            spots = texture("skin", canvas.pixels, canvas.unit / 80, p.texture + 1)
            across = 1 - np.minimum((canvas.axis / 0.72) ** 2, 1)
            down = np.exp(-(((canvas.axis - 0.02) / 0.3) ** 2))
            area = down[:, None] * across[None, :]
            face *= 1 - 0.4 * p.freckles * area * np.clip(2 * spots - 0.4, 0, 1)
        if p.moles:
            places = np.random.default_rng(p.texture).uniform((-0.6, -0.6), (0.6, 0.85), (3, 2))
            sizes = 0.013 + 0.005 * np.arange(3)
            dots = zip(places[: p.moles], sizes, strict=False)
            cover = canvas.fill(*(place + size * circle(9) for place, size in dots), blur=0.008)
            mix(face, 0.65 * cover, 0.4 * self.skin)

    def paint_beard(self, face: np.ndarray) -> None:
        """Paint hair on the face: its shade is that of the head's hair, stubble is thinner."""
        p, canvas = self.person, self.canvas
        if not p.beard:
            return
        stubble = p.beard_style == "stubble"
        blur = 0.05 if p.beard_style in ("stubble", "full") else 0.03
        area = canvas.fill(*facial_hair.areas(p.beard_style, self.mouth), blur=blur)
        grain = texture("skin", canvas.pixels, canvas.unit / 50, p.texture)
        shade = (0.07 + 0.5 * p.hair + 0.15 * self.skin) * (1 + 0.25 * grain)
        thick = 0.55 * p.beard * (1 + 0.3 * grain) if stubble else 0.6 + 0.35 * p.beard
        self.lay(face, np.clip(thick * area, 0, 1), np.minimum(shade, 0.9), "dark")

    def paint_brows(self, face: np.ndarray, brows: tuple[Brow, Brow]) -> None:
        """Paint the eyebrows, and the hair between them where they have grown together."""
        p, canvas = self.person, self.canvas
        shade = min(0.05 + 0.45 * p.hair, 0.7 * self.skin)
        if p.brow_join:
            ends = np.array([brows[0].line[1], brows[1].line[1]])
            half = 0.6 * float(brows[1].half[2])
            cover = canvas.fill(ribbon(ends, half), blur=0.025)
            self.lay(face, 0.7 * p.brow_join * cover, shade, "dark")
        cover = canvas.fill(*(ribbon(b.line, b.half) for b in brows), blur=0.018)
        self.lay(face, min(0.95, 0.85 * p.brow_density) * cover, shade, "dark")

    def paint_make_up(self, face: np.ndarray) -> None:
        """Paint shadow on the upper lids, and lines along the lashes."""
        canvas, strength = self.canvas, self.person.eye_liner
        lids = [np.vstack([e.upper, e.crease[::-1]]) for e in self.eyes]
        mix(face, 0.25 * strength * canvas.fill(*lids, blur=0.02), 0.3 * self.skin)
        lines = [ribbon(e.upper, 0.018) for e in self.eyes]
        lines += [ribbon(e.lower, 0.007) for e in self.eyes]
        mix(face, 0.8 * strength * canvas.fill(*lines, blur=0.008), 0.06)

    def paint_glasses(self, face: np.ndarray) -> None:
        """Paint the glasses: lenses, their reflections, the frame and its shadow."""
        p, canvas = self.person, self.canvas
        worn = glasses(p)
        frame, lenses = canvas.fill(*worn.frame), canvas.fill(*worn.lenses)
        face *= 1 - 0.25 * cv2.GaussianBlur(np.roll(frame, round(0.04 * canvas.unit), 0), (0, 0), 1)
        dark = p.frame == "sunglasses"
        self.lay(face, (0.9 if dark else 0.05) * lenses, 0.06 if dark else 0.9, "dark")
        if p.glare:
            light = canvas.fill(*worn.glare, blur=0.02) * lenses
            mix(face, 0.45 * p.glare * light, 0.55 if dark else 0.95)
        self.lay(face, 0.85 * frame, 0.05 + 0.5 * p.frame_shade, "dark")

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
        ball = 0.88 * self.white * np.minimum(light, 1.05)
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
        if self.person.tears:
            self.paint_tears(face, light)

    def paint_tears(self, face: np.ndarray, light: np.ndarray) -> None:
        """Paint the wet traces of tears on the cheeks, and a drop at the end of each."""
        canvas, p = self.canvas, self.person
        wet, drops = [], []
        for side, shift in ((-1, 0.01), (1, 0.05)):
            x, end = 0.33 * p.eye_distance + shift, 0.2 + 3 * shift
            trace = geometry.curve((x, -0.17), (x + 0.03, 0.0), (x + 0.02, end)) * (side, 1)
            wet.append(ribbon(trace, 0.022))
            drops.append(0.03 * circle(13) + trace[-1])
        mix(face, 0.25 * p.tears * canvas.fill(*wet, blur=0.03), 0.5 * self.skin)
        bright = canvas.fill(*(w + (0.012, 0) for w in wet), blur=0.008)
        mix(face, 0.45 * p.tears * bright, np.minimum(0.25 + 1.1 * self.skin * light, 1))
        mix(face, 0.4 * p.tears * canvas.fill(*drops, blur=0.01), 0.92)

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
        enamel = self.white * np.minimum(light + 0.1, 1.0)
        rows = ((m.upper_inner, m.upper_teeth, 0.85), (m.lower_inner, -m.lower_teeth, 0.7))
        for gum, length, white in rows:
            if abs(length) > 0.01:
                tips = gum + (0, length)
                teeth = canvas.fill(np.concatenate([gum, tips[::-1]]), blur=0.008)
                mix(inside, teeth * span, white * enamel)
        if self.person.tooth_gap:
            mix(inside, 0.9 * canvas.fill(self.tooth_gap(), blur=0.006), 0.05)
        if m.opening > 0.1:
            size, place = (0.55 * width, 0.4 * m.opening), (0, float(m.lower_inner[16, 1]) - 0.02)
            tongue = canvas.fill(circle() * np.array(size) + np.array(place), blur=0.02)
            mix(inside, 0.8 * tongue, 0.4 * self.skin * light)
        hole = canvas.fill(np.concatenate([m.upper_inner, m.lower_inner[::-1]]))
        self.lay(face, hole, inside, "white")
        if m.tongue:
            self.paint_tongue(face, light)

    def tooth_gap(self) -> np.ndarray:
        """Return the outline of a gap between the upper teeth."""
        m, p = self.mouth, self.person
        x = 0.05 if p.texture & 1 else 0.0
        wide = (0.008 + 0.014 * p.tooth_gap) if x == 0 else 0.026 * p.tooth_gap
        top, bottom = m.upper_inner[16, 1] - 0.02, m.upper_inner[16, 1] + m.upper_teeth + 0.01
        sides = [(x - wide, top), (x + wide, top), (x + wide, bottom), (x - wide, bottom)]
        return np.array(sides)

    def paint_tongue(self, face: np.ndarray, light: np.ndarray) -> None:
        """Paint the tongue over the lower lip, with its groove and its shadow."""
        m, canvas = self.mouth, self.canvas
        root = float(m.lower_inner[16, 1]) - 0.75 * m.opening
        tip = float(m.lower_outer[16, 1]) + 0.17 * m.tongue - 0.06
        wide = min(0.18, 0.7 * float(m.upper_inner[-1, 0]))
        half = geometry.curve(
            (0, root),
            (0.8 * wide, root),
            (wide, (root + tip) / 2),
            (0.75 * wide, tip - 0.04),
            (0, tip),
        )
        outline = both(half, half)
        mix(face, 0.5 * canvas.fill(outline + (0, 0.03), blur=0.02), 0.35 * self.skin)
        shade = 0.92 * self.skin * np.minimum(light, 1.1)
        self.lay(face, canvas.fill(outline), shade, "lips")
        groove = ribbon(np.array([[0, root], [0, tip - 0.07]]), 0.012)
        mix(face, 0.4 * canvas.fill(groove, blur=0.012), 0.4 * self.skin)

    def add_hair(self, face: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Paint the face over back hair, neck and ears, and the front hair over the face."""
        canvas, p = self.canvas, self.person
        style, wide = hair.STYLES[p.hairstyle], np.array([p.face_width, 1.0])
        strands = self.grain(style.grain)
        shine = 1 + 0.35 * np.exp(-(((canvas.axis + 1.0) / 0.22) ** 2))[:, None]
        base = self.hair * (0.75 + 0.5 * self.view.hardness)
        shade = np.clip(base * shine * (1 + (0.4 - 0.25 * p.hair) * strands), 0.01, 1).astype(
            np.float32
        )
        head = canvas.fill(both(self.outline, self.outline))
        picture, cover = np.zeros_like(face), np.zeros_like(face)
        face_tint = self.tint
        self.tint = None if face_tint is None else np.ones_like(face_tint)
        hair_tint = (1.05 + 0.25 * p.hair, 1.0, 0.95 - 0.4 * p.hair) if p.age < 55 else (1.0,) * 3

        def lay(part: np.ndarray, value: np.ndarray | float, tint: tuple | str) -> None:
            self.lay(picture, part, value, tint)
            np.maximum(cover, part, out=cover)

        if style.back is not None:
            lay(self.fray(both(style.back, style.back) * wide, strands), shade * 0.6, hair_tint)
        tails = hair.behind(p)
        if tails:
            lay(canvas.fill(*(tail * wide for tail in tails), blur=0.02), shade * 0.7, hair_tint)
        chin = self.outline[-1, 1]
        fall = np.clip(0.45 + 0.9 * (canvas.axis - chin), 0.38, 0.85)[:, None]
        across = np.sqrt(np.clip(1 - (canvas.axis / 0.62) ** 2, 0.15, 1))[None, :]
        lay(canvas.fill(both(geometry.NECK, geometry.NECK)), fall * across * self.skin, "skin")
        if style.back is None:
            ear, hollow = (e + (self.outline[24, 0] - 0.785, 0) for e in geometry.ear(p))
            lay(canvas.fill(ear, mirror(ear), blur=0.01), 0.7 * self.skin, "skin")
            mix(picture, canvas.fill(hollow, mirror(hollow), blur=0.02), 0.4 * self.skin)
        lay(head, face, "")
        if self.tint is not None and face_tint is not None:
            mix(self.tint, head, face_tint)
        if style.outer is not None:
            lift = np.array([0.0, -p.hairline])
            outer = style.outer * (1 + 0.12 * p.hair_volume)
            halves = [np.vstack([outer, line + lift]) for line in (style.high, style.low)]
            front = self.fray(both(*halves[:: p.hair_side]) * wide, strands)
            picture *= 1 - 0.35 * cv2.GaussianBlur(front, (0, 0), 0.05 * canvas.unit) * head
            lay(style.cover * front, shade, hair_tint)
        if p.hair_locks:
            lay(0.9 * canvas.fill(*hair.locks(p), blur=0.018), shade, hair_tint)
        if p.headwear != "none":
            self.paint_headwear(picture, cover)
        return picture, cover

    def grain(self, kind: str) -> np.ndarray:
        """Return the texture of hair, about -1 to 1."""
        canvas, seed = self.canvas, self.person.texture
        if kind == "curls":
            return texture("skin", canvas.pixels, canvas.unit / 26, seed)
        strands = texture("strands", canvas.pixels, canvas.unit / 50, seed)
        if kind == "rows":  # braids lie along the head
            strands = 0.5 * strands + 0.9 * np.sin(27 * np.abs(canvas.axis))[None, :]
        return strands

    def paint_headwear(self, picture: np.ndarray, cover: np.ndarray) -> None:
        """Paint headwear over the hair, and its shadow on the face."""
        canvas, p = self.canvas, self.person
        worn = headwear(p, self.outline)
        if worn.shadow is not None:
            picture *= 1 - 0.4 * canvas.fill(worn.shadow, blur=0.05)
        folds = texture("clouds", canvas.pixels, canvas.unit / 30, p.texture)
        if worn.ribs:
            folds = folds + np.sin(38 * canvas.axis)[None, :]
        base = self.cloth * (0.75 + 0.5 * self.view.hardness)
        round_ = np.sqrt(np.clip(1.05 - (canvas.axis / 1.15) ** 2, 0.2, 1))[None, :]
        cloth = np.clip(base * round_ * (1 + 0.14 * folds), 0.01, 1)
        hue = np.random.default_rng(p.texture).uniform(0.75, 1.25, 3)
        for part in worn.parts:
            area = canvas.fill(part.outline, blur=0.012)
            self.lay(picture, area, part.shade * cloth, tuple(hue.tolist()))
            np.maximum(cover, area, out=cover)

    def fray(self, outline: np.ndarray, strands: np.ndarray) -> np.ndarray:
        """Return the opacity of hair that frays into strands at its edge."""
        soft = self.canvas.fill(outline, blur=0.04)
        return np.clip(2.2 * soft - 0.6 + 0.5 * strands * (1 - soft) * (soft > 0.02), 0, 1)
