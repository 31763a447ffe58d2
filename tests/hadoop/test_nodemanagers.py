"""The pool of NodeManager connections: shared while used, hung up when idle."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from hadoop.fake import TOKEN, Call, Server, serving
from trainmaster.errors import DeniedError, RefusedError, UnavailableError
from trainmaster.hadoop.containers import LaunchContext
from trainmaster.hadoop.ids import container_proto
from trainmaster.hadoop.nodemanager import NodeManagers
from trainmaster.hadoop.proto import yarn_nodemanager_pb2 as pb

KEY = TOKEN.SerializeToString()
ID = "container_1410901177871_0001_01_000005"


def knows_nothing(server: Server, call: Call) -> None:
    request = call.request(pb.GetContainerStatusesRequestProto)
    answer = pb.GetContainerStatusesResponseProto()
    for container in request.container_id:
        failed = answer.failed_requests.add(container_id=container)
        failed.exception.message = "Container x is not handled by this NodeManager"
    call.reply(answer)


async def ask(nodes: NodeManagers, server: Server) -> frozenset[str]:
    return (await nodes.statuses(server.address, KEY, [ID])).unknown


class Later:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.handles: list[asyncio.Handle] = []

    def __call__(self, seconds: float, act: Callable[[], None]) -> asyncio.Handle:
        self.handles.append(asyncio.Handle(act, (), asyncio.get_running_loop()))
        return self.handles[-1]

    @property
    def due(self) -> list[asyncio.Handle]:
        return [handle for handle in self.handles if not handle.cancelled()]

    def passes(self) -> None:
        for handle in self.due:
            self.handles.remove(handle)
            handle._run()


async def until(met: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not met():
            await asyncio.sleep(0.01)


async def test_calls_share_a_connection_until_it_has_been_idle() -> None:
    later = Later()
    async with serving(knows_nothing) as server:
        nodes = NodeManagers(later=later)
        assert await asyncio.gather(*(ask(nodes, server) for _ in range(20))) == [{ID}] * 20
        for _ in range(4):
            await ask(nodes, server)
        assert (server.connections, len(later.due)) == (1, 1)
        later.passes()
        await until(lambda: not server.open)
        assert await ask(nodes, server) == {ID}
        assert server.connections == 2
        await nodes.close()
        await until(lambda: not server.open)
        assert not later.due


async def test_a_call_longer_than_the_idle_time_is_not_cut() -> None:
    later, heard, gate = Later(), asyncio.Event(), asyncio.Event()

    async def slow(server: Server, call: Call) -> None:
        heard.set()
        await gate.wait()
        knows_nothing(server, call)

    async with serving(slow) as server:
        nodes = NodeManagers(later=later)
        gate.set()
        await ask(nodes, server)
        gate.clear()
        heard.clear()
        asked = asyncio.create_task(ask(nodes, server))
        await heard.wait()
        later.passes()
        gate.set()
        assert await asked == {ID}
        assert len(later.due) == 1
        await nodes.close()


@pytest.mark.parametrize(
    ("kind", "family"),
    [
        ("org.apache.hadoop.yarn.exceptions.NMNotYetReadyException", UnavailableError),
        ("org.apache.hadoop.yarn.exceptions.InvalidContainerException", RefusedError),
        ("org.apache.hadoop.security.token.SecretManager$InvalidToken", DeniedError),
    ],
)
async def test_a_start_that_fails_raises_for_its_container(kind: str, family: type[Exception]) -> None:
    def refuse(server: Server, call: Call) -> None:
        answer = pb.StartContainersResponseProto()
        failed = answer.failed_requests.add(container_id=container_proto(ID))
        failed.exception.class_name, failed.exception.message = kind, "no"
        call.reply(answer)

    async with serving(refuse) as server:
        nodes = NodeManagers()
        with pytest.raises(family, match="no"):
            await nodes.start(server.address, KEY, KEY, LaunchContext("true"))
        await nodes.close()


async def test_a_stop_tells_of_each_container() -> None:
    other = ID[:-1] + "6"

    def one_of_two(server: Server, call: Call) -> None:
        answer = pb.StopContainersResponseProto(succeeded_requests=[container_proto(ID)])
        failed = answer.failed_requests.add(container_id=container_proto(other))
        failed.exception.message = "never heard of it"
        call.reply(answer)

    async with serving(one_of_two) as server:
        nodes = NodeManagers()
        said = await nodes.stop(server.address, KEY, [ID, other])
        assert said[ID] is None
        assert "never heard of it" in str(said[other])
        await nodes.close()


async def test_closing_leaves_no_timer_behind_and_tells_no_token() -> None:
    told: list[dict[str, object]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: told.append(context))
    try:
        async with serving(knows_nothing) as one, serving(knows_nothing) as other:
            nodes = NodeManagers(idle=0.1)
            await asyncio.gather(ask(nodes, one), ask(nodes, other))
            time.sleep(0.15)  # noqa: ASYNC251 - so that both are due while the first is being closed
            await nodes.close()
            await asyncio.sleep(0.05)
    finally:
        loop.set_exception_handler(None)
    assert not told
