"""A node that fails a job's own check is replaced, uncharged, and left alone; one that fails everywhere is the job's fault."""

from __future__ import annotations

import pytest

from plan.build import World, cluster, job
from trainmaster.api.rules import check
from trainmaster.plan.classify import NODE_UNFIT, Told, classify
from trainmaster.plan.ends import Cause
from trainmaster.plan.last_words import CHECK
from trainmaster.plan.ruling import CHECKS_FREE
from trainmaster.plan.suspects import suspects
from trainmaster.plan.values import Limits, Start

TRY = {"nodeCheck": {"command": "nvidia-smi -L", "timeout": "20s"}}
FREE = {"backoff": {"base": 0}}
UNFIT = f"Exit code: 77\nLast 4096 bytes of stderr :\nno devices found\n{CHECK}ended with exit code 6\n"
HOSTS = ("a", "b", "c", "d", "e", "f", "g", "h", "i", "k")


def world(policy: dict[str, object] | None = None, **replicas: int) -> World:
    made = job("Generic", FREE | (policy or {}), spec=TRY, **(replicas or {"worker": 1}))
    return World(made).registers().sees(cluster=cluster(*HOSTS))


def test_every_process_is_started_with_the_check_of_the_job() -> None:
    [start] = world().grants("worker-0").told(Start)
    assert start.check is not None
    assert (start.check.command, start.check.timeout) == ("nvidia-smi -L", 20)


def test_a_node_that_fails_it_is_left_alone_and_nobody_is_charged() -> None:
    at = world({"backoffLimit": 0}).runs("a").ends("worker-0", NODE_UNFIT, UNFIT)
    assert (at.memory.charged, at.memory.verdict) == (0, None)
    assert at.plan.avoid == {"a"}
    assert at.asked == {"worker-0"}
    last = at.shown("worker-0").last_exit
    assert last is not None
    assert last.cause == "NodeCheckFailed"
    assert last.message == "its node failed: nodeCheck ended with exit code 6: no devices found"


def test_where_the_check_of_two_jobs_fails_the_node_is_a_suspect() -> None:
    told = [world().runs("a").ends("worker-0", NODE_UNFIT, UNFIT).memory for _ in range(2)]
    [found] = suspects([("alice", each) for each in told], len(HOSTS), told[0].avoided[0].at)
    assert (found.host, {w.cause for w in found.witnesses}) == ("a", {"NodeCheckFailed"})


def test_a_check_that_fails_on_many_nodes_is_the_jobs_fault() -> None:
    """However slowly: each failure takes as long as the check may."""
    at = world({"backoffLimit": 0}).runs("a")
    for host in HOSTS[1 : CHECKS_FREE + 1]:
        at.ends("worker-0", NODE_UNFIT, UNFIT)
        assert at.memory.verdict is None
        at.later(200).grants("worker-0", node=host).starts()
    at.ends("worker-0", NODE_UNFIT, UNFIT)
    assert at.memory.verdict is not None
    assert at.memory.verdict.reason == "BackoffLimitExceeded"


def test_a_large_job_may_find_more_of_them() -> None:
    at = world(worker=20 * (CHECKS_FREE + 1)).runs("a")
    for n in range(CHECKS_FREE + 1):
        at.ends(f"worker-{n}", NODE_UNFIT, UNFIT).later(61)
    assert at.memory.charged == 0


def test_a_gang_of_which_one_node_is_unfit_names_that_one() -> None:
    """Its peers die of it: theirs are heard first, and are its consequences."""
    gang = job("PyTorch", FREE, spec=TRY, master=1, worker=2)
    at = World(gang, limits=Limits(first_cause_wait=2)).registers()
    at.sees(cluster=cluster(*HOSTS)).runs("a").ends("master-0", 1, "")
    at.ends("worker-1", NODE_UNFIT, UNFIT)
    assert at.memory.failure is not None
    assert str(at.memory.failure.first) == "worker-1"
    assert (at.memory.charged, at.plan.avoid) == (0, {"a"})


@pytest.mark.parametrize("words", ["", "Exit code: 77\nLast 4096 bytes of stderr :\npermission denied\n"])
def test_an_exit_of_the_program_with_the_same_code_is_its_own(words: str) -> None:
    assert classify(Told(NODE_UNFIT, words=words)) is Cause.RETRYABLE


@pytest.mark.parametrize(("timeout", "fine"), [("0s", 0), ("1s", 1), ("10m", 1), ("601s", 0)])
def test_how_long_it_may_take_is_bounded(timeout: str, fine: int) -> None:
    wanted = job(worker=1, spec={"nodeCheck": {"command": "true", "timeout": timeout}})
    assert [p.field for p in check(wanted)] == ["spec.nodeCheck.timeout"] * (1 - fine)
