"""What a controller writes as a status is read as it was, whatever it holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import yaml
from hypothesis import given
from hypothesis import strategies as st

from trainmaster.api.declared import Declared
from trainmaster.api.status import (
    Condition,
    ConditionType,
    ExitStatus,
    JobStatus,
    ReplicaState,
    ReplicaStatus,
    RoleStatus,
)
from trainmaster.sources import shown

T = TypeVar("T")
JOB = Declared("folder", "vision", "mnist", "1e5", "mnist.yaml", created=1_750_000_000.0)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
TEXTS = st.one_of(
    TEXT, st.sampled_from(["", "null", "~", "true", "1", "1e5", "a: b", "- c", "&x", "*x", "{}", "'"])
)


def made(kind: Callable[..., T], **fields: st.SearchStrategy[object]) -> st.SearchStrategy[T]:
    """Only of these fields: what is left out keeps its default."""
    return st.fixed_dictionaries(fields).map(lambda values: kind(**values))


CONDITIONS = made(
    Condition,
    type=st.sampled_from(ConditionType),
    status=st.sampled_from(["True", "False"]),
    reason=TEXTS,
    message=TEXTS,
    last_transition_time=st.just("2026-01-01T00:00:00Z"),
)
ENDS = made(
    ExitStatus,
    code=st.integers(-1000, 255),
    cause=TEXTS,
    message=TEXTS,
    node=TEXTS,
    container=TEXTS,
    time=st.just("2026-01-01T00:00:00Z"),
)
REPLICAS = made(
    ReplicaStatus,
    index=st.integers(0, 9),
    state=st.sampled_from(ReplicaState),
    ports=st.lists(st.integers(1, 65535), max_size=2).map(tuple),
    last_exit=st.one_of(st.none(), ENDS),
)
ROLES = made(RoleStatus, wanted=st.integers(0, 9), replicas=st.lists(REPLICAS, max_size=2).map(tuple))
STATUSES = made(
    JobStatus,
    conditions=st.lists(CONDITIONS, max_size=3).map(tuple),
    roles=st.dictionaries(st.sampled_from(["ps", "worker", "y", "1"]), ROLES, max_size=2),
    scheduler_message=TEXTS,
    running_time=st.one_of(st.none(), st.floats(0, 1e12)),
    start_time=st.one_of(st.none(), st.just("2026-01-01T00:00:00Z")),
)


@given(status=STATUSES)
def test_a_status_is_read_as_it_was_written(status: JobStatus) -> None:
    found = shown.from_bytes(shown.to_bytes(JOB, status))
    assert found == shown.Shown("1e5", 1, status, "2025-06-15T15:06:40Z", (JOB.namespace, JOB.name))


def test_what_others_write_is_read_as_yaml_or_not_at_all() -> None:
    written = yaml.safe_load(shown.to_bytes(JOB, JobStatus(state="Running", gpus=3)))
    written["status"]["startTime"] = None
    assert shown.from_bytes(yaml.safe_dump(written, default_flow_style=True).encode()) is not None
    for data in (
        b"",
        b"{",
        b"a",
        b"- a",
        b"a: &x b\nc: *x\n",
        b"metadata: 5\nstatus: {}",
        b"\xff",
        b"[" * 100_000,
    ):
        assert shown.from_bytes(data) is None
