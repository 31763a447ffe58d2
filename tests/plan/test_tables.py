"""The tables of plan/: what an exit status means, how long is waited, which ports, whose turn, who is let in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan.build import World, cluster, job
from trainmaster.api.job import RestartPolicy
from trainmaster.api.policies import Backoff
from trainmaster.api.words import FailureCause
from trainmaster.plan.classify import CHARGED, TABLE, Told, classify
from trainmaster.plan.end_words import describe
from trainmaster.plan.ends import INFRASTRUCTURE, Cause, class_of
from trainmaster.plan.last_words import last_words
from trainmaster.plan.ports import choose
from trainmaster.plan.restart import delay, infra_delay
from trainmaster.plan.values import NO_LIMIT, Limits, Size

P = RestartPolicy


def stderr(line: str) -> str:
    """As a NodeManager tells it."""
    return f"Exit code: 1\nLast 4096 bytes of stderr :\nstep 1\n{line}\n"


ENDS = [
    (Told(-105), Cause.STOPPED),
    (Told(-107, P.NEVER), Cause.STOPPED),
    (Told(-100, node="DECOMMISSIONED"), Cause.NODE_DECOMMISSIONED),
    (Told(-100, node="SHUTDOWN"), Cause.NODE_DECOMMISSIONED),
    (Told(-100, node="UNHEALTHY: 1/1 local-dirs have errors"), Cause.NODE_UNHEALTHY),
    (Told(-100, node="LOST"), Cause.NODE_LOST),
    (Told(-100, node="REBOOTED"), Cause.NODE_LOST),
    (Told(-100, words="Container released on a *lost* node"), Cause.NODE_LOST),
    (Told(-100, words="Container released by application"), Cause.INFRASTRUCTURE),
    (Told(-100, words="Container expired since it was unused"), Cause.INFRASTRUCTURE),
    (Told(-100), Cause.INFRASTRUCTURE),
    (Told(-101), Cause.NODE_UNHEALTHY),
    (Told(-102, P.EXIT_CODE, "Container preempted by scheduler"), Cause.PREEMPTED),
    (Told(-106), Cause.INFRASTRUCTURE),
    (Told(-108), Cause.LOGS_TOO_LARGE),
    (Told(-103), Cause.MEMORY),
    (Told(-104, P.ALWAYS), Cause.MEMORY),
    (Told(137, words="Container c was killed since it was under oom"), Cause.MEMORY),
    (Told(137, words="Memory cgroup out of memory: Killed process 7 (python)"), Cause.MEMORY),
    (Told(-1000, P.NEVER), Cause.NEVER_RAN),
    (Told(-1000, words="it could not be started on a: no answer"), Cause.NEVER_RAN),
    (
        Told(-1000, words="Resource hdfs://a/train.py changed on src filesystem - expected: 1, was: 2"),
        Cause.LOCALIZATION_FAILED,
    ),
    (
        Told(
            -1000,
            words="Application application_1_0001 initialization failed (exitCode=255) Localizer failed",
        ),
        Cause.LOCALIZATION_FAILED,
    ),
    (Told(154, P.EXIT_CODE), Cause.INFRASTRUCTURE),
    (Told(75, P.EXIT_CODE), Cause.PORT_TAKEN),
    (Told(76, P.EXIT_CODE), Cause.PERMANENT),
    (Told(76, P.EXIT_CODE, process=2), Cause.INFRASTRUCTURE),
    (Told(-1), Cause.REFUSED),
    (Told(-1, words="ResourceHandlerChain.preStart() failed!"), Cause.INFRASTRUCTURE),
    (
        Told(
            -1,
            words="[…]Unable to get local resources when Container container_e02_1_0004_01_000002 is at NEW",
        ),
        Cause.INFRASTRUCTURE,
    ),
    (
        Told(-1, words="Could not find any valid local directory for nmPrivate/launch_container.sh"),
        Cause.INFRASTRUCTURE,
    ),
    (Told(-1, words="java.io.IOException: No space left on device"), Cause.INFRASTRUCTURE),
    (Told(-109), Cause.REFUSED),
    (Told(70, P.EXIT_CODE), Cause.REFUSED),
    (Told(0, P.EXIT_CODE), Cause.SUCCEEDED),
    (Told(0, P.ALWAYS), Cause.SUCCEEDED),
    (Told(1, P.EXIT_CODE), Cause.PERMANENT),
    (Told(77, P.EXIT_CODE, stderr("trainmaster: nodeCheck took longer than 60 s")), Cause.NODE_CHECK),
    (Told(77, P.EXIT_CODE), Cause.PERMANENT),
    (Told(125, P.EXIT_CODE), Cause.PERMANENT),
    (Told(126), Cause.CANNOT_RUN),
    (Told(127, P.EXIT_CODE), Cause.CANNOT_RUN),
    (Told(127, P.ALWAYS), Cause.CANNOT_RUN),
    (Told(-9997, P.ALWAYS), Cause.CANNOT_RUN),
    (
        Told(1, words=stderr("FileNotFoundError: /data/x does not exist"), input_path="/data/x"),
        Cause.CANNOT_RUN,
    ),
    (Told(1, words=stderr("RuntimeError: CUDA error: uncorrectable ECC error encountered")), Cause.GPU_FAULT),
    (Told(134, P.EXIT_CODE, stderr("NVRM: Xid (PCI:0000:3b:00): 79")), Cause.GPU_FAULT),
    (Told(1, P.EXIT_CODE, stderr("CUDA error: hardware stack error")), Cause.GPU_FAULT),
    (Told(1, words=stderr("RuntimeError: [pair.cc:534] Connection closed by peer")), Cause.COMMUNICATION),
    (
        Told(134, words=stderr("[Rank 1] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=7)")),
        Cause.COMMUNICATION,
    ),
    (Told(1, words=stderr("RuntimeError: CUDA out of memory.")), Cause.RETRYABLE),
    (Told(1), Cause.RETRYABLE),
    (Told(125, P.ALWAYS), Cause.RETRYABLE),
    (Told(128, P.EXIT_CODE), Cause.RETRYABLE),
    (Told(134), Cause.CRASHED),
    (Told(139, P.EXIT_CODE), Cause.CRASHED),
    (Told(137, P.EXIT_CODE, "Killed by external signal"), Cause.KILLED),
    (Told(143), Cause.KILLED),
    (Told(255, P.EXIT_CODE), Cause.RETRYABLE),
    (Told(255), Cause.RETRYABLE),
    (Told(-9998, P.NEVER), Cause.INFRASTRUCTURE),
    (Told(-9999), Cause.INFRASTRUCTURE),
    (Told(-9996, P.NEVER), Cause.HANG),
    (Told(-110), Cause.UNKNOWN),
]


@pytest.mark.parametrize(("told", "cause"), ENDS)
def test_an_end_means(told: Told, cause: Cause) -> None:
    assert classify(told) is cause


def test_every_row_is_met_by_an_example() -> None:
    first = [next(row for row in TABLE if row.matches(told)) for told, _ in ENDS]
    assert [row.why for row in TABLE if row not in first] == []


def test_a_cause_is_the_doing_of_one_side() -> None:
    assert {
        cause.value: class_of(cause).value for cause in (Cause.NODE_LOST, Cause.MEMORY, Cause.KILLED)
    } == {
        "NodeLost": "Infrastructure",
        "Memory": "Workload",
        "Killed": "Unclear",
    }


def test_what_is_the_infrastructures_doing_is_charged_to_nobody() -> None:
    assert not INFRASTRUCTURE & CHARGED


def test_the_table_stands_in_the_documentation_in_its_order() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "behaviour.md").read_text()
    shown = [row.split("|")[2].strip() for row in text.splitlines() if row.count("|") == 5]
    known = [cause.value for cause in Cause]
    documented = list(dict.fromkeys(each for each in shown if each in known))
    assert documented == list(dict.fromkeys(row.cause.value for row in TABLE))


def test_rules_may_name_every_cause_of_a_failure() -> None:
    shown_only = {"Succeeded", "Stopped", "Consequence", "Unjudged"}
    assert {cause.value for cause in FailureCause} == {cause.value for cause in Cause} - shown_only


@pytest.mark.parametrize(
    ("code", "words", "said"),
    [
        (1, "Exit code: 1\nsome stack", "exit code 1"),
        (128, "", "exit code 128"),
        (129, "", "signal 1 ended it (exit code 129)"),
        (137, "", "signal 9 ended it (exit code 137)"),
        (192, "", "signal 64 ended it (exit code 192)"),
        (193, "", "exit code 193"),
        (255, "", "exit code 255"),
        (
            -104,
            "Container killed on request",
            "it used more memory than it asked for: Container killed on request",
        ),
        (-100, "", "its node was lost or YARN took the container back"),
        (-1000, "", "it never ran, and YARN doesn't say why"),
        (-1000, "no space left on device", "it never ran: no space left on device"),
        (-77, "a stack\nthe end of it\n", "exit code -77: a stack"),  # of a YARN to come
    ],
)
def test_an_end_is_described(code: int, words: str, said: str) -> None:
    assert describe(code, words) == said


def test_the_telling_line_of_diagnostics_is_kept() -> None:
    assert last_words("[2024] x\nException from container-launch\n  at java\ndisk full\n") == "disk full"
    assert (
        last_words("[2026-11-22 20:44:22.915]Container [pid=1] is over\nDump:\n")
        == "Container [pid=1] is over"
    )
    assert len(last_words("x" * 1000)) == 300


@pytest.mark.parametrize(
    ("base", "most", "attempt", "seconds"),
    [
        (10, 600, 1, 10),
        (10, 600, 2, 20),
        (10, 600, 4, 80),
        (10, 600, 7, 600),
        (0, 600, 5, 0),
        (10, 600, 9999, 600),
    ],
)
def test_backoff_doubles_up_to_its_most(base: float, most: float, attempt: int, seconds: float) -> None:
    assert delay(Backoff(base=base, max=most), attempt) == seconds


@pytest.mark.parametrize(("ends", "seconds"), [(1, 0), (2, 5), (3, 10), (4, 20), (5, 40), (20, 300)])
def test_infrastructure_is_replaced_at_once_and_then_paced(ends: int, seconds: float) -> None:
    assert infra_delay(ends) == seconds


# --- ports


def test_wished_ports_are_kept_if_all_are_free() -> None:
    assert choose(Limits(), 2, {20000}, "s", (20005, 20006)) == (20005, 20006)
    assert 20005 not in choose(Limits(), 2, {20005}, "s", (20005, 20006))


def test_a_full_range_gives_fewer() -> None:
    assert choose(Limits(port_first=1, port_last=3), 2, {1, 2}, "s") == (3,)


@given(st.sets(st.integers(1, 20)), st.integers(1, 4), st.text())
def test_ports_are_free_distinct_and_in_range(taken: set[int], count: int, seed: str) -> None:
    ports = choose(Limits(port_first=1, port_last=20), count, taken, seed)
    assert len(set(ports)) == len(ports) == min(count, 20 - len(taken))
    assert not set(ports) & taken
    assert all(1 <= p <= 20 for p in ports)


# --- admission


REFUSED: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
    ({}, {"denied": "bob may not be alice"}, "Denied", "bob may not be alice"),
    ({}, {"cluster": cluster(queue_found=False)}, "QueueNotFound", "'default'"),
    ({}, {"cluster": cluster(queue_running=False)}, "QueueStopped", "'default' is stopped"),
    ({"worker": 5001}, {}, "NeverFits", "5001 replicas are wanted, and this controller takes 5000"),
    (
        {"roles": {"worker": {"resources": {"memory": "128Gi"}}}},
        {},
        "NeverFits",
        "role worker wants 131072 MiB, 1 vcores in one container; YARN grants at most 65536 MiB, 64 vcores, 8 GPU",
    ),
    (
        {"roles": {"worker": {"resources": {"gpus": 4}}}},
        {"cluster": cluster(largest=Size(65536, 64, 2))},
        "NeverFits",
        "role worker wants 1024 MiB, 1 vcores, 4 GPU in one container; YARN grants at most 65536 MiB, 64 vcores, 2 GPU",
    ),
    (
        {"ps": 1, "roles": {"worker": {"resources": {"gpus": 1}}}},
        {"cluster": cluster(largest=Size(65536, 64, 0))},
        "NeverFits",
        "role worker wants 1024 MiB, 1 vcores, 1 GPU in one container; YARN grants at most 65536 MiB, 64 vcores, no GPU",
    ),
    (
        {"worker": 3, "roles": {"worker": {"resources": {"memory": "8Gi"}}}},
        {"cluster": cluster(queue_maximum=Size(16384, 64, 8))},
        "NeverFits",
        "the gang wants 24576 MiB, 3 vcores (3 worker); queue 'default' may use at most 16384 MiB, 64 vcores, 8 GPU",
    ),
]


@pytest.mark.parametrize(("of", "seen", "reason", "words"), REFUSED)
def test_a_job_is_refused_with_the_numbers(
    of: dict[str, Any], seen: dict[str, Any], reason: str, words: str
) -> None:
    world = World(job(**{"worker": 1, **of})).sees(**seen)
    assert not world.plan.actions
    assert world.status.state == "Refused"
    assert world.condition("Accepted").reason == reason
    assert words in world.condition("Accepted").message
    assert world.condition("Stalled").status == "True"


def test_a_refused_job_is_taken_in_once_it_fits() -> None:
    world = World(job(worker=1)).sees(cluster=cluster(queue_running=False))
    assert world.sees(cluster=cluster()).told_names == ["Open"]


def test_a_small_gang_may_be_had_where_the_whole_job_may_not() -> None:
    small = job(worker=3, gang={"minAvailable": 1}, roles={"worker": {"resources": {"memory": "8Gi"}}})
    world = World(small).sees(cluster=cluster(queue_maximum=Size(16384, 64, 8)))
    assert world.told_names == ["Open"]


def test_more_roles_in_a_life_than_numbers_are_refused() -> None:
    world = World(job(worker=1))
    for start in range(0, 279, 31):
        world.declares(job(**{f"r{start + i}": 1 for i in range(31)}))
    assert world.condition("Accepted").reason == "Invalid"
    assert world.condition("Accepted").message.startswith("this job had 280 different roles in its life")


def test_a_job_whose_processes_could_never_be_told_of_each_other_is_refused_with_the_numbers() -> None:
    """It would fail again and again, on whatever node."""
    world = World(job("TensorFlow", worker=2000)).sees(cluster=cluster("n" * 100, "m" * 100))
    assert world.condition("Accepted").reason == "NeverFits"
    assert "220000 bytes in one variable; Linux takes at most" in world.condition("Accepted").message


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (Size(8192, 4, 2), "8192 MiB, 4 vcores, 2 GPU"),
        (Size(8192, 0, 0), "8192 MiB, 0 vcores"),
        (Size(8192, NO_LIMIT, NO_LIMIT), "8192 MiB"),  # where the queue's calculator compares memory alone
        (Size(8192, NO_LIMIT - 1, NO_LIMIT - 1), f"8192 MiB, {NO_LIMIT - 1} vcores, {NO_LIMIT - 1} GPU"),
    ],
)
def test_a_size_names_what_is_limited(size: Size, said: str) -> None:
    assert str(size) == said
