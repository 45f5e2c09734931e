"""What `facevalue score` prints: for people, and for programs."""

import csv
import io
import json
import re

import cv2
import numpy as np
import pandas as pd
import pytest
from live_helpers import movie
from PIL import Image

from facevalue import Recogniser, image_files
from facevalue import __main__ as command
from facevalue.drawing import faces
from facevalue.emotions import EMOTIONS
from facevalue.scale import face_table, score_command

BOX = ["x", "y", "width", "height"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Photos of no, one and two people, a damaged one, and a file of another kind."""
    place = tmp_path_factory.mktemp("drawn") / "photos"
    place.mkdir()
    for people in range(3):
        image = faces.photo(people, people=people).image
        small = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        Image.fromarray(small).save(place / f"{people}.png")
    Image.fromarray(np.full((90, 90, 3), 3, np.uint8)).save(place / "night.png")
    (place / "torn.jpg").write_bytes(b"no image")
    (place / "notes.txt").write_text("no photo")
    return place


@pytest.fixture(scope="module")
def truth(folder):
    """The faces of 2.png, by the recogniser itself, from left to right."""
    found = Recogniser("fast").photo(image_files.read_photo(folder / "2.png"))
    return sorted(found, key=lambda sighting: sighting.box[0])


def test_a_photo_gives_a_table_that_people_can_read(folder, truth, capsys):
    assert command.main(["score", str(folder / "2.png")]) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert (
        lines[0] == f"2.png: {len(truth)} faces"
        and len(lines) == 2 + len(truth)
        and len(truth) == 2
    )
    for number, (line, sighting) in enumerate(zip(lines[2:], truth, strict=True), 1):
        row = re.fullmatch(r" *(\d+)  (\d+), (\d+), (\d+), (\d+) +(\w+) (\d+) %.*", line)
        assert int(row[1]) == number and tuple(map(int, row.groups()[1:5])) == sighting.box
        assert row[6] == sighting.emotion
        assert float(row[7]) == pytest.approx(100 * sighting.probabilities[row[6]], abs=0.51)
    assert printed.err == ""


def test_a_photo_without_a_face_and_one_that_fails_say_why(folder, capsys):
    assert command.main(["score", str(folder / "0.png")]) == 0
    assert capsys.readouterr().out == "0.png: no face found.\n"
    assert command.main(["score", str(folder / "night.png")]) == 0
    assert capsys.readouterr().out.startswith("night.png: no face found (too dark: ")
    assert command.main(["score", str(folder / "torn.jpg"), "--json"]) == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out) == []
    assert printed.err == "torn.jpg is not a JPEG, PNG, WebP, TIFF, BMP, GIF or AVIF image.\n"


def test_programs_get_csv_and_json_and_nothing_else(folder, truth, tmp_path, capsys):
    assert command.main(["score", str(folder), "--csv"]) == 1  # a file failed
    printed = capsys.readouterr()
    table = list(csv.DictReader(io.StringIO(printed.out)))
    assert list(table[0]) == list(face_table.COLUMNS)
    assert "faces in 4 photos" in printed.err
    assert command.main(["score", str(folder), "--json"]) == 1
    listed = json.loads(capsys.readouterr().out)
    assert [list(row) for row in listed] == [list(face_table.COLUMNS)] * len(table)
    here = [row for row in listed if row["file"] == "2.png"]
    assert [tuple(row[side] for side in BOX) for row in here] == [s.box for s in truth]
    for row, sighting in zip(here, truth, strict=True):
        values = {name: row[name] for name in EMOTIONS}
        assert values == pytest.approx(sighting.probabilities, abs=2e-6)
        assert row["emotion"] == sighting.emotion
        assert row["seconds"] is None and row["person"] is None and row["frame"] == 0
    for row, cells in zip(listed, table, strict=True):
        assert {name: "" if row[name] is None else str(row[name]) for name in BOX} == {
            name: cells[name] for name in BOX
        }
        assert cells["seconds"] == cells["person"] == ""
    assert command.main(["score", str(folder), "--out", str(tmp_path / "scores.csv")]) == 1
    assert (tmp_path / "scores.csv").read_text() == printed.out


def test_a_folder_ends_with_counts_by_hand(folder, tmp_path, capsys):
    out = tmp_path / "scores.csv"
    assert command.main(["score", str(folder), "--out", str(out)]) == 1
    lines = capsys.readouterr().out.splitlines()
    counts = pd.read_csv(out)["emotion"].value_counts()
    assert lines[0] == f"{out}: 3 faces in 4 photos." and counts.sum() == 3
    told = {m[1]: int(m[2]) for m in re.finditer(r"(\w+) (\d+) \(", lines[1])}
    assert told == {name: counts.get(name, 0) for name in EMOTIONS}
    assert lines[2:] == [
        f"No face was found in 2 files (1 too dark): 0.png, night.png. "
        f"{tmp_path / 'scores.no_face.csv'} has the reasons.",
        f"1 file failed (listed in {tmp_path / 'scores.failed.csv'}):",
        "  torn.jpg is not a JPEG, PNG, WebP, TIFF, BMP, GIF or AVIF image.",
        "Skipped 1 file of other types (.txt 1).",
    ]
    assert {file.name for file in tmp_path.iterdir()} == {
        "scores.csv", "scores.no_face.csv", "scores.failed.csv",
    }  # fmt: skip


def test_without_out_a_folder_is_counted_and_nothing_stays(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert command.main(["score", str(folder)]) == 1
    printed = capsys.readouterr().out
    assert printed.startswith("3 faces in 4 photos.\n")
    assert "--out scores.csv writes it" in printed and "has the reasons" not in printed
    assert list(tmp_path.iterdir()) == []


def test_several_photos_are_shown_one_after_the_other(folder, truth, capsys):
    assert command.main(["score", str(folder / "2.png"), str(folder / "0.png")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "2.png: 2 faces" and len(truth) == 2
    assert lines[4] == "2 faces in 2 photos."
    assert "No face was found in 1 file: 0.png." in lines
    (folder / "empty.jpg").touch()
    assert command.main(["score", str(folder / "1.png"), str(folder / "empty.jpg")]) == 1
    (folder / "empty.jpg").unlink()
    told = capsys.readouterr().out
    assert "1 face in 1 photo.\n" in told
    assert "\n1 file failed:\n  empty.jpg is an empty file.\n" in told
    assert command.main(["score", str(folder / "1.png"), str(folder / "none.png")]) == 1
    assert "none.png: check the path." in capsys.readouterr().err


def test_files_that_are_passed_over_are_told_by_their_content(tmp_path, capsys):
    Image.new("RGB", (60, 60)).save(tmp_path / "1.png")
    (tmp_path / "2.HEIC").write_bytes(b"\0\0\0\x24ftypheic\0\0\0\0mif1heic")
    assert command.main(["score", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "Skipped 1 file of other types (.heic 1)." in lines
    assert any(line.startswith("Among them: 1 HEIC image") for line in lines)
    assert not any("not kept" in line for line in lines)  # there is no face, so no table
    named = [str(tmp_path / "1.png"), str(tmp_path / "2.HEIC")]
    assert command.main(["score", *named]) == 1  # somebody wanted this file to be scored


def test_remarks_after_a_printed_table_do_not_say_that_it_was_lost(folder, capsys):
    command.main(["score", str(folder), "--csv"])
    assert "not kept" not in capsys.readouterr().err


def test_kinds_of_files_are_listed_in_words(tmp_path, capsys):
    Image.new("RGB", (60, 60)).save(tmp_path / "1.png")
    (tmp_path / "2.HEIC").write_bytes(b"\0\0\0\x24ftypheic\0\0\0\0mif1heic")
    (tmp_path / "3.pdf").write_bytes(b"%PDF-1.7\n")
    (tmp_path / "4.psd").write_bytes(b"8BPS\0\1" + bytes(40))
    assert command.main(["score", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert re.search(r"Among them: 1 [^,.]*, 1 [^,.]* and 1 [^,.]*\. ", told), told


@pytest.mark.parametrize("more", [["--min-face", "30"], ["--detector", "haar"]])
def test_options_of_the_detector_are_refused_where_there_is_none(folder, capsys, more):
    assert command.main(["score", str(folder / "1.png"), "--cropped", *more]) == 1
    assert "have no effect with --cropped" in capsys.readouterr().err


def test_a_file_is_no_folder_for_annotated_photos(folder, capsys):
    assert command.main(["score", str(folder), "--annotate", str(folder / "1.png")]) == 1
    assert "1.png is a file: name a folder for the annotated photos." in capsys.readouterr().err


def test_a_warning_about_a_file_is_a_sentence_with_its_name(tmp_path, capsys):
    exif = Image.Exif()
    exif[0x010F] = "a camera of some name"
    Image.new("RGB", (60, 60)).save(tmp_path / "Torn.JPG", "JPEG", exif=exif)
    content = (tmp_path / "Torn.JPG").read_bytes()
    entry = content.index(b"Exif\0\0") + 16  # the maker, whose text now lies behind the end
    torn = content[: entry + 8] + (10**6).to_bytes(4, "big") + content[entry + 12 :]
    (tmp_path / "Torn.JPG").write_bytes(torn)
    assert command.main(["score", str(tmp_path / "Torn.JPG")]) == 0
    assert capsys.readouterr().err.startswith("Warning: Torn.JPG has damaged metadata")


def test_a_long_list_names_some_and_says_where_all_are(tmp_path, capsys):
    for number in range(5):
        Image.fromarray(np.full((60, 60), 99, np.uint8)).save(tmp_path / f"{number}.png")
    assert command.main(["score", str(tmp_path), "--out", str(tmp_path / "s.csv")]) == 0
    assert "in 5 files: 0.png, 1.png, 2.png and 2 more." in capsys.readouterr().out
    assert len(pd.read_csv(tmp_path / "s.no_face.csv")) == 5


@pytest.mark.slow
def test_a_video_has_a_row_for_each_person_and_second(tmp_path, capsys):
    image = cv2.resize(faces.photo(2, people=2).image, (640, 480), interpolation=cv2.INTER_AREA)
    writer = cv2.VideoWriter(
        str(tmp_path / "film.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 5, (640, 480)
    )
    for _ in range(60):
        writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    writer.release()
    out = tmp_path / "film.parquet"
    assert command.main(["score", str(tmp_path / "film.avi"), "--out", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    table = pd.read_parquet(out)
    assert len(table) == 24 and sorted(table["person"].unique()) == [1, 2]
    left = table[table["person"] == 1]
    assert left["seconds"].tolist() == pytest.approx(list(range(12)), abs=0.01)
    assert (left["x"].to_numpy() < table[table["person"] == 2]["x"].to_numpy()).all()
    assert lines[0] == "film.avi: 24 faces of 2 people" and lines[1].startswith(
        "seconds  person  box"
    )
    assert len(lines) == 2 + score_command.MAX_ROWS + 2
    assert lines[-2].startswith("... and 4 more: ")
    first = lines[2].split()
    assert float(first[0]) == 0 and first[1] in "12"


def test_a_video_is_not_annotated_and_the_command_that_does_so_is_named(folder, tmp_path, capsys):
    image = image_files.read_photo(folder / "1.png")
    film = movie(tmp_path / "film.mp4", [image] * 3)
    drawn = tmp_path / "drawn"
    named = [str(folder / "0.png"), str(film), "--annotate", str(drawn)]
    assert command.main(["score", *named]) == 0
    told = capsys.readouterr().out
    assert "1 face in 1 photo and 1 video, with 1 person in the video." in told
    assert "No photo was annotated, because none has a face. Videos are annotated by" in told
    assert command.main(["score", str(folder / "1.png"), *named]) == 0
    assert f"The annotated photos are in {drawn}" in capsys.readouterr().out
    assert [file.name for file in drawn.rglob("*.png")] == ["1.png"]


@pytest.mark.slow
def test_a_jpeg_too_large_to_be_decoded_whole_is_annotated_in_reduced_size(folder, tmp_path):
    photo = Image.open(folder / "2.png").resize((9_600, 7_200))
    photo.save(tmp_path / "large.jpg", quality=80)
    out, drawn = tmp_path / "s.csv", tmp_path / "drawn"
    given = ["score", str(tmp_path / "large.jpg"), "--out", str(out), "--annotate", str(drawn)]
    assert command.main(given) == 0
    table, copy = pd.read_csv(out), Image.open(drawn / "large.jpg")
    assert len(table) == 2 and table["x"].is_monotonic_increasing
    assert copy.width in (2_400, 4_800) and not (tmp_path / "s.failed.csv").exists()
    scale = copy.width / 9_600
    before = np.asarray(photo.resize(copy.size)).astype(int)
    changed = abs(np.asarray(copy) - before).sum(axis=2) > 150
    for x, y, _, height in (scale * table[BOX].to_numpy()).round().astype(int):
        assert changed[y + height // 2, x - 4 : x + 8].any()


def test_json_keeps_letters_of_other_alphabets_and_an_empty_table_is_a_list(capsys):
    score_command.print_json([])
    assert json.loads(capsys.readouterr().out) == []
    score_command.print_json([{"file": "größe.png"}, {"file": "b.png"}])
    printed = capsys.readouterr().out
    assert "größe.png" in printed and [row["file"] for row in json.loads(printed)] == [
        "größe.png", "b.png",
    ]  # fmt: skip
