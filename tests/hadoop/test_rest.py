"""Hadoop's REST with its oddities, from a web server that answers what each test says."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from hadoop.serving import Answer, web
from trainmaster.errors import DeniedError, RefusedError, UnavailableError
from trainmaster.hadoop.configuration import HadoopConf, parse
from trainmaster.hadoop.http import Http, http_error
from trainmaster.hadoop.logs import ContainerLogs, LogTail, parse_tail
from trainmaster.hadoop.nodeweb import NodeWeb
from trainmaster.hadoop.rest import Rest, RestUser, Share, elements, whole
from trainmaster.hadoop.values import ApplicationState, QueueState, Resource

CONTAINER = "container_1410901177871_0001_01_000005"


def conf(*webs: str) -> HadoopConf:
    if len(webs) == 1:
        return parse({"yarn.resourcemanager.webapp.address": webs[0]})
    ids = [f"rm{n}" for n in range(len(webs))]
    said = {"yarn.resourcemanager.ha.enabled": "true", "yarn.resourcemanager.ha.rm-ids": ",".join(ids)}
    said |= {f"yarn.resourcemanager.hostname.{each}": "127.0.0.1" for each in ids}
    said |= {
        f"yarn.resourcemanager.webapp.address.{each}": address
        for each, address in zip(ids, webs, strict=True)
    }
    return parse(said)


def resource(memory: int, vcores: int, gpus: int) -> dict[str, Any]:
    infos = [{"name": "memory-mb", "value": memory}, {"name": "yarn.io/gpu", "value": str(gpus)}]
    return {"memory": memory, "vCores": vcores, "resourceInformations": {"resourceInformation": infos}}


LEAF = {
    "queueName": "vision",
    "queuePath": "root.ml.vision",
    "state": "STOPPED",
    "queueType": "leaf",
    "maxEffectiveCapacity": resource(4096, 16, 2),
    "maximumAllocation": resource(8192, 4, 1),
    "resourcesUsed": resource(64, 1, 0),
    "numActiveApplications": "3",
    "numPendingApplications": 2,
}
PARENT = {"queueName": "ml", "queuePath": "root.ml", "queueType": "parent", "queues": {"queue": LEAF}}


def scheduler(**info: Any) -> Callable[[str], Answer]:
    return lambda _: (200, json.dumps({"scheduler": {"schedulerInfo": info}}))


async def test_before_hadoop_3_4_paths_and_kinds_of_queues_are_not_told() -> None:
    """In CapacitySchedulerQueueInfo of 3.3.6 the path is transient, and there is no queueType."""
    later = ("queuePath", "queueType")
    leaf = {name: value for name, value in LEAF.items() if name not in later}
    managed = {"queueName": "each", "state": "RUNNING", "autoCreateChildQueueEnabled": True}
    parent = {"queueName": "ml", "state": "RUNNING", "queues": {"queue": [leaf, managed]}}
    with web(scheduler(type="capacityScheduler", queueName="root", queues={"queue": parent})) as address:
        http = Http()
        told = {queue.path: queue.leaf for queue in await Rest(conf(address), http).queues()}
        await http.close()
    assert told == {"root": False, "root.ml": False, "root.ml.vision": True, "root.ml.each": False}


async def test_queues_of_any_depth_even_when_a_list_of_one_is_no_list() -> None:
    with web(scheduler(type="capacityScheduler", queueName="root", queues={"queue": PARENT})) as address:
        http = Http()
        root, parent, leaf = await Rest(conf(address), http).queues()
        await http.close()
    assert (root.path, root.leaf, root.creates, root.maximum) == ("root", False, False, None)
    assert (parent.path, parent.leaf, parent.state, parent.maximum) == (
        "root.ml",
        False,
        QueueState.RUNNING,
        None,
    )
    assert (leaf.path, leaf.leaf, leaf.state) == ("root.ml.vision", True, QueueState.STOPPED)
    assert (leaf.maximum, leaf.largest, leaf.used) == (
        Resource(4096, 16, 2),
        Resource(8192, 4, 1),
        Resource(64, 1, 0),
    )
    assert (leaf.running, leaf.pending, leaf.capacity) == (3, 2, None)


LABELLED = LEAF | {
    "defaultNodeLabelExpression": "gpu",
    "capacities": {
        "queueCapacitiesByPartition": [
            {"partitionName": "", "effectiveMaxResource": resource(4096, 16, 2)},
            {"partitionName": "gpu", "effectiveMaxResource": resource(1024, 8, 8)},
        ]
    },
    "resources": {"resourceUsagesByPartition": [{"partitionName": "gpu", "used": resource(512, 2, 1)}]},
    "users": {
        "user": {
            "username": "u",
            "resourcesUsed": resource(64, 1, 0),
            "userResourceLimit": resource(96, 9, 0),
        }
    },
}


async def test_a_queue_with_a_label_and_users() -> None:
    unlabelled = LEAF | {"queueName": "plain", "defaultNodeLabelExpression": "<DEFAULT_PARTITION>"}
    queues = {"queue": [LABELLED, unlabelled]}
    with web(scheduler(type="capacityScheduler", queues=queues)) as address:
        http = Http()
        _, labelled, plain = await Rest(conf(address), http).queues()
        await http.close()
    assert (labelled.label, plain.label) == ("gpu", "")
    assert labelled.labelled == {"gpu": Share(Resource(1024, 8, 8), Resource(512, 2, 1))}
    assert labelled.users == (RestUser("u", Resource(64, 1, 0), Resource(96, 9, 0)),)


@pytest.mark.parametrize(
    ("told", "creates"),
    [
        ({"autoCreationEligibility": "flexible"}, True),
        ({"autoCreationEligibility": "legacy"}, True),
        ({"autoCreationEligibility": "off", "autoCreateChildQueueEnabled": True}, False),
        ({"autoCreateChildQueueEnabled": True}, True),
        ({"autoCreateChildQueueEnabled": False}, False),
        ({}, False),
    ],
)
async def test_a_parent_that_creates_its_queues(told: dict[str, Any], creates: bool) -> None:
    queues = {"queue": PARENT | told}
    with web(scheduler(type="capacityScheduler", queues=queues, **told)) as address:
        http = Http()
        root, parent, _ = await Rest(conf(address), http).queues()
        await http.close()
    assert (root.creates, parent.creates) == (creates, creates)


async def test_another_scheduler_tells_no_queues() -> None:
    with web(scheduler(type="fifoScheduler")) as address:
        http = Http()
        assert await Rest(conf(address), http).queues() == ()
        await http.close()


async def test_an_application_with_a_map_that_repeats_its_key() -> None:
    used = {"memory-mb": "244", "yarn.io/gpu": "7", "vcores": "1"}
    entries = ",".join(f'"entry":{{"key":"{key}","value":"{value}"}}' for key, value in used.items())
    counts = '"runningContainers":-1,"memorySeconds":244'
    body = f'{{"app":{{"id":"a","state":"FINISHED",{counts},"resourceSecondsMap":{{{entries}}}}}}}'
    with web(lambda _: (200, body)) as address:
        http = Http()
        told = await Rest(conf(address), http).application("a")
        await http.close()
    assert told is not None
    assert (told.state, told.containers, told.memory_seconds, told.gpu_seconds) == (
        ApplicationState.FINISHED,
        0,
        244,
        7,
    )


async def test_an_unknown_application_is_none_but_a_lost_server_is_not() -> None:
    with web(lambda _: (404, "{}")) as address:
        http = Http()
        assert await Rest(conf(address), http).application("a") is None
    with pytest.raises(UnavailableError):
        await Rest(conf(address), http).application("a")
    await http.close()


async def test_the_next_resourcemanager_is_asked_and_remembered() -> None:
    asked: list[str] = []

    def answer(name: str, status: int) -> Callable[[str], Answer]:
        def one(path: str) -> Answer:
            asked.append(name)
            return status, '{"clusterMetrics":{"activeNodes":2}}'

        return one

    with web(answer("first", 503)) as first, web(answer("second", 200)) as second:
        http = Http()
        rest = Rest(conf(first, second), http)
        assert [(await rest.metrics()).nodes_active for _ in range(2)] == [2, 2]
        assert asked == ["first", "second", "second"]
        await http.close()


@pytest.mark.parametrize("body", ["", "<html>", "[]", '{"clusterMetrics":null}', '{"other":{}}'])
async def test_an_answer_in_another_form_is_nothing_known(body: str) -> None:
    with web(lambda _: (200, body)) as address:
        http = Http()
        with pytest.raises(UnavailableError):
            await Rest(conf(address), http).metrics()
        await http.close()


@pytest.mark.parametrize("queue", [{}, {"queueName": "a", "state": "ODD"}, "text"])
async def test_a_queue_in_another_form_is_nothing_known(queue: Any) -> None:
    with web(scheduler(type="capacityScheduler", queues={"queue": [queue, LEAF]})) as address:
        http = Http()
        with pytest.raises(UnavailableError):
            await Rest(conf(address), http).queues()
        await http.close()


async def test_the_user_is_named() -> None:
    paths: list[str] = []

    def answer(path: str) -> Answer:
        paths.append(path)
        return 200, '{"clusterMetrics":{}}'

    with web(answer) as address:
        http = Http("alice")
        await Rest(conf(address), http).metrics()
        await http.close()
    assert paths == ["/ws/v1/cluster/metrics?user.name=alice"]


@pytest.mark.parametrize(
    ("status", "family", "kind"),
    [
        (401, DeniedError, "401"),
        (403, DeniedError, "403"),
        (404, RefusedError, "404"),
        (400, RefusedError, "400"),
        (500, UnavailableError, ""),
        (307, UnavailableError, ""),
    ],
)
def test_http_statuses_by_family(status: int, family: type[Exception], kind: str) -> None:
    error = http_error("http://x", status, b"<html>anything</html>")
    assert type(error) is family
    assert getattr(error, "kind", "") == kind
    assert "anything" not in str(error)


def test_words_of_a_daemon_can_not_drive_a_terminal_or_begin_a_line() -> None:
    """They come into logs, statuses and terminals."""
    content = json.dumps({"RemoteException": {"message": "no\x1b]0;mine\x07\nerror: \x9b2J"}}).encode()
    assert str(http_error("http://n", 403, content)) == "403: http://n: no ]0;mine  error:  2J"


def test_hadoops_own_words_are_passed_on() -> None:
    content = json.dumps({"RemoteException": {"message": "no such thing", "javaClassName": "X"}}).encode()
    assert str(http_error("http://x", 400, content)) == "400: http://x: no such thing"


@pytest.mark.parametrize("missing", [None, {}, {"queue": None}, {"queue": {}}, {"queue": []}, "text"])
def test_no_elements(missing: Any) -> None:
    assert elements(missing, "queue") == []


@pytest.mark.parametrize(
    ("said", "number"),
    [
        (3, 3),
        ("3", 3),
        ("3.0", 3),
        (2**63 - 1, 2**63 - 1),
        (str(2**63 - 1), 2**63 - 1),
        (str(-(2**63) + 1), -(2**63) + 1),
        (str(2**63), 0),
        (" 9007199254740993 ", 9007199254740993),
        (None, 0),
        ("x", 0),
        (2.9, 2),
    ],
)
def test_numbers_may_be_strings(said: Any, number: int) -> None:
    assert whole(said) == number


# --- logs ----------------------------------------------------------------------------------------------------------------


def page(content: bytes, size: int) -> bytes:
    """A NodeManager's answer to `?size=-size`."""
    shown = content[len(content) - min(size, len(content)) :]
    header = b"Container: c on n\nLogAggregationType: LOCAL\n===\nLogType:stdout\nLogLastModifiedTime:Sun\n"
    return (
        header + b"LogLength:%d\nLogContents:\n" % len(content) + shown + b"End of LogType:stdout.\n***\n\n"
    )


@pytest.mark.parametrize(
    "content",
    [b"", b"x", b"a\nb\n", b"\nLogContents:\nLogLength:9\nEnd of LogType:stdout.", bytes(range(256))],
)
@pytest.mark.parametrize("size", [0, 1, 5, 1000])
def test_exactly_the_tail_comes_out_of_yarns_page(content: bytes, size: int) -> None:
    assert parse_tail(page(content, size), size) == LogTail(
        content[len(content) - min(size, len(content)) :], len(content)
    )


def test_another_page_is_nothing_known() -> None:
    with pytest.raises(UnavailableError):
        parse_tail(b"<html>", 5)


async def test_what_a_file_gained_while_it_was_asked_is_not_skipped() -> None:
    content = bytearray(b"0123456789" * 20_000)

    def growing(path: str) -> Answer:
        size = int(path.partition("size=-")[2])
        answer = page(bytes(content), size).decode()
        content.extend(b"abc" * 1000)
        return 200, answer

    with web(growing) as address:
        http = Http()
        tail = await ContainerLogs(conf(address), http).since(address, CONTAINER, "stdout", 17)
        await http.close()
    assert tail is not None
    assert tail.content == bytes(content[17 : tail.length])
    assert len(tail.content) == tail.length - 17


async def test_a_container_that_has_not_started_has_no_logs_yet() -> None:
    words = (
        "org.apache.hadoop.yarn.webapp.NotFoundException: java.lang.Exception: Container is not yet running."
    )
    with web(lambda _: (500, json.dumps({"RemoteException": {"message": words}}))) as address:
        http = Http()
        logs = ContainerLogs(conf(address), http)
        assert await logs.files(address, CONTAINER) is None
        assert await logs.tail(address, CONTAINER, "stdout", 5) is None
        await http.close()


@pytest.mark.parametrize(
    ("status", "said", "over"),
    [
        (200, {"container": {"state": "RUNNING"}}, False),
        (200, {"container": {"state": "LOCALIZING"}}, False),
        (200, {"container": {"state": "KILLING"}}, False),
        (200, {"container": {"state": "DONE"}}, True),
        (200, {"container": {"state": "EXITED_WITH_FAILURE"}}, True),
        (404, {"RemoteException": {"message": "java.lang.Exception: container with id, x, not found"}}, True),
    ],
)
async def test_a_node_tells_whether_a_container_is_over(
    status: int, said: dict[str, Any], over: bool
) -> None:
    with web(lambda _: (status, json.dumps(said))) as address:
        http = Http()
        assert await NodeWeb(conf(address), http).over(address, CONTAINER) is over
        await http.close()


@pytest.mark.parametrize("answer", [(200, "{}"), (200, "[]"), (200, '{"container": null}'), (500, "{}")])
async def test_what_a_node_says_otherwise_of_a_container_is_nothing_known(answer: Answer) -> None:
    with web(lambda _: answer) as address:
        http = Http()
        with pytest.raises(UnavailableError):
            await NodeWeb(conf(address), http).over(address, CONTAINER)
        await http.close()
