"""A small FER-2013 of 28 faces, and the files that hold it."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import tarfile
import zipfile
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from facevalue.data.dataset import SPLITS, Dataset
from facevalue.emotions import EMOTIONS

LABELS = [*range(7), *range(7), *range(7), *range(7)]
USAGE = ["Training"] * 14 + ["PublicTest"] * 7 + ["PrivateTest"] * 7
IMAGES = np.random.default_rng(0).integers(0, 256, (28, 48, 48), dtype=np.uint8)


def rows(order: str = "emotion,pixels,Usage") -> list[str]:
    """The lines of a small csv file in FER-2013's layout."""
    lines = [order]
    for label, image, usage in zip(LABELS, IMAGES, USAGE, strict=True):
        cells = {"emotion": str(label), "pixels": " ".join(map(str, image.ravel())), "Usage": usage}
        lines.append(",".join(cells[column.strip()] for column in order.split(",")))
    return lines


def text(lines: list[str] | None = None, end: str = "\n") -> bytes:
    return (end.join(lines or rows()) + end).encode()


def tar(path: Path, members: dict[str, bytes], mode: Literal["w:gz", "w"] = "w:gz") -> None:
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def packed(path: Path, content: bytes) -> Path:
    if path.name.endswith(".tar.gz"):
        tar(path, {"fer2013/README": b"read me", "fer2013/fer2013.csv": content})
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("fer2013/fer2013.csv", content)
    else:
        pack = {".xz": lzma.compress, ".gz": gzip.compress}.get(path.suffix, bytes)
        path.write_bytes(pack(content))
    return path


def png(image: np.ndarray, mode: str = "L", kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).convert(mode).save(stream, kind)
    return stream.getvalue()


def same(data: Dataset) -> None:
    """Assert that all of the small set was read, in its order."""
    assert (data.images == IMAGES).all()
    assert data.labels.tolist() == LABELS
    assert data.splits.tolist() == USAGE
    assert data.name == "fer2013"


def table(data: Dataset) -> set[tuple[str, int, bytes]]:
    cells = zip(data.splits.tolist(), data.labels.tolist(), data.images, strict=True)
    return {(split, label, image.tobytes()) for split, label, image in cells}


SMALL = {(u, y, x.tobytes()) for u, y, x in zip(USAGE, LABELS, IMAGES, strict=True)}


def folders(root: Path, names: dict[str, str], prefix: bool, kind: str = "PNG") -> None:
    """Write the small set as image files; `names` gives the folder of each split."""
    for number, (image, label, usage) in enumerate(zip(IMAGES, LABELS, USAGE, strict=True)):
        folder = root / names[usage] / EMOTIONS[label]
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{usage}_{number:05d}" if prefix else f"im{number}"
        (folder / f"{name}.{'png' if kind == 'PNG' else 'jpg'}").write_bytes(png(image, kind=kind))


MERGED = {"Training": "train", "PublicTest": "test", "PrivateTest": "test"}


def parquets(
    folder: Path,
    names: tuple[str, str, str] = (
        "train-0.parquet",
        "publicTest-0.parquet",
        "privateTest-0.parquet",
    ),
    labels: list = LABELS,
    metadata: list[str] | None = None,
    mode: str = "L",
) -> None:
    """Write the small set as the Hugging Face mirror does: image {bytes, path}, and label."""
    for split, name in zip(SPLITS, names, strict=True):
        mine = [i for i, usage in enumerate(USAGE) if usage == split]
        cells = [{"bytes": png(IMAGES[i], mode), "path": None} for i in mine]
        table = pa.table({"image": cells, "label": [labels[i] for i in mine]})
        if metadata:
            features = {"label": {"names": metadata, "_type": "ClassLabel"}}
            info = json.dumps({"info": {"features": features}})
            table = table.replace_schema_metadata({"huggingface": info})
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, folder / name)
