"""The dashboard's page for photos, as a visitor uses it."""

import io
import zlib

import numpy as np
import pytest
from dashboard_helpers import (
    checked,
    jpeg,
    page,
    texts,
    three_people,
    upload,
)
from live_helpers import sighting
from PIL import Image

from apps.api import sample
from apps.dashboard_pages import (
    attention_maps,
    photo,
)
from facevalue.drawing import faces
from facevalue.emotions import EMOTIONS
from facevalue.recognition import detection


@pytest.mark.slow
def test_all_faces_of_a_photo_are_found_and_named(tmp_path, monkeypatch):
    monkeypatch.setattr(attention_maps, "network_file", lambda name: tmp_path / f"{name}.keras")
    app = upload(page("photo"), "three.jpg", three_people())
    assert "3 faces found" in texts(app)
    assert len([s for s in app.subheader if s.value.startswith("Face ")]) == 3
    assert len(app.image) == 4  # the photo, and each face
    assert len(app.get("vega_lite_chart")) == 3
    assert "accurate.keras" in texts(app)  # what Grad-CAM needs
    assert "never writes it to disk" in texts(app)
    checked(app.segmented_control(key="photo_model").set_value("fast").run())
    assert "fast.keras" in texts(app)


@pytest.mark.slow
def test_there_is_a_drawn_sample_to_try():
    app = page("photo")
    checked(app.segmented_control(key="photo_source").set_value(photo.SAMPLE).run())
    assert f"{len(sample.SHOWN)} faces found" in texts(app)


def test_faces_are_numbered_from_left_to_right_with_their_emotions():
    boxes = [(300, 40, 50, 60), (20, 50, 30, 40), (150, 45, 80, 90)]
    found = [sighting(box, **{name: 0.9}) for box, name in zip(boxes, EMOTIONS, strict=False)]
    numbered = photo.numbered(found)
    assert [one.box[0] for one in numbered] == [20, 150, 300]
    described = photo.described(numbered)
    assert described.endswith("from left to right: 1 disgust, 2 fear, 3 angry")


def test_the_largest_faces_are_shown_in_their_order(monkeypatch):
    monkeypatch.setattr(photo, "MAX_DETAILS", 2)
    found = [sighting((x, 0, size, size)) for x, size in ((10, 50), (90, 20), (200, 60))]
    assert photo.largest(found) == [0, 2]


def test_the_emotion_is_written_over_the_box_and_inside_the_photo():
    image = np.zeros((200, 400, 3), np.uint8)
    drawn = photo.boxed(image, [sighting((330, 80, 60, 70), surprise=0.9)])
    assert not image.any()
    written = np.argwhere(np.all(drawn[:76] == photo.BOX, axis=-1))
    assert len(written) > 100 and written[:, 0].min() > 40
    top = photo.boxed(image, [sighting((330, 2, 60, 70), surprise=0.9)])
    assert np.all(top[0, 360:380] == photo.BOX)  # no room above it


@pytest.mark.slow
def test_a_photo_without_a_face_gets_a_sentence():
    app = upload(page("photo"), "wall.jpg", jpeg(np.full((300, 400, 3), 120, np.uint8)))
    assert "No face was found" in app.info[0].value
    assert f"at least {detection.MIN_FACE} pixels" in app.info[0].value


def many_pixels():
    """Return a PNG file of 100 megapixels in a few bytes: its data end after the first rows."""

    def chunk(kind, body):
        code = zlib.crc32(kind + body).to_bytes(4)
        return len(body).to_bytes(4) + kind + body + code

    size = (10_000).to_bytes(4)
    header = chunk(b"IHDR", size + size + bytes([8, 0, 0, 0, 0]))
    pixels = chunk(b"IDAT", zlib.compress(bytes(100_000)))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b"")


def gif_bomb():
    stream = io.BytesIO()
    first = Image.new("P", (4_000, 4_000))
    first.save(stream, "GIF", save_all=True, append_images=[first.copy() for _ in range(3)])
    return stream.getvalue()


BAD = {
    "text.jpg": (lambda: b"this is a text", "text.jpg is not a JPEG, PNG or WebP image."),
    "large.jpg": (many_pixels, "large.jpg has 10,000 x 10,000 pixels"),
    "heavy.jpg": (lambda: bytes(50_000_000), "heavy.jpg is larger than 20 MB"),
    "bomb.jpg": (
        gif_bomb,
        "bomb.jpg is a GIF image, not a JPEG, PNG or WebP image",
    ),
    "half.jpg": (lambda: jpeg(faces.photo(1).image)[:20_000], "half.jpg is a broken image."),
    "empty.jpg": (lambda: b"", "empty.jpg is an empty file."),
}


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("name", BAD)
@pytest.mark.slow
def test_a_bad_upload_gets_a_sentence_and_the_next_one_works(name):
    make, sentence = BAD[name]
    app = upload(page("photo"), name, make())
    assert app.error[0].value.startswith(sentence)
    upload(app, "three.jpg", three_people())
    assert not app.error
    assert "3 faces found" in texts(app)


@pytest.mark.slow
def test_the_camera_starts_only_when_it_is_chosen():
    app = page("photo")
    assert not app.camera_input
    checked(app.segmented_control(key="photo_source").set_value("The camera").run())
    shot = ("shot.jpg", three_people(), "image/jpeg")
    checked(app.camera_input[0].set_value(shot).run())
    assert "3 faces found" in texts(app)


def test_a_large_photo_is_shrunk_before_it_is_shown():
    assert photo.shrunk(np.zeros((300, 5000, 3), np.uint8)).shape == (77, 1280, 3)
    small = np.zeros((30, 40), np.uint8)
    assert photo.shrunk(small) is small


@pytest.mark.slow
def test_grad_cam_shows_where_a_keras_model_looked(tmp_path, monkeypatch):
    import keras

    from facevalue.learning.model_files import write_checksums

    face = keras.Input((48, 48, 1))
    maps = keras.layers.Conv2D(4, 3, activation="relu")(face)
    answer = keras.layers.Dense(7, activation="softmax")(keras.layers.Flatten()(maps))
    keras.Model(face, answer).save(tmp_path / "tiny.keras")
    write_checksums(tmp_path)
    monkeypatch.setattr(attention_maps, "network_file", lambda name: tmp_path / "tiny.keras")
    app = upload(page("photo"), "three.jpg", three_people())
    assert len(app.image) == 4
    checked(app.toggle[0].set_value(True).run())
    assert [warning.value for warning in app.warning] == []
    assert len(app.image) == 7


@pytest.mark.slow
def test_a_damaged_keras_model_costs_only_the_maps(tmp_path, monkeypatch):
    (tmp_path / "tiny.keras").write_bytes(b"no model")
    monkeypatch.setattr(attention_maps, "network_file", lambda name: tmp_path / "tiny.keras")
    app = upload(page("photo"), "three.jpg", three_people())
    checked(app.toggle[0].set_value(True).run())
    assert "Grad-CAM is not possible with tiny.keras" in app.warning[0].value
    assert len([s for s in app.subheader if s.value.startswith("Face ")]) == 3


def test_an_overlay_is_grey_where_nothing_counts_and_red_where_it_does():
    face = np.full((96, 96, 3), (10, 200, 60), np.uint8)
    heat = np.zeros((48, 48), np.float32)
    heat[:, 24:] = 1
    laid = attention_maps.blend(face, heat).astype(int)
    left, right = laid[:, 10], laid[:, -10]
    assert np.ptp(left, axis=-1).max() == 0
    assert (right[:, 0] - right[:, 2]).min() > 50
