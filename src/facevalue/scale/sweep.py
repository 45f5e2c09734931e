"""A sweep: calling one function with many settings, and keeping the finished results."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import joblib

from facevalue.files import write_text
from facevalue.progress import ProgressBar
from facevalue.scale import cluster

Settings = dict[str, Any]
Result = dict[str, Any]


def sweep(
    function: Callable[[Settings], Result],
    items: Mapping[str, Settings],
    *,
    label: str,
    keep: str | Path | None = None,
    uses: Sequence[Callable[..., Any]] = (),
    progress: bool = True,
) -> dict[str, Result]:
    """Return `function(settings)` for each named item, one after the other or on the cluster.

    Use it for items that take minutes, such as trainings. With `keep`, each result is stored as
    soon as it arrives, and a sweep that was killed continues with the remaining items. A stored
    result is used again as long as its settings and the source code of `function` and of `uses`
    are unchanged; whatever else it depends on must be in the settings.

    Args:
        function: takes settings and returns a dict that JSON can represent; it may be defined in a
            notebook.
        items: the settings of each item, by its name.
        label: the name of the work in the progress bar and in errors.
        keep: the folder of the stored results.
        uses: functions that `function` calls; a change of one makes the stored results invalid.
        progress: show a progress bar.
    Returns:
        The results by the names of the items, in their order.
    Raises:
        TypeError: JSON cannot represent a result.
        OSError: `keep` cannot be written, for example because the disk is full.
        cluster.TaskError: the function failed for an item, or the item killed its workers.
        cluster.VersionError, ConnectionError, ModuleNotFoundError: as in `cluster.map`.

    >>> sweep(lambda row: {"square": row["n"] ** 2}, {"a": {"n": 3}}, label="x", progress=False)
    {'a': {'square': 9}}
    """
    keep = Path(keep) if keep else None
    files = _files([function, *uses], items, keep) if keep else {}
    stored = {name: _read(file) for name, file in files.items()}
    done = {name: result for name, result in stored.items() if result is not None}
    remaining = [(name, settings) for name, settings in items.items() if name not in done]
    results = cluster.map_unordered(partial(_call, function), remaining, label=label)
    with ProgressBar(label, show=progress) as bar:
        bar.set_total(len(items), skipped=len(done))
        bar.update(len(done))
        for (name, _), result in results:
            if isinstance(result, cluster.WorkerDied):
                raise cluster.TaskError(
                    f"{label} failed for {name}: its workers died. Check their memory and logs."
                )
            text = json.dumps(result)
            if keep:
                write_text(files[name], text)
            done[name] = json.loads(text)  # as it will be read from its file
            bar.update()
    return {name: done[name] for name in items}


def _call(function: Callable[[Settings], Result], item: tuple[str, Settings]) -> Result:
    return function(item[1])


def _files(
    functions: Sequence[Callable[..., Any]], items: Mapping[str, Settings], folder: Path
) -> dict[str, Path]:
    """Return the file of each item's result, named by its cache key."""
    sources = [inspect.getsource(function) for function in functions]
    return {
        name: folder / f"{joblib.hash([sources, settings])}.json"
        for name, settings in items.items()
    }


def _read(file: Path) -> Result | None:
    """Return a stored result, or None if there is none or it is damaged."""
    try:
        result = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return result if isinstance(result, dict) else None
