"""Reading image files that may be anything, and converting images of all usual kinds."""

import io
import os
import threading
import warnings

import cv2
import numpy as np
import pytest
from PIL import Image

from facevalue import image_files

COLOURS = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)


def packed(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "WEBP"])
def test_a_file_without_loss_gives_the_same_pixels(kind, tmp_path):
    options = {"lossless": True} if kind == "WEBP" else {}
    content = packed(Image.fromarray(COLOURS), kind, **options)
    np.testing.assert_array_equal(image_files.decode_photo(content, "x"), COLOURS)
    np.testing.assert_array_equal(image_files.decode_photo(io.BytesIO(content), "x"), COLOURS)
    (tmp_path / "x.bin").write_bytes(content)
    np.testing.assert_array_equal(image_files.read_photo(tmp_path / "x.bin"), COLOURS)


@pytest.mark.parametrize(("side", "factor"), [(2_000, 1), (1_000, 2), (999, 2), (260, 4), (1, 8)])
@pytest.mark.slow
def test_a_large_jpeg_is_decoded_at_a_part_of_its_size(side, factor):
    image = cv2.resize(COLOURS, (2_000, 1_200), interpolation=cv2.INTER_CUBIC)
    content = packed(Image.fromarray(image), "JPEG", quality=95)
    pixels, size = image_files.decode_reduced(content, "x", side)
    assert size == (2_000, 1_200) and pixels.shape == (1_200 // factor, 2_000 // factor, 3)
    shrunk = cv2.resize(image, pixels.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert abs(pixels.astype(int) - shrunk).mean() < 4


def test_a_reduced_photo_is_upright_and_other_kinds_are_whole():
    exif = Image.Exif()
    exif[0x0112] = 6
    image = np.repeat(np.repeat(COLOURS, 40, axis=0), 40, axis=1)  # 1,200 x 800
    content = packed(Image.fromarray(np.rot90(image)), "JPEG", exif=exif)
    pixels, size = image_files.decode_reduced(content, "x", 600)
    assert size == (1_200, 800) and pixels.shape == (400, 600, 3)
    assert abs(pixels[10:-1:20, 10:-1:20].astype(int) - COLOURS).mean() < 8
    for kind in ("PNG", "BMP"):
        pixels, size = image_files.decode_reduced(packed(Image.fromarray(image), kind), "x", 600)
        np.testing.assert_array_equal(pixels, image)
        assert size == (1_200, 800)
    with pytest.raises(ValueError, match=r"x\.jpg is not a"):
        image_files.decode_reduced(b"no image", "x.jpg", 600)
    with pytest.raises(ValueError, match=r"x\.jpg is a broken image"):
        image_files.decode_reduced(content[: len(content) // 2], "x.jpg", 600)


def test_of_an_animation_the_first_frame_is_read():
    frames = [Image.new("RGB", (9, 9), colour) for colour in ("red", "blue")]
    content = packed(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert image_files.decode_photo(content, "x")[4, 4].tolist() == [255, 0, 0]


def test_a_photo_is_turned_as_its_camera_says():
    exif = Image.Exif()
    exif[0x0112] = 6  # clockwise, to see it upright
    content = packed(Image.fromarray(np.rot90(COLOURS)), "PNG", exif=exif)
    np.testing.assert_array_equal(image_files.decode_photo(content, "x"), COLOURS)
    deep = Image.fromarray(np.rot90(COLOURS[..., 0]).astype(np.uint16) * 257)
    turned = image_files.decode_photo(packed(deep, "PNG", exif=exif), "x")
    np.testing.assert_array_equal(turned[..., 1], COLOURS[..., 0])


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bits_are_scaled_to_8(kind):
    levels = np.array([[0, 255, 257, 32_768, 65_535]], np.uint16)
    found = image_files.decode_photo(packed(Image.fromarray(levels), kind), "x")
    assert found[0].tolist() == [[v] * 3 for v in (0, 1, 1, 128, 255)]


@pytest.mark.parametrize("whole", [1, 255, 65_535])
def test_floats_are_scaled_to_8_bits_by_their_range(whole):
    levels = np.array([[0, 0.5, 1]], np.float32) * whole
    found = image_files.decode_photo(packed(Image.fromarray(levels), "TIFF"), "x")
    assert found[0, :, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I", "F"])
def test_a_picture_with_more_bits_is_that_of_its_8_bit_twin(mode):
    grey = COLOURS[..., 0]
    deep = {
        "I;16": lambda: Image.fromarray(grey.astype(np.uint16) * 257),
        "I;16B": lambda: Image.frombytes("I;16B", (30, 20), (grey * 257.0).astype(">u2").tobytes()),
        "I": lambda: Image.fromarray(grey).convert("I"),
        "F": lambda: Image.fromarray(grey).convert("F"),
    }[mode]()
    assert deep.mode == mode
    np.testing.assert_array_equal(image_files.as_photo(deep)[..., 2], grey)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr"])
def test_every_mode_becomes_rgb(mode):
    white = Image.new("RGB", (4, 5), "white").convert(mode)
    assert image_files.as_photo(white).tolist() == np.full((5, 4, 3), 255).tolist()


def test_a_palette_with_transparency_is_read_without_a_warning(recwarn):
    image = Image.fromarray(COLOURS).quantize(8)
    content = packed(image, "PNG", transparency=bytes(range(8)))
    assert image_files.decode_photo(content, "x").shape == COLOURS.shape
    assert not recwarn.list


@pytest.mark.parametrize("side", [9_000, 14_000])  # the second is refused by Pillow itself
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.slow
def test_a_photo_of_too_many_pixels_is_not_unpacked(tmp_path, side):
    """A few kilobytes that would fill memory."""
    Image.new("1", (side, side)).save(tmp_path / "bomb.png")
    with pytest.raises(ValueError, match="bomb.png has .*more than 64,000,000"):
        image_files.read_photo(tmp_path / "bomb.png")


def test_what_is_no_image_is_one_sentence(tmp_path):
    whole = packed(Image.fromarray(COLOURS.repeat(9, axis=0)), "JPEG")
    for content, message in [
        (b"", "x.jpg is an empty file."),
        (b"Dear", "x.jpg is not a JPEG, PNG, WebP, TIFF, BMP, GIF or AVIF image."),
        (b"<html>", "x.jpg is a web page, not a JPEG,"),
        (packed(Image.fromarray(COLOURS), "ICO"), "x.jpg is not a JPEG,"),
        (whole[: len(whole) // 2], "x.jpg is a broken image."),
    ]:
        with pytest.raises(ValueError, match=message):
            image_files.decode_photo(content, "x.jpg")
    with pytest.raises(ValueError, match="x.gif is a JPEG image, not a PNG image"):
        image_files.decode_photo(whole, "x.gif", formats=("PNG",))
    with pytest.raises(ValueError, match="x.jpg has 30 x 180 pixels, more than 599"):
        image_files.decode_photo(whole, "x.jpg", most_pixels=599)
    with pytest.raises(ValueError, match="x.jpg is larger than 100 bytes"):
        image_files.decode_photo(whole, "x.jpg", most_bytes=100)
    with pytest.raises(FileNotFoundError):
        image_files.read_photo(tmp_path / "nowhere.jpg")


HEIC = b"\0\0\0\x24ftypheic\0\0\0\0mif1heic" + bytes(40)


def test_a_photo_of_another_kind_is_said_to_be_what_it_is():
    gif = packed(Image.fromarray(COLOURS), "GIF")
    told = r"a\.jpg is a HEIC image, not a JPEG, .* image: convert it to JPEG\.$"
    with pytest.raises(ValueError, match=told):
        image_files.decode_photo(HEIC, "a.jpg")
    for decode in (image_files.decode_photo, image_files.photo_suffix):
        with pytest.raises(ValueError, match=r"^A\.JPG is a GIF image, not a JPEG or PNG image"):
            decode(gif, "A.JPG", formats=("JPEG", "PNG"))


@pytest.mark.parametrize(("kind", "suffix"), [("AVIF", ".avif"), ("JPEG", ".jfif")])
def test_newer_and_older_names_and_kinds_are_read(kind, suffix, tmp_path):
    Image.new("RGB", (64, 48), (200, 100, 50)).save(tmp_path / f"x{suffix}", kind)
    assert suffix in image_files.SUFFIXES
    photo = image_files.read_photo(tmp_path / f"x{suffix}")
    assert photo.shape == (48, 64, 3) and abs(photo - np.array([200, 100, 50])).max() < 8


def test_a_warning_about_damaged_exif_data_names_the_file(tmp_path):
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "a camera of some name", 6
    whole = packed(Image.fromarray(COLOURS), "JPEG", exif=exif, quality=95)
    place = whole.index(b"Exif\0\0") + 6
    entry = place + 8 + 2  # of the maker, whose text now lies behind the end of the file
    torn = whole[: entry + 8] + (10**6).to_bytes(4, "big") + whole[entry + 12 :]
    assert whole[place : place + 2] == b"MM"
    (tmp_path / "Torn.JPG").write_bytes(torn)
    for read in (
        lambda: image_files.read_photo(tmp_path / "Torn.JPG"),
        lambda: image_files.as_photo(str(tmp_path / "Torn.JPG")),
        lambda: image_files.decode_reduced(torn, "Torn.JPG", 30)[0],
    ):
        with pytest.warns(UserWarning, match=r"^Torn\.JPG has damaged metadata") as caught:
            assert read().shape == (20, 30, 3)
        assert {str(warning.message)[:8] for warning in caught} == {"Torn.JPG"}


def test_threads_that_read_at_once_mix_up_no_warnings():
    image = packed(Image.fromarray(COLOURS), "JPEG")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        threads = [
            threading.Thread(target=image_files.decode_photo, args=(image, "x")) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with pytest.raises(UserWarning):
            warnings.warn("the filters are as before", stacklevel=1)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.jpg")
    for read in (image_files.read_photo, image_files.as_photo):
        with pytest.raises(ValueError, match=r"a\.jpg is a pipe, a socket or a device, not a file"):
            read(tmp_path / "a.jpg")


def test_of_a_reduced_jpeg_only_the_decoded_pixels_count():
    image = Image.new("RGB", (1_600, 1_200))
    baseline = packed(image, "JPEG")
    pixels, size = image_files.decode_reduced(baseline, "x", 400, most_pixels=200_000)
    assert pixels.shape == (300, 400, 3) and size == (1_600, 1_200)
    too_many = "x has 1,600 x 1,200 pixels, more than 200,000: use a smaller copy"
    with pytest.raises(ValueError, match=too_many):
        image_files.decode_photo(baseline, "x", most_pixels=200_000)
    progressive = packed(image, "JPEG", progressive=True)  # needs memory for all its pixels
    with pytest.raises(ValueError, match=too_many):
        image_files.decode_reduced(progressive, "x", 400, most_pixels=200_000)


def test_a_file_an_image_and_an_array_have_the_same_limit(monkeypatch, tmp_path):
    monkeypatch.setattr(image_files, "MAX_PIXELS", 599)
    Image.fromarray(COLOURS).save(tmp_path / "x.png")
    for image in (
        COLOURS,
        COLOURS[..., 0],
        Image.fromarray(COLOURS),
        Image.open(tmp_path / "x.png"),
    ):
        with pytest.raises(ValueError, match="has 30 x 20 pixels, more than 599"):
            image_files.as_photo(image)
    image_files.as_photo(COLOURS[:, :29])


@pytest.mark.slow
def test_48_megapixels_of_a_phone_are_read(tmp_path):
    Image.new("RGB", (8_064, 6_048), (90, 60, 30)).save(tmp_path / "phone.jpg", quality=50)
    assert image_files.read_photo(tmp_path / "phone.jpg").shape == (6_048, 8_064, 3)
    pixels, size = image_files.as_reduced_photo(tmp_path / "phone.jpg", 4_000)
    assert pixels.shape == (3_024, 4_032, 3) and size == (8_064, 6_048)


def test_a_suffix_is_that_of_the_content():
    image = Image.fromarray(COLOURS)
    for kind, suffix in [("JPEG", ".jpg"), ("PNG", ".png"), ("WEBP", ".webp"), ("TIFF", ".tif")]:
        assert image_files.photo_suffix(packed(image, kind), "x") == suffix
    with pytest.raises(ValueError, match="x is a broken image"):
        image_files.photo_suffix(packed(image, "PNG")[:200], "x")


# arrays


def test_arrays_of_all_usual_types_are_the_same_photo(tmp_path):
    Image.fromarray(COLOURS).save(tmp_path / "x.png")
    alpha = np.full((20, 30, 1), 7, np.uint8)
    for image in [
        COLOURS,
        COLOURS.astype(np.uint16) * 257,
        COLOURS / 255,
        (COLOURS / 255).astype(np.float32),
        np.concatenate([COLOURS, alpha], axis=2),
        Image.fromarray(COLOURS),
        tmp_path / "x.png",
        str(tmp_path / "x.png"),
        (tmp_path / "x.png").read_bytes(),
    ]:
        np.testing.assert_array_equal(image_files.as_photo(image), COLOURS)
    blue_first = np.ascontiguousarray(COLOURS[..., ::-1])
    for image in [blue_first, np.concatenate([blue_first, alpha], axis=2)]:
        np.testing.assert_array_equal(image_files.as_photo(image, bgr=True), COLOURS)
    # files know the order of their colours
    np.testing.assert_array_equal(image_files.as_photo(tmp_path / "x.png", bgr=True), COLOURS)
    for grey in [COLOURS[..., 0], COLOURS[..., :1]]:
        np.testing.assert_array_equal(
            image_files.as_photo(grey), np.repeat(COLOURS[..., :1], 3, axis=2)
        )
    dots = np.array([[True, False]])
    assert image_files.as_photo(dots)[0].tolist() == [[255] * 3, [0] * 3]


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (None, "not NoneType"),
        ([[1, 2], [3, 4]], "not list"),
        (np.zeros((5, 5), np.int64), "not int64"),
        (np.full((5, 5), 255.0), "divide grey levels by 255"),
        (np.full((5, 5), np.nan), "from 0 to 1"),
        (np.zeros((5, 5, 2), np.uint8), r"not \(5, 5, 2\)"),
        (np.zeros((0, 5), np.uint8), r"not \(0, 5\)"),
        (np.zeros(5, np.uint8), r"not \(5,\)"),
    ],
)
def test_what_is_no_image_is_refused(image, message):
    with pytest.raises(ValueError, match=message):
        image_files.as_photo(image)


# faces


def test_a_face_is_averaged_where_it_shrinks_and_smooth_where_it_grows():
    large = COLOURS[:16, :16].repeat(6, axis=0).repeat(6, axis=1)
    np.testing.assert_array_equal(
        image_files.resize_face(large), COLOURS[:16, :16].repeat(3, axis=0).repeat(3, axis=1)
    )
    small = COLOURS[:12, :12, 0]
    expected = cv2.resize(small, (48, 48), interpolation=cv2.INTER_CUBIC)
    np.testing.assert_array_equal(image_files.resize_face(small), expected)
    assert image_files.resize_face(expected) is expected


def test_a_png_keeps_every_pixel():
    for image in (COLOURS, COLOURS[..., 0]):
        found = image_files.decode_photo(image_files.encode_png(image), "x")
        np.testing.assert_array_equal(found if image.ndim == 3 else found[..., 0], image)
