"""Measure how long HOG, PCA and an RBF SVM take to train on all of FER-2013.

    python tools/bench_classical.py
    python tools/bench_classical.py --intelex     with scikit-learn-intelex, if it is installed
    python tools/bench_classical.py --trees       the accuracy of notebook 06's decision trees

The settings are those of notebook 06. The accuracy is measured on PublicTest, and that of the
trees on PrivateTest and on both together as well.
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
    """Return an untrained SVM, scikit-learn's or Intel's."""
    if intelex:
        try:
            from sklearnex.svm import SVC  # type: ignore[import-not-found]
        except ImportError as error:
            raise SystemExit(
                "Intel's SVM is not installed: run pip install scikit-learn-intelex."
            ) from error
    else:
        from sklearn.svm import SVC
    model: ClassifierMixin = SVC(C=2)
    return model


def trees(data: Dataset) -> None:
    """Print the accuracy of a decision tree on the first 25 components and on all 253."""
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
    """Print how long each step takes, or the accuracy of the trees."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--intelex", action="store_true", help="use scikit-learn-intelex's SVM")
    parser.add_argument("--trees", action="store_true", help="measure decision trees instead")
    options = parser.parse_args()
    data = course_faces.load("fer2013")
    if options.trees:
        trees(data)
        return
    model = svm(options.intelex)
    train, public = data.split("Training"), data.split("PublicTest")
    times = [time.perf_counter()]
    gradients = image_features.Gradients(8)
    rows = gradients.transform(train.images)
    times.append(time.perf_counter())
    axes = image_features.pca(rows, COMPONENTS, whiten=True)
    reduced = axes.transform(rows)
    times.append(time.perf_counter())
    model.fit(reduced, train.labels)
    times.append(time.perf_counter())
    print(f"{len(train):,} images, {type(model).__module__.partition('.')[0]}")
    for step, start, end in zip(("HOG", "PCA", "SVM"), times, times[1:], strict=False):
        print(f"{step}      {end - start:7.1f} s")
    print(f"all      {times[-1] - times[0]:7.1f} s")
    public_rows = axes.transform(gradients.transform(public.images))
    print(f"accuracy on PublicTest {model.score(public_rows, public.labels):.4f}")


if __name__ == "__main__":
    main()
