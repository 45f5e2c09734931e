"""The people who are drawn: every trait can be seen, and every knob moves its own traits only."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest

from facevalue.drawing import appearance, drawn_set, faces, facial_hair, geometry, glasses, hair
from facevalue.drawing.appearance import Person
from facevalue.drawing.traits import BEARDS, FRAMES, HEADWEAR
from facevalue.drawing.variety import DEFAULT, MILD, Variety

EYES, BROW, CHIN = slice(15, 22), slice(4, 14), slice(38, 46)


def people(n: int = 300, **knobs: float) -> list[Person]:
    """Return people of seeds 0 to n - 1, with some knobs turned."""
    variety = replace(DEFAULT, **knobs)
    return [Person.random(np.random.default_rng(seed), variety) for seed in range(n)]


def difference(one: Person, other: Person) -> np.ndarray:
    return np.abs(faces.draw({}, one).astype(int) - faces.draw({}, other))


HEAD = {"face_width", "jaw", "chin", "chin_width", "forehead", "cheekbones", "weight"}
EYE = {"eye_distance", "eye_size", "eye_opening", "eye_slant", "eye_depth", "eye_fold"}
BROWS = {"thickness", "height", "arch", "slant", "length", "density", "join"}
RESTING = set(appearance.RESTING_UNITS)
KNOBS: dict[str, set[str]] = {
    "head_shapes": HEAD,
    "ears": {"ears"},
    "eye_shapes": EYE | {"hooded_lids", "eye_bags"},
    "brow_shapes": {f"brow_{name}" for name in BROWS},
    "noses": {"nose_length", "nose_width", "nose_height", "nose_bridge", "nose_hook"},
    "lips": {"mouth_width", "mouth_height", "lip_thickness", "upper_lip"},
    "wrinkles": {"wrinkles", "forehead_lines", "frown_lines", "crows_feet", "smile_lines"},
    "skin_marks": {"freckles", "moles", "blotches"},
    "resting": RESTING,
    "hairstyles": {"hairstyle", "hair_locks"},
    "loose_locks": {"hair_locks"},
    "facial_hair": {"beard"},
    "glasses": {"glasses"},
    "sunglasses": {"glasses", "frame"},
    "headwear": {"headwear", "hairstyle", "beard"},
    "make_up": {"lip_colour", "eye_liner"},
}


@pytest.mark.parametrize("knob", KNOBS)
def test_a_knob_changes_its_own_traits_of_the_same_people(knob):
    without, much = people(60, **{knob: 0.0}), people(60, **{knob: 0.9})
    changed = {
        name
        for one, other in zip(without, much, strict=True)
        for name, value in asdict(one).items()
        if value != getattr(other, name)
    }
    assert changed and changed <= KNOBS[knob]


@pytest.mark.parametrize(
    ("knob", "seen"),
    [
        ("children", lambda p: p.age < 15),
        ("old_people", lambda p: p.age > 61),
        ("facial_hair", lambda p: p.beard > 0),
        ("glasses", lambda p: p.glasses),
        ("sunglasses", lambda p: p.frame == "sunglasses"),
        ("headwear", lambda p: p.headwear != "none"),
        ("loose_locks", lambda p: p.hair_locks > 0),
        ("make_up", lambda p: p.eye_liner > 0),
        ("resting", lambda p: any(getattr(p, name) for name in RESTING)),
        ("skin_marks", lambda p: p.freckles or p.moles or p.blotches),
    ],
)
def test_a_share_is_how_often_something_is_seen_and_0_turns_it_off(knob, seen):
    shares = [np.mean([bool(seen(p)) for p in people(300, **{knob: x})]) for x in (0, 0.2, 0.45)]
    assert shares[0] == 0 < shares[1] < shares[2]


def test_a_larger_spread_gives_more_different_faces():
    def spread(knob: str, trait: str, much: float) -> float:
        return float(np.std([getattr(p, trait) for p in people(200, **{knob: much})]))

    for knob, trait in [("head_shapes", "weight"), ("eye_shapes", "eye_opening"),
                        ("noses", "nose_width"), ("lips", "lip_thickness")]:  # fmt: skip
        assert spread(knob, trait, 1.5) > 1.2 * spread(knob, trait, 0.8) > 0


CHANGES: list[dict[str, object]] = [
    *({"age": age} for age in (4.0, 80.0)),
    *({name: value} for name in ("weight", "chin_width", "cheekbones") for value in (-1.0, 1.0)),
    *({name: 1.15} for name in ("face_width", "jaw", "chin", "forehead")),
    *({name: 1.3} for name in ("eye_size", "eye_opening", "brow_length", "brow_arch")),
    *({"eye_slant": 0.03}, {"eye_depth": 1.0}, {"eye_depth": -1.0}, {"brow_slant": 0.03}),
    *({name: 1.0} for name in ("eye_fold", "hooded_lids", "eye_bags", "brow_join", "ears")),
    *({name: 1.4} for name in ("nose_length", "nose_width", "nose_height", "nose_bridge")),
    *({"nose_hook": 1.0}, {"mouth_height": 0.04}, {"upper_lip": 1.5}, {"brow_density": 0.5}),
    *({name: 0.8} for name in ("forehead_lines", "frown_lines", "crows_feet", "smile_lines")),
    *({"freckles": 1.0}, {"moles": 3}, {"blotches": 1.0}, {"eye_liner": 1.0}, {"hair_locks": 1.0}),
    *({name: 0.4} for name in sorted(RESTING)),
    *({"hairstyle": style} for style in hair.STYLES if style != "short"),
    *({"headwear": kind} for kind in HEADWEAR),
    *({"beard": 0.8, "beard_style": style} for style in BEARDS),
    *({"glasses": True, "frame": frame} for frame in glasses.SHAPES),
]


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_every_trait_can_be_seen_at_48_pixels(change):
    changed = difference(Person(), replace(Person(), **change))
    assert changed.max() >= 8 and (changed >= 3).sum() >= 12


def test_what_is_drawn_can_be_worn():
    assert set(FRAMES) | {"sunglasses"} == set(glasses.SHAPES)
    styles = {person.hairstyle for person in people(400)}
    assert len(styles) > 12 and styles <= set(hair.STYLES)
    assert {p.hairstyle for p in people(400, hairstyles=0.0)} < styles


def test_a_face_at_rest_shows_its_resting_units():
    for name, units in appearance.RESTING_UNITS.items():
        rest = faces.draw({}, Person(**{name: 0.4}))
        np.testing.assert_array_equal(rest, faces.draw(dict.fromkeys(units, 0.4)))
    full = faces.draw({4: 1.0}, Person(resting_frown=0.4))
    np.testing.assert_array_equal(full, faces.draw({4: 1.0}))


def test_sunglasses_hide_the_eyes_and_hats_the_forehead():
    eyes = (EYES, slice(11, 18))
    shaded = faces.draw({}, Person(glasses=True, frame="sunglasses"))
    assert shaded[eyes].mean() < 0.6 * faces.draw({})[eyes].mean()
    for kind in HEADWEAR:
        covered = difference(Person(), Person(headwear=kind, cloth=1.0))
        assert covered[:10].sum() > 2 * covered[20:36, 12:36].sum()


def test_a_beard_darkens_the_chin_and_a_moustache_does_not():
    bare = faces.draw({}).astype(int)
    full, moustache = (
        faces.draw({}, Person(beard=1.0, beard_style=style)) for style in ("full", "moustache")
    )
    chin = (CHIN, slice(20, 28))
    assert full[chin].mean() < 0.7 * bare[chin].mean()
    assert abs(moustache[chin].mean() - bare[chin].mean()) < 3


def test_a_moustache_rises_with_the_upper_lip_and_a_beard_falls_with_the_jaw():
    none = appearance.Intensities()
    rest = geometry.mouth(none, none, Person())
    sneer, shout = (
        geometry.mouth(units, units, Person())
        for units in (appearance.Intensities({10: 1.0}), appearance.Intensities({27: 1.0}))
    )
    assert facial_hair.moustache(sneer).mean(0)[1] < facial_hair.moustache(rest).mean(0)[1]
    beards = [facial_hair.areas("full", mouth)[0][:, 1].max() for mouth in (rest, shout)]
    assert beards[1] > beards[0] + 0.2


def test_dark_skin_keeps_the_contrast_of_the_features():
    middle = (slice(12, 42), slice(10, 38))
    dark, fair = (faces.draw({12: 0.8, 25: 0.6}, Person(skin=skin))[middle] for skin in (0.0, 1.0))
    assert dark.std() > 0.45 * fair.std()
    assert (dark < 5).mean() < 0.05


def test_a_mild_variety_has_plain_adults():
    plain = [Person.random(np.random.default_rng(seed), MILD) for seed in range(200)]
    assert all(p.age >= 18 and p.headwear == "none" and p.beard == 0 for p in plain)
    assert not any(getattr(p, name) for p in plain for name in RESTING)
    assert {p.frame for p in plain if p.glasses} <= set(FRAMES)


def test_no_variety_leaves_skin_hair_and_age():
    zero = dict.fromkeys(asdict(Variety()), 0.0)
    same = people(50, **zero)
    assert len({p.eye_size for p in same}) <= 2  # of men and of women
    assert len({p.skin for p in same}) == 50


def test_the_truth_names_the_persons_traits():
    truth = drawn_set.sample(3, progress=False).truth
    traits = {name for name in asdict(Person()) if name != "texture"}
    assert traits <= set(truth.columns)
