"""A search for good hyper-parameters with Optuna, in this process or on a Dask cluster.

Optuna proposes settings based on earlier results, by a tree-structured Parzen estimator (Bergstra
and others 2011, https://papers.nips.cc/paper/4443). All trials are stored in a database, so that a
search that was killed continues, and several clients can search together.
"""

from __future__ import annotations

import argparse
import dataclasses
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from sqlalchemy.exc import SQLAlchemyError

from facevalue import paths
from facevalue.collection import database
from facevalue.files import ExplainedError
from facevalue.progress import ProgressBar
from facevalue.scale import cluster

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

    from facevalue.data.dataset import Dataset
    from facevalue.learning.recipe import Recipe

Settings = dict[str, Any]

RANGES: dict[str, tuple[float, float, bool]] = {
    "rate": (0.01, 0.4, True),
    "decay": (0.0005, 0.05, True),
    "dropout": (0.0, 0.5, False),
    "smoothing": (0.0, 0.2, False),
    "mixup": (0.0, 0.4, False),
    "votes": (0.0, 1.0, False),
}
"""What `facevalue tune` varies: the lowest and the highest value, and whether on a log scale."""


def search(
    train: Callable[[Settings], float],
    ranges: Mapping[str, tuple[float, float, bool]],
    *,
    trials: int,
    name: str,
    storage: str | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Search for the settings with which `train` returns the highest number.

    Args:
        train: takes settings by name and returns a score, for example an accuracy on PublicTest.
            A cluster's workers must be able to import it. A trial in which it raises an exception
            does not count.
        ranges: by the name of a setting, its lowest and highest value, and whether it is varied on
            a log scale.
        trials: how many completed trials the study has at the end, including earlier ones and
            those of other clients.
        name: the name of the study; an existing study is continued.
        storage: the URL of a database, for example postgresql://me@host/searches, with which
            several clients can search together; by default a SQLite file in `paths.processed()`.
        progress: show a progress bar.
    Returns:
        A row per completed trial, the best first: number, value, and a column for each setting.
    Raises:
        RuntimeError: `train` failed `trials` times in a row.
        OSError: the database does not answer.
        ValueError: `trials` is below 1, or the URL of the database cannot be parsed.
        ModuleNotFoundError: Optuna is not installed.
        cluster.VersionError, ConnectionError: as in `cluster.map`.
    """
    if trials < 1:
        raise ValueError(f"A search needs at least 1 trial, not {trials}.")
    with _explained():
        return _search(_open_study(name, storage), train, ranges, trials, progress)


def _search(
    study: Study,
    train: Callable[[Settings], float],
    ranges: Mapping[str, tuple[float, float, bool]],
    trials: int,
    progress: bool,
) -> pd.DataFrame:
    space = _search_space(ranges)
    pending: dict[int, Trial] = {}
    failures: list[str] = []  # since the last completed trial

    def new_trials() -> Iterator[tuple[int, Settings]]:
        while len(_completed(study)) + len(pending) < trials and len(failures) < trials:
            trial = study.ask(space)
            pending[trial.number] = trial
            yield trial.number, trial.params

    shown = len(_completed(study))
    with ProgressBar("trials", show=progress) as bar:
        bar.set_total(trials, skipped=shown)
        bar.update(shown)
        results = cluster.map_unordered(
            partial(_run_trial, train), new_trials(), label="trials", ahead=cluster.threads()
        )
        try:
            for (number, _), result in results:
                _record(study, pending.pop(number), result, failures)
                done = len(_completed(study))  # with those of other clients
                bar.update(done - shown)
                shown = done
        finally:
            for trial in pending.values():  # otherwise they would be stored as running
                _mark_failed(study, trial)
    if len(failures) >= trials:
        raise RuntimeError(
            f"{len(failures)} trials of {study.study_name} failed in a row, the last with: "
            f"{failures[-1]}"
        )
    return _table(study)


def _record(
    study: Study, trial: Trial, result: float | str | cluster.WorkerDied, failures: list[str]
) -> None:
    """Store the result of a trial; `failures` has the reasons since the last completed trial."""
    if isinstance(result, float):
        study.tell(trial, result)
        failures.clear()
        return
    failures.append("its worker died" if isinstance(result, cluster.WorkerDied) else result)
    _mark_failed(study, trial)


def _run_trial(train: Callable[[Settings], float], item: tuple[int, Settings]) -> float | str:
    """Return the score of a trial, or why it failed, so that a failure does not stop the others."""
    try:
        return float(train(item[1]))
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _open_study(name: str, storage: str | None) -> Study:
    """Return a new study, or the one that the database has under this name."""
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "A search needs Optuna: install it with pip install 'optuna>=4.5'."
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if storage is None:
        paths.processed().mkdir(parents=True, exist_ok=True)
        storage = f"sqlite:///{paths.processed() / 'tuning.db'}"
    return optuna.create_study(
        study_name=name,
        storage=database.with_driver(storage),
        direction="maximize",
        load_if_exists=True,
        # running trials count as bad, so that no two trials try the same settings
        sampler=optuna.samplers.TPESampler(constant_liar=True),
    )


@contextmanager
def _explained() -> Iterator[None]:
    """Replace the errors of the database with a sentence.

    Raises:
        OSError: it does not answer, or cannot be written.
    """
    try:
        yield
    except Exception as error:
        # Optuna wraps some errors of the database, and not others
        context = None if error.__suppress_context__ else error.__context__
        causes = (error, error.__cause__, context)
        found = next((cause for cause in causes if isinstance(cause, SQLAlchemyError)), None)
        if found is None:
            raise
        # without the cause, whose message may contain the URL with its password; a file has none
        original = getattr(found, "orig", None)
        is_file = isinstance(original, sqlite3.Error)
        reason = original if is_file else type(found).__name__
        raise ExplainedError(
            f"The database of the search cannot be used ({reason}): check that "
            f"{'its disk has room' if is_file else 'it is running'}, and that you may write to it."
        ) from None


def _completed(study: Study) -> list[FrozenTrial]:
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def _mark_failed(study: Study, trial: Trial) -> None:
    from optuna.trial import TrialState

    study.tell(trial, state=TrialState.FAIL)


def _search_space(
    ranges: Mapping[str, tuple[float, float, bool]],
) -> dict[str, BaseDistribution]:
    from optuna.distributions import FloatDistribution

    return {
        name: FloatDistribution(low, high, log=log) for name, (low, high, log) in ranges.items()
    }


def _table(study: Study) -> pd.DataFrame:
    rows = [
        {"number": trial.number, "value": trial.value, **trial.params}
        for trial in _completed(study)
    ]
    return pd.DataFrame(rows).sort_values("value", ascending=False, ignore_index=True)


@lru_cache(maxsize=1)
def _data(name: str) -> tuple[Dataset, pd.DataFrame | None]:
    """Return a data set and its FER+ votes (FER-2013 only), read once per process."""
    from facevalue.data import ferplus
    from facevalue.drawing import course_faces

    data = course_faces.load(name)
    file = paths.raw_file(ferplus.VOTES_FILE)
    return data, ferplus.votes(file, data) if name == "fer2013" else None


def _train_recipe(recipe: Recipe, data: str, settings: Settings) -> float:
    """Return the PublicTest accuracy of a recipe, trained with some of its settings changed."""
    from facevalue.learning import mixed_precision, train_recogniser

    mixed_precision.use_mixed_precision()
    faces, votes = _data(data)
    changed = dataclasses.replace(recipe, **settings)
    if votes is None:
        changed = dataclasses.replace(changed, votes=0.0)
    _, curve = train_recogniser.train(changed, faces, votes, keep=False, verbose=0)
    return float(curve["val_accuracy"].iloc[-1])


def main(options: argparse.Namespace) -> None:
    """Run `facevalue tune`.

    Args:
        options: recipe, trials, epochs, storage and data, as in `__main__`.
    """
    from facevalue.learning import recipe as recipes

    recipe = dataclasses.replace(recipes.read(options.recipe), epochs=options.epochs)
    found = search(
        partial(_train_recipe, recipe, options.data),
        RANGES,
        trials=options.trials,
        name=f"{Path(options.recipe).stem}-{options.data}-{options.epochs}-epochs",
        storage=options.storage,
    )
    print(found.head(5).to_string(index=False, float_format="{:.4g}".format))
    print(f"\nThe best of {len(found)} on PublicTest, for {Path(options.recipe).name}:")
    print("\n".join(f"{name} = {found[name].iloc[0]:.4g}" for name in RANGES))
