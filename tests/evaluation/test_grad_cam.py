"""Grad-CAM against sums computed by hand."""

import keras
import numpy as np
import pytest

from facevalue.evaluation import activations, grad_cam, movement


def pooled(activation="softmax", classes=7, dtype=None):
    """A network for which Grad-CAM is a sum that can be written down."""
    keras.utils.set_random_seed(1)
    face = keras.Input((48, 48, 1), name="face")
    x = keras.layers.Conv2D(6, 3, padding="same", activation="relu", name="conv", dtype=dtype)(face)
    x = keras.layers.GlobalAveragePooling2D(name="mean", dtype=dtype)(x)
    dense = keras.layers.Dense(classes, activation=activation, name="emotion", dtype="float32")
    return keras.Model(face, dense(x))


def by_hand(model, images, label, sign=1.0):
    """Class activation maps, Zhou and others (2016), which Grad-CAM generalises."""
    maps = activations.activation_maps(model, images, "conv")
    heat = np.maximum(maps @ (sign * model.get_layer("emotion").get_weights()[0][:, label]), 0)
    peak = heat.max(axis=(1, 2), keepdims=True)
    return heat / np.where(peak > 0, peak, 1)


@pytest.mark.parametrize("label", range(7))
def test_after_a_mean_of_the_maps_it_is_the_class_activation_map(images, label):
    model = pooled()
    found = grad_cam.grad_cam(model, images, np.full(4, label))
    assert (found.shape, found.dtype) == ((4, 48, 48), np.float32)
    np.testing.assert_allclose(found, by_hand(model, images, label), atol=1e-4)


def test_without_labels_the_prediction_is_explained(images):
    model = pooled()
    guesses = model.predict(images, verbose=0).argmax(axis=1)
    np.testing.assert_allclose(
        grad_cam.grad_cam(model, images), grad_cam.grad_cam(model, images, guesses), atol=1e-6
    )


def test_a_network_that_is_certain_is_explained_too(images):
    model = pooled()
    kernel, bias = model.get_layer("emotion").get_weights()
    expected = grad_cam.grad_cam(model, images, np.full(4, 2))
    bias[2] = 1e4  # the softmax is flat here: its own gradient would be 0
    model.get_layer("emotion").set_weights([kernel, bias])
    assert model.predict(images, verbose=0)[:, 2].min() == 1
    np.testing.assert_allclose(grad_cam.grad_cam(model, images), expected, atol=1e-5)


def test_one_sigmoid_is_explained_for_both_classes(images):
    model = pooled("sigmoid", 1)
    found = grad_cam.grad_cam(model, images[:2], np.array([0, 1]))
    np.testing.assert_allclose(found[:1], by_hand(model, images[:1], 0, -1.0), atol=1e-4)
    np.testing.assert_allclose(found[1:], by_hand(model, images[1:2], 0), atol=1e-4)


def test_bfloat16_is_explained_too(images):
    low, high = pooled(dtype="mixed_bfloat16"), pooled()
    high.set_weights(low.get_weights())
    found = grad_cam.grad_cam(low, images, np.full(4, 3))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, grad_cam.grad_cam(high, images, np.full(4, 3)), atol=0.05)


@pytest.mark.slow
def test_many_images_are_explained_in_parts(monkeypatch, images):
    whole = grad_cam.grad_cam(pooled(), images)
    monkeypatch.setattr(grad_cam, "BATCH", 3)
    np.testing.assert_allclose(grad_cam.grad_cam(pooled(), images), whole, atol=1e-5)
    assert grad_cam.grad_cam(pooled(), images[:0]).shape == (0, 48, 48)


def deep():
    """Two blocks as the notebooks build them, and a detour around the second convolution."""
    face = keras.Input((48, 48, 1), name="face")
    x = keras.layers.Conv2D(4, 3, padding="same", name="conv1")(face)
    x = keras.layers.MaxPooling2D(name="pool1")(x)
    y = keras.layers.Conv2D(4, 3, padding="same", name="conv2")(x)
    y = keras.layers.BatchNormalization(name="bn2")(y)
    y = keras.layers.Add(name="sum")([x, y])
    y = keras.layers.ReLU(name="relu2")(y)
    y = keras.layers.MaxPooling2D(name="pool2")(y)
    y = keras.layers.Dropout(0.5, name="dropout")(keras.layers.Flatten(name="flatten")(y))
    return keras.Model(face, keras.layers.Dense(7, activation="softmax", name="emotion")(y))


def test_the_maps_are_taken_after_normalisation_and_relu(images):
    model = deep()
    expected = grad_cam.grad_cam(model, images, layer="relu2")
    np.testing.assert_array_equal(grad_cam.grad_cam(model, images), expected)
    assert grad_cam.grad_cam(model, images, layer="conv1").shape == (4, 48, 48)


def test_through_a_dense_layer_the_gradients_are_its_weights(images):
    model = deep()
    found = grad_cam.grad_cam(model, images, np.full(4, 5), layer="pool2")
    probe = keras.Model(model.input, model.get_layer("pool2").output)
    maps = keras.ops.convert_to_numpy(probe(images))
    gradients = model.get_layer("emotion").get_weights()[0][:, 5].reshape(12, 12, 4)
    heat = np.maximum(maps @ gradients.mean(axis=(0, 1)), 0)
    for n in range(4):
        large = keras.ops.image.resize(heat[n][..., None], (48, 48))
        large = keras.ops.convert_to_numpy(large)[..., 0]
        np.testing.assert_allclose(found[n], large / max(large.max(), 1e-9), atol=1e-4)


def test_grad_cam_finds_the_region_that_decides_the_answer():
    entry = keras.Input((48, 48, 1))
    x = keras.layers.Conv2D(1, 3, padding="same", use_bias=False, name="c")(entry)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(entry, keras.layers.Dense(2, activation="softmax", name="d")(x))
    model.get_layer("c").set_weights([np.ones((3, 3, 1, 1)) / 9])
    model.get_layer("d").set_weights([np.array([[-1.0, 1.0]]), np.zeros(2)])
    image = np.zeros((1, 48, 48, 1), "float32")
    image[0, 30:36, 8:14] = 1
    mask = np.zeros((48, 48), bool)
    mask[29:37, 7:15] = True
    assert movement.inside_share(grad_cam.grad_cam(model, image, np.array([1])), mask) == 1
    # brightness decreases the score of the other class, so no region increases it
    nothing = grad_cam.grad_cam(model, image, np.array([0]))
    assert not nothing.any()
    assert np.isnan(movement.inside_share(nothing, mask)).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((2, 64, 64, 1), "float32")}, r"shape \(n, 48, 48, 1\), not \(2, 64"),
        ({"labels": np.array([1, 2])}, r"Labels must have the shape \(4,\), not \(2,\)"),
        ({"labels": np.array([0, 1, 2, 7])}, "Labels must be from 0 to 6"),
        ({"layer": "conv9"}, "has no layer 'conv9'"),
        ({"layer": "flatten"}, "'flatten' has no maps: choose a convolution layer"),
        ({"layer": "conv2"}, "'conv2' lies on one of several parallel paths"),
    ],
)
def test_wrong_arguments_are_refused(images, change, message):
    with pytest.raises(ValueError, match=message):
        grad_cam.grad_cam(deep(), **({"images": images} | change))


@pytest.mark.slow
def test_explaining_does_not_change_the_predictions(network, images):
    before = network.predict(images, verbose=0)
    grad_cam.grad_cam(network, images)
    np.testing.assert_array_equal(network.predict(images, verbose=0), before)
