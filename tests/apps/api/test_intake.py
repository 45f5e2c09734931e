"""What arrives is parsed whole, in order, in pieces, and for a limited time of each address."""

import asyncio
import time

import pytest

from apps.api import intake
from apps.api.intake import Allowance, Intake


class Transport:
    """A connection that notes whether it is read."""

    def __init__(self):
        self.is_read, self.is_closed = True, False

    def pause_reading(self):
        self.is_read = False

    def resume_reading(self):
        self.is_read = True

    def is_closing(self):
        return self.is_closed


class Parser:
    """A parser that takes some time of the CPU for each byte, and may be busy."""

    def __init__(self, seconds_per_byte=0.0):
        self.pieces, self.is_busy, self._seconds = [], False, seconds_per_byte

    def parse(self, piece):
        self.pieces.append(piece)
        until = time.thread_time() + self._seconds * len(piece)
        while time.thread_time() < until:
            pass

    @property
    def parsed(self):
        return b"".join(self.pieces)


def made(parser, address="192.0.2.1"):
    transport = Transport()

    def is_busy():
        return parser.is_busy

    return Intake(address, transport, parser.parse, is_busy, is_full=is_busy), transport


def test_all_that_arrives_is_parsed_in_order_and_in_pieces():
    async def run():
        parser = Parser()
        taken, transport = made(parser)
        content = bytes(range(256)) * 2_000
        for start in range(0, len(content), 200_000):
            taken.receive(content[start : start + 200_000])
        assert not transport.is_read  # the rest waits in the network
        while len(parser.parsed) < len(content):
            await asyncio.sleep(0)
        assert parser.parsed == content and transport.is_read
        assert max(map(len, parser.pieces)) <= intake.MAX_PIECE

    asyncio.run(run())


def test_a_small_request_is_parsed_at_once():
    async def run():
        parser = Parser()
        taken, transport = made(parser)
        taken.receive(b"GET / HTTP/1.1\r\n\r\n")
        assert parser.parsed == b"GET / HTTP/1.1\r\n\r\n" and transport.is_read

    asyncio.run(run())


def test_nothing_is_parsed_while_the_parser_is_busy():
    async def run():
        parser = Parser()
        taken, transport = made(parser)
        parser.is_busy = True
        taken.receive(b"one")
        await asyncio.sleep(0.01)
        assert parser.pieces == [] and not transport.is_read
        parser.is_busy = False
        taken.go_on()
        assert parser.parsed == b"one" and transport.is_read

    asyncio.run(run())


def test_after_the_end_nothing_is_parsed():
    async def run():
        parser = Parser()
        taken, _ = made(parser)
        taken.receive(b"x" * 10 * intake.MAX_PIECE)
        done = len(parser.parsed)
        taken.end()
        await asyncio.sleep(0.01)
        assert len(parser.parsed) == done

    asyncio.run(run())


@pytest.mark.slow
def test_connections_of_one_address_share_their_time_and_leave_the_rest_to_others():
    async def run():
        slow = [Parser(seconds_per_byte=1e-5) for _ in range(4)]
        connections = [made(parser, "192.0.2.7")[0] for parser in slow]
        for connection in connections:
            connection.receive(b"x" * 10_000_000)
        quick = Parser()
        other, _ = made(quick, "192.0.2.8")
        start, used = time.monotonic(), time.thread_time()
        while time.monotonic() < start + 1.5:
            before = len(quick.parsed)
            other.receive(b"a small request")
            assert len(quick.parsed) == before + 15
            await asyncio.sleep(0.01)
        for connection in connections:
            connection.end()
        return time.thread_time() - used

    most = intake.SAVED_SECONDS + 1.5 * intake.SHARE
    assert 0.5 * most < asyncio.run(run()) < 1.5 * most


def test_time_that_was_spent_must_be_waited_for(monkeypatch):
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    left = Allowance()
    assert left.wait() == 0
    left.spend(intake.SAVED_SECONDS + 0.15)
    assert left.wait() == pytest.approx(0.15 / intake.SHARE)
    now += 0.15 / intake.SHARE
    assert left.wait() == pytest.approx(0, abs=1e-9)
    now += 1_000
    assert left.wait() == 0
    left.spend(intake.SAVED_SECONDS + 0.03)  # nobody saves up more than SAVED_SECONDS
    assert left.wait() == pytest.approx(0.03 / intake.SHARE)
