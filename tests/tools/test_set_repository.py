"""The repository's address in the notebooks, and the cell that sets up Colab."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

import pytest
import set_repository
import yaml

ROOT = Path(__file__).parents[2]


def git(folder, *arguments):
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", "-C", folder, *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def copy(tmp_path):
    """A git repository with the course's package and notebooks, and no remote."""
    folder = tmp_path / "origin"
    ignore = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "*.egg-info")
    for name in ("src", "notebooks", ".github"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE", "CITATION.cff"):
        shutil.copy(ROOT / name, folder)
    git(tmp_path, "init", "-q", "--initial-branch", set_repository.BRANCH, "origin")
    return folder


def first_cell(folder):
    notebook = json.loads((folder / "notebooks" / "04_cnn.ipynb").read_text())
    return "".join(notebook["cells"][0]["source"])


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("git@github.com:face/value.git", "https://github.com/face/value.git"),
        ("ssh://git@github.com/face/value", "https://github.com/face/value"),
        ("https://me:secret@github.com/face/value", "https://github.com/face/value"),
        ("https://git.example.org/course", "https://git.example.org/course"),
    ],
)
def test_address_is_one_that_a_reader_can_clone(copy, origin, expected):
    git(copy, "remote", "add", "origin", origin)
    assert set_repository.remote(copy) == expected


@pytest.mark.slow
def test_badges_appear_with_a_github_remote_and_go_without_one(copy):
    git(copy, "remote", "add", "origin", "https://github.com/face/value.git")
    set_repository.main(copy)
    set_repository.main(copy)
    target = f"github/face/value/blob/{set_repository.BRANCH}/notebooks/04_cnn.ipynb"
    assert first_cell(copy).count(target) == 1
    project = tomllib.loads((copy / "pyproject.toml").read_text())["project"]
    assert project["urls"] == {
        "Repository": "https://github.com/face/value.git",
        "Documentation": "https://face.github.io/value/",
        "Changelog": "https://github.com/face/value/blob/main/CHANGELOG.md",
        "Issues": "https://github.com/face/value/issues",
    }
    citation = yaml.safe_load((copy / "CITATION.cff").read_text())
    assert citation["repository-code"] == "https://github.com/face/value"
    assert citation["url"] == project["urls"]["Documentation"]
    forms = copy / ".github" / "ISSUE_TEMPLATE" / "config.yml"
    assert yaml.safe_load(forms.read_text())["contact_links"][0]["url"] == citation["url"]
    git(copy, "remote", "remove", "origin")
    set_repository.main(copy)
    assert "Colab" not in first_cell(copy)
    assert set_repository.address(copy) == ""
    before = (ROOT / "notebooks" / "04_cnn.ipynb").read_text()
    if not set_repository.address(ROOT):
        assert (copy / "notebooks" / "04_cnn.ipynb").read_text() == before
        for name in ("pyproject.toml", "CITATION.cff", ".github/ISSUE_TEMPLATE/config.yml"):
            assert (copy / name).read_text() == (ROOT / name).read_text()


@pytest.mark.slow
def test_setup_cell_clones_in_colab_and_does_nothing_elsewhere(copy, tmp_path):
    git(copy, "remote", "add", "origin", copy.as_uri())
    set_repository.main(copy)
    git(copy, "add", "--all")
    git(copy, "commit", "-q", "-m", "course")
    notebook = json.loads((copy / "notebooks" / "04_cnn.ipynb").read_text())
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    cell = "".join(cells[0]["source"])

    environment = tmp_path / "venv"
    venv.create(environment, with_pip=True)
    scripts = environment / ("Scripts" if os.name == "nt" else "bin")
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))
    # the libraries of this environment stand for Colab's; the course's package is not among them
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    script = tmp_path / "colab.py"
    script.write_text(
        "import sys, types\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        "if 'colab' in sys.argv:\n"
        "    sys.modules['google.colab'] = types.ModuleType('google.colab')\n"
        f"result = shell.run_cell({cell!r})\n"
        "result.raise_error()\n"
        "if 'colab' in sys.argv:\n"
        "    shell.run_cell('import utils; from facevalue import paths').raise_error()\n"
        "    shell.run_cell('print(utils.__file__, paths.__file__, paths.root())').raise_error()\n"
    )
    empty = tmp_path / "content"
    empty.mkdir()
    environ = os.environ | {
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        "IPYTHONDIR": str(tmp_path / "ipython"),
    }
    command = [scripts / "python", str(script)]
    subprocess.run([*command, "elsewhere"], cwd=empty, env=environ, check=True)
    assert list(empty.iterdir()) == []
    result = subprocess.run(
        [*command, "colab"], cwd=empty, env=environ, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr
    *modules, root = result.stdout.strip().splitlines()[-1].split()
    clone = empty / "facevalue"
    assert modules == [str(clone / "src" / "utils.py"), str(clone / "src/facevalue/paths.py")]
    assert Path(root) == clone
    assert sys.executable not in result.stdout
