"""How often a node's return is reason to register again: bounded, however many return, and never so that the last is missed."""

from __future__ import annotations

import pytest

from trainmaster.master.relisting import AFTER_RETURN, Relisting
from trainmaster.master.sight import Sight
from trainmaster.plan.memory import Memory
from trainmaster.plan.survivors import ANYWHERE

STEP = 0.5


def registers(given_up: tuple[str, ...], returns: dict[float, str], seconds: float) -> list[float]:
    """When registers are made while those hosts come back, beat by beat."""
    relisting, sight, made = Relisting(), Sight(), list[float]()
    memory = Memory("uid", "vision", "mnist", given_up=given_up)
    for beat in range(int(seconds / STEP)):
        now = beat * STEP
        if now in returns:
            sight.nodes.came_back.add(returns[now])
        if relisting.due(sight, memory, now):
            relisting.registered(now)
            made.append(now)
    return made


@pytest.mark.parametrize(
    ("given_up", "expected"),
    [(("n1",), list(AFTER_RETURN)), (("n2",), []), ((ANYWHERE,), [AFTER_RETURN[-1]])],
)
def test_a_return_is_a_reason_where_something_was_given_up(
    given_up: tuple[str, ...], expected: list[float]
) -> None:
    """Where too many hosts are remembered to be told apart, each that returns is most likely one of no interest."""
    assert registers(given_up, {0.0: "n1"}, 60) == expected


def test_of_many_that_return_one_after_another_each_has_a_register_behind_it_and_most_share_one() -> None:
    returns = {beat * STEP: f"n{beat}" for beat in range(400)}
    made = registers((ANYWHERE,), returns, 300)
    last = max(returns)
    assert made[-1] == last + AFTER_RETURN[-1]
    assert len(made) <= last / AFTER_RETURN[-1] + 2
