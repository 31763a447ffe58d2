"""Several ResourceManagers: the active one is found, and remembered."""

from __future__ import annotations

import asyncio

import pytest

from hadoop.fake import Call, Server, serving
from trainmaster.errors import InvalidError, RefusedError, UnavailableError
from trainmaster.hadoop.failover import Failover
from trainmaster.hadoop.proto.yarn_pb2 import PriorityProto
from trainmaster.hadoop.sasl import SimpleLogin

STANDBY = "org.apache.hadoop.ipc.StandbyException"


def active(server: Server, call: Call) -> None:
    call.reply(call.request(PriorityProto))


def standby(server: Server, call: Call) -> None:
    call.reply(kind=STANDBY, words=f"{STANDBY}: Operation is not supported in state standby")


def failover(*addresses: str) -> Failover:
    return Failover(addresses, "org.example.Protocol", SimpleLogin("alice"), 5)


async def ask(rpc: Failover, number: int = 1) -> int:
    return (await rpc.call("echo", PriorityProto(priority=number), PriorityProto)).priority


async def test_the_active_one_is_found_behind_a_standby_and_remembered() -> None:
    async with serving(standby) as first, serving(active) as second:
        rpc = failover(first.address, second.address)
        assert [await ask(rpc, n) for n in range(3)] == [0, 1, 2]
        assert (len(first.calls), len(second.calls)) == (1, 3)
        await rpc.close()


async def test_roles_that_change_are_followed() -> None:
    async with serving(active) as first, serving(standby) as second:
        rpc = failover(first.address, second.address)
        assert await ask(rpc) == 1
        first.handle, second.handle = standby, active
        assert await asyncio.gather(*(ask(rpc, n) for n in range(20))) == list(range(20))
        first.handle, second.handle = active, standby
        assert await ask(rpc, 4) == 4
        await rpc.close()


async def test_one_that_is_down_is_passed_over() -> None:
    async with serving(active) as gone:
        pass
    async with serving(active) as second:
        rpc = failover(gone.address, second.address)
        assert await ask(rpc) == 1
        await rpc.close()


async def test_none_active_is_unavailable_with_every_ones_words() -> None:
    async with serving(standby) as first, serving(standby) as second:
        rpc = failover(first.address, second.address)
        with pytest.raises(UnavailableError, match=r"state standby; .*state standby"):
            await ask(rpc)
        assert len(first.calls) + len(second.calls) == 2
        second.handle = active
        assert await ask(rpc) == 1
        await rpc.close()


async def test_a_refusal_is_an_answer_and_not_asked_elsewhere() -> None:
    def refuse(server: Server, call: Call) -> None:
        call.reply(kind="a.NoException", words="no")

    async with serving(refuse) as first, serving(active) as second:
        rpc = failover(first.address, second.address)
        with pytest.raises(RefusedError, match="NoException: no"):
            await ask(rpc)
        assert not second.calls
        await rpc.close()


def test_no_address_is_said_at_once() -> None:
    with pytest.raises(InvalidError, match="no ResourceManager"):
        failover()
