from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from facevalue.data import survey, survey_format, survey_simulation
from facevalue.exploration import survey_network, survey_statistics

WORDS = list(survey_network.WORDS)


@pytest.fixture(scope="module")
def reports() -> pd.DataFrame:
    return survey.clean(survey_simulation.simulate())


@pytest.fixture(scope="module")
def awake(reports: pd.DataFrame) -> pd.DataFrame:
    return reports[~reports["Hours"].isin(survey_format.NIGHT)]


def small(rows: list[tuple[int, int, int, str]]) -> pd.DataFrame:
    """Return reports from (id, hour, day, the emotions felt)."""
    table = pd.DataFrame([row[:3] for row in rows], columns=["id", "Hours", "Day"])
    for word in WORDS:
        table[word] = [int(word in row[3].split()) for row in rows]
    return table


def random(people: int, each: int, seed: int = 0) -> pd.DataFrame:
    """Return reports in which everything is independent of everything; 0.3 felt."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"id": np.repeat(np.arange(people), each)})
    table["Hours"] = rng.integers(5, 23, len(table))
    table["Day"] = rng.integers(1, 8, len(table))
    table[WORDS] = (rng.random((len(table), 18)) < 0.3).astype(int)
    return table


FIVE = small(
    [
        (1, 8, 1, "Joy"),
        (1, 9, 2, "Joy Fear"),
        (2, 8, 1, ""),
        (2, 9, 2, "Fear"),
        (3, 9, 2, "Joy Love Hope"),
    ]
)


# ------------------------------------------------------------------------- by hand


def test_kinds_counted_by_hand() -> None:
    table = survey_statistics.kinds(FIVE, 50)
    assert table["reports"].to_dict() == {
        "at least one": 4,
        "only positive": 2,
        "only negative": 1,
        "both": 1,
        "none": 1,
    }
    assert table["share"].tolist() == [0.8, 0.4, 0.2, 0.2, 0.2]


def test_ratios_counted_by_hand() -> None:
    table = survey_statistics.ratios(FIVE, 50)
    assert table.loc["reports", ["positive", "negative", "ratio"]].tolist() == [2, 1, 2]
    assert table.loc["emotions", ["positive", "negative", "ratio"]].tolist() == [5, 2, 2.5]


def test_positive_share_counted_by_hand() -> None:
    table = survey_statistics.positive_share(FIVE, "Hours", 50)
    assert table["reports"].to_dict() == {8: 2, 9: 3}
    assert table["share"].tolist() == [1, 4 / 6]


# ---------------------------------------------------------------- published numbers


def test_simulated_frequencies_are_the_published_ones(reports: pd.DataFrame) -> None:
    table = survey_statistics.frequencies(reports, 100)
    assert list(table.index[:4]) == ["Joy", "Anxiety", "Satisfaction", "Love"]
    assert table["reports"].iloc[[0, 1, -1]].tolist() == [23_215, 19_108, 682]
    assert table["share"].loc["Joy"] == pytest.approx(0.3398, abs=5e-5)
    assert table["kind"].value_counts().tolist() == [9, 9]
    assert (table["low"] < table["share"]).all()
    assert (table["share"] < table["high"]).all()


def test_both_published_ratios_come_out(reports: pd.DataFrame) -> None:
    table = survey_statistics.ratios(reports, 100)
    assert table.loc["emotions", ["positive", "negative"]].tolist() == [125_637, 60_151]
    assert table["ratio"].round(1).tolist() == [2.5, 2.1]
    assert survey_statistics.kinds(reports, 100)["share"]["at least one"] == pytest.approx(
        0.9, abs=0.005
    )


# ------------------------------------------------------------------------ intervals


def test_intervals_are_as_wide_as_the_cluster_robust_formula_says(reports: pd.DataFrame) -> None:
    table = survey_statistics.frequencies(reports, 1_000)
    people = reports.groupby("id")
    size, total = people.size(), people.ngroups
    for word in ("Joy", "Anxiety", "Disdain"):
        residual = people[word].sum() - table["share"][word] * size
        error = np.sqrt(total / (total - 1) * (residual**2).sum()) / len(reports)
        width = table["high"][word] - table["low"][word]
        assert width == pytest.approx(2 * 1.96 * error, rel=0.12)


def test_intervals_are_those_of_a_loop_over_people() -> None:
    table = random(people=30, each=4)
    rng = np.random.default_rng(7)
    by_person = [rows for _, rows in table.groupby("id")]
    shares = [
        pd.concat([by_person[i] for i in rng.integers(0, 30, 30)])["Joy"].mean() for _ in range(500)
    ]
    joy = survey_statistics.frequencies(table, 2_000).loc["Joy"]
    assert [joy["low"], joy["high"]] == pytest.approx(np.percentile(shares, [2.5, 97.5]), abs=0.02)


def test_asking_the_same_people_again_makes_no_interval_narrower() -> None:
    once = random(people=200, each=2)
    again = pd.concat([once] * 10)
    pd.testing.assert_frame_equal(
        survey_statistics.frequencies(again, 300)[["share", "low", "high"]],
        survey_statistics.frequencies(once, 300)[["share", "low", "high"]],
    )
    apart = again.assign(id=np.arange(len(again)))
    wide, narrow = (survey_statistics.frequencies(table, 300) for table in (again, apart))
    assert ((wide["high"] - wide["low"]) > 2 * (narrow["high"] - narrow["low"])).all()


@pytest.mark.parametrize("replicates", [1, 99, 100, 250])
def test_any_number_of_replicates(replicates: int) -> None:
    table = random(people=40, each=3)
    assert survey_statistics.frequencies(table, replicates).notna().all(axis=None)
    assert len(survey_statistics.change(table, "Day", replicates).by_chance) == replicates


def test_results_depend_on_the_seed_alone(awake: pd.DataFrame) -> None:
    first, second, other = (
        survey_statistics.positive_share(awake, "Day", 60, seed) for seed in (1, 1, 2)
    )
    pd.testing.assert_frame_equal(first, second)
    assert (first["low"] != other["low"]).any()
    shuffled = awake.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(first, survey_statistics.positive_share(shuffled, "Day", 60, 1))


def test_tables_of_simulated_reports_stay_marked(reports: pd.DataFrame) -> None:
    for table in (
        survey_statistics.kinds(reports, 10),
        survey_statistics.ratios(reports, 10),
        survey_statistics.frequencies(reports, 10),
    ):
        assert survey.title_note(table) == " (simulated)"


# ----------------------------------------------------------------------------- change


def test_the_simulated_week_and_day_change_more_than_chance(awake: pd.DataFrame) -> None:
    for by in ("Day", "Hours"):
        found = survey_statistics.change(awake, by, 199)
        assert found.p == 1 / 200
        assert found.size > found.by_chance.max()
    share = survey_statistics.positive_share(awake, "Day", 100)["share"]
    assert share[[2, 3, 4]].max() < share[[6, 7]].min()


def test_no_change_is_found_where_there_is_none() -> None:
    tables = [random(people=300, each=6, seed=seed) for seed in range(20)]
    for by in ("Day", "Hours"):
        p = [survey_statistics.change(table, by, 99).p for table in tables]
        assert sum(value <= 0.05 for value in p) <= 4
        assert 0.2 < np.median(p) < 0.8


def test_who_reports_when_is_no_change() -> None:
    """Cheerful people report on days 1 to 3, others on days 4 to 7; nobody changes."""
    table = random(people=400, each=6)
    cheerful = (table["id"] % 2 == 0).to_numpy()
    rng = np.random.default_rng(0)
    table["Day"] = np.where(cheerful, rng.integers(1, 4, 2_400), rng.integers(4, 8, 2_400))
    table.loc[cheerful, list(survey_format.NEGATIVE)] = 0
    share = survey_statistics.positive_share(table, "Day", 50)["share"]
    assert share[1] > share[7] + 0.3
    assert survey_statistics.change(table, "Day", 99).p > 0.05


def test_a_planted_change_has_its_size() -> None:
    """On day 1 everybody feels joy alone, on day 2 fear alone: each is half from the usual."""
    table = small(
        [(who, 8, day, word) for who in range(20) for day, word in ((1, "Joy"), (2, "Fear"))]
    )
    found = survey_statistics.change(table, "Day", 99)
    assert found.size == pytest.approx(0.5)
    assert found.p == 0.01


# ------------------------------------------------------------------------------ pairs


def test_phi_is_the_correlation_that_pandas_computes(reports: pd.DataFrame) -> None:
    table = survey_statistics.pairs(reports, 20)
    matrix = reports[WORDS].corr()
    places = zip(table["first"], table["second"], strict=True)
    expected = [matrix.loc[first, second] for first, second in places]
    assert len(table) == 153
    np.testing.assert_allclose(table["phi"], expected, atol=1e-12)
    joy_love = table[(table["first"] == "Love") & (table["second"] == "Joy")].iloc[0]
    assert joy_love["together"] == (reports["Joy"] * reports["Love"]).sum()
    assert joy_love["expected"] == pytest.approx(23_215 * 18_398 / 68_311)


def test_independent_emotions_are_within_the_threshold() -> None:
    beyond = 0
    for seed in range(20):
        table = survey_statistics.pairs(random(people=300, each=3, seed=seed), 200)
        beyond += int((table["phi"].abs() > table.attrs["threshold"]).any())
    assert beyond <= 4


def test_simulated_emotions_of_one_kind_come_together(reports: pd.DataFrame) -> None:
    table = survey_statistics.pairs(reports, 100)
    same = table["first"].isin(survey_format.POSITIVE) == table["second"].isin(
        survey_format.POSITIVE
    )
    assert same.sum() == 72
    assert (table["phi"][same] > table.attrs["threshold"]).all()
    assert (table["phi"][~same] < 0).all()


def network(reports: pd.DataFrame, most: int) -> plt.Axes:
    _, axis = plt.subplots(figsize=(6, 4))
    survey_network.draw_network(
        axis,
        survey_statistics.pairs(reports, 100),
        survey_statistics.frequencies(reports, 10)["share"],
        most,
    )
    plt.close()
    return axis


def test_the_network_names_every_emotion_and_tells_kinds_and_links_apart(
    reports: pd.DataFrame,
) -> None:
    axis = network(reports, 20)
    assert sorted(text.get_text() for text in axis.texts) == sorted(WORDS)
    assert all(text.get_fontsize() >= 9 for text in axis.texts)
    lines = [line for line in axis.lines if len(line.get_xdata())]
    assert [line.get_linestyle() for line in lines] == ["-"] * 20 + ["--"] * 20
    place = {text.get_text(): text.get_position()[0] for text in axis.texts}
    assert all(place[word] < 0 for word in survey_format.POSITIVE)
    assert all(place[word] > 0 for word in survey_format.NEGATIVE)


def test_the_network_draws_the_largest_links(reports: pd.DataFrame) -> None:
    axis = network(reports, 1)
    lines = [line for line in axis.lines if len(line.get_xdata())]
    table = survey_statistics.pairs(reports, 10)
    heights = {text.get_text(): text.get_position()[1] / 1.1 for text in axis.texts}
    for line, row in zip(lines, (table["phi"].idxmax(), table["phi"].idxmin()), strict=True):
        ends = [heights[word] for word in table.loc[row, ["first", "second"]]]
        assert sorted(line.get_ydata()) == pytest.approx(sorted(ends))


def test_a_network_without_links_has_points_only() -> None:
    table = random(people=300, each=3)
    axis = network(table, 0)
    assert len(axis.texts) == 18
    assert not [line for line in axis.lines if len(line.get_xdata())]


# -------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    "function",
    [
        survey_statistics.kinds,
        survey_statistics.ratios,
        survey_statistics.frequencies,
        survey_statistics.pairs,
    ],
)
def test_one_participant_is_named(function) -> None:
    with pytest.raises(ValueError, match="reports of 1 person, but an interval .* at least two"):
        function(FIVE[FIVE["id"] == 1], 10)


def test_no_reports_are_named() -> None:
    with pytest.raises(ValueError, match="reports of 0 people"):
        survey_statistics.change(FIVE[:0], "Day", 10)


def test_an_emotion_that_nobody_or_everybody_feels_is_named() -> None:
    with pytest.raises(ValueError, match="^no report names Awe: "):
        survey_statistics.pairs(random(20, 2).assign(Awe=0), 10)
    with pytest.raises(ValueError, match="^each report names Awe: "):
        survey_statistics.pairs(random(20, 2).assign(Awe=1), 10)
    assert survey_statistics.frequencies(random(20, 2).assign(Awe=0), 10)["share"]["Awe"] == 0


def test_a_time_without_emotions_is_named() -> None:
    table = pd.concat([FIVE, small([(3, 5, 7, "")])])
    with pytest.raises(ValueError, match="column Hours, value 5: nobody names an emotion"):
        survey_statistics.positive_share(table, "Hours", 10)


def test_what_cannot_be_compared_is_said() -> None:
    with pytest.raises(ValueError, match="two values of Day: nothing can be compared"):
        survey_statistics.change(FIVE.assign(Day=1), "Day", 10)
    with pytest.raises(ValueError, match="no report is only negative"):
        survey_statistics.ratios(FIVE.assign(Fear=0), 10)


def test_other_tables_and_arguments_are_named(reports: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="lack Offense, Embarrassment: use what survey.clean"):
        survey_statistics.kinds(survey_simulation.simulate(), 10)
    with pytest.raises(ValueError, match="neither 0 nor 1: use what survey.clean returns"):
        survey_statistics.kinds(FIVE.assign(Joy=" "), 10)
    with pytest.raises(ValueError, match="by='hour' is unknown: choose Day or Hours"):
        survey_statistics.positive_share(reports, "hour")
    with pytest.raises(ValueError, match="replicates=0 is too small"):
        survey_statistics.frequencies(FIVE, 0)
