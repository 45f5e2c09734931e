"""One list of versions: pyproject.toml declares, requirements.lock pins, environment.yml points."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "requirements.lock").read_text()


OPTIONAL = {
    "torch": "a backend of Keras that a user may choose; its default build takes several GB",
    "sklearnex": "only `python tools/bench_classical.py` compares with it, where it is installed",
}
"""Imported modules that no extra installs, and why."""


def declared():
    extras = PROJECT["optional-dependencies"].values()
    lines = PROJECT["dependencies"] + [line for extra in extras for line in extra]
    return [Requirement(line) for line in lines]


def pins():
    """Return the pinned versions of each package: more than one where Python versions differ."""
    found = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)(?:\[.*?\])?==([^\s;]+)", LOCK, re.M):
        found.setdefault(canonicalize_name(name), []).append(version)
    return found


@pytest.mark.parametrize("requirement", declared(), ids=str)
def test_lock_pins_what_pyproject_declares(requirement):
    versions = pins().get(canonicalize_name(requirement.name))
    assert versions, f"{requirement.name} is not in requirements.lock: run make lock"
    for version in versions:
        assert requirement.specifier.contains(version), f"{version} does not fit: run make lock"


def test_lock_holds_nothing_that_pyproject_dropped():
    direct = set()
    for block in re.split(r"^(?=\S)", LOCK, flags=re.M):
        if "facevalue (pyproject.toml)" in block:
            direct.add(canonicalize_name(re.match(r"[A-Za-z0-9._-]+", block).group(0)))
    assert direct == {canonicalize_name(requirement.name) for requirement in declared()}


@pytest.mark.parametrize("name", ["requirements.lock", "environment.yml", "pyproject.toml"])
def test_no_package_index_is_named(name):
    text = (ROOT / name).read_text()
    assert not re.search(r"index-url|find-links|--trusted-host|/simple\b", text)


def test_environment_only_points_at_the_lock():
    lines = re.findall(r"^\s*-\s*(.+)$", (ROOT / "environment.yml").read_text(), re.M)
    assert [re.split("[=<>]", line)[0] for line in lines] == [
        "python",
        "pip",
        "pip:",
        "-r requirements.lock",
        "-e .",
    ]


def test_environment_names_a_python_that_fits():
    version = re.search(r"python=(\S+)", (ROOT / "environment.yml").read_text()).group(1)
    assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains(f"{version}.0")


def imported(folder):
    """Return the top-level modules that the Python files of a folder import, each with a file."""
    found = {}
    for file in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module]
            found |= {name.split(".")[0]: file.name for name in names}
    return found


def our_modules():
    """Return the names of the project's own modules and packages."""
    scripts = {file.stem for place in ("tools", "tests") for file in (ROOT / place).rglob("*.py")}
    return scripts | {"apps", "facevalue", "utils", "conftest", "website"}


@pytest.mark.parametrize("folder", ["src", "apps", "tools", "tests"])
@pytest.mark.slow
def test_every_imported_package_is_declared(folder):
    known = {canonicalize_name(requirement.name) for requirement in declared()}
    distributions = packages_distributions()
    undeclared = {}
    for module, file in imported(folder).items():
        if module in OPTIONAL or module in sys.stdlib_module_names or module in our_modules():
            continue
        # an optional package that is not installed here usually has the name of its module
        packages = {canonicalize_name(name) for name in distributions.get(module, [module])}
        if not packages & known:
            undeclared[module] = file
    assert not undeclared, f"not declared in pyproject.toml: {undeclared}"
