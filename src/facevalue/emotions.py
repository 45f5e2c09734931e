"""The seven emotions: their order, names, the names other data sets use, and their colours."""

from __future__ import annotations

EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""The class names in FER-2013's order: the label of an image is an index into this tuple."""

COLOURS = {
    "angry": "#D55E00",
    "disgust": "#009E73",
    "fear": "#7B5EA7",
    "happy": "#E69F00",
    "sad": "#0072B2",
    "surprise": "#CC79A7",
    "neutral": "#808080",
}
"""One colour per emotion, after Okabe and Ito (2008), https://jfly.uni-koeln.de/color/;
their black and yellow, unreadable on a dark or a light page, are replaced by grey and violet."""

MARKERS = dict(zip(EMOTIONS, "ovs^DPX", strict=True))
"""One marker per emotion, so that no figure depends on colour alone."""

SYNONYMS = {
    "anger": "angry",
    "an": "angry",
    "disgusted": "disgust",
    "fearful": "fear",
    "afraid": "fear",
    "happiness": "happy",
    "joy": "happy",
    "sadness": "sad",
    "surprised": "surprise",
    "neutrality": "neutral",
}
"""Names that the data sets and the project documents use for the seven emotions."""


def number(name: str) -> int:
    """Return the label (0 to 6) of an emotion's name in any of the spellings data sets use.

    Raises:
        ValueError: `name` is none of the seven emotions.
    """
    key = name.strip().lower().split("/")[0].strip()
    key = SYNONYMS.get(key, key)
    if key not in EMOTIONS:
        raise ValueError(f"{name!r} is not one of the seven emotions {', '.join(EMOTIONS)}.")
    return EMOTIONS.index(key)
