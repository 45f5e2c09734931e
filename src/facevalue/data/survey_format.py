"""The columns of the survey Emotions in Everyday Life, and the meaning of its emotion words."""

from __future__ import annotations

POSITIVE = (
    *("Pride", "Love", "Hope", "Gratitude", "Joy", "Satisfaction", "Awe", "Amusement"),
    "Alertness",
)

NEGATIVE = (
    *("Anxiety", "Disdain", "Offense", "Guilt", "Disgust", "Fear", "Embarrassment", "Sadness"),
    "Anger",
)

MISSPELT = {"Ofense": "Offense", "Embarassment": "Embarrassment"}
"""Two columns as the file spells them, and the correct spelling."""

COLUMNS = (
    *("id", "Hours", "Day", *POSITIVE),
    *("Anxiety", "Disdain", "Ofense", "Guilt", "Disgust", "Fear", "Embarassment", "Sadness"),
    "Anger",
)
"""The 21 columns of the file, in its order and spelling."""

ROWS, PEOPLE = 69_544, 12_211
"""The number of reports in the file, and the number of people who wrote them."""

NIGHT = (23, 0, 1, 2, 3, 4)
"""The hours with so few reports (1,614 of the complete ones) that project 1 left them out."""

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
"""Days 1 to 7. That day 1 is Monday is an assumption: the file does not say so."""

FACES: dict[str, str | None] = dict.fromkeys((*POSITIVE, *NEGATIVE)) | {
    "Joy": "happy",
    "Sadness": "sad",
    "Anger": "angry",
    "Disgust": "disgust",
    "Fear": "fear",
}
"""Which of the seven emotions each word names; None if FER-2013 has no such face. Disdain, which
the paper calls contempt, has a face in FACS and in FER+. No word names surprise or neutral."""

BLANK = " "
"""How the file marks a missing value."""
