"""Adding a folder of images to the database."""

import os

import cv2
import numpy as np
import pandas as pd
import pytest
from databases import SOURCES, content, count, killed_loader

from facevalue.collection import database, database_folders, database_import


def folder_of_faces(folder, each=20):
    for number, emotion in enumerate(("anger", "Happy")):
        (folder / emotion).mkdir(parents=True)
        for k in range(each):
            image = np.full((5, 5), 40 * number + k, np.uint8)
            cv2.imwrite(str(folder / emotion / f"{k:02}.png"), image)
    return folder


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
@pytest.mark.slow
def test_loading_a_folder_again_after_a_kill_ends_as_one_clean_run(engine, url, tmp_path):
    folder = folder_of_faces(tmp_path / "faces")
    killed_loader(url, folder, 3)
    assert count(engine) == 20, "two batches of ten were stored, the third was not"
    assert database_folders.add_folder(engine, folder, "album", progress=False).added == 20
    clean = database.create(f"sqlite:///{tmp_path / 'clean.db'}")
    database_import.add_sources(clean, SOURCES)
    database_folders.add_folder(clean, folder, "album", progress=False)
    pd.testing.assert_frame_equal(content(engine), content(clean))
    clean.dispose()


def test_a_folder_of_emotions_is_loaded_and_what_fails_is_listed(engine, tmp_path):
    folder = folder_of_faces(tmp_path / "faces", each=2)
    (folder / "notes").mkdir()
    (folder / "notes" / "a.png").write_bytes(b"not looked at")
    (folder / "Happy" / "page.jpg").write_text("<html>", encoding="utf-8")
    cut = (folder / "Happy" / "00.png").read_bytes()[:-30]
    (folder / "Happy" / "cut.png").write_bytes(cut)
    large = np.zeros((8_100, 8_000), np.uint8)
    cv2.imwrite(str(folder / "anger" / "large.png"), large)
    loaded = database_folders.add_folder(engine, folder, "album", progress=False)
    assert loaded.added == 4
    assert set(loaded.failed) == {"Happy/page.jpg", "Happy/cut.png", "anger/large.png"}
    assert "page.jpg is a web page" in loaded.failed["Happy/page.jpg"]
    assert "more than 64,000,000" in loaded.failed["anger/large.png"]
    rows = content(engine)
    assert rows["origin"].tolist() == [
        "Happy/00.png",
        "Happy/01.png",
        "anger/00.png",
        "anger/01.png",
    ]
    assert rows["emotion_id"].tolist() == [3, 3, 0, 0]


def test_a_photo_that_is_stored_lying_is_turned_upright(tmp_path, engine):
    from PIL import Image

    (tmp_path / "happy").mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    Image.new("RGB", (8, 4)).save(tmp_path / "happy" / "a.jpg", exif=exif)
    database_folders.add_folder(engine, tmp_path, "album", progress=False)
    row = content(engine).iloc[0]
    assert (row["height"], row["width"], row["colour_space"]) == (8, 4, "RGB")


def test_a_folder_without_emotions_is_named(engine, tmp_path):
    with pytest.raises(FileNotFoundError, match="no subfolder named after an emotion"):
        database_folders.add_folder(engine, tmp_path, "album")
