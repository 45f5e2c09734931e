"""The camera and the view: each knob moves what it says, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from facevalue.drawing import drawn_set, faces, sheet
from facevalue.drawing.appearance import BORDERS, HAND_PLACES, SCENES, SHADES, View
from facevalue.drawing.variety import DEFAULT, MILD, Variety

SPREADS = {
    "shift": ("shift_x", "shift_y"),
    "scale": ("scale",),
    "roll": ("roll",),
    "yaw": ("yaw",),
    "pitch": ("pitch",),
    "light": ("light_x", "light_y"),
    "contrast": ("contrast", "brightness"),
    "defocus": ("blur",),
    "noise": ("noise",),
    "metering": ("metering",),
}
SHARES = {
    "perspective": ("near",),
    "hard_light": ("hardness", "cast", "light_x", "light_y"),
    "shadows": ("shade",),
    "exposure": ("exposure", "gamma"),
    "motion": ("motion",),
    "jpeg": ("jpeg", "resolution"),
    "sharpening": ("sharpening",),
    "enlarged": ("resolution",),
    "borders": ("border",),
    "text": ("text",),
    "clutter": ("scene",),
    "hands": ("occlusion",),
    "loose_hair": ("occlusion",),
    "microphones": ("occlusion",),
}


def views(variety: Variety, n: int = 200) -> list[View]:
    return [View.random(np.random.default_rng([1, k]), variety) for k in range(n)]


@pytest.mark.parametrize("knob", SPREADS)
def test_a_larger_spread_spreads_what_it_says_and_nothing_else(knob: str) -> None:
    default = getattr(DEFAULT, knob)
    small, large = (views(replace(MILD, **{knob: x * default})) for x in (0.25, 1))
    for field in SPREADS[knob]:
        one, other = (np.array([getattr(v, field) for v in found]) for found in (small, large))
        assert other.std() > 2 * one.std() > 0
    kept = set(vars(View())) - set(SPREADS[knob])
    assert all(
        getattr(a, field) == getattr(b, field)
        for a, b in zip(small, large, strict=True)
        for field in kept
    )


@pytest.mark.parametrize("knob", SHARES)
def test_a_share_is_the_share_of_the_faces_that_show_it(knob: str) -> None:
    never, half = views(replace(MILD, **{knob: 0.0})), views(replace(MILD, **{knob: 0.5}))
    changed = [a != b for a, b in zip(never, half, strict=True)]
    assert 0.35 < np.mean(changed) < 0.65
    kept = set(vars(View())) - set(SHARES[knob])
    assert all(
        getattr(a, field) == getattr(b, field)
        for a, b in zip(never, half, strict=True)
        for field in kept
    )


def test_the_default_views_scatter_as_a_face_detector_does() -> None:
    found = views(DEFAULT, 2000)
    spread = {
        name: np.std([getattr(v, name) for v in found]) for name in ("roll", "shift_x", "scale")
    }
    assert 5 < spread["roll"] < 7
    assert 0.04 < spread["shift_x"] < 0.06
    assert 0.05 < spread["scale"] < 0.07
    assert 15 < max(abs(v.roll) for v in found) <= 30
    assert 30 < max(abs(v.yaw) for v in found) <= 40


def test_truth_has_every_field_of_the_view() -> None:
    truth = drawn_set.sample(3, progress=False).truth
    assert truth is not None
    assert set(vars(View())) - {"texture"} <= set(truth)


def test_a_set_can_be_drawn_with_another_variety() -> None:
    wide = drawn_set.sample(20, variety=replace(MILD, roll=12.0), progress=False).truth
    narrow = drawn_set.sample(20, variety=MILD, progress=False).truth
    assert wide is not None
    assert narrow is not None
    assert wide["roll"].std() > 2 * narrow["roll"].std()


def seen(size: int = 96, **fields: object) -> np.ndarray:
    return faces.draw({12: 0.5}, view=View(**fields), size=size).astype(float)  # type: ignore[arg-type]


@pytest.mark.parametrize("yaw", [-40, 40])
def test_the_far_side_of_a_turned_head_is_foreshortened(yaw: int) -> None:
    """The dark irises mark the eyes: the far one moves nearer to the nose and to the edge."""
    eyes = seen(yaw=yaw, background=1.0, light_x=0.0)[34:42]
    edge = np.flatnonzero(eyes.mean(0) < 235)
    reach = (48 - edge[0], edge[-1] - 47)
    near, far = reach if yaw > 0 else reach[::-1]
    assert near > 1.5 * far


def test_looking_up_shows_the_nose_higher_and_looking_down_lower() -> None:
    up, down = (seen(pitch=pitch, light_y=0.0) for pitch in (20, -20))
    assert np.abs(up - down).mean() > 5
    frontal = seen(light_y=0.0)

    def lift(image: np.ndarray) -> float:
        column = image[35:75, 44:52]
        shifts = range(-8, 9)
        reference = frontal[35:75, 44:52]
        return shifts[
            int(np.argmin([np.abs(np.roll(column, s, 0) - reference)[8:-8].mean() for s in shifts]))
        ]

    assert lift(up) > lift(down)


def test_a_near_camera_makes_ears_and_chin_smaller_than_the_middle() -> None:
    far, near = (seen(near=x, background=1.0, scale=0.9) for x in (0.0, 0.35))
    assert (near[40] < 235).sum() < (far[40] < 235).sum()


def test_hard_light_from_a_side_leaves_the_other_in_shadow() -> None:
    lit = seen(light_x=1.5, hardness=0.85, cast=0.9)[30:80]
    assert lit[:, 56:76].mean() > 2 * lit[:, 20:40].mean()
    flat = seen(light_x=1.5, hardness=0.85)[30:80]
    assert lit[:, 20:48].mean() < flat[:, 20:48].mean()


@pytest.mark.parametrize("shade", SHADES[1:])
def test_a_shadow_darkens_part_of_the_face(shade: str) -> None:
    plain = seen()
    shaded = seen(shade=shade, texture=5)
    plain = seen(texture=5)
    share = (shaded < 0.9 * plain)[20:80, 20:76].mean()
    assert 0.02 < share < 0.98


def test_overexposure_clips_and_automatic_exposure_brings_grey_to_the_middle() -> None:
    assert (seen(exposure=1.5) > 250).mean() > 0.2 > (seen() > 250).mean()
    dark, metered = (seen(exposure=0, metering=m, background=0.05) for m in (0.0, 1.0))
    middle = np.s_[24:72, 24:72]
    assert abs(metered[middle].mean() - 148) < 8
    assert abs(metered[middle].mean() - 148) < abs(dark[middle].mean() - 148)


def sharpness(image: np.ndarray) -> float:
    return float(cv2.Laplacian(image, cv2.CV_64F).std())


@pytest.mark.parametrize("fault", [{"motion": 4.0}, {"blur": 1.0}, {"resolution": 20}])
def test_blur_motion_and_enlargement_cost_detail(fault: dict[str, float]) -> None:
    assert sharpness(seen(48, **fault)) < 0.75 * sharpness(seen(48))


def test_sharpening_adds_detail() -> None:
    assert sharpness(seen(48, sharpening=0.8)) > 1.2 * sharpness(seen(48))


def test_motion_blurs_along_its_direction() -> None:
    across, down = (seen(48, motion=5.0, motion_angle=angle) for angle in (0.0, 90.0))
    rows, columns = (
        (lambda i: np.abs(np.diff(i, axis=0)).mean()),
        (lambda i: np.abs(np.diff(i, axis=1)).mean()),
    )
    assert rows(across) > rows(down)
    assert columns(across) < columns(down)


def test_compression_at_a_higher_resolution_costs_less() -> None:
    clean = seen(48)
    small, large = (np.abs(seen(48, jpeg=25, resolution=r) - clean).mean() for r in (48, 192))
    assert large < small


@pytest.mark.parametrize("place", HAND_PLACES)
def test_a_hand_covers_its_place(place: str) -> None:
    changed = np.zeros((96, 96))
    for texture in range(12):
        plain = seen(texture=texture)
        changed += np.abs(seen(texture=texture, occlusion="hand", hand_at=place) - plain) > 12
    regions = {"mouth": changed[60:88, 30:66], "brow": changed[8:36, 24:72]}
    regions["cheek"] = changed[50:90, np.r_[8:30, 66:88]]
    best = max(regions, key=lambda name: regions[name].mean())
    assert best == place


@pytest.mark.parametrize("scene", SCENES)
def test_a_scene_stays_behind_the_face(scene: str) -> None:
    plain = seen(texture=3)
    other = seen(texture=3, scene=scene)
    assert np.abs(plain - other)[30:70, 34:62].max() == 0
    assert scene == "clouds" or np.abs(plain - other).max() > 0


@pytest.mark.parametrize("border", BORDERS[1:])
def test_a_border_is_black_or_white_and_leaves_the_middle(border: str) -> None:
    plain, framed = seen(48, texture=8), seen(48, texture=8, border=border)
    changed = plain != framed
    assert changed.any()
    assert not changed[12:36, 12:36].any()
    ends = np.concatenate([framed[[0, -1], :][:, [0, -1]].ravel()])
    assert {0.0, 255.0} & set(ends)


def test_a_print_of_every_knob_and_a_line_for_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(sheet.meanings()) == list(vars(DEFAULT))
    monkeypatch.setattr(sheet, "meanings", lambda: {"yaw": "Spread of it.", "text": "Share of it."})
    assert sheet.main(["--knobs", str(tmp_path)]) == 0
    assert {p.name for p in tmp_path.iterdir()} == {"README.md", "text.png", "yaw.png"}
    assert all(p.stat().st_size < 100_000 for p in tmp_path.glob("*.png"))
    lines = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "yaw.png" in lines
    assert "Share of it." in lines


def test_the_strong_row_differs_from_the_row_without_the_knob() -> None:
    image = sheet.contact_print("roll", people=3)
    rows = image.reshape(3, -1, image.shape[1])
    assert (rows[0][20:] != rows[2][20:]).mean() > 0.2
