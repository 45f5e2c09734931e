"""Start the live page: python -m apps.api.live [--host 127.0.0.1] [--port 5000].

The page shows the emotions of faces in the picture of a camera, a photo or a video. They are
recognised in the browser or on the server, and no picture is stored. The pages of the image
database are on the same server. With --https, a telephone in the same network can open the page,
too, and use its own camera.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import cv2
import uvicorn
from fastapi import FastAPI

from apps.api import certificates, frames
from apps.api.connections import encrypted
from apps.api.live_app import create_live_app
from apps.api.server import LOOPBACK, OPTIONS, end_quietly, listen, open_database
from facevalue import paths
from facevalue.collection import database
from facevalue.files import error_sentence
from facevalue.recognition import recogniser


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m apps.api.live", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument(
        "--host",
        help="0.0.0.0 admits other machines, with a token; default: 127.0.0.1, or 0.0.0.0 with "
        "--https",
    )
    parser.add_argument("--port", type=int, default=5000, help="0 takes any free port")
    parser.add_argument(
        "--model",
        default="accurate",
        choices=recogniser.NAMES,
        help="for pictures that are sent to the server",
    )
    parser.add_argument("--videos", type=Path, help="a folder with videos for /video_feed")
    parser.add_argument(
        "--https",
        action="store_true",
        help="encrypt, with a self-signed certificate: browsers warn of it once, and then let the "
        "page use the camera of another machine",
    )
    parser.add_argument("--certificate", type=Path, help="use this PEM file for --https")
    parser.add_argument("--key", type=Path, help="the PEM file with the key of --certificate")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, and return its exit code."""
    options = _parser().parse_args(arguments)
    host = options.host or ("0.0.0.0" if options.https else "127.0.0.1")
    try:
        if options.videos and not options.videos.is_dir():
            raise ValueError(f"There is no folder {options.videos}: give --videos another one.")
        # one thread for each picture, because several pictures are recognised at the same time
        models = {name: recogniser.Recogniser(name, threads=1) for name in recogniser.NAMES}
        encryption = _encryption(options.https, options.certificate, options.key)
        listener = listen(host, options.port)
    except (ImportError, OSError, ValueError) as error:
        print(error_sentence(error), file=sys.stderr)
        return 1
    cv2.setNumThreads(1)
    token = "" if host in LOOPBACK else secrets.token_urlsafe(16)
    with tempfile.TemporaryDirectory() as folder:
        note, url = _database(Path(folder))
        app = create_live_app(
            models,
            database.create(url),
            model=options.model,
            hosts=("*",) if token else LOOPBACK,
            note=note,
            token=token,
            videos=options.videos,
        )
        port = listener.getsockname()[1]
        scheme = "https" if encryption else "http"
        address = f"{scheme}://{_browser_host(host)}:{port}/" + (f"?token={token}" if token else "")
        print(f"{address} is the live page. Ctrl+C stops it.", flush=True)

        def serving_app() -> FastAPI:
            end_quietly()
            return app

        config = uvicorn.Config(
            serving_app,
            factory=True,
            **(OPTIONS | (encrypted(*encryption) if encryption else {})),
            ws_max_size=frames.MAX_BYTES,
            ws_per_message_deflate=False,  # pictures are compressed already
        )
        with suppress(KeyboardInterrupt):  # uvicorn sends it again at the end
            uvicorn.Server(config).run(sockets=[listener])
    return 0


def _encryption(
    https: bool, certificate: Path | None, key: Path | None
) -> tuple[Path, Path] | None:
    """Return the certificate for https and its key; None without https.

    Raises:
        ValueError: only one of the files is given, or they are no certificate with its key.
        FileNotFoundError: a file is missing.
        ModuleNotFoundError: the package that makes a certificate is not installed.
    """
    if (certificate is None) != (key is None):
        raise ValueError("--certificate and --key belong together: give both or none.")
    if certificate is None or key is None:
        if not https:
            return None
        certificate, key = certificates.self_signed(
            paths.processed() / "https", certificates.ip_addresses()
        )
    certificates.check(certificate, key)
    return certificate, key


def _browser_host(host: str) -> str:
    """Return the host name or IP address by which a browser reaches this server."""
    if host in LOOPBACK:
        return "localhost"
    name = certificates.ip_addresses()[-1] if host in ("0.0.0.0", "::") else host
    return f"[{name}]" if ":" in name else name


def _database(folder: Path) -> tuple[str, str]:
    """Return a note for visitors and the URL of the database; if it does not open, of an empty one.

    Args:
        folder: where the empty one is made.
    """
    try:
        return open_database(), database.url()
    except (OSError, ValueError, ModuleNotFoundError) as error:
        note = f"{error_sentence(error)} The live page works without it."
        print(note, file=sys.stderr)
        return note, f"sqlite:///{folder}/none.db"


if __name__ == "__main__":
    raise SystemExit(main())
