"""Activation maps, against convolutions computed by SciPy and by hand."""

import keras
import numpy as np
import pytest
from scipy.signal import correlate2d

from facevalue import explain


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    face = keras.Input((48, 48, 1), name="face")
    x = keras.layers.Conv2D(3, 5, activation="relu", name="conv1")(face)
    x = keras.layers.MaxPooling2D(name="pool1")(x)
    x = keras.layers.Conv2D(2, 3, padding="same", name="conv2")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    return keras.Model(face, keras.layers.Dense(7, activation="softmax", name="emotion")(x))


@pytest.fixture(scope="module")
def faces():
    return np.random.default_rng(0).random((4, 48, 48, 1), dtype="float32")


def test_maps_are_the_convolution_of_the_image_with_the_kernel(network, faces):
    maps = explain.activation_maps(network, faces, "conv1")
    kernel, bias = network.get_layer("conv1").get_weights()
    for n, k in np.ndindex(4, 3):
        expected = correlate2d(faces[n, :, :, 0], kernel[:, :, 0, k], mode="valid") + bias[k]
        np.testing.assert_allclose(maps[n, :, :, k], np.maximum(expected, 0), atol=1e-5)


def test_the_example_of_project_2():
    image = np.array(
        [[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1], [0, 0, 1, 1, 0], [0, 1, 1, 0, 0]]
    )
    entry = keras.Input((5, 5, 1))
    model = keras.Model(entry, keras.layers.Conv2D(1, 3, use_bias=False, name="conv")(entry))
    kernel = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]])
    model.get_layer("conv").set_weights([kernel[:, :, None, None]])
    maps = explain.activation_maps(model, image[None, :, :, None].astype("float32"), "conv")
    assert maps[0, :, :, 0].tolist() == [[4, 3, 4], [2, 4, 3], [2, 3, 4]]


def test_every_convolution_layer_has_maps(network, faces):
    assert explain.convolution_layers(network) == ["conv1", "conv2"]
    maps = explain.activation_maps(network, faces[:1], "conv2")
    assert maps.shape == (1, 22, 22, 2)
    assert maps.dtype == np.float32


def test_looking_inside_does_not_change_the_predictions(network, faces):
    before = network.predict(faces, verbose=0)
    explain.activation_maps(network, faces, "conv1")
    np.testing.assert_array_equal(network.predict(faces, verbose=0), before)


def test_one_face_without_its_batch_axis_is_refused(network, faces):
    with pytest.raises(ValueError, match=r"shape \(n, 48, 48, 1\), not \(48, 48, 1\)"):
        explain.activation_maps(network, faces[0], "conv1")


def test_faces_of_another_size_are_refused(network):
    with pytest.raises(ValueError, match=r"not \(2, 64, 64, 1\)"):
        explain.activation_maps(network, np.zeros((2, 64, 64, 1), "float32"), "conv1")


@pytest.mark.parametrize("layer", ["conv9", "emotion"])
def test_a_layer_that_is_no_convolution_is_refused(network, faces, layer):
    with pytest.raises(ValueError, match=f"no convolution layer '{layer}': choose from conv1, c"):
        explain.activation_maps(network, faces, layer)
