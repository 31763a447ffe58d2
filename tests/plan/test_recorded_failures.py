"""Failures of real programs and frameworks, as recorded (tests/failures): which rank is named as the first, what it is judged to
be, and that no job is ended early which trying again might have helped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from plan.build import World, cluster, job
from trainmaster.plan.last_words import shortened
from trainmaster.plan.log_patterns import sign_of
from trainmaster.plan.log_registry import Kind
from trainmaster.plan.values import End, Limits

RECORDED: Mapping[str, Any] = json.loads(
    (Path(__file__).resolve().parents[1] / "failures" / "recorded.json").read_text()
)
GANGS = {name: each for name, each in RECORDED.items() if each["ranks"] > 1}
WAIT = 2.0
WITHOUT_WORDS = (137, 143)
"""of these a NodeManager quotes nothing (ContainerLaunch.handleContainerExitCode)"""


def words(end: Mapping[str, Any]) -> str:
    """As Hadoop 3.4 tells them (ContainerLaunch.handleContainerExitWithFailure)."""
    code, stderr = end["code"], end["stderr"]
    if code in WITHOUT_WORDS:
        return f"Container exited with a non-zero exit code {code}. \nKilled by external signal\n"
    return (
        f"[2026-11-26 18:00:00.123]Container exited with a non-zero exit code {code}. Error file: prelaunch.err.\n"
        f"Last 4096 bytes of prelaunch.err :\nLast 4096 bytes of stderr :\n{stderr}\n\n"
    )


def fails(world: World, ends: Sequence[Mapping[str, Any]], beat: float = 0.5) -> World:
    """They end as they did, and are heard in heartbeats."""
    began, heard = world.now, list(ends)
    while heard:
        due = [end for end in heard if end["after"] <= world.now - began]
        heard = [end for end in heard if end not in due]
        if due:
            told = [
                End(
                    world.replica(f"worker-{end['rank']}").container,
                    end["code"],
                    shortened(words(end)),
                    world.now,
                )
                for end in due
            ]
            for end in told:
                world._drop(end.container)
            world.sees(ends=tuple(told))
        world.later(beat)
    return world.later(WAIT)


def gang(ranks: int, **policy: Any) -> World:
    limits = Limits(first_cause_wait=WAIT, in_place=False)
    wanted = job("PyTorch", {"backoff": {"base": 0}, "backoffLimit": 9, **policy}, worker=ranks)
    return World(wanted, limits=limits).sees(cluster=cluster("a", "b", "c", "d")).runs()


def again(world: World, node: str) -> World:
    """The gang comes back, and lives a moment."""
    while world.obeys().seen.containers:
        pass
    world.grants(*sorted(world.asked), node=node).starts()
    return world.later(1)


def test_there_is_much_to_learn_from() -> None:
    assert len(RECORDED) >= 60
    assert len(GANGS) >= 20


def blamed(name: str) -> int | None:
    failure = fails(gang(RECORDED[name]["ranks"]), RECORDED[name]["ends"]).memory.failure
    return failure.first.index if failure else None


def test_the_rank_that_failed_is_named_and_not_one_that_died_of_it() -> None:
    wrong = {name: blamed(name) for name in GANGS if blamed(name) != GANGS[name]["first"]}
    assert len(wrong) <= len(GANGS) / 10, wrong


def judged(recorded: Mapping[str, Any]) -> str:
    """Whether trying again helps, by the last words of the rank that failed."""
    (end,) = [end for end in recorded["ends"] if end["rank"] == recorded["first"]]
    sign = sign_of(shortened(words(end)))
    if sign is None or sign.pattern.kind is not Kind.ROOT or sign.pattern.retry_helps:
        return "yes"
    return "elsewhere" if sign.pattern.blame == "Unclear" else "no"


def test_what_trying_again_can_do_is_told_from_the_last_words() -> None:
    wrong = {name: judged(each) for name, each in RECORDED.items() if judged(each) != each["help"]}
    assert len(wrong) <= len(RECORDED) / 10, wrong


def test_none_is_called_hopeless_that_is_not() -> None:
    hopeful = [name for name, each in RECORDED.items() if each["help"] == "yes"]
    assert [name for name in hopeful if judged(RECORDED[name]) != "yes"] == []


def ended_early(name: str, nodes: Sequence[str], **policy: Any) -> bool:
    """Whether the same, once on each of these nodes, has ended the job."""
    recorded = RECORDED[name]
    world = gang(recorded["ranks"], **policy)
    for node in nodes[1:]:
        again(fails(world, recorded["ends"]), node)
    verdict = fails(world, recorded["ends"]).memory.verdict
    return verdict is not None and verdict.reason == "RepeatedFailure"


@pytest.mark.parametrize(("nodes", "may"), [(("a", "a"), {"no"}), (("a", "b"), {"no", "elsewhere"})])
def test_no_job_is_ended_early_that_trying_again_might_help(nodes: Sequence[str], may: set[str]) -> None:
    ended = {name for name in RECORDED if ended_early(name, nodes)}
    assert {name for name in ended if RECORDED[name]["help"] not in may} == set()
    hopeless = {name for name, each in RECORDED.items() if each["help"] in may}
    assert len(ended) >= 0.9 * len(hopeless), hopeless - ended


def test_it_can_be_switched_off() -> None:
    assert ended_early("name", "aa")
    assert not ended_early("name", "aa", endOnRepeatedFailure=False)


def test_who_is_heard_first_does_not_matter() -> None:
    wrong = {}
    for name, recorded in GANGS.items():
        at_once = [{**end, "after": 0.0} for end in reversed(recorded["ends"])]
        failure = fails(gang(recorded["ranks"]), at_once).memory.failure
        if failure is None or failure.first.index != recorded["first"]:
            wrong[name] = failure
    assert len(wrong) <= len(GANGS) / 10, wrong
