"""Bring ONNX Runtime Web, with which the live page recognises emotions inside the browser.

Needs npm, and asks the registry that npm is set up with. The package is pinned by its checksum;
of its files, three are kept, in apps/api/static/vendor. With --tests, axe-core comes too, with
which the tests look for barriers on the page; it is kept in build/vendor.
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

MOST_BYTES = 50_000_000
"""Bytes of one file of a package; the largest that is kept has 14 MB."""


class FetchError(Exception):
    """A package did not come; the message says why."""


@dataclass(frozen=True)
class Package:
    """A package of npm: its version, the SHA-512 of its archive, the files to keep, and where."""

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
    """Bring a package's files, unless they are there; return where they are.

    Raises:
        FetchError: npm is missing or fails, or the archive is not the one that is expected.
    """
    files = [package.folder / Path(name).name for name in package.files]
    stamp = package.folder / f"{package.name}.sha512"
    if stamp.is_file() and stamp.read_text() == package.sha512 and all(f.is_file() for f in files):
        return files
    with tempfile.TemporaryDirectory() as folder:
        archive = _pack(package, Path(folder))
        with archive.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha512").digest()
        if base64.b64encode(digest).decode() != package.sha512:
            raise FetchError(
                f"{package.name} {package.version} is not the archive that this course was made "
                "with: nothing was kept."
            )
        try:
            _keep(archive, dict(zip(package.files, files, strict=True)))
        except (tarfile.TarError, KeyError) as error:
            raise FetchError(f"The archive of {package.name} is broken: {error}.") from None
    write_text(stamp, package.sha512)
    return files


def _pack(package: Package, folder: Path) -> Path:
    """Let npm bring an archive into a folder."""
    npm = shutil.which("npm")
    if npm is None:
        raise FetchError(
            "npm, which comes with Node.js, is not installed: without it, the live page works "
            "through the server only."
        )
    name = f"{package.name}@{package.version}"
    print(f"Fetching {name} with npm.", flush=True)
    command = [npm, "pack", name, "--ignore-scripts", "--silent", "--pack-destination", str(folder)]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    except subprocess.TimeoutExpired:
        raise FetchError(f"npm did not bring {name} within ten minutes.") from None
    found = list(folder.glob("*.tgz"))
    if done.returncode or len(found) != 1:
        # not npm's own words: they may name a registry with a password
        raise FetchError(f"npm could not bring {name}: `npm pack {name}` says why.")
    return found[0]


def _keep(archive: Path, wanted: dict[str, Path]) -> None:
    """Write some files of an archive, each beside and then renamed; nothing else is unpacked."""
    with tarfile.open(archive, "r:gz") as opened:
        for name, target in wanted.items():
            member = opened.getmember(f"package/{name}")
            content = opened.extractfile(member) if member.isreg() else None
            if content is None or member.size > MOST_BYTES:
                raise tarfile.TarError(f"{name} is no file, or too large")
            with atomic_write(target) as part:
                part.write_bytes(content.read())


def main() -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tests", action="store_true", help="bring axe-core for the tests too")
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
        print("Stopped; what was there before is still there.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
