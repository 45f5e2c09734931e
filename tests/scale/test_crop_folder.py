"""Cutting the faces out of a folder of photos."""

import shutil
from pathlib import Path

import cv2
import fsspec
import numpy as np
import pandas as pd
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from PIL import Image

from facevalue import image_files
from facevalue.drawing import faces
from facevalue.recognition import cropping, detection
from facevalue.recognition.face import overlap
from facevalue.scale import storage
from facevalue.scale.crop_folder import crop_folder

# the album has a note beside its photos
pytestmark = pytest.mark.filterwarnings("ignore:Files of other types")


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    """A folder of photos as people have them: nested, rotated, broken, without a face."""
    folder = tmp_path_factory.mktemp("album")
    (folder / "trip").mkdir()
    photo = Image.fromarray(faces.photo(4, 2).image)
    photo.save(folder / "two.jpg", quality=92)
    turned = photo.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn me by 90 degrees", as a telephone writes it
    turned.save(folder / "trip" / "turned.jpg", quality=92, exif=exif)
    Image.fromarray(faces.photo(10_004, 0).image).save(folder / "view.png")
    whole = (folder / "two.jpg").read_bytes()
    (folder / "half.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "page.jpg").write_text("<html>not found</html>")
    (folder / "notes.txt").write_text("no photo")
    return folder


def test_a_folder_gives_crops_and_a_table(album, tmp_path):
    table = crop_folder(album, tmp_path, progress=False)
    problems = dict(zip(table["file"], table["problem"], strict=True))
    assert problems == {
        "half.jpg": "half.jpg is a broken image.",
        "page.jpg": "page.jpg is a web page, not a JPEG, PNG, WebP, TIFF, BMP, GIF or AVIF image.",
        "trip/turned.jpg": "",
        "two.jpg": "",
        "view.png": "no face found",
    }
    assert (table["file"] == "two.jpg").sum() == (table["file"] == "trip/turned.jpg").sum() == 2
    image = image_files.read_photo(album / "two.jpg")
    found = detection.find_faces(image)
    for row in table[table["file"] == "two.jpg"].itertuples():
        cut = cv2.imread(str(tmp_path / row.crop), cv2.IMREAD_UNCHANGED)
        (face,) = [face for face in found if face.box == (row.x, row.y, row.width, row.height)]
        colours = cropping.crop(image, face)
        np.testing.assert_array_equal(cut, cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY))
    stored = pd.read_csv(tmp_path / "crops.csv", keep_default_na=False)
    assert stored["crop"].tolist() == table["crop"].tolist()
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.slow
def test_crops_in_colour_are_224_pixels_high_and_red_stays_red(tmp_path):
    image = faces.photo(4, 1).image // 2
    image[..., 0] += 100
    (tmp_path / "in").mkdir()
    Image.fromarray(image).save(tmp_path / "in" / "red.png")
    table = crop_folder(tmp_path / "in", tmp_path, size=224, colour=True, progress=False)
    with Image.open(tmp_path / table["crop"][0]) as crop:
        assert crop.size == (224, 224) and crop.mode == "RGB"
        red, _, blue = np.asarray(crop).mean(axis=(0, 1))
    assert red > blue + 50


def _with_one_face(folder):
    Image.fromarray(faces.photo(4, 1).image).save(folder / "one.bin", "JPEG")
    return (folder / "one.bin").read_bytes()


@pytest.mark.slow
def test_a_second_run_crops_only_new_changed_and_lost_photos(album, tmp_path, monkeypatch):
    folder, out = tmp_path / "photos", tmp_path / "photos" / "crops"
    shutil.copytree(album, folder)
    first = crop_folder(folder, out, progress=False)
    done = []

    def counted(system, path, side):
        done.append(Path(path).name)
        return original(system, path, side)

    original = storage.read_image
    monkeypatch.setattr(storage, "read_image", counted)
    again = crop_folder(folder, out, progress=False)
    pd.testing.assert_frame_equal(again, first)
    assert done == []
    shutil.copy(album / "two.jpg", folder / "new.jpg")
    (folder / "view.png").write_bytes((album / "two.jpg").read_bytes())
    (out / "trip" / "turned.jpg-0.png").unlink()
    last = crop_folder(folder, out, progress=False)
    assert done == ["new.jpg", "turned.jpg", "view.png"]
    assert (last["problem"] == "").sum() == 8
    crop_folder(folder, out, size=64, progress=False)
    assert len(done) == 3 + 6
    (folder / "two.jpg").write_bytes(_with_one_face(folder))
    table = crop_folder(folder, out, size=64, progress=False)
    files = {file.relative_to(out).as_posix() for file in out.rglob("*.png")}
    assert (table["file"] == "two.jpg").sum() == 1 and "two.jpg-1.png" not in files


def test_finished_photos_survive_an_interrupt(album, tmp_path, monkeypatch):
    original = storage.read_image

    def stopped(system, path, side):
        if Path(path).name == "two.jpg":
            raise KeyboardInterrupt
        return original(system, path, side)

    monkeypatch.setattr(storage, "read_image", stopped)
    with pytest.raises(KeyboardInterrupt):
        crop_folder(album, tmp_path, progress=False)
    kept = pd.read_csv(tmp_path / "crops.csv")
    assert kept["file"].unique().tolist() == ["half.jpg", "page.jpg", "trip/turned.jpg"]


def test_a_folder_in_another_storage_gives_the_same(album, tmp_path):
    memory = fsspec.filesystem("memory")
    memory.put(str(album), "/album", recursive=True)
    here = crop_folder(album, tmp_path / "here", progress=False)
    there = crop_folder("memory://album", tmp_path / "there", progress=False)
    memory.rm("/album", recursive=True)
    pd.testing.assert_frame_equal(there, here)
    for crop in filter(None, here["crop"]):
        assert (tmp_path / "there" / crop).read_bytes() == (tmp_path / "here" / crop).read_bytes()


def test_a_name_that_leads_out_of_the_folder_is_listed_and_not_followed(tmp_path, monkeypatch):
    photo = {"name": "/album/../../x.png", "type": "file", "size": 1}
    monkeypatch.setattr(MemoryFileSystem, "ls", lambda *_, **__: [photo])
    monkeypatch.setattr(MemoryFileSystem, "isdir", lambda *_: True)
    table = crop_folder("memory://album", tmp_path / "a" / "b", progress=False)
    assert table["problem"].tolist() == ["its name leads out of the folder: rename it"]
    assert [file.name for file in tmp_path.rglob("*.*")] == ["crops.csv"]


def test_copies_of_a_photo_have_one_hash_and_other_faces_another(album, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    shutil.copy(album / "two.jpg", folder)
    with Image.open(album / "two.jpg") as image:
        image.save(folder / "saved again.jpg", quality=80)
    table = crop_folder(folder, tmp_path / "crops", progress=False)
    hashes = {name: rows["hash"].tolist() for name, rows in table.groupby("file")}
    assert all(len(bits) == 16 for bits in table["hash"])

    def bits(a, b):
        return (int(a, 16) ^ int(b, 16)).bit_count()

    for one, again in zip(hashes["two.jpg"], hashes["saved again.jpg"], strict=True):
        assert bits(one, again) <= 6
    assert bits(*hashes["two.jpg"]) > 12


def test_an_unrelated_table_does_not_hide_photos(album, tmp_path):
    (tmp_path / "crops.csv").write_text("a,b\n1,2\n")
    assert len(crop_folder(album, tmp_path, progress=False)) == 7


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder"):
        crop_folder(tmp_path / "none", tmp_path)


def test_a_folder_without_photos_is_named_and_leaves_nothing(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").write_text("no photo")
    with pytest.raises(ValueError, match="no photo in .*in: .*.jpg, .jpeg, .*.png, .webp"):
        crop_folder(tmp_path / "in", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("room", [0, 2, 4])  # the fifth file is the table
def test_a_full_disk_leaves_nothing_half_written(album, tmp_path, full_disk, room):
    told = f"The disk is full: {tmp_path}.* cannot be written"
    with full_disk(room), pytest.raises(OSError, match=told):
        crop_folder(album, tmp_path, progress=False)
    assert len([file for file in tmp_path.rglob("*") if file.is_file()]) == room
    assert len(crop_folder(album, tmp_path, progress=False)) == 7


def test_crops_among_the_photos_are_refused(album):
    with pytest.raises(ValueError, match="among the photos in .* give another"):
        crop_folder(album, album)


def test_wrong_settings_fail_before_the_first_photo(album, tmp_path):
    for wrong in ({"size": 0}, {"size": 10**6}, {"margin": float("nan")}, {"margin": -0.5}):
        with pytest.raises(ValueError, match="margin must be above -0.5 .* size 1 to 4,096 pixels"):
            crop_folder(album, tmp_path, **wrong)
    for folder in ("", None, b"photos"):
        with pytest.raises(ValueError, match="is named by its path or address, not by"):
            crop_folder(folder, tmp_path)


def test_files_of_other_types_are_counted_and_names_that_are_formulas_quoted(tmp_path):
    source, out = tmp_path / "photos", str(tmp_path / "crops")
    source.mkdir()
    Image.new("RGB", (60, 60)).save(source / "=1.png")
    (source / "phone.HEIC").write_bytes(b"")
    for _ in range(2):  # a second run finds its own table
        with pytest.warns(UserWarning, match=r"not cropped: \.heic 1\. Convert .* to JPEG"):
            table = crop_folder(str(source), out, progress=False)
        assert table["file"].tolist() == ["=1.png"]
        assert (tmp_path / "crops" / "crops.csv").read_text().splitlines()[1].startswith("'=1.png,")


def test_a_folder_with_the_photos_of_a_phone_says_what_to_do(tmp_path):
    (tmp_path / "IMG_1.HEIC").write_bytes(b"\0\0\0\x24ftypheic\0\0\0\0mif1heic")
    told = r"names of photos end in .*, and it has: \.heic 1\. Convert other photos to JPEG\.$"
    with pytest.raises(ValueError, match=told):
        crop_folder(tmp_path, tmp_path / "crops", progress=False)


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "least"), [(3, 0.85), (6, 0.98)])  # 3: found at another scale
def test_boxes_in_a_photo_of_48_megapixels_are_those_of_the_whole_photo(tmp_path, seed, least):
    image = cv2.resize(faces.photo(seed).image, (8_064, 6_048), interpolation=cv2.INTER_LINEAR)
    (tmp_path / "photos").mkdir()
    Image.fromarray(image).save(tmp_path / "photos" / "phone.jpg", quality=90)
    (face,) = detection.find_faces(image)
    (row,) = crop_folder(tmp_path / "photos", tmp_path / "crops", progress=False).itertuples()
    assert overlap((row.x, row.y, row.width, row.height), face.box) > least
