from __future__ import annotations

import io
from collections import Counter

import numpy as np
import pytest
import requests
from PIL import Image

from facevalue.collection import photo_service
from facevalue.collection.image_search import WORDS
from facevalue.drawing import faces
from facevalue.emotions import EMOTIONS

FIELDS = {
    *("id", "pageURL", "type", "tags", "previewURL", "previewWidth", "previewHeight"),
    *("webformatURL", "webformatWidth", "webformatHeight", "largeImageURL"),
    *("imageWidth", "imageHeight", "imageSize", "views", "downloads", "collections", "likes"),
    *("comments", "user_id", "user", "userImageURL"),
}
"""Every field of a hit that https://pixabay.com/api/docs/ documents for all callers."""


def ask(service: photo_service.Service, **query: object) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(service.address, params={"key": service.key} | query, timeout=30)


def get(address: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(address, timeout=30)


def everything(service: photo_service.Service) -> list[dict]:
    """All photos, as their hits."""
    return ask(service, per_page=200).json()["hits"]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw noise instead of photos, which is a hundred times faster."""

    def photo(rng: np.random.Generator, people: int, shown: tuple[str, ...]) -> faces.Photo:
        image = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
        return faces.Photo(image, np.full((people, 4), 20), shown)

    monkeypatch.setattr(faces, "photo", photo)


@pytest.mark.slow
def test_it_answers_as_pixabay_documents() -> None:
    with photo_service.start(8) as service:
        answer = ask(service, q="", per_page=3, page=2)
        assert answer.headers["Content-Type"] == "application/json"
        found = answer.json()
        assert (found["total"], found["totalHits"], len(found["hits"])) == (8, 8, 3)
        for hit in found["hits"]:
            assert set(hit) == FIELDS
            image = get(hit["largeImageURL"])
            assert len(image.content) == hit["imageSize"]
            with Image.open(io.BytesIO(image.content)) as opened:
                assert opened.size == (hit["imageWidth"], hit["imageHeight"])
                assert max(opened.size) <= 1280
                assert image.headers["Content-Type"] == f"image/{opened.format.lower()}"
            for name in ("webformat", "preview"):
                with Image.open(io.BytesIO(get(hit[f"{name}URL"]).content)) as opened:
                    assert opened.size == (hit[f"{name}Width"], hit[f"{name}Height"])
            page = get(hit["pageURL"])
            assert "text/html" in page.headers["Content-Type"]
            assert page.status_code == 200


@pytest.mark.slow
def test_the_truth_of_a_photo_is_what_was_served() -> None:
    with photo_service.start(7) as service:
        for hit in everything(service):
            for address in (hit["largeImageURL"], hit["webformatURL"]):
                photo = service.photo(address)
                assert photo.image.dtype == np.uint8
                with Image.open(io.BytesIO(get(address).content)) as image:
                    assert (np.asarray(image.convert("RGB")) == photo.image).all()
                assert len(photo.boxes) == len(photo.emotions) <= 1
                for x, y, width, height in photo.boxes:
                    assert x >= 0 and y >= 0 and width > 30
                    assert x + width <= photo.image.shape[1]
                    assert y + height <= photo.image.shape[0]
        with pytest.raises(KeyError, match="not an image of this service"):
            service.photo(service.address)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_photos() -> None:
    def files(seed: int) -> list[bytes]:
        with photo_service.start(3, seed) as service:
            return [get(hit["largeImageURL"]).content for hit in everything(service)]

    first = files(3)
    assert first == files(3)
    assert set(first).isdisjoint(files(4))


@pytest.mark.parametrize(("photos", "seed"), [(40, seed) for seed in range(10)] + [(400, 0)])
@pytest.mark.slow
def test_what_can_be_found(quick: None, photos: int, seed: int) -> None:
    """Some photos show nobody, some another emotion; disgust is rare; synonyms are needed."""
    with photo_service.start(photos, seed) as service:
        hits = []
        for page in range(1, photos // 200 + 2):
            hits += ask(service, q="", per_page=200, page=page).json().get("hits", [])
            if len(hits) == photos:
                break
        truth = [service.photo(hit["largeImageURL"]).emotions for hit in hits]
        tags = [set(hit["tags"].split(", ")) for hit in hits]
    assert len(hits) == photos
    assert truth.count(()) == photos // 5
    found: Counter[str] = Counter()
    first_words: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for shown, mine in zip(truth, tags, strict=True):
        emotions = {e for e in EMOTIONS for words in WORDS[e] if set(words.split()) <= mine}
        assert len(emotions) == 1, mine  # each photo belongs to one emotion's words
        emotion = emotions.pop()
        found[emotion] += 1
        first_words[emotion] += set(WORDS[emotion][0].split()) <= mine
        right[emotion] += shown == (emotion,)
    assert min(found, key=lambda emotion: found[emotion]) == "disgust"
    assert found["disgust"] <= 0.06 * photos
    assert all(right[emotion] >= 2 for emotion in EMOTIONS)
    wrong = photos - truth.count(()) - right.total()
    assert 0.05 * photos <= wrong <= 0.15 * photos
    assert 0.4 * photos < first_words.total() < 0.8 * photos  # the others need a synonym


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"key": ""}, r"\[ERROR 400\] Invalid or missing API key"),
        ({"key": "wrong"}, r"\[ERROR 400\] Invalid or missing API key"),
        ({"per_page": 2}, r'"per_page" is out of valid range'),
        ({"per_page": 201}, r'"per_page" is out of valid range'),
        ({"per_page": "many"}, r'"per_page" is out of valid range'),
        ({"page": 0}, r'"page" is out of valid range'),
        ({"page": 2}, r'"page" is out of valid range'),
        ({"q": "x" * 101}, r'"q" is out of valid range'),
    ],
)
def test_errors_are_plain_text(quick: None, query: dict, message: str) -> None:
    with photo_service.start(5) as service:
        answer = ask(service, **query)
        assert answer.status_code == 400
        assert answer.headers["Content-Type"].startswith("text/plain")
        pytest.raises(ValueError, answer.json)
        assert message.replace("\\", "") in answer.text


def test_nothing_found_is_no_error(quick: None) -> None:
    with photo_service.start(5) as service:
        for query in ({"q": "bicycle"}, {"image_type": "vector"}):
            assert ask(service, **query).json() == {"total": 0, "totalHits": 0, "hits": []}


def test_no_more_than_500_hits_are_accessible(quick: None) -> None:
    with photo_service.start(505) as service:
        answer = ask(service, per_page=200, page=3).json()
        assert (answer["total"], answer["totalHits"], len(answer["hits"])) == (505, 500, 100)
        assert ask(service, per_page=200, page=4).status_code == 400


def test_above_the_limit_it_answers_429(quick: None) -> None:
    with photo_service.start(5, limit=3, window=30) as service:
        left = [ask(service, q="smile").headers["X-RateLimit-Remaining"] for _ in range(3)]
        assert left == ["2", "1", "0"]
        answer = ask(service, q="smile")
        assert answer.status_code == 429
        assert answer.headers["Content-Type"].startswith("text/plain")
        assert answer.headers["X-RateLimit-Limit"] == "3"
        assert 0 < int(answer.headers["X-RateLimit-Reset"]) <= 30


@pytest.mark.parametrize(
    "path", ["", "get/1000_640.exe", "get/1000_99.jpg", "get/9999_640.jpg", "photos/7/", "../x"]
)
def test_other_addresses_are_not_found(quick: None, path: str) -> None:
    with photo_service.start(5) as service:
        answer = get(service.address.removesuffix("api/") + path)
        assert answer.status_code == 404
        assert service.log[-1][1].lstrip("/") == path.replace("../", "")


def test_only_this_machine_is_listened_to_and_stopping_twice_is_fine(
    quick: None, capfd: pytest.CaptureFixture[str]
) -> None:
    service = photo_service.start(5)
    assert service.address.startswith("http://127.0.0.1:")
    assert service.address in repr(service)
    everything(service)
    service.stop()
    service.stop()
    with pytest.raises(requests.ConnectionError):
        everything(service)
    assert capfd.readouterr() == ("", "")


def test_at_least_one_photo() -> None:
    with pytest.raises(ValueError, match="at least 1, got 0"):
        photo_service.start(0)


@pytest.mark.slow
def test_a_photo_can_show_what_is_wanted() -> None:
    photo = faces.photo(5)
    same = faces.photo(5, 1, photo.emotions)
    other = faces.photo(5, 1, ["sad" if photo.emotions != ("sad",) else "happy"])
    assert (same.image == photo.image).all()
    assert other.image.shape == photo.image.shape and (other.image != photo.image).any()
    with pytest.raises(ValueError, match="must name 1 of the seven emotions"):
        faces.photo(5, 1, ["bored"])
    with pytest.raises(ValueError, match="must name 2 of the seven emotions"):
        faces.photo(5, 2, ["sad"])
