"""Try a face: a photo or the camera, and what the model sees in each face."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from apps.dashboard_pages import attention_maps, shared
from facevalue import image_files
from facevalue.recognition import cropping
from facevalue.recognition.recogniser import Sighting

MAX_SIDE = 1280
"""Larger photos are shown in this size, in pixels; faces are searched in the photo itself."""

MAX_MEGABYTES = 20

FORMATS = ("JPEG", "PNG", "WEBP")
"""The kinds of files that visitors may upload."""

MAX_DETAILS = 12
"""How many faces of a photo are shown in detail, the largest ones."""


def show() -> None:
    """Show the page."""
    st.title("Try a face")
    shared.prose(
        "Use a photo of yourself, or of somebody who agreed. It is sent to this program, which "
        "runs on the machine where you started it. The program keeps it in memory while you look "
        "at it, and never writes it to disk."
    )
    upload = _upload()
    if upload is None:
        return
    try:
        image = _decode(upload)
    except ValueError as error:
        shared.stop(error)
    name = str(
        st.segmented_control(
            "Model", ("accurate", "fast"), default="accurate", required=True, key="photo_model"
        )
    )
    with st.spinner("Looking for faces ..."):
        found = shared.recogniser(name).photo(image)
    found.sort(key=lambda sighting: sighting.box[0])  # numbered from left to right
    _show_found(image, found, attention_maps.network_file(name))


def _upload() -> UploadedFile | None:
    """Return the visitor's photo, or None; the camera starts only when it is chosen."""
    sources = ("A file", "The camera")
    source = st.segmented_control(
        "A photo from", sources, default=sources[0], required=True, key="photo_source"
    )
    if source == sources[1]:
        label = "Your browser asks whether this page may use the camera"
        return st.camera_input(label, width=640)
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
        st.image(shrunk(image), width=480, alt="Your photo")
        st.info(
            "No face was found. Turn to the camera, come closer, or take the photo in more light."
        )
        return
    alt = f"Your photo with {len(found)} numbered faces"
    st.image(shrunk(boxed(image, found)), width=640, alt=alt)
    shared.prose(
        f"{len(found)} {'face' if len(found) == 1 else 'faces'} found. The model predicts which "
        "expression it sees. That is not what a person feels: people smile when they are "
        "embarrassed, and frown when they think."
    )
    numbers = {id(sighting): number for number, sighting in enumerate(found, 1)}
    largest = sorted(found, key=lambda each: -each.box[2] * each.box[3])[:MAX_DETAILS]
    shown = sorted(largest, key=lambda each: numbers[id(each)])
    maps = None
    if attention_maps.are_wanted(network):
        maps = attention_maps.attention_maps(image, shown, network)
    for k, sighting in enumerate(shown):
        _show_face(image, sighting, numbers[id(sighting)], None if maps is None else maps[k])
    if len(found) > MAX_DETAILS:
        st.caption(f"Only the {MAX_DETAILS} largest faces are shown in detail.")


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
    """Return a copy of a photo with a numbered box around each face."""
    drawn = image.copy()
    thickness = max(2, round(max(image.shape) / 400))
    for number, sighting in enumerate(found, 1):
        x, y, width, height = sighting.box
        for colour, extra in (((255, 255, 255), 2), ((0, 114, 178), 0)):  # visible on anything
            corner = (x + width, y + height)
            cv2.rectangle(drawn, (x, y), corner, colour, thickness + extra)
        text, size = str(number), thickness * 0.35
        font = cv2.FONT_HERSHEY_SIMPLEX
        (wide, high), _ = cv2.getTextSize(text, font, size, thickness)
        pad = 2 * thickness
        cv2.rectangle(drawn, (x, y), (x + wide + 2 * pad, y + high + 2 * pad), (0, 114, 178), -1)
        place = (x + pad, y + high + pad)
        cv2.putText(drawn, text, place, font, size, (255,) * 3, thickness, cv2.LINE_AA)
    return drawn
