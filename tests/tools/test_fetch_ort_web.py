"""Fetching ONNX Runtime Web with npm."""

import base64
import hashlib
import io
import tarfile

import fetch_ort_web
import pytest


def archive(folder, **members):
    """Write an npm archive; a member that is None is a link out of the folder."""
    file = folder / "package.tgz"
    with tarfile.open(file, "w:gz") as opened:
        for name, content in members.items():
            member = tarfile.TarInfo(f"package/{name}.js")
            if content is None:
                member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            else:
                member.size = len(content)
            opened.addfile(member, io.BytesIO(content or b""))
    return file, base64.b64encode(hashlib.sha512(file.read_bytes()).digest()).decode()


def test_of_a_package_only_the_wanted_files_are_kept(tmp_path, monkeypatch):
    file, sha512 = archive(tmp_path, wanted=b"code", other=b"more")
    package = fetch_ort_web.Package("p", "1", sha512, ("wanted.js",), tmp_path / "vendor")
    monkeypatch.setattr(fetch_ort_web, "download_archive", lambda package, folder: file)
    assert fetch_ort_web.fetch(package)[0].read_bytes() == b"code"
    assert sorted(f.name for f in package.folder.iterdir()) == ["p.sha512", "wanted.js"]
    monkeypatch.setattr(fetch_ort_web, "download_archive", None)
    assert fetch_ort_web.fetch(package)[0].read_bytes() == b"code"  # not fetched again


@pytest.mark.parametrize(
    ("content", "right", "message"),
    [
        ({"wanted": b"evil"}, False, "unexpected checksum"),
        ({"wanted": None}, True, "is not a file"),
        ({"other": b"code"}, True, "is broken"),
    ],
)
def test_a_package_with_another_checksum_is_refused(tmp_path, monkeypatch, content, right, message):
    file, sha512 = archive(tmp_path, **content)
    package = fetch_ort_web.Package(
        "p", "1", sha512 if right else "AAAA", ("wanted.js",), tmp_path / "vendor"
    )
    monkeypatch.setattr(fetch_ort_web, "download_archive", lambda package, folder: file)
    with pytest.raises(fetch_ort_web.FetchError, match=message):
        fetch_ort_web.fetch(package)
    assert not package.folder.exists() or not list(package.folder.iterdir())


def test_without_npm_a_sentence_says_what_is_missing(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(fetch_ort_web.shutil, "which", lambda name: None)
    package = fetch_ort_web.Package("p", "1", "AAAA", ("wanted.js",), tmp_path)
    monkeypatch.setattr(fetch_ort_web, "ORT_WEB", package)
    monkeypatch.setattr("sys.argv", ["fetch_ort_web.py"])
    assert fetch_ort_web.main() == 1
    assert capsys.readouterr().err.startswith("npm is not installed")
