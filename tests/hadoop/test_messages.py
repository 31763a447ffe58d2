"""Protobufs to values and back, where YARN has its own way of saying things."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any
from unittest.mock import AsyncMock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainmaster.errors import InvalidError
from trainmaster.hadoop import configuration, messages, nodemanager, resourcemanager, scheduler
from trainmaster.hadoop.containers import (
    AllocateCall,
    LaunchContext,
    LocalResource,
    NmState,
    NmStatus,
    ResourceAsk,
    ResourceKind,
)
from trainmaster.hadoop.failover import Failover
from trainmaster.hadoop.ids import container_proto
from trainmaster.hadoop.proto import yarn_client_pb2, yarn_nodemanager_pb2, yarn_pb2, yarn_scheduler_pb2
from trainmaster.hadoop.proto.common_pb2 import TokenProto
from trainmaster.hadoop.values import Resource, Submission

ID = "container_e02_1410901177871_0001_01_000005"
AMOUNTS = st.integers(0, 2**31 - 1)


@given(AMOUNTS, AMOUNTS, AMOUNTS)
def test_resources_survive_the_way_there_and_back(memory: int, vcores: int, gpus: int) -> None:
    size = Resource(memory, vcores, gpus)
    assert messages.resource(messages.resource_proto(size)) == size


def test_gpus_are_only_mentioned_where_wanted() -> None:
    assert not messages.resource_proto(Resource(64, 1)).resource_value_map
    [entry] = messages.resource_proto(Resource(64, 1, 2)).resource_value_map
    assert (entry.key, entry.value, entry.units) == ("yarn.io/gpu", 2, "")


def test_a_submission_is_an_unmanaged_application_with_one_attempt() -> None:
    said = resourcemanager.submission_proto(
        Submission("application_1410901177871_0001", "mnist", "gpu", 5, ("a", "b"), view_acl="ops")
    )
    assert (said.unmanaged_am, said.maxAppAttempts, said.keep_containers_across_application_attempts) == (
        True,
        1,
        True,
    )
    assert (said.resource.memory, said.priority.priority, list(said.applicationTags)) == (1, 5, ["a", "b"])
    assert [acl.acl for acl in said.am_container_spec.application_ACLs] == ["ops"]
    assert not said.HasField("node_label_expression")


def test_a_heartbeat_says_only_what_there_is_to_say() -> None:
    plain = scheduler.allocate_proto(AllocateCall(-1, 0.5))
    assert plain.response_id == -1
    assert not plain.HasField("blacklist_request")
    assert not plain.HasField("tracking_url")
    full = scheduler.allocate_proto(
        AllocateCall(
            3,
            asks=(ResourceAsk(1, Resource(64, 1), 0, 9, "host", relax_locality=False),),
            releases=(ID,),
            avoid=("bad",),
            unavoid=("good",),
        )
    )
    [ask] = full.ask
    assert (ask.num_containers, ask.HasField("num_containers"), ask.resource_name, ask.relax_locality) == (
        0,
        True,
        "host",
        False,
    )
    assert not ask.HasField("node_label_expression")
    assert list(full.release) == [container_proto(ID)]
    assert (
        list(full.blacklist_request.blacklist_additions),
        list(full.blacklist_request.blacklist_removals),
    ) == (["bad"], ["good"])


def test_an_answer_holds_grants_ends_and_tokens() -> None:
    answer = yarn_scheduler_pb2.AllocateResponseProto(response_id=4)
    grant = answer.allocated_containers.add(
        id=container_proto(ID), node_http_address="h:2", allocation_request_id=7
    )
    grant.nodeId.host, grant.nodeId.port = "h", 1
    token = TokenProto(identifier=b"i", password=b"hidden", kind="k", service="s")
    grant.container_token.CopyFrom(token)
    answer.completed_container_statuses.add(
        container_id=container_proto(ID), exit_status=-100, diagnostics="released"
    )
    answer.nm_tokens.add(token=token).nodeId.CopyFrom(grant.nodeId)
    answer.am_rm_token.CopyFrom(token)
    said = scheduler.allocated(answer)
    [granted] = said.allocated
    assert (granted.id, granted.node, granted.http, granted.allocation_request_id) == (ID, "h:1", "h:2", 7)
    assert TokenProto.FromString(said.nm_tokens["h:1"]) == token
    assert said.completed[0].exit == -100
    assert said.am_rm_token is not None
    assert "hidden" not in repr(said)


def test_a_report_before_the_first_attempt() -> None:
    proto = yarn_client_pb2.ApplicationReportProto(startTime=1500, yarn_application_state="NEW_SAVING")
    report = resourcemanager.application_report(proto)
    assert (report.state, report.state.over, report.attempt, report.am_rm_token, report.started_at) == (
        "NEW_SAVING",
        False,
        "",
        None,
        1.5,
    )


@pytest.mark.parametrize(("number", "attempt"), [(-1, ""), (1, "appattempt_1_0002_000001")])
def test_a_report_of_what_the_scheduler_refused_has_no_attempt(number: int, attempt: str) -> None:
    """RMAppImpl answers with attempt -1 where there is none (DUMMY_APPLICATION_ATTEMPT_NUMBER)."""
    proto = yarn_client_pb2.ApplicationReportProto(yarn_application_state="FAILED")
    told = proto.currentApplicationAttemptId
    told.attemptId, told.application_id.id, told.application_id.cluster_timestamp = number, 2, 1
    assert resourcemanager.application_report(proto).attempt == attempt


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (f"Container {ID} is not handled by this NodeManager", "unknown"),
        (f"Container {ID} was recently stopped on node manager.", "known"),
        ("appattempt_1 attempted to get status for non-application container", "refused"),
    ],
)
def test_what_a_nodemanager_would_not_say_is_not_gone(words: str, found: str) -> None:
    answer = yarn_nodemanager_pb2.GetContainerStatusesResponseProto()
    answer.failed_requests.add(container_id=container_proto(ID)).exception.message = words
    said = nodemanager.statuses(answer)
    assert [name for name in ("known", "unknown", "refused") if ID in getattr(said, name)] == [found]


@pytest.mark.parametrize(
    ("state", "sub_state", "seen", "code"),
    [
        ("C_NEW", None, NmState.NEW, None),
        ("C_RUNNING", "CSS_SCHEDULED", NmState.NEW, None),
        ("C_RUNNING", "CSS_RUNNING", NmState.RUNNING, None),
        ("C_RUNNING", "CSS_COMPLETING", NmState.RUNNING, None),
        ("C_RUNNING", None, NmState.RUNNING, None),
        ("C_COMPLETE", "CSS_DONE", NmState.COMPLETE, 41),
    ],
)
def test_states_at_the_nodemanager(
    state: str, sub_state: str | None, seen: NmState, code: int | None
) -> None:
    answer = yarn_nodemanager_pb2.GetContainerStatusesResponseProto()
    answer.status.add(
        container_id=container_proto(ID),
        state=state,
        container_sub_state=sub_state,
        exit_status=41,
        diagnostics="",
    )
    assert nodemanager.statuses(answer).known == {ID: NmStatus(ID, seen, code, "")}


def test_a_launch() -> None:
    archive = LocalResource("hdfs://nn:9000/a b/env.tar.gz", 10, 20, ResourceKind.ARCHIVE)
    said = nodemanager.launch_proto(
        LaunchContext("run", {"A": 'x "$y" \\'}, {"env": archive}, b"tokens", view_acl="*")
    )
    assert [(each.key, each.value) for each in said.environment] == [("A", 'x "$y" \\')]
    [resource] = said.localResources
    url = resource.value.resource
    assert (resource.key, url.scheme, url.host, url.port, url.file) == (
        "env",
        "hdfs",
        "nn",
        9000,
        "/a b/env.tar.gz",
    )
    assert (resource.value.type, resource.value.visibility) == (yarn_pb2.ARCHIVE, yarn_pb2.APPLICATION)
    assert (said.tokens, [acl.acl for acl in said.application_ACLs]) == (b"tokens", ["*"])


@pytest.mark.parametrize(
    ("url", "user", "host", "port", "path"),
    [
        ("hdfs:///a#b?c%20d", "", "", -1, "/a#b?c%20d"),
        ("hdfs://service/x", "", "service", -1, "/x"),
        ("hdfs://NN:9000/x@y:z", "", "NN", 9000, "/x@y:z"),
        ("abfs://container@account.example/x", "container", "account.example", -1, "/x"),
        ("file:/a/b", "", "", -1, "/a/b"),
    ],
)
def test_urls_of_files(url: str, user: str, host: str, port: int, path: str) -> None:
    launch = LaunchContext("run", {}, {"x": LocalResource(url, 1, 2)})
    said = nodemanager.launch_proto(launch).localResources[0].value.resource
    assert (said.userInfo, said.host, said.port, said.file) == (user, host, port, path)


def test_a_bare_path_is_no_url() -> None:
    with pytest.raises(InvalidError, match="'/a/b' is not the URL of a file"):
        nodemanager.launch_proto(LaunchContext("run", {}, {"x": LocalResource("/a/b", 1, 2)}))


def test_a_broken_token_is_said_without_showing_it() -> None:
    with pytest.raises(InvalidError, match="not a Hadoop token") as caught:
        messages.token_proto(b"\xffhidden")
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(("size", "aside"), [(scheduler.LARGE, True), (scheduler.LARGE - 1, False)])
async def test_a_heartbeat_of_many_containers_is_written_and_read_beside_the_loop(
    size: int, aside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = yarn_scheduler_pb2.AllocateResponseProto(response_id=1)
    for number in range(size):
        answer.completed_container_statuses.add(container_id=container_proto(ID), exit_status=number)
    token = TokenProto(identifier=b"i", password=b"p", kind="k", service="s")
    worked: list[int] = []

    def noting(work: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda about: worked.append(threading.get_ident()) or work(about)

    for name in ("allocate_proto", "allocated"):
        monkeypatch.setattr(scheduler, name, noting(getattr(scheduler, name)))
    master = scheduler.ApplicationMaster(configuration.parse({}), token.SerializeToString())
    monkeypatch.setattr(Failover, "call", AsyncMock(return_value=answer))
    asks = (ResourceAsk(1, Resource(1, 1), 1, 1),) * size
    assert len((await master.allocate(AllocateCall(0, asks=asks))).completed) == size
    assert [there != threading.get_ident() for there in worked] == [aside, aside]
