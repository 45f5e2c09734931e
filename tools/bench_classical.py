"""Measure how long HOG, PCA and an RBF SVM take to train on all of FER-2013, features included.

    python tools/bench_classical.py
    python tools/bench_classical.py --intelex     with scikit-learn-intelex, where it is installed

The settings are those of notebook 06; the accuracy is that on PublicTest.
"""

from __future__ import annotations

import argparse
import time

from sklearn.base import ClassifierMixin

from facevalue import classical, datasets

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


def main() -> None:
    """Print the seconds of each step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--intelex", action="store_true", help="use scikit-learn-intelex's SVM")
    options = parser.parse_args()
    model = svm(options.intelex)
    data = datasets.load("fer2013")
    train, public = data.split("Training"), data.split("PublicTest")
    times = [time.perf_counter()]
    rows = classical.Gradients(8).transform(train.images)
    times.append(time.perf_counter())
    axes = classical.pca(rows, COMPONENTS, whiten=True)
    short = axes.transform(rows)
    times.append(time.perf_counter())
    model.fit(short, train.labels)
    times.append(time.perf_counter())
    print(f"{len(train):,} images, {type(model).__module__.partition('.')[0]}")
    for step, start, end in zip(("HOG", "PCA", "SVM"), times, times[1:], strict=False):
        print(f"{step}      {end - start:7.1f} s")
    print(f"all      {times[-1] - times[0]:7.1f} s")
    seen = axes.transform(classical.Gradients(8).transform(public.images))
    print(f"accuracy on PublicTest {model.score(seen, public.labels):.4f}")


if __name__ == "__main__":
    main()
