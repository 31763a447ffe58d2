"""When a job whose file isn't there counts as deleted: values in, values out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trainmaster.sources.absences import FEW, States, counted
from trainmaster.sources.known import Record
from trainmaster.sources.sightings import JobState, Look

GRACE = 15.0


def known(count: int) -> States:
    records = [Record(f"u{i}", "default", f"j{i}", f"j{i}.yaml", "ann") for i in range(count)]
    return {(each.namespace, each.name): JobState(each) for each in records}


def missed(states: States, names: range, now: float = 0.0, **look: object) -> States:
    """The states after a look that missed these."""
    gone = {("default", f"j{i}") for i in names}
    return counted(states, replace(Look({}, now), **look), states.keys() - gone, GRACE)


def held(states: States) -> set[str]:
    return {name for (_, name), state in states.items() if state.held}


def deleting(states: States) -> set[str]:
    return {name for (_, name), state in states.items() if state.deleting}


@pytest.mark.parametrize(
    ("jobs", "vanished", "are_held"),
    [
        (FEW, FEW, False),  # all of them, but few
        (FEW + 1, FEW, False),
        (2 * FEW + 2, FEW + 1, False),  # more than few, but no more than half
        (2 * FEW + 1, FEW + 1, True),
        (FEW + 1, FEW + 1, True),
    ],
)
def test_many_that_vanish_together_are_held_back_and_few_or_half_are_not(
    jobs: int, vanished: int, are_held: bool
) -> None:
    states = missed(known(jobs), range(vanished))
    assert held(states) == ({f"j{i}" for i in range(vanished)} if are_held else set())
    later = missed(states, range(vanished), now=GRACE)
    assert len(deleting(later)) == (0 if are_held else vanished)


def test_those_that_are_being_deleted_already_make_no_crowd() -> None:
    """Neither of the missing ones, nor of those that are there."""
    states = missed(known(2 * FEW + 2), range(FEW))
    states = missed(states, range(FEW), now=GRACE)
    assert len(deleting(states)) == FEW
    few_more = missed(states, range(2 * FEW), now=GRACE)
    assert held(few_more) == set()
    one_more = missed(states, range(2 * FEW + 1), now=GRACE)
    assert held(one_more) == {f"j{i}" for i in range(FEW, 2 * FEW + 1)}


def test_a_held_one_waits_for_a_word_however_long_and_then_goes_at_once() -> None:
    states = missed(known(FEW + 1), range(FEW + 1))
    assert deleting(missed(states, range(FEW + 1), now=100 * GRACE)) == set()
    confirmed = missed(states, range(FEW + 1), now=1.0, confirmed=True)
    assert len(deleting(confirmed)) == FEW + 1
    assert held(confirmed) == set()


def test_a_word_shortens_nobody_elses_grace() -> None:
    states = missed(known(FEW + 1), range(FEW))
    assert deleting(missed(states, range(FEW), now=GRACE - 1, confirmed=True)) == set()


def test_what_may_only_be_hidden_is_not_missing_and_its_grace_begins_anew() -> None:
    states = missed(known(1), range(1))
    hidden = missed(states, range(1), now=GRACE - 1, blind=frozenset({"j0.yaml"}))
    assert not any(state.is_missing for state in hidden.values())
    seen_again = missed(hidden, range(1), now=GRACE)
    assert deleting(seen_again) == set()
    assert deleting(missed(seen_again, range(1), now=2 * GRACE - 1)) == set()
    assert deleting(missed(seen_again, range(1), now=2 * GRACE)) == {"j0"}


def test_the_grace_counts_from_the_first_look_that_missed_it() -> None:
    states = missed(known(1), range(1), now=7.0)
    states = missed(states, range(1), now=7.0 + GRACE - 1)
    assert deleting(states) == set()
    assert deleting(missed(states, range(1), now=7.0 + GRACE)) == {"j0"}


def test_what_did_not_change_stays_the_same_object() -> None:
    """Thousands of jobs are looked at each time."""
    over = missed(missed(known(1), range(1)), range(1), now=GRACE)
    assert deleting(over) == {"j0"}
    assert missed(over, range(1), now=2 * GRACE)[("default", "j0")] is over[("default", "j0")]
    states = known(1)
    assert missed(states, range(0))[("default", "j0")] is states[("default", "j0")]
