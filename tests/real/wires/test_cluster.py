"""Many calls at once, what the cluster says of itself, and logs."""

from __future__ import annotations

import asyncio

import pytest

from trainmaster.errors import TrainmasterError, UnavailableError
from trainmaster.hadoop.configuration import HadoopConf
from trainmaster.hadoop.http import Http
from trainmaster.hadoop.logs import ContainerLogs
from trainmaster.hadoop.resourcemanager import ResourceManager
from trainmaster.hadoop.rest import Rest
from trainmaster.hadoop.values import (
    ApplicationState,
    FinalStatus,
    NodeState,
    QueueState,
    Resource,
    Submission,
)
from trainmaster.local.cluster import LocalHadoop
from yarn.app import SMALL, App, script, until


async def test_calls_go_in_parallel_on_one_connection(app: App) -> None:
    reports = await asyncio.gather(*(app.rm.report(app.id) for _ in range(200)))
    assert {report.id for report in reports if report} == {app.id}


async def test_two_users_are_told_apart(conf: HadoopConf, rm: ResourceManager) -> None:
    other = ResourceManager(conf, "somebody")
    new = await other.new_application()
    await other.submit(Submission(new.id, "theirs", "default"))
    mine, theirs = await rm.report(new.id), await other.report(new.id)
    assert mine is not None
    assert theirs is not None
    assert (mine.user, theirs.user) == ("somebody", "somebody")
    assert mine.am_rm_token is None
    await until(lambda: other.kill(new.id, "the test is over"))
    await other.close()


async def test_what_the_cluster_says_of_itself(hadoop: LocalHadoop, rm: ResourceManager, rest: Rest) -> None:
    nodes = await rm.cluster_nodes([NodeState.RUNNING])
    assert {node.node for node in nodes} == {node.rpc for node in hadoop.addresses.nodes}
    assert {node.http for node in nodes} == {node.web for node in hadoop.addresses.nodes}
    assert all(node.rack == "/default-rack" and node.state.usable for node in nodes)
    options = hadoop.options
    assert {node.total for node in nodes} == {Resource(options.memory, options.vcores, options.gpus)}
    assert (await rm.cluster_metrics()).active == 2
    assert (await rest.metrics()).nodes_active == 2
    assert (await rest.metrics()).total.memory == 2 * hadoop.options.memory


async def test_queues(hadoop: LocalHadoop, rm: ResourceManager, rest: Rest) -> None:
    told = await rm.queue_info("default")
    assert told is not None
    path = "" if hadoop.options.version == "3.3.6" else "root.default"  # only REST tells it there
    assert (told.path, told.state, told.maximum) == (path, QueueState.RUNNING, 1.0)
    queues = {queue.name: queue for queue in await rest.queues()}
    assert queues["default"].path == "root.default"
    assert queues["default"].leaf
    assert queues["default"].state is QueueState.RUNNING
    total = (await rest.metrics()).total
    assert queues["default"].maximum == total
    assert queues["default"].largest is not None
    assert queues["default"].largest.memory >= SMALL.memory


async def test_rest_knows_the_application(app: App, rest: Rest) -> None:
    await app.running(script("sleep 600"))

    async def counted() -> bool:
        told = await rest.application(app.id)
        return told is not None and told.containers == 1

    await until(counted)
    told = await rest.application(app.id)
    assert told is not None
    assert (told.user, told.state, told.final_status) == (
        "tester",
        ApplicationState.RUNNING,
        FinalStatus.UNDEFINED,
    )
    assert told.allocated == SMALL


async def test_logs_are_listed_tailed_and_followed(app: App, conf: HadoopConf) -> None:
    http = Http("tester")
    logs = ContainerLogs(conf, http)
    text = "".join(f"line {n}\n" for n in range(20_000)).encode()
    container = await app.running(script("for n in $(seq 0 19999); do echo line $n; done; sleep 600"))

    async def written() -> bool:
        files = await logs.files(container.http, container.id)
        return files is not None and any(f.name == "stdout" and f.size == len(text) for f in files)

    await until(written)
    tail = await logs.tail(container.http, container.id, "stdout", 20)
    assert tail is not None
    assert (tail.content, tail.length) == (text[-20:], len(text))
    for offset in (0, 5, len(text) - 7, len(text), len(text) + 9):
        rest = await logs.since(container.http, container.id, "stdout", offset)
        assert rest is not None
        assert (rest.content, rest.length) == (text[offset:], len(text))
    assert await logs.tail(container.http, container.id, "nothing", 20) is None
    assert not await logs.files(container.http, container.id[:-6] + "999999")
    await http.close()


async def test_a_web_server_that_is_away_is_unavailable(conf: HadoopConf) -> None:
    http = Http()
    with pytest.raises(TrainmasterError) as caught:
        await ContainerLogs(conf, http).tail(
            "127.0.0.1:9", "container_1410901177871_0001_01_000001", "stdout", 5
        )
    assert isinstance(caught.value, UnavailableError)
    await http.close()
