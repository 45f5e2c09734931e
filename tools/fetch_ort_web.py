"""Download ONNX Runtime Web, with which the live page recognises emotions in the browser.

    python tools/fetch_ort_web.py            into apps/api/static/vendor
    python tools/fetch_ort_web.py --tests    and axe-core into build/vendor, for accessibility tests

It needs npm, and uses npm's configured registry. Each package is pinned by its checksum, and only
the files that are needed are kept.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from facevalue import paths
from facevalue.files import atomic_write, write_text

MAX_BYTES = 50_000_000
"""The largest file that is unpacked; the largest that is needed has 14 MB."""


class FetchError(Exception):
    """A package could not be downloaded."""


@dataclass(frozen=True)
class Package:
    """An npm package.

    Attributes:
        sha512: checksum of its archive, in base64.
        files: the files to keep.
        folder: where to keep them.
    """

    name: str
    version: str
    sha512: str
    files: tuple[str, ...]
    folder: Path


ROOT = paths.root()
ORT_WEB = Package(
    "onnxruntime-web",
    "1.30.0",
    "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ==",
    (
        "dist/ort.wasm.min.mjs",
        "dist/ort-wasm-simd-threaded.mjs",
        "dist/ort-wasm-simd-threaded.wasm",
    ),
    ROOT / "apps" / "api" / "static" / "vendor",
)
AXE = Package(
    "axe-core",
    "4.14.1",
    "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
    ("axe.min.js",),
    ROOT / "build" / "vendor",
)


def fetch(package: Package) -> list[Path]:
    """Download a package unless it is there, and return its files.

    Raises:
        FetchError: npm is missing or fails, or the archive has another checksum.
    """
    files = [package.folder / Path(name).name for name in package.files]
    stamp = package.folder / f"{package.name}.sha512"
    if stamp.is_file() and stamp.read_text() == package.sha512 and all(f.is_file() for f in files):
        return files
    with tempfile.TemporaryDirectory() as folder:
        archive = download_archive(package, Path(folder))
        with archive.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha512").digest()
        if base64.b64encode(digest).decode() != package.sha512:
            raise FetchError(
                f"The archive of {package.name} {package.version} has an unexpected checksum: "
                "nothing was kept."
            )
        try:
            _unpack(archive, dict(zip(package.files, files, strict=True)))
        except (tarfile.TarError, KeyError) as error:
            raise FetchError(f"The archive of {package.name} is broken: {error}.") from error
    write_text(stamp, package.sha512)
    return files


def download_archive(package: Package, folder: Path) -> Path:
    """Download the archive of a package into a folder with npm, and return it.

    Raises:
        FetchError: npm is missing or fails.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise FetchError(
            "npm is not installed: install Node.js, which contains it. Without it, the live page "
            "recognises faces on the server only."
        )
    name = f"{package.name}@{package.version}"
    print(f"Downloading {name} with npm.", flush=True)
    command = [npm, "pack", name, "--ignore-scripts", "--silent", "--pack-destination", str(folder)]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    except subprocess.TimeoutExpired:
        raise FetchError(f"npm did not download {name} within ten minutes.") from None
    found = list(folder.glob("*.tgz"))
    if done.returncode or len(found) != 1:
        # without npm's own message: it may contain a registry's password
        raise FetchError(f"npm could not download {name}: run `npm pack {name}` to see why.")
    return found[0]


def _unpack(archive: Path, wanted: dict[str, Path]) -> None:
    """Unpack some files of an archive, and nothing else. `wanted` maps their names to paths."""
    with tarfile.open(archive, "r:gz") as opened:
        for name, target in wanted.items():
            member = opened.getmember(f"package/{name}")
            content = opened.extractfile(member) if member.isreg() else None
            if content is None or member.size > MAX_BYTES:
                raise tarfile.TarError(f"{name} is not a file, or too large")
            with atomic_write(target) as part:
                part.write_bytes(content.read())


def main() -> int:
    """Run the command line, and return its exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tests", action="store_true", help="also download axe-core")
    options = parser.parse_args()
    try:
        for package in (ORT_WEB, AXE) if options.tests else (ORT_WEB,):
            files = fetch(package)
            size = sum(file.stat().st_size for file in files) / 1e6
            where = package.folder.relative_to(ROOT)
            print(f"{package.name} {package.version}: {size:.1f} MB in {where}")
    except (FetchError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. Existing files were not changed.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
