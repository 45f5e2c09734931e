"""The profile of a run, from the environment."""

import pytest

from facevalue import settings


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    for variable in ("FACEVALUE_DATASET", "FACEVALUE_PROFILE", "FACEVALUE_SEED"):
        monkeypatch.delenv(variable, raising=False)


def test_the_default_is_fast_and_needs_no_download():
    assert (settings.profile().name, settings.profile().dataset) == ("fast", "rendered")


def test_full_is_more_work_and_nothing_else(monkeypatch):
    fast = settings.profile()
    monkeypatch.setenv("FACEVALUE_PROFILE", "full")
    full = settings.profile()
    assert full.train_images is None
    assert full.epochs > fast.epochs
    assert full.sweep_rows == 19  # every row of the published sweep
    assert full.mixed == 200  # as many images of an emotion and source as project 1 took
    assert full.per_class == (200, 500, 2000, None)
    assert full.seeds == 5
    assert full.dense_epochs > fast.dense_epochs
    assert full.photos > fast.photos
    assert full.replicates > fast.replicates
    assert full.dataset == fast.dataset


def test_the_data_set_is_chosen_by_name(monkeypatch):
    monkeypatch.setenv("FACEVALUE_DATASET", "fer2013")
    assert settings.profile().dataset == "fer2013"


def test_an_empty_setting_means_the_default(monkeypatch):
    monkeypatch.setenv("FACEVALUE_PROFILE", "")
    assert settings.profile().name == "fast"


@pytest.mark.parametrize(
    ("variable", "value", "known"),
    [
        ("FACEVALUE_PROFILE", "quick", "fast or full"),
        ("FACEVALUE_DATASET", "FER2013", "rendered or fer2013"),
    ],
)
def test_an_unknown_setting_names_the_known_ones(monkeypatch, variable, value, known):
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValueError, match=f"{variable}='{value}' is unknown: set it to {known}"):
        settings.profile()


def test_a_seed_is_a_whole_number_from_0(monkeypatch):
    assert settings.profile().seed == 42
    monkeypatch.setenv("FACEVALUE_SEED", "7")
    assert settings.profile().seed == 7
    monkeypatch.setenv("FACEVALUE_SEED", "-1")
    with pytest.raises(ValueError, match="FACEVALUE_SEED='-1' is no seed: set it to a whole num"):
        settings.profile()
