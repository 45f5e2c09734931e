"""What the names of models and test images on the results page mean."""

from __future__ import annotations

import re

SPLITS = {
    "PrivateTest": "faces that served no choice: the fairest number",
    "PublicTest + PrivateTest": "both test sets together, on which most published numbers were "
    "taken; PublicTest also served to choose models",
    "PublicTest": "faces that served to choose models",
    "PrivateTest, after few images": "PrivateTest, for a small network that learned from few "
    "images: what helps against overfitting? (notebook 04)",
    "mixed": "a part of project 1's own mixture of images, its dense networks' task (notebook 03)",
    "drawn, other seed": "drawn faces and pictures without a face, for project 2's question: is "
    "it a face? (notebook 04)",
}
"""The test images of a result, as in reports/results.csv, in the order of the page."""

PROFILES = {
    "best": "each model in its most complete run",
    "full": "trained on all Training images",
    "fast": "trained on few images for a few epochs: it shows how the course runs, not what a "
    "model can reach. Three models learned from all images before: the recogniser, and the bodies "
    "of notebook 05",
}
"""The runs to show."""

EASIER = re.compile("five emotions")
"""The names of models with an easier task than the others: they choose among fewer emotions."""

MODELS = (
    (r"recogniser, accurate", "the shipped recogniser, which this dashboard uses (notebook 04)"),
    (r"recogniser transfer", "a new last layer on the features of a recogniser (notebook 05)"),
    (r"baseline of five emotions", "project 4's CNN, trained and tested on five of the seven "
     "emotions: an easier task (notebook 04)"),
    (r"four convolutions", "project 5's CNN (notebook 04)"),
    (r"CNN of project 3", "a CNN of three convolutions (notebook 04)"),
    (r"cnn6", "project 2's CNN (notebook 04)"),
    (r"small body transfer", "a new last layer on a network that learned to see the muscles of "
     "drawn faces (notebook 05)"),
    (r"small body, fine-tuned", "the same network, then trained further from the top "
     "(notebook 05)"),
    (r"small body, from scratch", "the same network without what it had learned before "
     "(notebook 05)"),
    (r"small CNN", "a CNN of 95,135 parameters (notebook 04)"),
    (r"from scratch, (\d+) faces per emotion", "a small network that knew nothing before, "
     r"trained on \1 faces of each emotion (notebook 05)"),
    (r"ImageNet, (\d+) faces per emotion", "a linear head on a network that knew photos of "
     r"things, trained on \1 faces of each emotion (notebook 05)"),
    (r"same world, (\d+) faces per emotion", "a linear head on a network that knew the muscles "
     r"of drawn faces, trained on \1 faces of each emotion (notebook 05)"),
    (r"recogniser, (\d+) faces per emotion", "a linear head on the body of the recogniser, "
     r"trained on \1 faces of each emotion (notebook 05)"),
    (r"small net, (.+)", r"a small network, against overfitting: \1 (notebook 04)"),
    (r"face or not", "project 2's network that tells faces from other pictures (notebook 04)"),
    (r"best dense net", "the best of the dense networks (notebook 03)"),
    (r"dense ([PS]\d+)", r"row \1 of project 1's table of dense networks (notebook 03)"),
    (r"Model (\d+)", r"project 1's CNN number \1 (notebook 04)"),
    (r"three views, mirrored", "kernel ridge regression on three kinds of features, with mirror "
     "images (notebook 06)"),
    (r"visual words, local and global", "typical small patches of a face (visual words), by a "
     "model for each face and one for all (reports/visual_words.md)"),
    (r"visual words and three views", "visual words, and notebook 06's three views "
     "(reports/visual_words.md)"),
    (r"tuned SVM on (.+)", r"a support vector machine on \1, tuned (notebook 06)"),
    (r"SVM on (.+)", r"a support vector machine on \1 (notebook 06)"),
    (r"LDA on (.+)", r"linear discriminant analysis on \1 (notebook 06)"),
    (r"(logistic regression|gradient boosting|k nearest neighbours|random forest|decision tree)"
     r" on (.+)", r"\1 on \2 (notebook 06)"),
)  # fmt: skip
"""What each model is: a pattern of its name, and the explanation."""

FEATURES = {
    "HOG": "histograms of edge directions (HOG)",
    "LBP": "textures (LBP)",
    "pixels": "grey levels",
    "whitened PCA": "shortened by whitened PCA",
}
"""The features of classical models in words."""


def model(name: str) -> str:
    """Return what a model of reports/results.csv is, or "" if that is unknown.

    >>> model("decision tree on PCA 25")
    'decision tree on 25 principal components (notebook 06)'
    """
    for pattern, text in MODELS:
        if found := re.fullmatch(pattern, name):
            explained = found.expand(text)
            if " on " in name:
                explained = re.sub(
                    r"(?<!whitened )PCA (\d+)", r"\1 principal components", explained
                )
                for short, words in FEATURES.items():
                    explained = re.sub(rf"\b{short}\b(?!\))", words, explained, count=1)
            return explained
    return ""


def is_easier(name: str) -> bool:
    """Return whether a model has an easier task than the seven emotions.

    >>> is_easier("baseline of five emotions"), is_easier("cnn6")
    (True, False)
    """
    return bool(EASIER.search(name))
