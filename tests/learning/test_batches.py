"""Batches: every image once per epoch, the same batch for the same seed, epoch and step."""

import subprocess
import sys

import numpy as np
import pytest
from tiny_training import Stream, faces, fit, network, same_curve, same_weights

from facevalue.learning.augmentation import Augmentation
from facevalue.learning.batches import Batches

MIRROR = Augmentation(shift=0, rotate=0, zoom=0, light=0, erase=0)


def test_an_epoch_contains_every_image_once_with_its_label():
    images = np.repeat(np.arange(50, dtype=np.uint8), 16).reshape(50, 4, 4)
    batches = Batches((images, np.arange(50)), 8, augmentation=MIRROR)
    assert len(batches) == 7
    parts = [batches[step] for step in range(7)]
    labels = np.concatenate([labels for _, labels in parts])
    seen = np.concatenate([images for images, _ in parts])
    assert sorted(labels) == list(range(50))
    assert list(labels) != list(range(50))
    assert seen[:, 0, 0, 0] * 255 == pytest.approx(labels)
    assert labels.mean() == 24.5


def test_a_batch_depends_on_the_seed_the_epoch_and_the_step_alone():
    one = Batches(faces(), 8, augmentation=Augmentation())
    other = Batches(faces(), 8, augmentation=Augmentation())
    one[0], one[3]  # the past does not matter
    assert np.array_equal(one[2][0], other[2][0])
    other.epoch = 1
    assert not np.array_equal(one[2][0], other[2][0])
    assert not np.array_equal(one[2][0], Batches(faces(), 8, seed=1)[2][0])


def test_uint8_becomes_float32_from_0_to_1_and_floats_are_unchanged():
    noise = np.random.default_rng(1).random((4, 12, 12, 1), dtype=np.float32)
    images, _ = Batches((np.full((1, 4, 4), 255, np.uint8), np.zeros(1)))[0]
    assert images.dtype == np.float32
    assert images.shape == (1, 4, 4, 1)
    assert images.max() == 1
    assert np.array_equal(Batches((noise, np.zeros(4)), shuffle=False)[0][0], noise)


@pytest.mark.slow
def test_a_stream_trains_like_images_in_memory():
    stream, one, other = Stream(), network(), network()
    streamed = fit(one, stream, keep=False, epochs=1)
    assert stream.most <= 8
    assert same_curve(streamed, fit(other, keep=False, epochs=1))
    assert same_weights(one, other)


@pytest.mark.slow
@pytest.mark.skipif(
    sys.platform == "win32", reason="Windows does not report a process's peak memory"
)
def test_all_of_fer2013_at_224_pixels_trains_in_4_gb():
    """As 32-bit numbers the images would take 5.8 GB, as bytes 1.4; here they are all black."""
    code = """
import keras, numpy as np, resource, sys
from keras import layers
from facevalue.learning import training

class Soon(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        self.model.stop_training = batch >= 1

images = np.zeros((28_709, 224, 224), np.uint8)
images += 1  # zeros alone take no memory
x = inputs = keras.Input((224, 224, 1))
for filters in (16, 32, 64, 64):
    x = layers.Conv2D(filters, 3, activation="relu", padding="same")(x)
    x = layers.MaxPooling2D()(layers.BatchNormalization()(x))
model = keras.Model(inputs, layers.Dense(7, "softmax")(layers.Flatten()(x)))
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
data = images, np.zeros(len(images), int)
training.fit(model, data, epochs=1, batch_size=32, callbacks=[Soon()], keep=False, verbose=0)
unit = 1 if sys.platform == "darwin" else 1024
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 1.4e9 < int(done.stdout) < 4e9
