"""Measure how long HOG, PCA and an RBF SVM take to train on all of FER-2013, features included.

    python tools/bench_classical.py
    python tools/bench_classical.py --intelex     with scikit-learn-intelex, where it is installed
    python tools/bench_classical.py --trees       the accuracy of notebook 06's decision trees

The settings are those of notebook 06; the accuracy is that on PublicTest, for the trees also that
on both test splits.
"""

from __future__ import annotations

import argparse
import time

from sklearn.base import ClassifierMixin
from sklearn.tree import DecisionTreeClassifier

from facevalue.data.dataset import Dataset
from facevalue.drawing import course_faces
from facevalue.learning import image_features

COMPONENTS = 253


def svm(intelex: bool) -> ClassifierMixin:
    """Return the untrained SVM, scikit-learn's own or Intel's."""
    if intelex:
        try:
            from sklearnex.svm import SVC  # type: ignore[import-not-found]
        except ImportError:
            sentence = "scikit-learn-intelex is missing: pip install scikit-learn-intelex"
            raise SystemExit(sentence) from None
    else:
        from sklearn.svm import SVC
    model: ClassifierMixin = SVC(C=2)
    return model


def trees(data: Dataset) -> None:
    """Print what a tree reaches on the first 25 components and on all 253."""
    train, tests = data.split("Training"), data.split("PublicTest", "PrivateTest")
    public = tests.splits == "PublicTest"
    pixels, test_pixels = (image_features.Pixels().transform(d.images) for d in (train, tests))
    axes = image_features.pca(pixels, COMPONENTS)
    rows, test_rows = axes.transform(pixels), axes.transform(test_pixels)
    for kept in (25, COMPONENTS):
        tree = DecisionTreeClassifier(max_depth=14, random_state=42)
        right = tree.fit(rows[:, :kept], train.labels).predict(test_rows[:, :kept]) == tests.labels
        print(
            f"decision tree on {kept:3} components: PublicTest {right[public].mean():.4f}, "
            f"PrivateTest {right[~public].mean():.4f}, both {right.mean():.4f}"
        )


def main() -> None:
    """Print the seconds of each step, or the trees' accuracy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--intelex", action="store_true", help="use scikit-learn-intelex's SVM")
    parser.add_argument("--trees", action="store_true", help="the decision trees instead")
    options = parser.parse_args()
    data = course_faces.load("fer2013")
    if options.trees:
        trees(data)
        return
    model = svm(options.intelex)
    train, public = data.split("Training"), data.split("PublicTest")
    times = [time.perf_counter()]
    rows = image_features.Gradients(8).transform(train.images)
    times.append(time.perf_counter())
    axes = image_features.pca(rows, COMPONENTS, whiten=True)
    short = axes.transform(rows)
    times.append(time.perf_counter())
    model.fit(short, train.labels)
    times.append(time.perf_counter())
    print(f"{len(train):,} images, {type(model).__module__.partition('.')[0]}")
    for step, start, end in zip(("HOG", "PCA", "SVM"), times, times[1:], strict=False):
        print(f"{step}      {end - start:7.1f} s")
    print(f"all      {times[-1] - times[0]:7.1f} s")
    seen = axes.transform(image_features.Gradients(8).transform(public.images))
    print(f"accuracy on PublicTest {model.score(seen, public.labels):.4f}")


if __name__ == "__main__":
    main()
