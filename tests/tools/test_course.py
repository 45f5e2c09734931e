"""The command that sets the course up: what a reader sees when something does not fit."""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import course
import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("version", [(3, 10, 14), (3, 14, 0)])
def test_a_python_that_does_not_fit_is_named_with_those_that_do(monkeypatch, version):
    monkeypatch.setattr(course.sys, "version_info", version)
    monkeypatch.setattr(course.sys, "version", ".".join(map(str, version)) + " (main)")
    with pytest.raises(course.CourseError) as error:
        course.check_python()
    message = str(error.value)
    assert "3.11, 3.12 or 3.13" in message
    assert ".".join(map(str, version)) in message


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 12, 7), (3, 13, 1)])
def test_pythons_that_fit_are_taken(monkeypatch, version):
    monkeypatch.setattr(course.sys, "version_info", version)
    course.check_python()


def test_pythons_are_those_of_pyproject():
    declared = re.search(r'requires-python = "(.+)"', (ROOT / "pyproject.toml").read_text())
    first, last = course.PYTHONS
    assert declared.group(1) == f">={first[0]}.{first[1]},<{last[0]}.{last[1] + 1}"


def test_a_failing_step_stops_with_its_name(capfd):
    with pytest.raises(course.CourseError, match="see above: .*boom"):
        course.call(sys.executable, "-c", "raise SystemExit('boom')")


STEP = """
import time
try:
    print("begun", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    time.sleep({seconds})
    print("ended by itself")
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has another Ctrl+C")
@pytest.mark.parametrize(("seconds", "told"), [(0.6, "ended by itself\n"), (60, "")])
def test_after_ctrl_c_a_step_may_end_by_itself_but_not_for_long(seconds, told):
    code = (
        f"import sys, course; course.call(sys.executable, '-c', {STEP.format(seconds=seconds)!r})"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT / "tools",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout.readline() == "begun\n"
    os.killpg(process.pid, signal.SIGINT)
    out, problem = process.communicate(timeout=20)
    assert out == told
    assert problem.rstrip().endswith("KeyboardInterrupt")  # `main` says: Stopped.


def test_the_dashboard_which_has_no_protection_is_for_this_machine_only(monkeypatch):
    started = []
    monkeypatch.setattr(course, "python", lambda *arguments: started.extend(arguments))
    course.dashboard(argparse.Namespace(port="8502"))
    assert started[started.index("--server.address") + 1] == "127.0.0.1"


def test_help_lists_each_command():
    command = [sys.executable, ROOT / "tools" / "course.py", "help"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for name in course.COMMANDS:
        assert re.search(rf"^\s+{name}\s+\S", text, re.M)


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_help_lists_each_command_and_readme_names_its_line():
    text = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    readme = (ROOT / "README.md").read_text()
    for name in course.COMMANDS:
        assert re.search(rf"^make {name}\s+\S", text, re.M)
        if name != "lock":  # for developers: CONTRIBUTING.md
            assert f"`python tools/course.py {name}`" in readme


def options(**given):
    return argparse.Namespace(dataset="", profile="", notebook="", **given)


def test_a_run_says_first_what_it_will_do_how_long_and_where_the_pages_will_be(capfd, monkeypatch):
    for name in ("FACEVALUE_DATASET", "FACEVALUE_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    course.announce(options())
    said = capfd.readouterr().out
    assert re.search(r"All notebooks will run on the drawn faces, fast.*about \d+ minutes", said)
    assert "build/pages" in said
    monkeypatch.setenv("FACEVALUE_PROFILE", "full")
    course.announce(argparse.Namespace(dataset="fer2013", profile="", notebook="03,04"))
    assert "Notebook 03, 04 will run on FER-2013, full profile" in capfd.readouterr().out


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for uv is a shell script")
@pytest.mark.parametrize(("fails", "tools"), [(False, ["uv", "uv"]), (True, ["uv", "pip", "pip"])])
def test_uv_installs_where_it_is_there_and_pip_where_it_fails(tmp_path, monkeypatch, fails, tools):
    log = tmp_path / "log"
    for name, code in (("uv", int(fails)), ("pip", 0)):
        script = tmp_path / name
        script.write_text(f"#!/bin/sh\necho {name} $* >> {log}\nexit {code}\n")
        script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(course, "venv_python", lambda: tmp_path / "pip")
    course.install_libraries()
    lines = log.read_text().splitlines()
    assert [line.split()[0] for line in lines] == tools
    assert "requirements.lock" in lines[0] and "--editable ." in lines[-1]


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_alone_shows_help():
    alone = ["make", "--no-print-directory"]  # the tests may themselves be run by make
    result = subprocess.run(alone, cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.startswith("make help")
