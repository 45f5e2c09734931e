"""Grad-CAM on the photo page: which parts of a face support the model's answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import matplotlib as mpl
import numpy as np
import streamlit as st

from facevalue import paths
from facevalue.emotions import EMOTIONS
from facevalue.image_files import to_grey
from facevalue.recognition import cropping
from facevalue.recognition.preparation import prepare
from facevalue.recognition.recogniser import Sighting

if TYPE_CHECKING:
    import keras


def network_file(name: str) -> Path:
    """Return the Keras file of a model, which Grad-CAM needs."""
    return paths.root() / "models" / f"{name}.keras"


@st.cache_resource(show_spinner="Loading Keras and the model; this takes some seconds ...")
def _network(file: Path) -> keras.Model:
    # it loads TensorFlow, which most visitors do not need
    from facevalue.learning.model_files import load_network

    return load_network(file)


def are_wanted(network: Path) -> bool:
    """Show the switch for the maps, or what is missing, and return whether the switch is on."""
    if not network.is_file():
        st.caption(
            f"To show where the model looks (Grad-CAM), put {network.name} into "
            f"{network.parent.name}/."
        )
        return False
    return st.toggle(
        "Show where the model looks (Grad-CAM)",
        help="Red parts support the model's answer. This needs Keras, which loads slowly.",
    )


def attention_maps(image: np.ndarray, found: list[Sighting], network: Path) -> np.ndarray | None:
    """Return a map for each face, or show why that is impossible.

    Args:
        image: uint8, shape (height, width, 3), RGB.
        found: the faces in it.
        network: a Keras file.
    Returns:
        float, shape (n, 48, 48), from 0 to 1; or None.
    """
    crops = [cropping.crop(image, sighting.face) for sighting in found]
    labels = np.array([EMOTIONS.index(sighting.emotion) for sighting in found])
    try:
        from facevalue.evaluation import grad_cam

        return grad_cam.grad_cam(_network(network), prepare(crops), labels)
    except (ImportError, OSError, ValueError) as error:
        st.warning(f"Grad-CAM is not possible with {network.name}: {error}")
        return None


def blend(face: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Return a face in grey with a map over it, in red where the map is 1.

    Args:
        face: uint8, shape (height, width, 3), RGB.
        heat: float, from 0 to 1, of any height and width.
    Returns:
        uint8, the shape of `face`.
    """
    grey = cv2.cvtColor(to_grey(face), cv2.COLOR_GRAY2RGB)
    large = np.clip(cv2.resize(heat, face.shape[1::-1], interpolation=cv2.INTER_LINEAR), 0, 1)
    colour = 255 * mpl.colormaps["YlOrRd"](large)[..., :3]
    share = 0.75 * large[..., None]
    return np.rint((1 - share) * grey + share * colour).astype(np.uint8)
