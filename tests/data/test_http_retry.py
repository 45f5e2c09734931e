from __future__ import annotations

import datetime
import email.utils

from facevalue.data.http_retry import retry_after_seconds


def test_what_a_server_asks_for_is_understood() -> None:
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=50)
    assert retry_after_seconds({"Retry-After": "12"}) == 12
    assert retry_after_seconds({"Retry-After": email.utils.format_datetime(soon, usegmt=True)}) > 40
    assert retry_after_seconds({"X-RateLimit-Reset": "33"}) == 33
    assert 40 < (retry_after_seconds({"X-RateLimit-Reset": str(int(soon.timestamp()))}) or 0) < 60
    for nonsense in ({}, {"Retry-After": "soon"}, {"X-RateLimit-Reset": "-3"}):
        assert retry_after_seconds(nonsense) is None
