"""The same mistake twice, with nothing gained in between, ends a job; whatever may help, or has changed, doesn't."""

from __future__ import annotations

from typing import Any

import pytest

from plan.build import World, cluster, job
from trainmaster.plan.log_patterns import sign_of

FREE = {"backoff": {"base": 0}, "backoffLimit": 99}


def said(line: str) -> str:
    return f"Exit code: 1\nLast 4096 bytes of stderr :\n{line}\n"


MISTAKE = said("NameError: name 'modle' is not defined")
MISSING = said("ModuleNotFoundError: No module named 'apex'")


def world(**more: Any) -> World:
    at = World(job("Generic", FREE, worker=2, **more)).runs().sees(cluster=cluster("a", "b", "c"))
    return at.later(10)


def again(at: World, words: str = MISTAKE, node: str = "a", lives: float = 10, code: int = 1) -> World:
    """worker-0 comes back, lives that long, and fails."""
    at.grants("worker-0", node=node).starts("worker-0").later(lives)
    return at.ends("worker-0", code, words)


def verdict(at: World) -> str:
    return at.memory.verdict.reason if at.memory.verdict else ""


def test_the_same_mistake_twice_ends_the_job_and_says_so() -> None:
    at = again(world().ends("worker-0", 1, MISTAKE).later(5))
    assert verdict(at) == "RepeatedFailure"
    assert at.memory.verdict
    assert "the same as 15 s before on a, with no progress in between" in at.memory.verdict.message


@pytest.mark.parametrize(("lives", "ends"), [(50, "RepeatedFailure"), (51, "")])
def test_who_lived_much_longer_may_have_made_progress(lives: float, ends: str) -> None:
    assert verdict(again(world().ends("worker-0", 1, MISTAKE), lives=lives)) == ends


def test_a_long_life_in_between_is_progress_though_both_failed_soon() -> None:
    """It was preempted after ten days, which is nobody's mistake."""
    at = world().ends("worker-0", 1, MISTAKE).later(5)
    at.grants("worker-0").starts("worker-0").later(864_000).ends("worker-0", -102)
    assert verdict(again(at.later(60))) == ""


def test_what_lives_for_hours_is_no_mistake_of_its_first_lines() -> None:
    at = world().later(10_000).ends("worker-0", 1, MISTAKE).later(5)
    assert verdict(again(at, lives=12_000)) == ""


def test_signals_and_words_that_nobody_died_of_do_not_count() -> None:
    warning = said("size mismatch for head.weight, skipping it")
    assert verdict(again(world().ends("worker-0", 139, warning).later(5), warning, code=139)) == ""
    spoken = said("NameError: name 'modle' is not defined\nwent on\nepoch 3 of 5")
    assert verdict(again(world().ends("worker-0", 139, spoken).later(5), spoken, code=139)) == ""


def test_the_same_words_from_another_line_are_another_failure() -> None:
    def raised_at(line: int) -> str:
        return said(
            f"  File \"/w/{line}/train.py\", line {line}, in f\nNameError: name 'modle' is not defined"
        )

    assert verdict(again(world().ends("worker-0", 1, raised_at(7)).later(5), raised_at(9))) == ""
    assert (
        verdict(again(world().ends("worker-0", 1, raised_at(7)).later(5), raised_at(7))) == "RepeatedFailure"
    )


HELPS = [said("CUDA out of memory"), said("Connection reset by peer"), said("ValueError: x"), ""]


@pytest.mark.parametrize("other", [said("NameError: name 'other' is not defined"), *HELPS])
def test_another_failure_is_none_of_the_same(other: str) -> None:
    assert verdict(again(world().ends("worker-0", 1, MISTAKE), other)) == ""


@pytest.mark.parametrize("words", HELPS)
def test_what_trying_again_may_help_is_no_mistake(words: str) -> None:
    assert verdict(again(world().ends("worker-0", 1, words), words)) == ""


def test_numbers_and_folders_that_differ_make_no_other_failure() -> None:
    one, other = (
        sign_of(said(f"IndexError: index {n} is out of bounds in /data/{n}/x.py at 0x7f{n}"))
        for n in (17, 29)
    )
    assert one
    assert other
    assert one.fingerprint == other.fingerprint


def test_what_may_lie_at_a_node_must_come_on_two() -> None:
    at = world().ends("worker-0", 1, MISSING)
    assert at.plan.avoid == {"a"}, "so the next try is made on another one"
    assert verdict(again(at, MISSING, node="a")) == ""
    assert verdict(again(at, MISSING, node="b")) == "RepeatedFailure"


def test_two_that_fail_of_the_same_without_a_try_in_between_are_no_repetition() -> None:
    at = world().ends("worker-0", 1, MISTAKE).later(5).ends("worker-1", 1, MISTAKE)
    assert verdict(at) == ""


def test_what_another_replica_repeats_counts_as_well() -> None:
    at = (
        world()
        .ends("worker-0", 1, MISTAKE)
        .grants("worker-0")
        .starts("worker-0")
        .ends("worker-1", 1, MISTAKE)
    )
    at.grants("worker-1").starts("worker-1").later(10)
    assert verdict(at.ends("worker-1", 1, MISTAKE)) == "RepeatedFailure"


@pytest.mark.parametrize("change", ["an edit", "a resume", "a rule"])
def test_what_has_changed_in_between_is_given_another_chance(change: str) -> None:
    rule = {"failureRules": [{"action": "Restart"}]} if change == "a rule" else {}
    at = world(spec=rule).ends("worker-0", 1, MISTAKE)
    if change == "an edit":
        at.declares(job("Generic", FREE, worker=2, spec={"inputPath": "/x"})).obeys()
    if change == "a resume":
        at.declares(job("Generic", {**FREE, "suspend": True}, worker=2)).obeys().closes()
        at.declares(job("Generic", FREE, worker=2)).registers()
    if change != "a rule":
        at.grants("worker-0", "worker-1").starts().later(10)
        at.ends("worker-0", 1, MISTAKE)
    else:
        again(at)
    assert verdict(at) == ""


def test_a_rerun_begins_anew() -> None:
    at = again(world().ends("worker-0", 1, MISTAKE)).obeys().closes()
    at.declares(job("Generic", {**FREE, "rerun": 1}, worker=2)).registers()
    at.grants("worker-0", "worker-1").starts().later(10).ends("worker-0", 1, MISTAKE)
    assert verdict(at) == ""
    assert verdict(again(at)) == "RepeatedFailure"


def test_it_can_be_switched_off() -> None:
    at = World(job("Generic", {**FREE, "endOnRepeatedFailure": False}, worker=2)).runs().later(10)
    assert verdict(again(at.ends("worker-0", 1, MISTAKE))) == ""
