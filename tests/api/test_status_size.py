"""A status that fits into one object: whole where it can be, else with those in trouble, and true in any case."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainmaster.api.status import (
    MAX_EARLIER,
    Condition,
    ConditionType,
    ExitStatus,
    JobStatus,
    ReplicaState,
    ReplicaStatus,
    ResourceStatus,
    RoleStatus,
)
from trainmaster.api.status_size import MAX_BYTES, fitted

CONTAINER = "container_e12_1763848149000_12345_01_%06d"
NOW = "2026-11-22T22:22:22Z"


def replica(index: int, state: ReplicaState = ReplicaState.RUNNING, ended: bool = False) -> ReplicaStatus:
    """One with everything in it that a real one has, at real lengths."""
    container, node = CONTAINER % index, f"hadoop-worker-{index % 500:04d}.example.com"
    url = f"http://{node}:8042/ws/v1/node/containers/{container}/logs"
    end = ExitStatus(
        code=137, cause="Memory", message="m" * 300, node=node, container=container, time=NOW, log_url=url
    )
    return ReplicaStatus(
        index=index,
        state=state,
        run=1,
        container=container,
        node=node,
        ports=(23456,),
        granted=ResourceStatus(memory_mib=8192, vcores=4, gpus=1),
        last_exit=end if ended else None,
        log_url=url,
    )


def status(*replicas: ReplicaStatus) -> JobStatus:
    running = sum(1 for one in replicas if one.state is ReplicaState.RUNNING)
    conditions = tuple(
        Condition(type=type_, status="True", reason="Reason", message="m" * 200, last_transition_time=NOW)
        for type_ in ConditionType
    )
    worker = RoleStatus(wanted=len(replicas), running=running, replicas=replicas)
    return JobStatus(conditions=conditions, roles={"worker": worker, "ps": RoleStatus(wanted=0)})


def size(told: JobStatus) -> int:
    """As the API server is sent it."""
    document = told.model_dump(mode="json", by_alias=True, exclude_none=True)
    return len(json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode())


def shown(told: JobStatus) -> list[int]:
    return [one.index for one in told.roles["worker"].replicas]


def test_a_thousand_replicas_are_all_shown() -> None:
    whole = status(*map(replica, range(1000)))
    assert fitted(whole) is whole
    assert size(whole) < MAX_BYTES * 3 // 4


@pytest.mark.parametrize("ended", [False, True])
def test_five_thousand_replicas_fit_with_counts_of_all(ended: bool) -> None:
    whole = status(*(replica(i, ended=ended) for i in range(5000)))
    told = fitted(whole)
    worker = told.roles["worker"]
    assert MAX_BYTES * 0.95 < size(told) <= MAX_BYTES
    assert (worker.wanted, worker.running) == (5000, 5000)
    assert worker.omitted == 5000 - len(worker.replicas)
    assert shown(told) == list(range(len(worker.replicas)))


def test_those_in_trouble_are_shown_before_those_that_run_undisturbed() -> None:
    trouble = {
        4000: replica(4000, ReplicaState.BACKING_OFF, ended=True),
        4500: replica(4500, ReplicaState.FAILED, ended=True),
        4999: replica(4999, ReplicaState.UNSEEN),
    }
    once = {3000: replica(3000, ended=True)}
    others = trouble | once
    told = fitted(status(*(others.get(i) or replica(i) for i in range(5000))))
    assert set(others) <= set(shown(told))
    assert shown(told) == sorted(shown(told))


def test_of_many_earlier_applications_the_last_are_shown() -> None:
    ids = tuple(f"application_1_{i}" for i in range(MAX_EARLIER + 5))
    assert fitted(JobStatus(earlier_application_ids=ids)).earlier_application_ids == ids[5:]


REPLICAS = st.lists(st.tuples(st.sampled_from(ReplicaState), st.booleans()), max_size=260)


@given(REPLICAS, st.integers(0, 200_000))
def test_what_is_shown_is_true_and_what_isnt_is_counted(
    found: list[tuple[ReplicaState, bool]], limit: int
) -> None:
    whole = status(*(replica(i, state, ended) for i, (state, ended) in enumerate(found)))
    told = fitted(whole, limit)
    ours, theirs = told.roles["worker"], whole.roles["worker"]
    assert [one for one in theirs.replicas if one.index in shown(told)] == list(ours.replicas)
    assert ours.omitted + len(ours.replicas) == len(theirs.replicas)
    assert ours.model_copy(update={"replicas": (), "omitted": 0}) == theirs.model_copy(
        update={"replicas": ()}
    )
    assert not ours.omitted or not ours.replicas or size(told) <= limit
