"""Connections that are idle together are closed in several turns of the loop."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from trainmaster.hadoop.leaving import AT_ONCE, Leaving

MANY = 10 * AT_ONCE


def connections(closed: list[int]) -> list[Any]:
    return [SimpleNamespace(drop=lambda number=number: closed.append(number)) for number in range(MANY)]


async def test_a_few_are_closed_in_each_turn_and_all_in_their_order() -> None:
    leaving, closed = Leaving(), list[int]()
    for each in connections(closed):
        leaving.add(cast("Any", each))
    before = 0
    while before < MANY:
        await asyncio.sleep(0)
        assert before < len(closed) <= before + AT_ONCE
        before = len(closed)
    assert closed == list(range(MANY))


async def test_whoever_ends_closes_all_at_once() -> None:
    leaving, closed = Leaving(), list[int]()
    for each in connections(closed):
        leaving.add(cast("Any", each))
    leaving.close()
    await asyncio.sleep(0)
    assert closed == list(range(MANY))
