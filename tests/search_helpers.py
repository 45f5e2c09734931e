"""A photo service that draws noise, and clients that do not really wait, for several tests."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import numpy as np
import pytest
from web_server import Clock

from facevalue.collection import photo_service
from facevalue.collection.pixabay import Pixabay
from facevalue.collection.rate_limiter import RateLimiter
from facevalue.drawing import faces

KEY = photo_service.KEY
Request = BaseHTTPRequestHandler


@pytest.fixture
def noise_photos(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the photo service draw noise instead of faces, and let there be no key."""

    def photo(rng: np.random.Generator, people: int, shown: tuple[str, ...]) -> faces.Photo:
        image = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
        return faces.Photo(image, np.full((people, 4), 20), shown)

    monkeypatch.setattr(faces, "photo", photo)
    monkeypatch.delenv("PIXABAY_API_KEY", raising=False)


@pytest.fixture
def service() -> Iterator[photo_service.Service]:
    with photo_service.start(40) as running:
        yield running


def pixabay(
    service: photo_service.Service, clock: Clock | None = None, cache: Path | None = None
) -> Pixabay:
    clock = clock or Clock()
    limiter = RateLimiter(None, clock, clock.sleep)
    return Pixabay(KEY, service.address, cache=cache, limiter=limiter)


def asked(service: photo_service.Service) -> int:
    return sum(path.startswith("/api/") for _, path in service.log)
