from __future__ import annotations

import threading

import pytest
from web_server import Clock

from facevalue.collection.rate_limiter import RateLimiter


def test_several_threads_share_one_pace(clock: Clock) -> None:
    limiter, granted, lock = RateLimiter(10, clock, clock.sleep), [], threading.Lock()

    def ask() -> None:
        for _ in range(20):
            limiter.wait("https://one.example/a")
            with lock:
                granted.append(clock())

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(granted) == 80
    assert max(granted) - 1000 >= 7.9 - 1e-6  # 80 requests, ten in a second


def test_each_host_has_its_own_pace_and_this_machine_none(clock: Clock) -> None:
    limiter = RateLimiter(None, clock, clock.sleep)
    for _ in range(3):
        limiter.wait("https://one.example/a")
        limiter.wait("https://two.example/a")
        for _ in range(10):
            limiter.wait("http://127.0.0.1:8000/a")
    assert clock() - 1000 == pytest.approx(0.4, rel=0.02)
    limiter.pause("https://one.example/b", 30)
    limiter.wait("https://two.example/c")
    assert clock() < 1002
    limiter.wait("https://one.example/c")
    assert clock() > 1030
    with pytest.raises(ValueError, match="greater than 0"):
        RateLimiter(0)
