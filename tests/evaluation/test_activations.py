"""Activation maps and filters against convolutions computed by SciPy."""

import keras
import numpy as np
import pytest
from scipy.signal import correlate2d

from facevalue.evaluation import activations


def test_maps_are_the_convolution_of_the_image_with_the_kernel(network, images):
    maps = activations.activation_maps(network, images, "conv1")
    kernel, bias = network.get_layer("conv1").get_weights()
    for n, k in np.ndindex(4, 3):
        expected = correlate2d(images[n, :, :, 0], kernel[:, :, 0, k], mode="valid") + bias[k]
        np.testing.assert_allclose(maps[n, :, :, k], np.maximum(expected, 0), atol=1e-5)


def test_maps_of_a_bfloat16_network_are_float32(images):
    face = keras.Input((48, 48, 1))
    conv = keras.layers.Conv2D(6, 3, name="conv", dtype="mixed_bfloat16")(face)
    maps = activations.activation_maps(keras.Model(face, conv), images, "conv")
    assert maps.dtype == np.float32 and maps.std() > 0


def test_the_example_of_project_2():
    image = np.array(
        [[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1], [0, 0, 1, 1, 0], [0, 1, 1, 0, 0]]
    )
    entry = keras.Input((5, 5, 1))
    model = keras.Model(entry, keras.layers.Conv2D(1, 3, use_bias=False, name="conv")(entry))
    kernel = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]])
    model.get_layer("conv").set_weights([kernel[:, :, None, None]])
    maps = activations.activation_maps(model, image[None, :, :, None].astype("float32"), "conv")
    assert maps[0, :, :, 0].tolist() == [[4, 3, 4], [2, 4, 3], [2, 3, 4]]


def test_every_convolution_layer_has_maps(network, images):
    assert activations.convolution_layers(network) == ["conv1", "conv2"]
    maps = activations.activation_maps(network, images[:1], "conv2")
    assert maps.shape == (1, 22, 22, 2)
    assert maps.dtype == np.float32


@pytest.mark.slow
def test_activation_maps_do_not_change_the_predictions(network, images):
    before = network.predict(images, verbose=0)
    activations.activation_maps(network, images, "conv1")
    np.testing.assert_array_equal(network.predict(images, verbose=0), before)


def test_one_face_without_its_batch_axis_is_refused(network, images):
    with pytest.raises(ValueError, match=r"shape \(n, 48, 48, 1\), not \(48, 48, 1\)"):
        activations.activation_maps(network, images[0], "conv1")


def test_faces_of_another_size_are_refused(network):
    with pytest.raises(ValueError, match=r"not \(2, 64, 64, 1\)"):
        activations.activation_maps(network, np.zeros((2, 64, 64, 1), "float32"), "conv1")


@pytest.mark.parametrize("layer", ["conv9", "emotion"])
def test_a_layer_that_is_not_a_convolution_is_refused(network, images, layer):
    with pytest.raises(ValueError, match=f"no convolution layer '{layer}': choose from conv1, c"):
        activations.activation_maps(network, images, layer)


def test_the_first_filters_are_the_weights(network):
    kernel = network.get_layer("conv1").get_weights()[0]
    filters = activations.first_filters(network)
    assert filters.shape == (3, 5, 5)
    np.testing.assert_array_equal(filters[2], kernel[:, :, 0, 2])


def test_a_colour_filter_is_shown_as_it_acts_on_a_grey_face():
    entry = keras.Input((9, 9, 3))
    model = keras.Model(entry, keras.layers.Conv2D(2, 3, use_bias=False, name="c")(entry))
    grey = np.random.default_rng(0).random((1, 9, 9, 1), dtype="float32")
    maps = activations.activation_maps(model, grey.repeat(3, axis=-1), "c")
    for k, kernel in enumerate(activations.first_filters(model)):
        expected = correlate2d(grey[0, :, :, 0], kernel, mode="valid")
        np.testing.assert_allclose(maps[0, :, :, k], expected, atol=1e-5)


def test_a_dense_net_has_no_filters():
    entry = keras.Input((4,))
    model = keras.Model(entry, keras.layers.Dense(2)(entry), name="dense")
    with pytest.raises(ValueError, match="'dense' has no convolution layer"):
        activations.first_filters(model)
