"""failureRules: the first that matches decides what follows on a failure, what is charged, and which node is avoided."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan.build import World, cluster, job
from trainmaster.api.failure_rules import holds
from trainmaster.plan.avoidance import FIRST, MOST, avoided_now, avoiding, still
from trainmaster.plan.memory import Avoided
from trainmaster.plan.values import Limits

FREE = {"backoff": {"base": 0}}


def world(*rules: dict[str, Any], policy: dict[str, Any] | None = None, **fields: Any) -> World:
    spec = {"failureRules": list(rules), **fields.pop("spec", {})}
    replicas = {name: n for name, n in fields.items() if isinstance(n, int)} or {"worker": 2}
    others = {name: value for name, value in fields.items() if not isinstance(value, int)}
    return World(job("Generic", {**FREE, **(policy or {})}, spec=spec, **others, **replicas)).runs()


def said(line: str, code: int = 1) -> str:
    return f"Exit code: {code}\nLast 4096 bytes of stderr :\n{line}\n"


def in_(*codes: int) -> dict[str, Any]:
    return {"operator": "In", "values": list(codes)}


def not_in(*codes: int) -> dict[str, Any]:
    return {"operator": "NotIn", "values": list(codes)}


def verdict(told: World) -> str:
    return told.memory.verdict.reason if told.memory.verdict else ""


# --- what matches


@pytest.mark.parametrize(
    ("rule", "code", "words", "matches"),
    [
        ({}, 1, "", True),
        ({"roles": ["worker"]}, 1, "", True),
        ({"roles": ["ps"]}, 1, "", False),
        ({"exitCodes": in_(1, 2)}, 1, "", True),
        ({"exitCodes": in_(2)}, 1, "", False),
        ({"exitCodes": not_in(2)}, 1, "", True),
        ({"exitCodes": not_in(1)}, 1, "", False),
        ({"exitCodes": not_in(1)}, -102, "", False),  # a node that is preempted has no exit code
        ({"causes": ["Killed"]}, 137, "", True),
        ({"causes": ["Killed", "Crashed"]}, 139, "", True),
        ({"causes": ["Crashed"]}, 137, "", False),
        ({"causes": ["Preempted"]}, -102, "", True),
        ({"causes": ["NodeLost"]}, -100, "Container released on a *lost* node", True),
        ({"stderr": "disk * full"}, 1, said("the disk of a is full"), True),
        ({"stderr": "disk * full"}, 1, said("the disk is not"), False),
        ({"stderr": "Exit code"}, 1, said("x"), False),  # only what the program wrote
        ({"stderr": "x"}, 1, "", False),
        ({"stderr": "x", "exitCodes": in_(2)}, 1, said("x"), False),
        ({"causes": ["CannotRun"]}, 127, "", True),
    ],
)
def test_a_rule_matches_when_all_that_it_gives_is_met(
    rule: dict[str, Any], code: int, words: str, matches: bool
) -> None:
    told = world({"action": "FailJob", **rule}, ps=1, worker=1).ends("worker-0", code, words)
    assert (verdict(told) == "FailureRule") is matches


def test_the_first_rule_that_matches_decides() -> None:
    rules = [{"action": "Restart", "exitCodes": in_(3)}, {"action": "FailJob"}]
    assert verdict(world(*rules).ends("worker-0", 3)) == ""
    told = world(*rules).ends("worker-0", 4)
    assert told.memory.verdict is not None
    assert "failureRules[1] says that this fails the job" in told.memory.verdict.message


@pytest.mark.parametrize("code", [0, -105])
def test_no_rule_is_asked_about_what_is_no_failure(code: int) -> None:
    assert world({"action": "FailJob"}).ends("worker-0", code).memory.verdict is None


# --- what follows


@pytest.mark.parametrize("rules", [{"restartPolicy": "Never"}, {"restartPolicy": "ExitCode"}])
def test_a_rule_comes_before_the_restart_policy(rules: dict[str, Any]) -> None:
    told = world({"action": "Restart", "exitCodes": in_(3)}, roles={"worker": rules})
    assert verdict(told.ends("worker-0", 3)) == ""
    assert told.memory.charged == 1
    assert verdict(told.ends("worker-1", 4)) == "PermanentExit"


def test_a_command_that_is_missing_for_a_moment_may_be_tried_again() -> None:
    told = world({"action": "Restart", "exitCodes": in_(127)}).ends("worker-0", 127)
    assert (verdict(told), told.asked) == ("", {"worker-0"})


def test_restart_job_restarts_all_of_a_job_whose_replicas_restart_alone() -> None:
    told = world({"action": "RestartJob", "roles": ["ps"]}, ps=1, worker=2)
    told.ends("worker-0", 1)
    assert told.memory.generation == 1
    told.later(10).ends("ps-0", 1)
    assert (told.memory.generation, told.memory.charged) == (2, 2)


def test_ignore_charges_nobody_however_often() -> None:
    told = world({"action": "Ignore", "exitCodes": in_(9)}, policy={"backoffLimit": 0}, worker=1)
    for _ in range(8):
        told.ends("worker-0", 9).later(400).grants("worker-0").starts()
    assert (told.memory.charged, verdict(told)) == (0, "")
    assert told.replica("worker-0").replacements == 8


def test_what_is_ignored_is_paced_all_the_same() -> None:
    told = world({"action": "Ignore"}, worker=1).ends("worker-0", 9)
    assert told.asked == {"worker-0"}
    told.grants("worker-0").starts().ends("worker-0", 9)
    assert told.asked == set()
    assert told.later(5).asked == {"worker-0"}


def test_what_is_ignored_makes_no_preemption_dearer() -> None:
    told = world({"action": "Ignore", "exitCodes": in_(9)}, worker=1)
    for _ in range(6):
        told.ends("worker-0", 9).later(60).grants("worker-0").starts()
    assert told.ends("worker-0", -102).memory.charged == 0


def test_a_rule_may_charge_what_is_free_and_free_what_is_charged() -> None:
    told = world({"action": "Restart", "causes": ["Preempted"], "charged": True}).ends("worker-0", -102)
    assert told.memory.charged == 1
    told = world({"action": "Restart", "charged": False}).ends("worker-0", 1)
    assert told.memory.charged == 0


def test_left_out_the_charge_is_as_without_the_rule_also_after_many() -> None:
    told = world({"action": "Restart", "causes": ["Preempted"]}, worker=1)
    for _ in range(5):
        told.ends("worker-0", -102).later(40).grants("worker-0").starts()
    assert told.memory.charged == 0
    assert told.ends("worker-0", -102).memory.charged == 1


def test_an_edit_of_the_rules_restarts_nothing() -> None:
    told = world({"action": "FailJob"})
    told.declares(job("Generic", FREE, spec={"failureRules": []}, worker=2))
    assert told.memory.generation == 1
    assert verdict(told.ends("worker-0", 1)) == ""


# --- beside a failure of another one


def following(rule: dict[str, Any]) -> World:
    wanted = job("Generic", FREE, spec={"failureRules": [rule]}, ps=1, worker=2)
    told = World(wanted, limits=Limits(first_cause_wait=2.0)).runs().ends("ps-0", 137)
    told.now += 1
    return told.ends("worker-0", 42)


def test_a_code_that_fails_the_job_does_so_also_beside_another_failure() -> None:
    assert verdict(following({"action": "FailJob", "exitCodes": in_(42)})) == "FailureRule"


def test_a_role_that_fails_the_job_does_not_when_it_only_dies_of_another_one() -> None:
    assert verdict(following({"action": "FailJob", "roles": ["worker"]})) == ""


def test_what_a_rule_says_of_the_programs_words_needs_no_waiting_for_a_truer_cause() -> None:
    wanted = job(
        "PyTorch", FREE, spec={"failureRules": [{"action": "FailJob", "exitCodes": in_(42)}]}, worker=3
    )
    told = World(wanted, limits=Limits(first_cause_wait=2.0)).runs().ends("worker-2", 42)
    assert verdict(told) == "FailureRule"


# --- nodes


def on_three_nodes(*rules: dict[str, Any], words: str = "", code: int = 1) -> World:
    told = world(*rules)
    told.sees(cluster=cluster("a", "b", "c"))
    return told.ends("worker-0", code, words)


def test_a_node_is_avoided_for_a_while() -> None:
    told = on_three_nodes({"action": "Restart", "avoidNode": True})
    assert told.plan.avoid == {"a"}
    assert {ask.host for ask in told.plan.asks} <= {"b", "c"}
    assert "a is left alone for a while" in told.memory.restart_cause
    assert told.later(FIRST).plan.avoid == frozenset()


def test_a_gpu_that_failed_has_its_node_avoided_without_any_rule() -> None:
    told = on_three_nodes(words=said("RuntimeError: CUDA error: uncorrectable ECC error encountered"))
    assert (told.plan.avoid, told.memory.charged) == ({"a"}, 0)


def test_a_rule_may_say_that_it_is_not() -> None:
    told = on_three_nodes({"action": "Restart", "avoidNode": False}, words=said("NVRM: Xid 79"))
    assert told.plan.avoid == frozenset()


def test_nothing_is_avoided_while_nothing_is_wanted() -> None:
    told = on_three_nodes({"action": "Restart", "avoidNode": True})
    told.grants("worker-0", node="b").starts()
    assert told.plan.avoid == frozenset()


def test_avoiding_doubles_up_to_its_most_and_is_forgotten() -> None:
    known, now, lengths = avoiding((), "a", 0.0), 0.0, []
    for _ in range(7):
        lengths.append(known[-1].until - now)
        now = known[-1].until + 1
        known = avoiding(known, "a", now)
    assert lengths == [600, 1200, 2400, 4800, 9600, MOST, MOST]
    assert avoided_now(known, now) == {"a"}
    assert still(known, now + 2 * MOST) == ()
    assert avoiding(known, "a", now + 2 * MOST)[-1].times == 1


def test_what_fails_on_a_node_together_has_it_avoided_no_longer() -> None:
    known = avoiding(avoiding((), "a", 0.0), "a", 5.0, "GpuFault")
    assert known == (Avoided("a", 5 + FIRST, 1, "GpuFault", 5.0),)
    assert avoiding(known, "a", 100.0)[-1].times == 2


# --- the pattern language


@pytest.mark.parametrize(
    ("line", "pattern", "found"),
    [
        ("CUDA error: an illegal memory access", "CUDA error", True),
        ("CUDA error: an illegal memory access", "CUDA*illegal*access", True),
        ("CUDA error: an illegal memory access", "*illegal*", True),
        ("CUDA error", "illegal*CUDA", False),
        ("aab", "a*ab", True),
        ("ab", "ab*b", False),
        ("a.b", "a?b", False),
        ("", "x", False),
    ],
)
def test_a_pattern_is_text_in_which_a_star_stands_for_anything(line: str, pattern: str, found: bool) -> None:
    assert holds(["other", line], pattern) is found


@given(st.lists(st.text("ab", min_size=1, max_size=3), min_size=1, max_size=5), st.text("abc", max_size=4))
def test_what_is_put_between_its_pieces_does_not_matter(pieces: list[str], between: str) -> None:
    assert holds([between.join(pieces)], "*".join(pieces))


def test_no_pattern_takes_long() -> None:
    began = time.process_time()
    assert not holds(["a" * 2000] * 20, "*".join(["a"] * 99) + "*b")
    assert time.process_time() - began < 5  # a matcher that goes back would not end at all


def test_what_a_rule_charges_to_nobody_makes_no_other_failure_free() -> None:
    """Else a worker that crashes beside an evaluator that may would restart for ever."""
    told = world(
        {"roles": ["evaluator"], "action": "Ignore"}, policy={"backoffLimit": 1}, worker=1, evaluator=1
    )
    told = World(told.job, limits=Limits(first_cause_wait=2)).runs()
    told.all_end({"evaluator-0": 139, "worker-0": 1}).later(5)
    assert told.memory.charged == 1


def test_one_failure_of_the_infrastructure_is_charged_once_where_a_rule_charges_it() -> None:
    rule = {"action": "Restart", "causes": ["NodeUnhealthy"], "charged": True}
    spec = {"failureRules": [rule]}
    told = World(job("Generic", FREE, spec=spec, worker=3), limits=Limits(first_cause_wait=2)).runs()
    told.all_end({f"worker-{i}": -101 for i in range(3)}).later(5)
    assert told.memory.charged == 1


def test_a_port_that_a_rule_excuses_is_not_tried_in_a_hot_loop() -> None:
    quick = world({"action": "Ignore"}, worker=1)
    for _ in range(4):
        quick.ends("worker-0", 75).later(max(0.0, quick.replica("worker-0").not_before - quick.now)).runs()
    assert quick.replica("worker-0").excused_ends
    assert quick.ends("worker-0", 75).replica("worker-0").not_before > quick.now
