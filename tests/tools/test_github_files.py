"""The files for GitHub, Docker and Binder: linters accept them, and what they name exists."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def script(name):
    """Return the path of a linter that is installed beside Python, or skip the test."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def check(*command):
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.slow
def test_workflows_pass_their_linter():
    check(script("actionlint"), *map(str, WORKFLOWS))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("vendor.citation-file-format", [ROOT / "CITATION.cff"]),
        ("vendor.github-issue-forms", [file for file in FORMS if file.name != "config.yml"]),
        ("vendor.github-issue-config", [file for file in FORMS if file.name == "config.yml"]),
    ],
    ids=["workflows", "citation", "issue forms", "issue config"],
)
def test_files_follow_their_schema(schema, files):
    check(script("check-jsonschema"), "--builtin-schema", schema, *map(str, files))


@pytest.mark.slow
def test_the_dockerfile_passes_its_linter():
    check(script("hadolint"), "--ignore", "DL3008", "Dockerfile")


def test_workflows_cover_the_pythons_and_systems_that_the_project_names():
    test = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text())
    matrix = test["jobs"]["quick"]["strategy"]["matrix"]
    named = [line.split(" :: ")[-1] for line in PROJECT["classifiers"] if "Python :: 3." in line]
    assert matrix["python"] == named == ["3.11", "3.12", "3.13"]
    assert [name.split("-")[0] for name in matrix["os"]] == ["ubuntu", "macos", "windows"]
    text = " ".join(file.read_text() for file in WORKFLOWS)
    for path in re.findall(r"\b(?:notebooks|tests|\.ci)/\S+", text):
        assert (ROOT / path).exists(), path
    extras = re.search(r'-e "\.\[(.+)\]"', text).group(1).split(",")
    assert set(extras) <= set(PROJECT["optional-dependencies"])


def test_the_citation_names_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    assert citation["authors"] == PROJECT["authors"]
    assert f"## {PROJECT['version']}" in (ROOT / "CHANGELOG.md").read_text()


def test_containers_run_what_make_offers():
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    dockerfile = ROOT / ".devcontainer" / container["build"]["dockerfile"]
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M)
    used = re.findall(r'make"?,? "?([a-z]+)', dockerfile.read_text() + str(container))
    assert "lab" in used and set(used) - {"npm"} <= set(targets)
    for line in (ROOT / "binder" / "requirements.txt").read_text().splitlines():
        assert line == "-e ." or (ROOT / "binder" / line.removeprefix("-r ")).is_file()
