"""The wheel as somebody installs it: base dependencies alone, outside the checkout."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from facevalue import paths
from facevalue.drawing import faces

pytestmark = pytest.mark.slow

MAX_PACKAGES = 15
MAX_MEGABYTES = 400

SCRIPT = """
import json, sys
from pathlib import Path
from facevalue import Recogniser
recogniser = Recogniser("fast")
found = recogniser.photo(Path("photo.png"))
loaded = [name for name in ("pandas", "scipy", "tensorflow", "requests") if name in sys.modules]
print(json.dumps([str(recogniser.file), [face.emotion for face in found], loaded]))
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """An environment with nothing but the wheel and what pip installs for it."""
    folder = tmp_path_factory.mktemp("wheel")
    # setuptools leaves its build folder in the project, and another test may be reading there
    source = folder / "source"
    shutil.copytree(
        paths.root() / "src" / "facevalue",
        source / "src" / "facevalue",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(paths.root() / name, source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", str(folder), str(source)], check=True)
    (wheel,) = folder.glob("facevalue-*.whl")
    place = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    programs = place / ("Scripts" if os.name == "nt" else "bin")
    subprocess.run([*pip, "--python", str(programs / "python"), "install", str(wheel)], check=True)
    return programs


@pytest.fixture
def photo(tmp_path):
    """A drawn photo with a face, in a working folder outside the checkout."""
    Image.fromarray(faces.photo(3).image).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def clean():
    """Return the variables of this process without those that would help the wheel."""
    return {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "FACEVALUE_DATA")}


def run(environment, program, *arguments, folder):
    command = [str(environment / program), *arguments]
    return subprocess.run(command, cwd=folder, env=clean(), capture_output=True, text=True)


def test_the_wheel_names_a_face_by_python(environment, photo):
    done = run(environment, "python", "-c", SCRIPT, folder=photo.parent)
    assert done.returncode == 0, done.stderr
    file, emotions, loaded = json.loads(done.stdout)
    assert Path(file).is_relative_to(environment.parent)
    assert len(emotions) >= 1 and loaded == []


def test_the_wheel_names_a_face_by_the_command_line(environment, photo):
    done = run(environment, "facevalue", "score", "photo.png", "--out", "one.csv",
               folder=photo.parent)  # fmt: skip
    assert done.returncode == 0, done.stderr
    done = run(environment, "facevalue", "score", ".", "--out", "all.csv", folder=photo.parent)
    assert done.returncode == 0 and "1 face in 1 photo" in done.stdout
    tables = [(photo.parent / name).read_text() for name in ("one.csv", "all.csv")]
    assert tables[0] == tables[1]
    rows = list(csv.DictReader(tables[0].splitlines()))
    assert len(rows) >= 1 and rows[0]["file"] == "photo.png" and rows[0]["emotion"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["score", "photo.png", "--out", "s.parquet"], "pyarrow"),
        (["score", "s3://bucket/photos", "--out", "s.csv"], "fsspec"),
        (["train", "accurate.toml"], 'pip install ".[course]" in the folder of the course'),
        (["tune", "accurate.toml"], 'pip install ".[course,tuning]" in the folder of the course'),
        (["data"], 'pip install ".[course]" in the folder of the course'),
        (["api"], "clone the repository"),
    ],
)
def test_what_needs_more_says_so_in_a_sentence(environment, photo, arguments, sentence):
    done = run(environment, "facevalue", *arguments, folder=photo.parent)
    assert done.returncode == 1 and sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert [file.name for file in photo.parent.iterdir()] == ["photo.png"]


def test_pip_installs_few_packages_and_little(environment):
    code = (
        "import sysconfig, importlib.metadata as m; print(sysconfig.get_path('purelib'));"
        "print(*sorted({d.name for d in m.distributions()}))"
    )
    done = run(environment, "python", "-c", code, folder=environment)
    place, names = done.stdout.splitlines()
    packages = [name for name in names.split() if name != "pip"]
    size = sum(file.stat().st_size for file in Path(place).rglob("*") if file.is_file())
    print(f"{len(packages)} packages, {size / 1e6:.0f} MB: {', '.join(packages)}")
    assert "facevalue" in packages and len(packages) <= MAX_PACKAGES
    assert size < MAX_MEGABYTES * 1e6
