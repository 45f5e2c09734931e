"""The statistics of the guessing game."""

import pytest

from apps.dashboard_pages import game_statistics
from apps.dashboard_pages.game_statistics import Answer


def answer(label, you, model):
    return Answer(0, label, you, model, 0.5)


def test_the_p_value_is_that_of_coin_flips():
    only_model = [answer("sad", "fear", "sad")] * 5
    neither = [answer("sad", "fear", "angry")] * 4
    assert game_statistics.mcnemar(only_model + neither) == (0, 5, pytest.approx(2 * 0.5**5))
    assert game_statistics.mcnemar(neither) == (0, 0, 1)


def test_the_verdict_does_not_claim_more_than_the_numbers_show():
    you = [answer("sad", "sad", "fear")]
    model = [answer("sad", "fear", "sad")]
    assert "may be chance" in game_statistics.verdict(3 * model + you)
    assert "1 of 100 such games or fewer, so it is probably not chance" in game_statistics.verdict(
        20 * model
    )
    assert "equally well" in game_statistics.verdict(you + model)
    assert "does not prove" in game_statistics.verdict(you + model)


def test_the_score_by_emotion_lists_those_seen():
    seen = [answer("sad", "sad", "fear"), answer("happy", "sad", "happy"), answer("sad", "a", "b")]
    table = game_statistics.by_emotion(seen)
    assert table.loc["happy"].tolist() == [1, 0, 1]
    assert table.loc["sad"].tolist() == [2, 1, 0]
    assert len(table) == 2
    assert game_statistics.both_wrong(seen) == [seen[2]]
