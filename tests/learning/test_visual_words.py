"""Bag of visual words: descriptions of patches, vocabulary, pyramid, and local learning."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge

from facevalue.learning import visual_words
from facevalue.learning.visual_words import Comparisons, Vocabulary

RIGHT, DOWN_RIGHT, DOWN = 0, 1, 2
"""Directions of a gradient, as `dense_sift` numbers them."""


def ramp(right: float, down: float) -> np.ndarray:
    """Return an image, (1, 48, 48), that gets brighter evenly in one direction."""
    rows, columns = np.mgrid[:48, :48]
    return np.round(right * columns + down * rows).astype("uint8")[None]


def photo(seed: int = 0) -> np.ndarray:
    """Return an image of random grey levels from 20 to 120, (1, 48, 48)."""
    return np.random.default_rng(seed).integers(20, 120, (1, 48, 48)).astype("uint8")


def by_place(found: np.ndarray) -> np.ndarray:
    """Return what `dense_sift` found as (n, side, side, 4, 4, 8)."""
    side = int(found.shape[1] ** 0.5)
    return found.reshape(len(found), side, side, 4, 4, 8)


@pytest.mark.parametrize(
    ("image", "direction"),
    [(ramp(2, 0), RIGHT), (ramp(2, 2), DOWN_RIGHT), (ramp(0, 2), DOWN)],
)
def test_a_ramp_has_one_direction(image, direction):
    patch = by_place(visual_words.dense_sift(image, 3, 18))[0, 1, 1]
    assert patch[..., direction] == pytest.approx(0.25, abs=1e-3)  # 16 equal bins of length 1
    assert np.delete(patch, direction, axis=-1) == pytest.approx(0, abs=1e-3)


def test_a_direction_between_two_is_shared():
    """A slope of 1 in 2 points 26.57 degrees down: 59 % of the way from right to down-right."""
    patch = by_place(visual_words.dense_sift(ramp(2, 1), 3, 18))[0, 1, 1, 1, 1]
    shares = patch**2 / (patch**2).sum()
    part = np.degrees(np.arctan(0.5)) / 45
    assert shares[[RIGHT, DOWN_RIGHT]] == pytest.approx([1 - part, part], abs=1e-3)


def test_a_bin_sums_the_gradients_around_it():
    """Compare every bin with sums over the pixels, written from the definition."""
    image, scale = photo(), 4
    patches = by_place(visual_words.dense_sift(image, scale, 8)) ** 2
    wide = np.pad(image[0].astype(float), 1, mode="edge")
    right, down = wide[1:-1, 2:] - wide[1:-1, :-2], wide[2:, 1:-1] - wide[:-2, 1:-1]
    angle = np.arctan2(down, right) / (np.pi / 4)
    expected = np.zeros((4, 4, 8))
    middle = visual_words.centres(scale, 8)
    for y in range(48):
        for x in range(48):
            for i in range(4):
                for j in range(4):
                    far_y = abs(y + 0.5 - middle[1] - (i - 1.5) * scale) / scale
                    far_x = abs(x + 0.5 - middle[2] - (j - 1.5) * scale) / scale
                    weight = max(1 - far_y, 0) * max(1 - far_x, 0)
                    for k in range(8):
                        off = abs((angle[y, x] - k + 4) % 8 - 4)
                        near = max(1 - off, 0) * np.hypot(right[y, x], down[y, x])
                        expected[i, j, k] += weight * near
    assert patches[0, 1, 2] == pytest.approx(expected / expected.sum(), abs=1e-5)


def test_brightness_and_contrast_do_not_matter():
    image = photo()
    first, second = (visual_words.dense_sift(x, 4, 4) for x in (image, image * 2 + 10))
    assert first == pytest.approx(second, abs=1e-4)
    assert np.linalg.norm(first, axis=2) == pytest.approx(1, abs=1e-4)


def test_a_plain_image_has_no_directions():
    assert not visual_words.dense_sift(np.full((1, 48, 48), 90, np.uint8), 4, 4).any()


def test_a_quarter_turn_moves_places_bins_and_directions():
    """Turning the image turns the grid of places, the bins in a patch, and each direction by 90."""
    image = photo()
    turned = by_place(visual_words.dense_sift(np.rot90(image, axes=(1, 2)), 4, 4))
    plain = by_place(visual_words.dense_sift(image, 4, 4))
    plain = np.rot90(np.rot90(plain, axes=(1, 2)), axes=(3, 4))
    assert turned == pytest.approx(np.roll(plain, -2, axis=-1), abs=1e-4)  # right becomes up


@pytest.mark.parametrize(("scale", "step"), [(2, 2), (3, 2), (6, 4), (12, 1)])
def test_places_are_symmetric_and_patches_inside(scale, step):
    middle = visual_words.centres(scale, step)
    assert middle == pytest.approx(48 - middle[::-1])
    assert middle.min() >= 2 * scale
    assert middle.min() - step < 2 * scale  # no room for one more
    assert np.diff(middle) == pytest.approx(step)


@pytest.mark.parametrize(("scale", "step"), [(13, 1), (0, 2), (4, 0)])
def test_patches_that_do_not_fit(scale, step):
    with pytest.raises(ValueError, match="do not fit into 48 pixels"):
        visual_words.dense_sift(photo(), scale, step)


def test_a_patch_gets_the_nearest_word_and_the_side_it_lies_on():
    images = np.concatenate([photo(seed) for seed in range(8)])
    book = visual_words.learn(images, scale=4, step=4, words=20)
    assert len(book) == 20
    found = visual_words.numbers(images, book)
    patches = visual_words.dense_sift(images, 4, 4)
    order = visual_words.mirror_order()
    for word, patch in zip(found.ravel(), patches.reshape(-1, 128), strict=True):
        seen = patch if patch @ book.axis >= 0 else patch[order]
        nearest = np.argmin(((book.words - seen) ** 2).sum(axis=1))
        assert word == nearest + (10 if patch @ book.axis < 0 else 0)


def test_words_of_a_mirrored_image_follow_from_those_of_the_image(drawn):
    book = visual_words.learn(drawn.images[:40], scale=3, step=3, words=30)
    straight = visual_words.numbers(drawn.images[40:60], book)
    turned = visual_words.numbers(drawn.images[40:60, :, ::-1], book)
    assert (visual_words.mirrored(straight, book) == turned).mean() > 0.97  # plain patches tie
    assert np.array_equal(
        visual_words.mirrored(visual_words.mirrored(straight, book), book), straight
    )


@pytest.mark.parametrize("words", [0, 7, 10_000])
def test_a_vocabulary_that_cannot_be_learnt(words):
    with pytest.raises(ValueError, match="choose an even number"):
        visual_words.learn(photo(), scale=6, step=8, words=words)


def book(scale: int, words: int) -> Vocabulary:
    """Return a vocabulary whose words are never looked at."""
    return Vocabulary(scale, 12, np.zeros(128, "f"), np.zeros((words // 2, 128), "f"))


def test_presence_by_hand():
    """Nine places at 12, 24 and 36 pixels: those at 24 lie in both halves of the face."""
    found = np.array([[0, 0, 0, 0, 1, 0, 0, 0, 3]])
    rows = visual_words.presence([found], [book(6, 4)], (1, 2)).toarray()[0]
    assert rows.reshape(5, 4).astype(int).tolist() == [
        [1, 1, 0, 1],  # the whole face; the word 0 counts once
        [1, 1, 0, 0],
        [1, 1, 0, 0],
        [1, 1, 0, 0],
        [1, 1, 0, 1],  # the lower right quarter
    ]


def test_presence_of_two_scales_stands_side_by_side():
    one, two = np.array([[1] * 9]), np.array([[0, 1, 2, 0, 1, 2, 0, 1, 2]])
    both = visual_words.presence([one, two], [book(6, 4), book(6, 6)], (1,)).toarray()
    assert both.astype(int).tolist() == [[0, 1, 0, 0, 1, 1, 1, 0, 0, 0]]


def test_shared_words_are_the_products_of_the_rows():
    rng = np.random.default_rng(0)
    words = [rng.integers(0, 8, (n, 9)) for n in (5, 7)]
    first, second = (visual_words.presence([w], [book(6, 8)], (1, 3)) for w in words)
    counts = np.array(list(visual_words.shared(first, second)))
    assert counts.dtype == np.uint16
    assert np.array_equal(counts, first.toarray().astype(int) @ second.toarray().astype(int).T)


def points(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return points on a circle, and labels that change six times around it."""
    angle = np.random.default_rng(seed).uniform(0, 2 * np.pi, n)
    places = 100 * np.stack([np.cos(angle), np.sin(angle), np.ones(n)], axis=1)
    return places, (angle // (np.pi / 3)).astype(int) % 2


def compared(first: np.ndarray, second: np.ndarray, width: float = 0.0) -> Comparisons:
    """Return the comparisons of points by their products, which are 0 or more."""
    sizes = [(x**2).sum(axis=1) for x in (first, second)]
    return Comparisons(np.round(first @ second.T).astype("uint16"), *sizes, width)


def test_local_models_solve_what_one_linear_model_cannot():
    places, labels = points(0, 400)
    new, truth = points(1, 100)
    tests, training = compared(new, places), compared(places, places)
    every = np.arange(400)
    weights = visual_words.solved(training.block(every), labels, 2, 0.1)
    together = (tests.block(np.arange(100)) @ weights).argmax(axis=1)
    assert (together == truth).mean() < 0.7
    scores = visual_words.local_scores(tests, training, labels, 2, neighbours=30, penalty=0.01)
    assert (np.array(list(scores)).argmax(axis=1) == truth).mean() > 0.9


@pytest.mark.parametrize("width", [0.0, 3.0])
def test_with_all_neighbours_it_is_one_kernel_ridge_regression(width):
    places, labels = points(0, 60)
    new, _ = points(1, 10)
    tests, training = compared(new, places, width), compared(places, places, width)
    scores = visual_words.local_scores(tests, training, labels, 2, neighbours=60, penalty=0.5)

    def kernel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        cosine = first @ second.T / 20_000  # each point has the squared length 20,000
        return np.exp(width * (cosine - 1)) if width else cosine

    ridge = KernelRidge(alpha=0.5, kernel="precomputed")
    ridge.fit(kernel(places, places), np.where(labels[:, None] == [0, 1], 1, -1))
    assert np.array(list(scores)) == pytest.approx(ridge.predict(kernel(new, places)), abs=0.01)


@pytest.mark.parametrize("neighbours", [0, 11])
def test_neighbours_that_do_not_exist(neighbours):
    places, labels = points(0, 10)
    same = compared(places, places)
    with pytest.raises(ValueError, match="choose 1 to 10"):
        next(visual_words.local_scores(same, same, labels, 2, neighbours, 0.1))
