"""Maps, filters and Grad-CAM, against convolutions and sums computed by SciPy and by hand."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from scipy.signal import correlate2d

from facevalue.drawing import drawn_set
from facevalue.emotions import EMOTIONS
from facevalue.evaluation import activations, grad_cam, muscles


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
def images():
    return np.random.default_rng(0).random((4, 48, 48, 1), dtype="float32")


def test_maps_are_the_convolution_of_the_image_with_the_kernel(network, images):
    maps = activations.activation_maps(network, images, "conv1")
    kernel, bias = network.get_layer("conv1").get_weights()
    for n, k in np.ndindex(4, 3):
        expected = correlate2d(images[n, :, :, 0], kernel[:, :, 0, k], mode="valid") + bias[k]
        np.testing.assert_allclose(maps[n, :, :, k], np.maximum(expected, 0), atol=1e-5)


def test_maps_of_a_network_that_computes_in_bfloat16_can_be_drawn(images):
    maps = activations.activation_maps(pooled(dtype="mixed_bfloat16"), images, "conv")
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


def test_looking_inside_does_not_change_the_predictions(network, images):
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
def test_a_layer_that_is_no_convolution_is_refused(network, images, layer):
    with pytest.raises(ValueError, match=f"no convolution layer '{layer}': choose from conv1, c"):
        activations.activation_maps(network, images, layer)


# ------------------------------------------------------------------------------ filters


def test_the_first_filters_are_the_weights(network):
    kernel = network.get_layer("conv1").get_weights()[0]
    filters = activations.first_filters(network)
    assert filters.shape == (3, 5, 5)
    np.testing.assert_array_equal(filters[2], kernel[:, :, 0, 2])


def test_a_filter_of_colour_is_shown_as_a_grey_face_meets_it():
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


# ------------------------------------------------------------------------------ Grad-CAM


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


def test_a_network_that_is_quite_sure_is_explained_all_the_same(images):
    model = pooled()
    kernel, bias = model.get_layer("emotion").get_weights()
    expected = grad_cam.grad_cam(model, images, np.full(4, 2))
    bias[2] = 1e4  # the softmax is flat here: its own slope would be 0
    model.get_layer("emotion").set_weights([kernel, bias])
    assert model.predict(images, verbose=0)[:, 2].min() == 1
    np.testing.assert_allclose(grad_cam.grad_cam(model, images), expected, atol=1e-5)


def test_one_sigmoid_speaks_for_both_classes(images):
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


def test_many_images_are_explained_in_parts(monkeypatch, images):
    whole = grad_cam.grad_cam(pooled(), images)
    monkeypatch.setattr(grad_cam, "TOGETHER", 3)
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


def test_through_a_dense_layer_the_slopes_are_its_weights(images):
    model = deep()
    found = grad_cam.grad_cam(model, images, np.full(4, 5), layer="pool2")
    probe = keras.Model(model.input, model.get_layer("pool2").output)
    maps = keras.ops.convert_to_numpy(probe(images))
    slopes = model.get_layer("emotion").get_weights()[0][:, 5].reshape(12, 12, 4)
    heat = np.maximum(maps @ slopes.mean(axis=(0, 1)), 0)
    for n in range(4):
        large = keras.ops.image.resize(heat[n][..., None], (48, 48))
        large = keras.ops.convert_to_numpy(large)[..., 0]
        np.testing.assert_allclose(found[n], large / max(large.max(), 1e-9), atol=1e-4)


def test_grad_cam_finds_what_the_answer_hangs_on():
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
    assert muscles.inside_share(grad_cam.grad_cam(model, image, np.array([1])), mask) == 1
    # brightness speaks against the other class: nothing is for it
    nothing = grad_cam.grad_cam(model, image, np.array([0]))
    assert not nothing.any()
    assert np.isnan(muscles.inside_share(nothing, mask)).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((2, 64, 64, 1), "float32")}, r"shape \(n, 48, 48, 1\), not \(2, 64"),
        ({"labels": np.array([1, 2])}, r"labels must have the shape \(4,\), not \(2,\)"),
        ({"labels": np.array([0, 1, 2, 7])}, "labels must be from 0 to 6"),
        ({"layer": "conv9"}, "has no layer 'conv9'"),
        ({"layer": "flatten"}, "'flatten' has no maps: choose a convolution layer"),
        ({"layer": "conv2"}, "'conv2' lies on one of several paths"),
    ],
)
def test_what_cannot_be_explained_is_refused(images, change, message):
    with pytest.raises(ValueError, match=message):
        grad_cam.grad_cam(deep(), **({"images": images} | change))


def test_explaining_does_not_change_the_predictions(network, images):
    before = network.predict(images, verbose=0)
    grad_cam.grad_cam(network, images)
    np.testing.assert_array_equal(network.predict(images, verbose=0), before)


# ------------------------------------------------------------------------------ the truth


def test_the_share_inside_by_hand():
    maps = np.array([[[1.0, 3.0], [0.0, 4.0]], [[0.0, 0.0], [0.0, 0.0]]])
    mask = np.array([[True, False], [False, True]])
    share = muscles.inside_share(maps, mask)
    assert share[0] == pytest.approx(5 / 8) and np.isnan(share[1])
    both = muscles.inside_share(maps, np.stack([~mask, mask]))
    assert both[0] == pytest.approx(3 / 8) and both.dtype == np.float32


def test_a_map_without_direction_has_the_share_of_chance():
    mask = np.random.default_rng(0).random((5, 48, 48)) < 0.3
    share = muscles.inside_share(np.ones((5, 48, 48)), mask)
    np.testing.assert_allclose(share, mask.mean(axis=(1, 2)), rtol=1e-5)


def test_masks_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"shape of maps \(1, 48, 48\), not \(6, 6\)"):
        muscles.inside_share(np.ones((1, 48, 48)), np.ones((6, 6), bool))


@pytest.fixture(scope="module")
def truth():
    return drawn_set.sample(28, seed=3, clean=True, progress=False).truth


def test_a_neutral_face_has_not_moved(truth):
    for row in truth[truth["emotion"] == "neutral"].to_dict("records"):
        assert not muscles.moved_region(row).any()


def test_every_emotion_moves_a_part_of_the_face(truth):
    for _, row in truth[truth["emotion"] != "neutral"].iterrows():
        region = muscles.moved_region(row)
        assert (region.shape, region.dtype) == ((48, 48), bool)
        assert 0.02 < region.mean() < 0.5


@pytest.mark.parametrize(("unit", "rows"), [("au_2", slice(0, 24)), ("au_12", slice(24, 48))])
def test_brows_move_above_and_lips_below(unit, rows):
    region = muscles.moved_region({unit: 1.0})
    assert region[rows].sum() > 0.9 * region.sum() > 0


def test_noise_and_compression_do_not_count_as_movement():
    noisy = {"au_12": 0.0, "noise": 0.03, "jpeg": 30, "occlusion": "hand", "texture": 5}
    assert not muscles.moved_region(noisy).any()


def test_what_a_microphone_hides_has_not_moved():
    shown = muscles.moved_region({"au_26": 1.0, "au_25": 1.0})
    hidden = muscles.moved_region({"au_26": 1.0, "au_25": 1.0, "occlusion": "microphone"})
    assert hidden.sum() < shown.sum()


def test_a_face_whose_truth_is_unknown_is_refused():
    with pytest.raises(ValueError, match="no columns au_N"):
        muscles.moved_region({"emotion": "happy"})


def test_moved_shares_leaves_out_faces_at_rest(network):
    drawn = drawn_set.sample(40, 3, clean=True, progress=False)
    table = muscles.moved_shares(network, drawn)
    neutral = drawn.labels == EMOTIONS.index("neutral")
    assert 10 < len(table) <= 40 - neutral.sum()
    assert not set(table.index) & set(np.flatnonzero(neutral))
    assert table[["inside", "chance"]].stack().between(0, 1).all()
    answers = network.predict(drawn.x, verbose=0).argmax(axis=1)
    assert (table["right"] == (answers == drawn.labels)[table.index]).all()


def test_moved_shares_needs_drawn_faces(network):
    drawn = replace(drawn_set.sample(10, 3, clean=True, progress=False), truth=None)
    with pytest.raises(ValueError, match="drawn"):
        muscles.moved_shares(network, drawn)
