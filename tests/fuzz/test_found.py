"""What fuzzing found, each time as the smallest message that did harm, and what a message must not make a reader allocate."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from kubernetes.config import ConfigException

from fuzz.hadoop_targets import CONF, Pages
from fuzz.job_targets import REVIEWER, STATUS
from fuzz.wire_targets import OFFER, Transport, framed, sasl
from hadoop.fake import TOKEN
from sources.kubernetes.reviews import job, shown
from trainmaster.errors import DeniedError, InvalidError, TrainmasterError, UnavailableError
from trainmaster.hadoop.connection import ROUNDS, Connection
from trainmaster.hadoop.frames import Splitter, read
from trainmaster.hadoop.logs import ContainerLogs
from trainmaster.hadoop.messages import nm_tokens, token_proto
from trainmaster.hadoop.proto.common_pb2 import RpcResponseHeaderProto, RpcSaslProto
from trainmaster.hadoop.proto.yarn_client_pb2 import ApplicationReportProto, QueueInfoProto
from trainmaster.hadoop.proto.yarn_nodemanager_pb2 import GetContainerStatusesResponseProto
from trainmaster.hadoop.proto.yarn_scheduler_pb2 import AllocateResponseProto, NMTokenProto
from trainmaster.hadoop.refusals import refusal
from trainmaster.hadoop.resourcemanager import application_report, queue_info
from trainmaster.hadoop.rest import Rest, whole
from trainmaster.hadoop.sasl import SimpleLogin, TokenLogin
from trainmaster.sources.kubernetes.admission.envelope import answered
from trainmaster.sources.kubernetes.errors import Call, NotFoundError
from trainmaster.sources.kubernetes.errors import refusal as api_refusal
from trainmaster.sources.kubernetes.kubeconfig import Kubeconfig
from trainmaster.sources.kubernetes.objects import digest, seen_in
from trainmaster.sources.kubernetes.resources import TRAININGJOBS
from trainmaster.sources.webhdfs_files import WebHdfsFiles
from trainmaster.web.listing import Query

NO_TEXT = b"\x80"
"""no UTF-8, which all of Hadoop's texts are"""


async def opened(login: Any) -> tuple[Connection, asyncio.Task[Any]]:
    """A connection that is logging in."""
    connection = Connection("node:1", "protocol")
    connection.connection_made(Transport(connection))
    entering = asyncio.create_task(connection._enter(login))
    await asyncio.sleep(0)
    return connection, entering


@pytest.mark.parametrize("status", [RpcResponseHeaderProto.ERROR, RpcResponseHeaderProto.FATAL])
async def test_a_refusal_that_is_no_text_ends_its_call_and_does_not_leave_it_waiting(status: Any) -> None:
    connection, _ = await opened(SimpleLogin("alice"))
    call = asyncio.create_task(connection.call("method", TOKEN, RpcSaslProto))
    await asyncio.sleep(0)
    header = RpcResponseHeaderProto(callId=1, status=status, exceptionClassName="x", errorMsg="?")
    answer = framed(header, b"", []).replace(b"?", NO_TEXT)
    connection.data_received(answer)
    with pytest.raises(UnavailableError, match="does not speak Hadoop RPC"):
        await asyncio.wait_for(call, 5)


async def test_an_offer_that_is_no_text_denies_the_login() -> None:
    connection, entering = await opened(TokenLogin(TOKEN.SerializeToString()))
    offer = RpcSaslProto(state=RpcSaslProto.NEGOTIATE, auths=[OFFER]).SerializeToString()
    connection.data_received(sasl(offer.replace(b"TOKEN", NO_TEXT * 5)))
    with pytest.raises(TrainmasterError):
        await asyncio.wait_for(entering, 5)


def test_diagnostics_that_are_no_text_are_no_answer() -> None:
    answer = GetContainerStatusesResponseProto()
    answer.status.add(diagnostics="?")
    with pytest.raises(DecodeError):
        GetContainerStatusesResponseProto.FromString(answer.SerializeToString().replace(b"?", NO_TEXT))


def test_an_answer_with_half_a_token_is_none() -> None:
    """It can be read, and not be written, so that it would be found out where it is to be kept."""
    answer = AllocateResponseProto(response_id=1)
    answer.am_rm_token.SetInParent()
    data = answer.SerializePartialToString()
    with pytest.raises(DecodeError, match="required"):
        read(AllocateResponseProto, bytes([len(data)]) + data)
    with pytest.raises(InvalidError, match="not a Hadoop token"):
        token_proto(b"")


def test_a_node_without_its_token_is_read_over() -> None:
    assert nm_tokens([NMTokenProto()]) == {}


def test_a_share_of_nothing_is_none() -> None:
    """Java divides by 0 without an error, and JSON has no word for what comes of it."""
    nothing = queue_info(
        QueueInfoProto(capacity=float("nan"), maximumCapacity=float("inf"), currentCapacity=0.5)
    )
    assert (nothing.capacity, nothing.maximum, nothing.used) == (0.0, 0.0, 0.5)
    assert application_report(ApplicationReportProto(progress=float("nan"))).progress == 0.0


async def test_a_login_has_an_end_whatever_the_server_asks() -> None:
    class Patient(TokenLogin):
        def choose(self, offers: Any) -> Any:
            return next(iter(offers)), self

        def first(self, _: bytes) -> bytes:
            return b""

        next = first

    connection, entering = await opened(Patient(TOKEN.SerializeToString()))
    connection.data_received(
        sasl(RpcSaslProto(state=RpcSaslProto.NEGOTIATE, auths=[OFFER]).SerializeToString())
    )
    for _ in range(2 * ROUNDS):
        for _ in range(3):
            await asyncio.sleep(0)
        connection.data_received(sasl(RpcSaslProto(state=RpcSaslProto.CHALLENGE).SerializeToString()))
    with pytest.raises(DeniedError, match="no end of the log-in"):
        await asyncio.wait_for(entering, 5)


def test_a_refusal_of_a_hundred_million_lines_is_not_taken_apart() -> None:
    endless = "\n" * (32 << 20)
    tracemalloc.start()
    error = refusal("a.b.C", endless)
    grown = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "no reason given" in str(error)
    assert grown < 4 << 20


@pytest.mark.parametrize("length", [b"\x7f\xff\xff\xff", b"\x07\xff\xff\xff"])
def test_a_frame_that_says_to_be_large_costs_what_has_come_of_it(length: bytes) -> None:
    """The first is longer than a frame may be, the second as long as one may be."""
    splitter = Splitter()
    tracemalloc.start()
    try:
        assert splitter.feed(length + b"x" * 1000) == []
    except ValueError:
        assert length[0] == 0x7F
    grown = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert grown < 64 << 10


@pytest.mark.parametrize(
    "value", [float("inf"), float("nan"), "1e999", "9" * 5000, 10**400, -(10**400), [], {}, None]
)
def test_a_number_that_java_has_not_is_none(value: object) -> None:
    assert whole(value) == 0


async def test_an_answer_with_endless_numbers_or_queues_in_each_other_is_told_from_one_of_yarn() -> None:
    app = '{"app": {"id": "a", "state": "RUNNING", "memorySeconds": 1e999}}'
    http: Any = Pages(app)
    found = await Rest(CONF, http).application("application_1_1")
    assert found
    assert found.memory_seconds == 0
    queues: dict[str, Any] = {"queueName": "q"}
    for _ in range(300):
        queues = {"queueName": "q", "queues": {"queue": queues}}
    http.text = json.dumps(
        {"scheduler": {"schedulerInfo": {"type": "capacityScheduler", "queues": {"queue": queues}}}}
    )
    with pytest.raises(UnavailableError, match="queues in each other"):
        await Rest(CONF, http).queues()


@pytest.mark.parametrize("odd", [{"id": None}, {"user": 1}, {"queue": ["x"]}, {"diagnostics": {"a": 1}}])
async def test_names_that_are_no_text_are_no_answer(odd: Any) -> None:
    http: Any = Pages(json.dumps({"app": {"id": "a", "state": "RUNNING", **odd}}))
    with pytest.raises(UnavailableError, match="not understood"):
        await Rest(CONF, http).application("application_1_1")


async def test_a_list_of_logs_that_holds_something_else_holds_no_log() -> None:
    http: Any = Pages(
        '{"containerLogsInfo": [{"containerLogInfo": ["stderr", {"fileName": "a", "fileSize": "1e999"}]}]}'
    )
    files = await ContainerLogs(CONF, http).files("node:1", "container_1_0001_01_000001")
    assert files
    assert [(file.name, file.size) for file in files] == [("a", 0)]


def review(old: Any, new: Any) -> bytes:
    request = {"uid": "r", "operation": "UPDATE", "namespace": "vision", "object": new, "oldObject": old}
    return json.dumps(
        {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    ).encode()


@pytest.mark.parametrize(
    "status",
    [
        [],
        "x",
        1,
        {"conditions": 1},
        {"conditions": ["x"]},
        {"roles": []},
        {"roles": {"a": 1}},
        {"rerun": "x"},
    ],
)
def test_a_status_of_any_form_is_let_through(status: Any) -> None:
    """The API server holds it against the schema only afterwards."""
    new = job({"env": [{"name": "A", "value": "1"}]})
    said = json.loads(answered(review({**job(), "status": status}, new), REVIEWER.validate))
    assert said["response"]["allowed"] is True
    finished = shown(job(), finished=True)
    finished["status"]["rerun"] = [status]
    assert json.loads(answered(review(finished, new), REVIEWER.validate))["response"]["allowed"] is True


@pytest.mark.parametrize(
    "metadata", ["x", ["x"], {"finalizers": "x"}, {"annotations": ["x"]}, {"generateName": ["x"]}]
)
def test_metadata_of_another_form_is_no_object_of_an_api_server(metadata: Any) -> None:
    for judge in (REVIEWER.validate, REVIEWER.mutate):
        with pytest.raises(InvalidError, match="no AdmissionReview"):
            answered(review(job(), {**job(), "metadata": metadata}), judge)


def test_a_condition_whose_type_is_no_word_is_somebody_elses() -> None:
    metadata = {"uid": "u", "namespace": "n", "name": "a", "resourceVersion": "1"}
    seen = seen_in({"metadata": metadata, "status": {"conditions": [{"type": {}}]}})
    assert seen.shown == digest({"conditions": []})


@pytest.mark.parametrize("details", ["x", ["x"], {"causes": True}, {"causes": {"a": 1}}])
def test_a_refusal_of_an_api_server_may_have_details_of_any_form(details: Any) -> None:
    body = json.dumps({**STATUS, "details": details}).encode()
    call = Call("create", TRAININGJOBS, "vision", "mnist")
    assert isinstance(api_refusal(call, 404, body, "us"), NotFoundError)
    assert str(api_refusal(call, 409, body, "us"))


@pytest.mark.parametrize("text", ["a: 2026-99-99", "a: !!int x", f"a: {'[' * 200_000}", "- " * 200_000])
def test_a_kubeconfig_that_yaml_itself_stumbles_on_can_not_be_used(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config"
    file.write_text(text)
    with pytest.raises(ConfigException, match="is no YAML"):
        _ = Kubeconfig.at(str(file)).current_context


def test_a_name_in_a_kubeconfig_is_not_written_out_where_it_is_a_billion_words(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    file = tmp_path / "config"
    file.write_text("\n".join([*lines, "current-context: *a11", "contexts: [{name: *a11}]"]))
    with pytest.raises(ConfigException, match="names no current context"):
        _ = Kubeconfig.at(str(file)).current_context


def test_what_is_searched_for_may_be_no_text() -> None:
    assert Query(text="\udc80").link() == "?text=%3F"


def test_a_listing_of_webhdfs_in_another_form_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    from urllib.parse import urlsplit

    files = WebHdfsFiles(urlsplit("webhdfs://node:1/x"))
    monkeypatch.setattr(files._fs, "info", lambda _: {"name": "/x"})
    with pytest.raises(UnavailableError, match="a form that isn't known"):
        files.stat("/x")
    files.close()
