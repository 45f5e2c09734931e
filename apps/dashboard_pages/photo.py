"""Try a face: your camera or a photo, all faces in it, and what the model sees in each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import matplotlib as mpl
import numpy as np
import streamlit as st

from apps.dashboard_pages import shared
from facevalue import image_files, paths
from facevalue.emotions import EMOTIONS
from facevalue.recognition import cropping
from facevalue.recognition.preparation import prepare
from facevalue.recognition.recogniser import MARGIN, Sighting

LONGEST = 1280
"""The longest side of a photo that is searched for faces; larger ones are shrunk."""

MOST_MEGABYTES = 20

IN_DETAIL = 12
"""Faces of a photo that are shown one by one, the largest ones."""


def show() -> None:
    """Draw the page."""
    st.title("Try a face")
    shared.prose(
        "Use your own face, or that of somebody who agreed. The photo goes to this program, "
        "which runs where you started it. It is kept in memory while you look at it, and never "
        "written to disk."
    )
    upload = _upload()
    if upload is None:
        return
    try:
        image = _read(upload)
    except ValueError as error:
        shared.stop(error)
    name = str(
        st.segmented_control(
            "Model", ("accurate", "fast"), default="accurate", required=True, key="photo_model"
        )
    )
    with st.spinner("Looking for faces ..."):
        found = shared.recogniser(name).photo(image)
    _show_found(image, found, network_file(name))


def _upload() -> Any:
    """Return the photo that the visitor gave, or None; the camera is not touched before asked."""
    ways = ("A file", "The camera")
    way = st.segmented_control("A photo from", ways, default=ways[0], required=True, key="way")
    if way == ways[1]:
        asks = "Your browser asks whether this page may use the camera"
        return st.camera_input(asks, width=640)
    return st.file_uploader(
        "A JPEG, PNG or WebP photo",
        type=["jpg", "jpeg", "png", "webp"],
        max_upload_size=MOST_MEGABYTES,
        width=640,
    )


def _read(upload: Any) -> np.ndarray:
    """Return an uploaded photo, not larger than is looked at.

    Raises:
        ValueError: it is too large, or no image that can be read; in a sentence.
    """
    if upload.size > MOST_MEGABYTES * 2**20:  # the browser refuses it, too
        raise ValueError(f"{upload.name} is larger than {MOST_MEGABYTES} MB: choose a smaller one.")
    return shrunk(image_files.decode_photo(upload, upload.name))


def shrunk(image: np.ndarray, longest: int = LONGEST) -> np.ndarray:
    """Return a photo with no side longer than `longest` pixels."""
    scale = longest / max(image.shape[:2])
    if scale >= 1:
        return image
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))


def _show_found(image: np.ndarray, found: list[Sighting], network: Path) -> None:
    if not found:
        st.image(image, width=480, alt="Your photo")
        st.info(
            "No face was found. The detector finds upright faces that look at the camera, at "
            "least 40 pixels wide: come closer, or take another photo."
        )
        return
    st.image(boxed(image, found), width=640, alt=f"Your photo with {len(found)} numbered faces")
    shared.prose(
        f"{len(found)} {'face' if len(found) == 1 else 'faces'} found. The model says what "
        "expression it sees. That is not what a person feels: people smile when they are "
        "embarrassed, and frown when they think."
    )
    maps = _maps(image, found[:IN_DETAIL], network) if _wants_maps(network) else None
    for number, sighting in enumerate(found[:IN_DETAIL], 1):
        st.subheader(f"Face {number}: {sighting.emotion}", anchor=False)
        left, right = st.columns([1, 2], gap="large")
        face = cropping.crop(image, sighting.box, MARGIN, 192)
        with left, st.container(horizontal=True):
            st.image(face, width=150, alt=f"Face {number}")
            if maps is not None:
                alt = "The same face; what speaks for the answer is laid over it in red"
                st.image(overlay(face, maps[number - 1]), width=150, alt=alt)
        with right:
            shared.show_bars(sighting.probabilities)
    if len(found) > IN_DETAIL:
        st.caption(f"Only the {IN_DETAIL} largest faces are shown one by one.")


def boxed(image: np.ndarray, found: list[Sighting]) -> np.ndarray:
    """Return a copy of a photo with a numbered box around each face."""
    drawn = image.copy()
    thick = max(2, round(max(image.shape) / 400))
    for number, sighting in enumerate(found, 1):
        x, y, width, height = sighting.box
        for colour, extra in (((255, 255, 255), 2), ((0, 114, 178), 0)):  # seen on any background
            corner = (x + width, y + height)
            cv2.rectangle(drawn, (x, y), corner, colour, thick + extra)
        text, size = str(number), thick * 0.35
        (wide, high), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, thick)
        pad = 2 * thick
        cv2.rectangle(drawn, (x, y), (x + wide + 2 * pad, y + high + 2 * pad), (0, 114, 178), -1)
        place = (x + pad, y + high + pad)
        cv2.putText(drawn, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, (255,) * 3, thick,
                    cv2.LINE_AA)  # fmt: skip
    return drawn


# ------------------------------------------------------------------------------ Grad-CAM


def network_file(name: str) -> Path:
    """Return where a model is as a Keras file, which Grad-CAM needs to look into."""
    return paths.root() / "models" / f"{name}.keras"


@st.cache_resource(show_spinner="Loading Keras and the model; this takes some seconds ...")
def _network(file: Path) -> Any:
    import keras  # with TensorFlow: most visitors need not wait for it

    return keras.saving.load_model(file, compile=False)


def _wants_maps(network: Path) -> bool:
    if not network.is_file():
        st.caption(
            f"Where the model looked (Grad-CAM) can be shown once {network.name} is in "
            f"{network.parent.name}/."
        )
        return False
    return st.toggle(
        "Show where the model looked (Grad-CAM)",
        help="Red is what speaks for the model's answer. Needs Keras, which takes a while to load.",
    )


def _maps(image: np.ndarray, found: list[Sighting], network: Path) -> np.ndarray | None:
    """Return where a model looked in each face, or None with a sentence."""
    crops = [cropping.crop(image, sighting.box, MARGIN, image_files.FACE_SIZE) for sighting in found]
    labels = np.array([EMOTIONS.index(sighting.emotion) for sighting in found])
    try:
        from facevalue.evaluation import grad_cam

        return grad_cam.grad_cam(_network(network), prepare(crops), labels)
    except (ImportError, OSError, ValueError) as error:
        st.warning(f"Grad-CAM is not possible with {network.name}: {error}")
        return None


def overlay(face: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Return a face, uint8 RGB, in grey with a map from 0 to 1 laid over it, red where it is 1."""
    grey = cv2.cvtColor(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    large = np.clip(cv2.resize(heat, face.shape[1::-1], interpolation=cv2.INTER_LINEAR), 0, 1)
    colour = 255 * mpl.colormaps["YlOrRd"](large)[..., :3]
    share = 0.75 * large[..., None]
    return np.rint((1 - share) * grey + share * colour).astype(np.uint8)
