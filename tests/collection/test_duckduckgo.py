from __future__ import annotations

import sys

import pytest
from web_server import Clock

from facevalue.collection import image_search
from facevalue.collection.duckduckgo import DuckDuckGo
from facevalue.collection.rate_limiter import RateLimiter


class Engine:
    """What ddgs.DDGS is, as far as it is used."""

    def __init__(self, *answers: object) -> None:
        self.answers, self.asked = list(answers), []

    def images(self, query: str, **options: object) -> object:
        self.asked.append((query, options))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def result(number: int, **fields: object) -> dict:
    found = {
        "title": "A face",
        "image": f"https://photos.example/{number}.jpg",
        "thumbnail": "https://tse.mm.bing.net/th",
        "url": f"https://photos.example/page/{number}",
        "height": 768,
        "width": "1024",
        "source": "Bing",
    }
    return found | fields


def duckduckgo(engine: Engine, clock: Clock | None = None) -> DuckDuckGo:
    clock = clock or Clock()
    return DuckDuckGo(engine, limiter=RateLimiter(0.5, clock, clock.sleep))


def test_duckduckgo_hits_say_where_they_are_from() -> None:
    engine = Engine([result(1), result(1), result(2, image="http://10.0.0.1/x.jpg"), "?"], [])
    hits = duckduckgo(engine).search("grimace", 5)
    assert [hit.address for hit in hits] == ["https://photos.example/1.jpg"]
    assert hits[0].page == "https://photos.example/page/1"
    assert (hits[0].width, hits[0].height) == (1024, 768)
    assert "owner" in hits[0].licence
    query, options = engine.asked[0]
    assert query == "grimace" and options["backend"] == "duckduckgo"


def test_duckduckgo_pages_are_put_together(clock: Clock) -> None:
    pages = [[result(100 * page + n) for n in range(100)] for page in range(3)]
    engine = Engine(*pages)
    hits = duckduckgo(engine, clock).search("joy", 250)
    assert len({hit.address for hit in hits}) == 250
    assert [options["page"] for _, options in engine.asked] == [1, 2, 3]
    assert clock.slept == pytest.approx([2, 2], rel=0.01)  # one request in two seconds


def test_the_end_of_duckduckgos_results_is_no_error() -> None:
    ddgs = pytest.importorskip("ddgs.exceptions", reason="ddgs is not installed")
    engine = Engine([result(1)], ddgs.DDGSException("No results found."))
    assert len(duckduckgo(engine).search("joy", 50)) == 1


def test_duckduckgo_backs_off_then_says_what_may_be(clock: Clock) -> None:
    ddgs = pytest.importorskip("ddgs.exceptions", reason="ddgs is not installed")
    nothing = ddgs.DDGSException("No results found.")
    engine = Engine(nothing, [result(1)], [])
    assert len(duckduckgo(engine, clock).search("joy", 5)) == 1
    assert clock.slept[0] == 5
    engine = Engine(*[nothing] * 3, [result(1)], [])
    hits = image_search.search(duckduckgo(engine), 1, ["happy"])
    assert len(hits) == 1
    assert "too many requests for now" in hits.attrs["problems"][0]


def test_duckduckgo_uses_ddgs_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    ddgs = pytest.importorskip("ddgs", reason="ddgs is not installed")
    asked = []

    def search(self: object, category: str, query: str, **options: object) -> list[dict]:
        asked.append((category, query, options))
        return [result(1)]

    monkeypatch.setattr(ddgs.DDGS().__class__, "_search_sync", search, raising=True)
    client = DuckDuckGo(limiter=RateLimiter(1000))
    assert len(client.search("joy", 1)) == 1
    assert asked[0][:2] == ("images", "joy")


def test_without_ddgs_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ddgs", None)
    with pytest.raises(ImportError, match="pip install ddgs"):
        DuckDuckGo()
