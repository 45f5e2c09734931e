"""Published weights: downloaded once, checked each time."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import h5py
import keras

from facevalue import paths
from facevalue.data import download
from facevalue.data.download import DownloadError
from facevalue.files import write_text

LARGEST = 200_000_000
"""Most bytes of a weight file; the largest of the four, ResNet-50's, has 95 million."""


def weight_file(address: str, folder: Path | None = None, md5: str = "") -> Path:
    """Return a weight file, downloaded if need be, and the same one each time.

    Its sha256 is written into weights.json beside it when it is first seen, and checked ever
    after: a file that has changed is downloaded again, and a server that sends another one is
    refused.

    Args:
        address: the file on the web.
        folder: where it is kept; default: data/processed/weights.
        md5: a published checksum, for the first time, or "".

    Raises:
        DownloadError: it is not to be had, or is another file; a sentence says which and why.
    """
    folder = folder or paths.processed() / "weights"
    file = folder / address.rpartition("/")[2]
    seen = _seen(folder)
    known = seen.get(file.name, {}).get("sha256")
    if not file.is_file() or (known and download.digest(file) != known):
        print(f"{file.name}: downloading it, once.")
        download.download(address, file, known, largest=LARGEST, timeout=(5, 10), pause=0.5)
    if not known:
        if md5 and download.digest(file, "md5") != md5:
            file.unlink()
            raise DownloadError(f"{address} is not the published file: its md5 is not {md5}.")
        facts = {
            "sha256": download.digest(file),
            "bytes": file.stat().st_size,
            "address": address,
            "first_seen": datetime.date.today().isoformat(),
        }
        text = json.dumps(_seen(folder) | {file.name: facts}, indent=1)
        write_text(folder / "weights.json", text)
    return file


def _seen(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what weights.json says.

    Raises:
        DownloadError: it is damaged; to go on would be to trust any file.
    """
    record = folder / "weights.json"
    if not record.is_file():
        return {}
    try:
        seen = json.loads(record.read_text(encoding="utf-8"))
        return {str(name): dict(facts) for name, facts in seen.items()}
    except (ValueError, AttributeError, TypeError):
        raise DownloadError(
            f"{record} is damaged, so the weight files cannot be checked: delete it and them."
        ) from None


def load_by_name(model: keras.Model, file: Path) -> list[str]:
    """Load the layers of an .h5 file into the layers of the same name.

    Layers that the file does not know, such as a new head, keep the weights that they have.

    Returns:
        The names of those layers, of the ones that have weights.
    Raises:
        ValueError: the file has weights for a layer that the model lacks, or of another shape;
            Keras alone would leave a misspelt layer random without a word.
        OSError: the file is no .h5 file.
    """
    with h5py.File(file, "r") as opened:
        group = opened
        if "layer_names" not in opened.attrs and "model_weights" in opened:
            group = opened["model_weights"]
        names = [_text(name) for name in group.attrs["layer_names"]]
        weighted = {name for name in names if len(group[name].attrs["weight_names"])}
    ours = [layer.name for layer in model.layers if layer.weights]
    unknown = sorted(weighted - set(ours))
    if unknown:
        raise ValueError(f"the model has no layer {', '.join(unknown[:3])}")
    if not weighted:
        raise ValueError("it has no weights")
    model.load_weights(file, by_name=True)
    return [name for name in ours if name not in weighted]


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)
