"""Nodes come to be left alone by all one after the other: each must still be proposed later, and an hour has a budget."""

from __future__ import annotations

import random

from trainmaster.plan.exclusions import PACE, WINDOW, Exclusions

NOW = 1_000.0


def looks(budget: int, *hosts: set[str], pace: float = PACE) -> Exclusions:
    """After looks at this pace that propose these."""
    found = Exclusions()
    for number, each in enumerate(hosts):
        found = found.judged(each, budget, NOW + number * pace)
    return found


def test_a_node_is_left_alone_once_it_still_stands_on_a_later_picture() -> None:
    assert not looks(9, {"a"}).allowed
    assert not looks(9, {"a"}, {"a"}, pace=PACE / 2).allowed
    assert looks(9, {"a"}, {"a"}).allowed == {"a"}


def test_one_that_is_not_proposed_in_between_begins_anew() -> None:
    assert not looks(9, {"a"}, set(), {"a"}).allowed


def test_an_hour_has_a_budget_and_who_stood_first_comes_first() -> None:
    found = looks(2, {"z"}, {"z", "a", "b"}, {"z", "a", "b"})
    assert (found.allowed, found.late) == ({"z", "a"}, {"b"})
    later = found.judged({"z", "a", "b"}, 2, NOW + PACE + WINDOW)
    assert (later.allowed, later.late) == ({"z", "a", "b"}, frozenset())


def test_one_that_is_well_again_is_asked_for_at_once_and_gives_nothing_back_to_the_budget() -> None:
    found = looks(1, {"a"}, {"a"}, {"b"}, {"b"})
    assert (found.allowed, found.late) == (frozenset(), {"b"})


def test_a_look_that_saw_nothing_has_nobody_paid_for_twice() -> None:
    """A ResourceManager that was just restarted shows few nodes, of which none may be left alone."""
    bad = {"a", "b"}
    found = looks(2, bad, bad, set(), bad, bad)
    assert (found.allowed, found.late) == (bad, frozenset())


def test_without_a_budget_none_comes_to_be_left_alone() -> None:
    assert looks(0, {"a"}, {"a"}).late == {"a"}


def test_what_jobs_remember_when_a_controller_takes_over_is_left_alone_at_once_and_costs_nothing() -> None:
    found = Exclusions().taken_over({"a", "b"}, NOW).judged({"a", "b", "c"}, 1, NOW + 1)
    assert (found.allowed, found.spent) == ({"a", "b"}, {})
    assert found.judged({"a", "b", "c"}, 1, NOW + 1 + PACE).allowed == {"a", "b", "c"}


def test_whatever_is_proposed_no_hour_sees_more_than_its_budget() -> None:
    chance = random.Random(12)
    for budget in (1, 3):
        found, now, began = Exclusions(), NOW, list[float]()
        for _ in range(3000):
            now += chance.choice((1.0, PACE, 300.0))
            before = found.allowed
            found = found.judged({host for host in "abcdefgh" if chance.random() < 0.8}, budget, now)
            began += [at for at in found.spent.values() if at == now]
            assert found.allowed - before <= found.spent.keys()
            assert found.allowed | found.late <= found.proposed.keys()
            assert sum(now - at < WINDOW for at in began) <= budget
        assert len(began) > budget
