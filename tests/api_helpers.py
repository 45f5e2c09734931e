"""What the tests of the image database's API share: rows for a database, and requests."""

import numpy as np
import pandas as pd
from databases import postgresql, url  # noqa: F401 - fixtures: both kinds of database

from facevalue.collection import database_import
from facevalue.emotions import EMOTIONS

SOURCES = pd.DataFrame(
    [
        ("Pixabay", "https://pixabay.com/api/docs", "Pixabay Content License"),
        ("FER-2013", "https://kaggle.com", "not to be passed on"),
    ],
    columns=["name", "address", "licence"],
)


def picture(value, emotion="happy", source="FER-2013", shape=(48, 48), **known):
    """One row: a grey or colour image of one value."""
    image = np.full(shape, value, np.uint8)
    return database_import.image_row(image, source, emotion, f"<b>no {value}</b>", **known)


def rows():
    """30 grey images of all emotions, and two colour ones from Pixabay."""
    made = [picture(value, EMOTIONS[value % 7]) for value in range(30)]
    known = {"licence": "CC0", "author": "Ada", "address": "javascript:alert(1)"}
    made.append(picture(200, "surprise", "Pixabay", (40, 60, 3), **known))
    made.append(picture(201, "happy", "Pixabay", (60, 60, 3)))
    return pd.DataFrame(made)


def get(client, path, status=200):
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    return answer.json()


def ids(answer):
    return [image["id"] for image in answer["images"]]
