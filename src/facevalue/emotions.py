"""The seven emotions: their names, order, synonyms in other data sets, colours and markers."""

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
"""One colour per emotion, from the palette of Okabe and Ito (2008),
https://jfly.uni-koeln.de/color/. Grey and violet replace its black and yellow, which are hard to
see on a dark and on a light page."""

MARKERS = dict(zip(EMOTIONS, "ovs^DPX", strict=True))
"""One Matplotlib marker per emotion, so that no figure depends on colour alone."""

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
"""Other names for the seven emotions, used by the data sets and the earlier projects."""


def number(name: str) -> int:
    """Return the label (0 to 6) of an emotion, given its name or one of `SYNONYMS`.

    Case is ignored, and so is anything after a slash.

    Raises:
        ValueError: `name` is not one of the seven emotions.

    >>> number("Happiness")
    3
    """
    key = name.strip().lower().split("/")[0].strip()
    key = SYNONYMS.get(key, key)
    if key not in EMOTIONS:
        raise ValueError(f"{name!r} is not one of the seven emotions: use {', '.join(EMOTIONS)}.")
    return EMOTIONS.index(key)
