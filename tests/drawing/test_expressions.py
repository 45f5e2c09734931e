"""Expressions: their variants, what each knob of variety changes, and that it is seen."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from facevalue.drawing import drawn_set, expressions, faces, facs, geometry
from facevalue.drawing.appearance import ACTION_UNITS, GAZE_UNITS, Intensities, Person, sides
from facevalue.drawing.expressions import BLEND_WITH, VARIANTS, VISEMES, random_expression
from facevalue.drawing.variety import DEFAULT, MILD, Variety
from facevalue.emotions import EMOTIONS

OFF = replace(DEFAULT, **dict.fromkeys(
    ("weakness", "rarities", "blends", "partial", "individuality", "stray_units", "asymmetric",
     "one_sided", "speech", "gaze", "blinks"), 0.0))  # fmt: skip
"""No variety in expressions but that of the variants."""

CHEEKS = (slice(22, 34), slice(10, 38))


def shown(variety: Variety, emotion: str = "happy", n: int = 60) -> list[expressions.Expression]:
    return [
        random_expression(emotion, np.random.default_rng([1, seed]), variety) for seed in range(n)
    ]


def mouth(units: dict[int, float]) -> geometry.Mouth:
    return geometry.mouth(*sides(Intensities(units), Person()), Person())


def test_every_emotion_has_three_clear_variants_and_rare_ones_of_known_units():
    assert set(VARIANTS) == set(BLEND_WITH) == set(EMOTIONS)
    for emotion, variants in VARIANTS.items():
        assert len(variants) >= 4, emotion
        assert sum(not variant.rare for variant in variants.values()) >= 3, emotion
        for variant in variants.values():
            assert set(variant.units) <= {*ACTION_UNITS, *GAZE_UNITS}
            assert all(0 <= low <= high <= 1 for low, high in variant.units.values())


def test_expressions_use_the_published_action_units():
    for emotion, units in facs.emotion_units().items():
        used = set().union(*(variant.units.keys() for variant in VARIANTS[emotion].values()))
        assert set(units) <= used, emotion


def test_anger_draws_the_brows_together_and_disgust_wrinkles_the_nose():
    angry, disgust = (Counter[int]() for _ in range(2))
    for counter, emotion in ((angry, "angry"), (disgust, "disgust")):
        for seen in shown(OFF, emotion):
            counter.update(seen.units)
    assert angry[4] > 5 * disgust[4] and disgust[9] > 2 * angry[9]
    assert angry[5] > 30 and disgust[5] == 0


def test_sad_lids_droop_and_fearful_eyes_are_wide():
    for seen in shown(OFF, "sad"):
        assert seen.units[43] > 0.05 and 5 not in seen.units
    for seen in shown(OFF, "fear"):
        assert seen.units[5] > 0.7 and 43 not in seen.units


def test_a_neutral_face_moves_a_little_and_has_no_intensity():
    seen = shown(OFF, "neutral")
    assert all(expression.intensity == 0 for expression in seen)
    assert 0 < max(max(e.units.values(), default=0) for e in seen) <= 0.15


def test_an_expression_of_half_intensity_has_half_the_units():
    rng = np.random.default_rng
    full, half = (expressions.expression("sad", rng(3), strength) for strength in (1.0, 0.5))
    assert full.keys() == half.keys()
    assert sum(half.values()) == pytest.approx(0.5 * sum(full.values()), rel=0.15)


def test_the_same_seed_gives_the_same_expression():
    assert shown(DEFAULT, "fear") == shown(DEFAULT, "fear")
    assert shown(DEFAULT, "fear", 4) != shown(DEFAULT, "sad", 4)


def test_a_clean_set_shows_clear_variants_at_full_intensity():
    for emotion in EMOTIONS:
        for seen in shown(MILD, emotion, 20):
            assert not VARIANTS[emotion][seen.variant].rare
            assert seen.intensity == (emotion != "neutral")
            assert (seen.blend, seen.speech, seen.tears) == ("none", "none", 0)


def test_rarities_are_tears_laughter_with_closed_eyes_and_smirks():
    assert {seen.variant for seen in shown(replace(OFF, rarities=1.0))} == {
        name for name, variant in VARIANTS["happy"].items() if variant.rare
    }
    sad = shown(replace(OFF, rarities=1.0), "sad")
    assert {bool(seen.tears) for seen in sad} == {True, False}
    smirks = [s for s in shown(replace(OFF, rarities=1.0)) if s.variant == "smirk"]
    assert smirks and all(abs(seen.lean) >= 0.3 for seen in smirks)


def test_a_blend_is_the_weighted_mean_of_two_emotions():
    blended, pure = shown(replace(OFF, blends=1.0), "disgust"), shown(OFF, "disgust")
    for seen, first in zip(blended, pure, strict=True):
        assert seen.blend in BLEND_WITH["disgust"]
        assert 0.15 <= seen.blend_share <= 0.45
        if seen.blend == "sad":  # which does not move unit 9
            assert seen.units[9] == pytest.approx((1 - seen.blend_share) * first.units[9])
    assert {seen.blend for seen in blended} == set(BLEND_WITH["disgust"])
    assert {seen.blend for seen in pure} == {"none"}


def test_weakness_lowers_the_intensity_down_to_its_complement():
    found = [seen.intensity for seen in shown(replace(OFF, weakness=0.5))]
    assert 0.5 <= min(found) < 0.6 and 0.9 < max(found) <= 1


def test_a_partial_expression_is_weak_in_one_half_of_the_face():
    whole, partial = shown(OFF, "surprise"), shown(replace(OFF, partial=1.0), "surprise")
    for full, part in zip(whole, partial, strict=True):
        shares = [part.units[1] / full.units[1], part.units[25] / full.units[25]]
        assert min(shares) <= 0.61 and max(shares) == pytest.approx(1)


def test_individuality_and_stray_units_change_intensities_and_add_units():
    plain, personal = shown(OFF), shown(replace(OFF, individuality=0.3))
    assert [p.units.keys() for p in plain] == [p.units.keys() for p in personal]
    assert np.std([a.units[12] - b.units[12] for a, b in zip(plain, personal, strict=True)]) > 0.05
    stray = shown(replace(OFF, stray_units=1.0))
    more = [len(a.units) - len(b.units) for a, b in zip(stray, plain, strict=True)]
    assert min(more) >= 0 and np.mean(more) > 0.8


def test_speaking_opens_rounds_or_presses_the_mouth():
    found = shown(replace(OFF, speech=1.0), "sad")
    assert {seen.speech for seen in found} == set(VISEMES)
    for seen in found:
        if seen.speech == "rounded":
            assert seen.units[18] >= 0.6
        if seen.speech == "pressed":
            assert seen.units[24] >= 0.5 and 25 not in seen.units


def test_eyes_look_aside_and_blink_as_often_as_the_knobs_say():
    aside = shown(replace(OFF, gaze=1.0))
    assert all({61, 62} & seen.units.keys() for seen in aside)
    assert {61, 62, 63, 64} <= set().union(*(seen.units for seen in aside))
    assert all(seen.units[43] >= 0.5 for seen in shown(replace(OFF, blinks=1.0)))


def test_an_asymmetric_expression_moves_one_side_more():
    for seen in shown(replace(OFF, rarities=0.0, asymmetric=1.0)):
        left, right = sides(seen.units, seen.on(Person()))
        assert abs(left[12] - right[12]) > 0.1
    symmetric = shown(OFF)[0]
    assert symmetric.on(Person()).asymmetry == 0


def test_one_sided_spreads_the_asymmetry_of_people():
    def spread(knob: float) -> float:
        variety = replace(DEFAULT, one_sided=knob)
        people = [Person.random(np.random.default_rng(seed), variety) for seed in range(40)]
        return float(np.std([person.asymmetry for person in people]))

    assert spread(0.0) == 0 < spread(0.05) < spread(0.2)


def test_the_chin_closes_the_mouth_that_a_raised_lip_opens():
    assert mouth({10: 1}).opening > 0.05
    assert mouth({10: 1, 17: 1}).opening < 0.012


def test_a_pucker_narrows_the_mouth_and_hides_the_teeth():
    wide, narrow = (
        mouth({25: 1, 26: 0.5}),
        mouth({25: 1, 26: 0.5, 18: 1}),
    )
    assert narrow.upper_outer[-1, 0] < wide.upper_outer[-1, 0] - 0.08
    assert narrow.upper_teeth < 0.5 * wide.upper_teeth


def test_a_tongue_covers_the_dark_of_the_mouth():
    opened, tongue = (faces.draw({25: 1, 26: 0.6, **more}) for more in ({}, {19: 1.0}))
    place = (slice(38, 41), slice(22, 26))
    assert tongue[place].mean() > opened[place].mean() + 30


def test_tears_brighten_the_cheeks_and_a_gap_darkens_the_teeth():
    dry, wet = (faces.draw({}, Person(tears=tears, skin=0.3)).astype(int) for tears in (0, 1))
    assert (wet - dry)[CHEEKS].max() > 15
    assert np.abs(wet - dry)[:16].max() <= 1
    whole, gap = (
        faces.draw({12: 1, 25: 1}, Person(tooth_gap=share), size=96).astype(int) for share in (0, 1)
    )
    assert (gap - whole)[66:80, 40:56].min() < -40


def test_the_truth_says_what_was_shown():
    truth = drawn_set.sample(40, progress=False).truth
    for emotion, variant in zip(truth["emotion"], truth["variant"], strict=True):
        assert variant in VARIANTS[emotion]
    assert {"blend_share", "speech", "lean", "au_18", "au_19", "tears", "tooth_gap"} <= set(truth)
    assert (truth["blend_share"] > 0).equals(truth["blend"] != "none")
