"""Stalls of the event loop: what counts as one, for how long the longest is remembered, and that a real loop tells of its own."""

from __future__ import annotations

import asyncio
import itertools
import selectors
import socket
import time
from collections import Counter
from contextlib import ExitStack

import pytest
from prometheus_client import CollectorRegistry

from trainmaster.observe.stalls import AT_ONCE, BOUNDS, WINDOW, Stalls, WatchedSelector


class Clock:
    at = 100.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stalls(clock: Clock) -> Stalls:
    return Stalls(clock)


def read(stalls: Stalls, name: str, **labels: str) -> float | None:
    registry = CollectorRegistry()
    registry.register(stalls)
    return registry.get_sample_value(f"trainmaster_loop_{name}", labels)


def test_short_stretches_are_work_and_no_stalls(stalls: Stalls) -> None:
    stalls.took(BOUNDS[0] / 2)
    assert (read(stalls, "stall_seconds_count"), read(stalls, "longest_stall_seconds")) == (0, 0)


def test_stalls_are_counted_up_to_their_bound(stalls: Stalls) -> None:
    for seconds in (0.02, 0.05, 0.06, 20.0):
        stalls.took(seconds)
    buckets = [read(stalls, "stall_seconds_bucket", le=le) for le in ("0.01", "0.025", "0.05", "0.1", "+Inf")]
    assert buckets == [0, 1, 2, 3, 4]
    assert read(stalls, "stall_seconds_sum") == pytest.approx(20.13)


@pytest.mark.parametrize(("later", "longest"), [(0, 0.3), (0.9, 0.3), (1.9, 0.3), (2.1, 0.0), (9, 0.0)])
def test_the_longest_is_remembered_for_one_to_two_windows(
    stalls: Stalls, clock: Clock, later: float, longest: float
) -> None:
    stalls.took(0.3)
    stalls.took(0.1)
    clock.at += later * WINDOW
    assert read(stalls, "longest_stall_seconds") == longest


def test_waiting_is_no_stall(stalls: Stalls) -> None:
    ticks = itertools.count()
    selector = WatchedSelector(stalls, lambda: next(ticks))
    for _ in range(3):
        selector.select(0)
    selector.close()
    assert (
        read(stalls, "stall_seconds_sum") == 3
    )  # each call of the clock is a second: one is work, one is waiting


def test_of_hundreds_that_are_ready_few_are_read_in_one_turn_and_all_in_a_few(stalls: Stalls) -> None:
    """Some of them are ready again at once: they keep nobody from his turn."""
    selector = WatchedSelector(stalls, lambda: 0.0)
    with ExitStack() as opened:
        opened.callback(selector.close)
        for number in range(3 * AT_ONCE):
            one, other = (opened.enter_context(end) for end in socket.socketpair())
            other.send(b"x")
            selector.register(one, selectors.EVENT_READ, number)
        seen = Counter[int]()
        for _ in range(3):
            ready = selector.select(0)
            assert len(ready) == AT_ONCE
            seen.update(key.data for key, _ in ready)
        assert len(seen) == 3 * AT_ONCE, "and nothing of it was taken out"


def test_a_loop_tells_how_long_it_was_held_up() -> None:
    stalls = Stalls()

    async def hold_up() -> None:
        time.sleep(BOUNDS[2])  # noqa: ASYNC251 - this is what is to be noticed
        await asyncio.sleep(0)

    with asyncio.Runner(loop_factory=stalls.new_loop) as runner:
        runner.run(hold_up())
    assert stalls.longest() >= BOUNDS[2]
