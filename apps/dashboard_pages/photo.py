"""Try a face: a photo or the camera, and what the model sees in each face."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from apps.api import sample
from apps.dashboard_pages import attention_maps, shared
from facevalue import image_files
from facevalue.recognition import cropping, detection
from facevalue.recognition.face import Box
from facevalue.recognition.recogniser import Sighting

MAX_SIDE = 1280
"""Larger photos are shown in this size, in pixels; faces are searched in the photo itself."""

BOX = (0, 114, 178)
"""The colour of the boxes."""

MAX_MEGABYTES = 20

FORMATS = ("JPEG", "PNG", "WEBP")
"""The kinds of files that visitors may upload."""

MAX_DETAILS = 12
"""How many faces of a photo are shown in detail: the largest."""

FILE, CAMERA, SAMPLE = "A file", "The camera", "A drawn sample"
"""Where the photo comes from."""


def show() -> None:
    """Show the page."""
    st.title("Try a face")
    shared.prose(
        "Use a photo of yourself, or of somebody who agreed. It is sent to this program, which "
        "runs on the machine where you started it. The program keeps it in memory while you look "
        "at it, and never writes it to disk."
    )
    image = _photo()
    if image is None:
        return
    name = str(
        st.segmented_control(
            "Model", ("accurate", "fast"), default="accurate", required=True, key="photo_model"
        )
    )
    with st.spinner("Looking for faces ..."):
        found = shared.recogniser(name).photo(image)
    _show_found(image, numbered(found), attention_maps.network_file(name))


def _photo() -> np.ndarray | None:
    """Return the visitor's photo or the sample, or None; the camera starts only if chosen."""
    source = st.segmented_control(
        "A photo from",
        (FILE, CAMERA, SAMPLE),
        default=FILE,
        required=True,
        wrap=True,
        key="photo_source",
    )
    if source == SAMPLE:
        return image_files.decode_photo(sample.picture(), "The sample", formats=("PNG",))
    upload = _camera() if source == CAMERA else _file()
    try:
        return None if upload is None else _decode(upload)
    except ValueError as error:
        shared.stop(error)


def _camera() -> UploadedFile | None:
    label = "Your browser asks whether this page may use the camera"
    return st.camera_input(label, width=640)


def _file() -> UploadedFile | None:
    return st.file_uploader(
        "A JPEG, PNG or WebP photo",
        type=["jpg", "jpeg", "png", "webp"],
        max_upload_size=MAX_MEGABYTES,
        width=640,
    )


def _decode(upload: UploadedFile) -> np.ndarray:
    """Return an uploaded photo.

    Raises:
        ValueError: it is too large, or not an image.
    """
    if upload.size > MAX_MEGABYTES * 2**20:  # the browser refuses it, too
        raise ValueError(f"{upload.name} is larger than {MAX_MEGABYTES} MB: use a smaller photo.")
    return image_files.decode_photo(upload.getvalue(), upload.name, formats=FORMATS)


def shrunk(image: np.ndarray, side: int = MAX_SIDE) -> np.ndarray:
    """Return an image with no side longer than `side` pixels.

    >>> shrunk(np.zeros((600, 1200, 3), np.uint8), 100).shape
    (50, 100, 3)
    """
    scale = side / max(image.shape[:2])
    if scale >= 1:
        return image
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))


def _show_found(image: np.ndarray, found: list[Sighting], network: Path) -> None:
    if not found:
        st.image(shrunk(image), width=480, alt="The photo")
        st.info(
            f"No face was found. Faces must be at least {detection.MIN_FACE} pixels high: come "
            "closer, turn to the camera, or take the photo in more light."
        )
        return
    st.image(shrunk(boxed(image, found)), width=640, alt=described(found))
    shared.prose(
        f"{len(found)} {'face' if len(found) == 1 else 'faces'} found, numbered from left to "
        "right. The model predicts which expression it sees. That is not what a person feels: "
        "people smile when they are embarrassed, and frown when they think."
    )
    shown = largest(found)
    maps = None
    if attention_maps.are_wanted(network):
        maps = attention_maps.attention_maps(image, [found[k] for k in shown], network)
    for place, k in enumerate(shown):
        _show_face(image, found[k], k + 1, None if maps is None else maps[place])
    if len(found) > MAX_DETAILS:
        st.caption(f"Only the {MAX_DETAILS} largest faces are shown in detail.")


def numbered(found: list[Sighting]) -> list[Sighting]:
    """Return the faces from left to right: the place of each is its number."""
    return sorted(found, key=lambda sighting: sighting.box[0])


def described(found: list[Sighting]) -> str:
    """Return a photo's alternative text: the number and the emotion of each face."""
    faces = ", ".join(f"{number} {one.emotion}" for number, one in enumerate(found, 1))
    return f"The photo with numbered faces, from left to right: {faces}"


def largest(found: list[Sighting]) -> list[int]:
    """Return the indices of the `MAX_DETAILS` largest faces, in the order of `found`."""
    order = sorted(range(len(found)), key=lambda k: -found[k].box[2] * found[k].box[3])
    return sorted(order[:MAX_DETAILS])


def _show_face(image: np.ndarray, sighting: Sighting, number: int, heat: np.ndarray | None) -> None:
    st.subheader(f"Face {number}: {sighting.emotion}", anchor=False)
    left, right = st.columns([1, 2], gap="large")
    face = cropping.crop(image, sighting.face, 192)
    with left, st.container(horizontal=True):
        st.image(face, width=150, alt=f"Face {number}")
        if heat is not None:
            alt = "The same face; the parts that support the answer are red"
            st.image(attention_maps.blend(face, heat), width=150, alt=alt)
    with right:
        shared.show_bars(sighting.probabilities)


def boxed(image: np.ndarray, found: list[Sighting]) -> np.ndarray:
    """Return a copy of a photo with a box around each face, its number and its emotion.

    Args:
        image: uint8, shape (height, width, 3), RGB.
        found: the faces; their numbers are their places here, from 1.
    """
    drawn = image.copy()
    thickness = max(2, round(max(image.shape) / 400))
    for sighting in found:
        x, y, width, height = sighting.box
        for colour, extra in (((255, 255, 255), 2), (BOX, 0)):  # visible on anything
            corner = (x + width, y + height)
            cv2.rectangle(drawn, (x, y), corner, colour, thickness + extra)
    for number, sighting in enumerate(found, 1):
        _write(drawn, f"{number} {sighting.emotion}", sighting.box, thickness)
    return drawn


def _write(drawn: np.ndarray, text: str, box: Box, thickness: int) -> None:
    """Write a text over a box, or into it at the upper edge of the photo."""
    size, font = thickness * 0.35, cv2.FONT_HERSHEY_SIMPLEX
    (wide, high), _ = cv2.getTextSize(text, font, size, thickness)
    pad = 2 * thickness
    left = max(0, min(box[0], drawn.shape[1] - wide - 2 * pad))
    top = max(0, box[1] - high - 2 * pad)
    corner = (left + wide + 2 * pad, top + high + 2 * pad)
    cv2.rectangle(drawn, (left, top), corner, BOX, -1)
    place = (left + pad, top + high + pad)
    cv2.putText(drawn, text, place, font, size, (255,) * 3, thickness, cv2.LINE_AA)
