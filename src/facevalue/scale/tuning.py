"""A search for good hyper-parameters: Optuna asks, a training answers, here or on a Dask cluster.

Optuna proposes settings from what earlier ones reached, by a tree-structured Parzen estimator
(Bergstra and others 2011, https://papers.nips.cc/paper/4443). All that is asked and told is stored
in a database, so that a search that was killed goes on, and several clients may search together.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from sqlalchemy.exc import SQLAlchemyError
from tqdm import tqdm

from facevalue import paths
from facevalue.collection import database
from facevalue.scale import cluster

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.distributions import BaseDistribution

Settings = dict[str, Any]

RANGES: dict[str, tuple[float, float, bool]] = {
    "rate": (0.01, 0.4, True),
    "decay": (0.0005, 0.05, True),
    "dropout": (0.0, 0.5, False),
    "smoothing": (0.0, 0.2, False),
    "mixup": (0.0, 0.4, False),
    "votes": (0.0, 1.0, False),
}
"""What `python -m facevalue tune` varies in a recipe: from, to, and whether on a log scale."""


def search(
    train: Callable[[Settings], float],
    ranges: Mapping[str, tuple[float, float, bool]],
    *,
    trials: int,
    name: str,
    storage: str | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Look for the settings that `train` gives the highest number.

    Args:
        train: takes settings by name, returns for example an accuracy on PublicTest. A cluster's
            workers must be able to import it. A trial in which it fails does not count.
        ranges: for each setting: from, to, and whether steps are factors (a log scale).
        trials: how many shall be in the study in the end, earlier ones and other clients' counted.
        name: of the study; the same name goes on with what it holds.
        storage: the database: for example postgresql://me@host/searches when several clients
            search together; default: a SQLite file in data/processed.
        progress: show a bar.

    Returns:
        A row per trial, the best first: number, value, and a column for each setting.

    Raises:
        RuntimeError: `train` failed as often in a row as there should be trials.
        OSError: the database does not answer.
        ValueError: `trials` is under 1, or the address of the database cannot be read.
        ModuleNotFoundError: Optuna is not installed.
        cluster.VersionError, ConnectionError: as in `cluster.map`.
    """
    if trials < 1:
        raise ValueError(f"a search needs at least 1 trial, not {trials}.")
    study = _study(name, storage)
    state, space = _states(), _space(ranges)
    pending: dict[int, Trial] = {}
    failed: list[str] = []  # since the last one that came to an end

    def done() -> int:
        return len(study.get_trials(deepcopy=False, states=(state.COMPLETE,)))

    def asked() -> Iterator[tuple[int, Settings]]:
        while done() + len(pending) < trials and len(failed) < trials:
            trial = study.ask(space)
            pending[trial.number] = trial
            yield trial.number, trial.params

    with tqdm(total=trials, initial=done(), desc="trials", disable=not progress) as bar:
        answers = cluster.map_unordered(
            partial(_tried, train), asked(), label="trials", ahead=cluster.threads()
        )
        try:
            for (number, _), answer in answers:
                trial = pending.pop(number)
                if isinstance(answer, float):
                    study.tell(trial, answer)
                    failed.clear()
                    bar.update(done() - bar.n)
                else:
                    failed.append("its worker died" if isinstance(answer, cluster.WorkerDied) else answer)
                    study.tell(trial, state=state.FAIL)
        finally:
            for trial in pending.values():  # an interrupt: else they would seem to run for ever
                study.tell(trial, state=state.FAIL)
    if len(failed) >= trials:
        raise RuntimeError(f"{len(failed)} trials of {name} failed, the last by {failed[-1]}.")
    return _table(study)


def _tried(train: Callable[[Settings], float], item: tuple[int, Settings]) -> float | str:
    """Return what a trial reached, or why it failed: one must not stop the others."""
    try:
        return float(train(item[1]))
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _study(name: str, storage: str | None) -> Study:
    try:
        import optuna
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "a search needs Optuna: install it with pip install 'optuna>=4.5'."
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if storage is None:
        paths.processed().mkdir(parents=True, exist_ok=True)
        storage = f"sqlite:///{paths.processed() / 'tuning.db'}"
    try:
        return optuna.create_study(
            study_name=name,
            storage=database.with_driver(storage),
            direction="maximize",
            load_if_exists=True,
            # trials that run elsewhere count as bad, so that no two are alike
            sampler=optuna.samplers.TPESampler(constant_liar=True),
        )
    except SQLAlchemyError as error:
        # not the error's own words: they may hold the address, and that a password
        raise OSError(
            f"the database of the search cannot be used ({type(error).__name__}): is it running, "
            "and may you write there?"
        ) from None


def _states() -> Any:
    from optuna.trial import TrialState

    return TrialState


def _space(ranges: Mapping[str, tuple[float, float, bool]]) -> dict[str, BaseDistribution]:
    from optuna.distributions import FloatDistribution

    return {
        name: FloatDistribution(low, high, log=log) for name, (low, high, log) in ranges.items()
    }


def _table(study: Study) -> pd.DataFrame:
    trials = study.get_trials(deepcopy=False, states=(_states().COMPLETE,))
    rows = [{"number": one.number, "value": one.value, **one.params} for one in trials]
    return pd.DataFrame(rows).sort_values("value", ascending=False, ignore_index=True)


@lru_cache(maxsize=1)
def _data(name: str) -> tuple[Any, Any]:
    """Return the data set and its FER+ votes: read once in each process."""
    from facevalue.data import ferplus
    from facevalue.data.ferplus import VOTES_FILE
    from facevalue.drawing import course_faces

    data = course_faces.load(name)
    file = paths.raw_file(VOTES_FILE)
    return data, ferplus.votes(file, data) if name == "fer2013" else None


def _trained(recipe: Any, data: str, settings: Settings) -> float:
    """Return the PublicTest accuracy of a recipe with some of its settings changed."""
    from facevalue.learning import train_recogniser, training

    training.use_mixed_precision()
    faces, votes = _data(data)
    changed = dataclasses.replace(recipe, **settings)
    if votes is None:
        changed = dataclasses.replace(changed, votes=0.0)
    _, curve = train_recogniser.train(changed, faces, votes, keep=False, verbose=0)
    return float(curve["val_accuracy"].iloc[-1])


def main(options: argparse.Namespace) -> None:
    """Run `python -m facevalue tune`: options.recipe, trials, epochs, storage, data."""
    from facevalue.learning import recipe as recipes

    recipe = dataclasses.replace(recipes.read(options.recipe), epochs=options.epochs)
    found = search(
        partial(_trained, recipe, options.data),
        RANGES,
        trials=options.trials,
        name=f"{Path(options.recipe).stem}-{options.data}-{options.epochs}-epochs",
        storage=options.storage,
    )
    print(found.head(5).to_string(index=False, float_format="{:.4g}".format))
    print(f"\nThe best of {len(found)} on PublicTest, for {Path(options.recipe).name}:")
    print("\n".join(f"{name} = {found[name].iloc[0]:.4g}" for name in RANGES))
