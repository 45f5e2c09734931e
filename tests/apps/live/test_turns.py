"""Workers are lent so that every address gets the same time of them."""

import asyncio
from collections import Counter

from apps.api.turns import Turns


def run(visitors, *, workers=1, turns=60):
    """Let visitors, (address, name, seconds of each picture), ask again and again.

    Returns:
        How many of the first `turns` turns each name got.
    """
    served = []

    async def visit(lent, address, name, seconds):
        while len(served) < turns:
            async with lent.turn(address, name):
                served.append(name)
                await asyncio.sleep(seconds)

    async def all_of_them():
        present = Counter(address for address, *_ in visitors)
        lent = Turns([f"worker {k}" for k in range(workers)], present)
        await asyncio.wait_for(asyncio.gather(*(visit(lent, *each) for each in visitors)), 20)

    asyncio.run(all_of_them())
    return Counter(served[:turns])


def test_an_address_with_ten_visitors_gets_no_more_than_one_with_one():
    served = run([("a", f"a{k}", 0.001) for k in range(10)] + [("b", "b0", 0.001)])
    assert 25 <= served["b0"] <= 35
    assert max(served[f"a{k}"] for k in range(10)) <= 6  # and they share theirs


def test_who_sends_pictures_that_take_ten_times_as_long_gets_a_tenth_of_the_turns():
    served = run([("a", "a0", 0.02), ("a", "a1", 0.02), ("b", "b0", 0.002)], workers=2, turns=55)
    assert served["b0"] >= 4 * (served["a0"] + served["a1"])


def test_one_address_does_not_hold_all_workers_while_others_are_there():
    async def lend():
        lent = Turns(["one", "two"], Counter(a=2, b=1))
        async with lent.turn("a", "a1"):
            second = asyncio.create_task(lent.turn("a", "a2").__aenter__())
            await asyncio.sleep(0.01)
            assert not second.done()
            async with lent.turn("b", "b") as worker:
                assert worker == "one"
            second.cancel()
        alone = Turns(["one", "two"], Counter(a=2))
        async with alone.turn("a", "a1"), alone.turn("a", "a2"):
            pass

    asyncio.run(asyncio.wait_for(lend(), 5))


def test_who_leaves_while_waiting_takes_no_worker_along():
    async def lend():
        lent = Turns(["only"], Counter(a=1, b=1))
        async with lent.turn("a", "a"):
            gone = asyncio.create_task(lent.turn("b", "b").__aenter__())
            await asyncio.sleep(0.01)
            gone.cancel()
        async with lent.turn("a", "a") as worker:
            assert worker == "only"

    asyncio.run(asyncio.wait_for(lend(), 5))
