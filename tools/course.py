"""Set up the course and do one thing with it: run its notebooks, open them, start an app, ...

Needs nothing but Python 3.11 to 3.13: it makes .venv, installs requirements.lock into it, and
goes on inside. `make run` and `python tools/course.py run` are the same.
"""

import argparse
import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
STAMP = VENV / "facevalue-installed"
PYTHONS = ((3, 11), (3, 13))
"""The first and the last Python version that every library of the course has wheels for."""


SECONDS_TO_END = 1.8
"""How long after Ctrl+C a step may still run."""


class CourseError(Exception):
    """Something that the reader can put right; the message says how."""


def check_python() -> None:
    """Raise CourseError if this Python is too old or too new for TensorFlow's wheels."""
    if not PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:
        raise CourseError(
            f"Face Value needs Python 3.11, 3.12 or 3.13, and this is {sys.version.split()[0]} "
            f"({sys.executable}). Install one of them, then name it: make run PYTHON=python3.12"
        )


def venv_python() -> Path:
    """Return the path of the Python inside .venv."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def to_install() -> bytes:
    """Return what decides how .venv looks: the settings of ruff and others do not."""
    import tomllib  # not in a Python that is too old, which is to be told so

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    parts = project["project"], project["build-system"], project["tool"]["setuptools"]
    return (ROOT / "requirements.lock").read_bytes() + json.dumps(parts).encode()


def set_up() -> None:
    """Make .venv with what requirements.lock lists, unless it is there and still up to date."""
    check_python()
    wanted = f"{hashlib.sha256(to_install()).hexdigest()} {ROOT}"
    if STAMP.is_file() and STAMP.read_text(encoding="utf-8") == wanted:
        return
    print("Setting up .venv: a few minutes the first time, about 3 GB of disk.", flush=True)
    call(sys.executable, "-m", "venv", "--clear", str(VENV))
    install_libraries()
    STAMP.write_text(wanted, encoding="utf-8")


def install_libraries() -> None:
    """Install requirements.lock and the package into .venv: with uv, or else with pip.

    uv takes a third of the time, but it does not read pip's settings, such as the address of a
    mirror: where it fails, pip tries too.
    """
    commands = [["--requirement", "requirements.lock"], ["--no-deps", "--editable", "."]]
    if uv := shutil.which("uv"):
        start = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python"]
        try:
            for command in commands:
                call(*start, str(venv_python()), *command)
            return
        except CourseError:
            print("uv could not install the libraries, see above. Trying pip.", flush=True)
    pip = [str(venv_python()), "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
    for command in commands:
        call(*pip, "--progress-bar", "on", *command)


def call(*command: str, **environment: str) -> None:
    """Run a command from the project's folder.

    Raises:
        CourseError: it failed; its own output, above, says why.
    """
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | environment) as process:
        try:
            code = process.wait()
        except KeyboardInterrupt:  # the step gets it, too, and ends by itself
            try:
                process.wait(SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                process.kill()
            raise
    if code:
        raise CourseError(f"This step failed, see above: {' '.join(command)}")


def python(*arguments: str, **environment: str) -> None:
    """Run the Python inside .venv."""
    call(str(venv_python()), *arguments, **environment)


QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3"}
"""Settings of notebooks: without TensorFlow's log, which looks like errors and is none."""


def announce(options: argparse.Namespace) -> None:
    """Say at once which notebooks will run, on what, how long, and where the pages will be."""
    dataset = options.dataset or os.environ.get("FACEVALUE_DATASET") or "rendered"
    profile = options.profile or os.environ.get("FACEVALUE_PROFILE") or "fast"
    names = options.notebook.replace(",", " ").split()
    with (ROOT / "reports" / "times.csv").open(encoding="utf-8", newline="") as file:
        times = {
            row["notebook"]: float(row["seconds"])
            for row in csv.DictReader(file)
            if (row["data"], row["profile"]) == (dataset, profile)
            and (not names or row["notebook"].startswith(tuple(names)))
        }
    faces = "the drawn faces" if dataset == "rendered" else "FER-2013"
    which = f"Notebook {', '.join(names)}" if names else "All notebooks"
    took = f"about {duration(sum(times.values()))} on two cores" if times else "not measured yet"
    print(f"{which} will run on {faces}, {profile} profile: {took}.")
    print("The pages will be in build/pages, the notebooks in build/notebooks.", flush=True)


def duration(seconds: float) -> str:
    """Return a duration in words.

    >>> duration(50), duration(312), duration(9000)
    ('50 seconds', '5 minutes', '2.5 hours')
    """
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def run(options: argparse.Namespace) -> None:
    """Run the notebooks; write them to build/notebooks and their pages to build/pages."""
    settings = dict(QUIET)
    if options.dataset:
        settings["FACEVALUE_DATASET"] = options.dataset
    if options.profile:
        settings["FACEVALUE_PROFILE"] = options.profile
    names = options.notebook.replace(",", " ").split()
    flags = [f"--{flag}" for flag in ("record", "resume") if getattr(options, flag)]
    python("tools/run_notebooks.py", *flags, *names, **settings)


def test(options: argparse.Namespace) -> None:
    """Run every check: style, types, unit tests, the notebooks and their solutions."""
    fetch_ort_web("--tests")
    python("-m", "ruff", "check", ".")
    python("-m", "ruff", "format", "--check", ".")
    python("-m", "mypy")
    pytest = ["-m", "pytest", "-q", "-n", "2", "--dist", "loadscope", "--durations", "5"]
    python(*pytest, "tests")
    python(*pytest, "notebooks", "--nbval")
    python(*pytest, "notebooks/solutions", "--nbval-lax")


def fetch_ort_web(*flags: str) -> None:
    """Fetch ONNX Runtime Web, or say what does not work without it."""
    try:
        python("tools/fetch_ort_web.py", *flags)
    except CourseError:  # the live page then sends the pictures to its own server on this machine
        print("Without ONNX Runtime Web the browser cannot do it alone.", file=sys.stderr)


def install(options: argparse.Namespace) -> None:
    """Set up .venv, and no more."""
    print(f"Everything is installed in {VENV}.")


def site(options: argparse.Namespace) -> None:
    """Build the course's website from the stored notebooks into build/site."""
    python("tools/build_site.py")


def lab(options: argparse.Namespace) -> None:
    """Open copies of the notebooks in JupyterLab; they are in my_notebooks/."""
    flags = [
        f"--{flag}" for flag in ("originals", "allow-root") if vars(options)[flag.replace("-", "_")]
    ]
    python("tools/open_lab.py", "--ip", options.ip, *flags, **QUIET)


def api(options: argparse.Namespace) -> None:
    """Show the database of face images in the browser."""
    python("-m", "apps.api", "--port", options.port)


def live(options: argparse.Namespace) -> None:
    """Name the emotions in the picture of your camera, in the browser."""
    fetch_ort_web()
    python("-m", "apps.api.live", "--port", options.port)


def dashboard(options: argparse.Namespace) -> None:
    """Guess against the model, draw faces, and see the results, in the browser."""
    address = ("--server.address", "127.0.0.1")  # it has no protection against strangers
    python("-m", "streamlit", "run", "apps/dashboard.py", "--server.port", options.port, *address)


def data(options: argparse.Namespace) -> None:
    """Download FER-2013 and the everyday emotions into data/raw."""
    python("-m", "facevalue", "data")


def lock(options: argparse.Namespace) -> None:
    """Compile requirements.lock from pyproject.toml again."""
    python(
        *["-m", "uv", "pip", "compile", "pyproject.toml", "--all-extras", "--universal"],
        *["--python-version", "3.11", "--no-emit-index-url", "--no-header", "--quiet"],
        *["--upgrade", "--output-file", "requirements.lock"],
    )


COMMANDS = {
    command.__name__: command
    for command in (run, test, lab, site, api, live, dashboard, data, install, lock)
}
PORTS = {"api": "8080", "live": "5000", "dashboard": "8502"}


def main() -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(prog="course.py", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", metavar="command")
    commands.add_parser("help", help="Show this list")
    for name, command in COMMANDS.items():
        sub = commands.add_parser(name, help=(command.__doc__ or "").rstrip("."))
        if name == "run":
            sub.add_argument("--dataset", default="", help="rendered (default) or fer2013")
            sub.add_argument("--profile", default="", help="fast (default) or full")
            sub.add_argument("--notebook", default="", help="for example 04 or 03,04; default all")
            sub.add_argument("--record", action="store_true", help="update reports/results.csv")
            sub.add_argument("--resume", action="store_true", help="after an interrupted run")
        if name == "lab":
            sub.add_argument("--originals", action="store_true", help="the notebooks themselves")
            sub.add_argument(
                "--allow-root", action="store_true", help="start although you are root"
            )
            sub.add_argument("--ip", default="localhost", help="0.0.0.0 in a container")
        if name in PORTS:
            sub.add_argument("--port", default=PORTS[name], help=f"{PORTS[name]} by default")
    options = parser.parse_args()
    if options.command in (None, "help"):
        parser.print_help()
        return 0
    start = time.perf_counter()
    try:
        if options.command == "run":
            announce(options)
        set_up()
        COMMANDS[options.command](options)
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:  # a full disk, or a folder that may not be written
        print(f"{error.filename or ROOT}: {error.strerror or error}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    if options.command in ("run", "test"):
        print(f"make {options.command}: {time.perf_counter() - start:.0f} s, set-up included")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
