"""RPC whose messages are signed or sealed: what goes over the wire, and what is made of answers that were touched."""

from __future__ import annotations

import asyncio
import threading

import pytest

from hadoop.fake import TOKEN
from hadoop.protected import Protected, protected
from trainmaster.errors import DeniedError, UnavailableError
from trainmaster.hadoop import connection
from trainmaster.hadoop.protection import DigestLayer, Protection
from trainmaster.hadoop.proto.yarn_pb2 import PriorityProto
from trainmaster.hadoop.rpc import RpcClient
from trainmaster.hadoop.sasl import TokenLogin

PROTOCOL = "org.example.Protocol"
STRONG = [Protection.INTEGRITY, Protection.PRIVACY]


def client(server: Protected, *wanted: Protection) -> RpcClient:
    login = TokenLogin(TOKEN.SerializeToString(), wanted or tuple(STRONG))
    return RpcClient(server.address, PROTOCOL, login, timeout=5)


async def ask(rpc: RpcClient, number: int) -> int:
    return (await rpc.call("echo", PriorityProto(priority=number), PriorityProto)).priority


@pytest.mark.parametrize("qop", STRONG)
async def test_calls_go_to_and_fro_in_parallel(qop: Protection) -> None:
    async with protected(qop) as server:
        rpc = client(server)
        assert await asyncio.gather(*(ask(rpc, n) for n in range(50))) == list(range(50))
        assert [await ask(rpc, n) for n in range(5)] == list(range(5))
        assert len(server.contexts) == 1
        assert len(server.wrapped) < 50, "what is said at one time is wrapped as one"
        await rpc.close()


@pytest.mark.parametrize(("qop", "readable"), [(Protection.INTEGRITY, True), (Protection.PRIVACY, False)])
async def test_only_what_is_sealed_is_nobody_elses(qop: Protection, readable: bool) -> None:
    async with protected(qop) as server:
        rpc = client(server)
        await ask(rpc, 1)
        assert (PROTOCOL.encode() in b"".join(server.wrapped)) == readable
        await rpc.close()


@pytest.mark.parametrize("qop", STRONG)
@pytest.mark.parametrize("at", [0, -1, -12])
async def test_an_answer_that_was_touched_ends_the_connection(qop: Protection, at: int) -> None:
    def spoil(data: bytes) -> bytes:
        touched = bytearray(data)
        touched[at] ^= 1
        return bytes(touched)

    async with protected(qop) as server:
        server.spoil = spoil
        rpc = client(server)
        with pytest.raises(UnavailableError, match="not signed as it should be"):
            await ask(rpc, 1)
        await rpc.close()


@pytest.mark.parametrize("refuses", [False, True])
async def test_an_answer_without_the_protection_that_was_agreed_on_is_not_believed(refuses: bool) -> None:
    """A forged refusal of the token least of all: the application would be ended for it."""
    async with protected(Protection.INTEGRITY) as server:
        server.naked, server.refuses = True, refuses
        rpc = client(server)
        with pytest.raises(UnavailableError, match="without the protection"):
            await ask(rpc, 1)
        await rpc.close()


@pytest.mark.parametrize("qop", STRONG)
@pytest.mark.parametrize("spoilt", [False, True])
async def test_a_long_answer_is_unwrapped_in_a_thread_in_its_turn(
    qop: Protection, spoilt: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []
    unwrap = DigestLayer.unwrap

    def noted(layer: DigestLayer, data: bytes) -> bytes:
        threads.append(threading.current_thread() is threading.main_thread())
        return unwrap(layer, data)

    monkeypatch.setattr(DigestLayer, "unwrap", noted)
    monkeypatch.setattr(connection, "ASIDE", 0)
    async with protected(qop) as server:
        if spoilt:
            server.spoil = lambda data: data[:-1] + b"?"
        rpc = client(server)
        if spoilt:
            with pytest.raises(UnavailableError, match="not signed as it should be"):
                await ask(rpc, 1)
        else:
            assert await asyncio.gather(*(ask(rpc, n) for n in range(50))) == list(range(50))
            assert [await ask(rpc, n) for n in range(5)] == list(range(5))
        await rpc.close()
    assert threads
    assert not any(threads)


async def test_a_cluster_that_wants_more_is_told_by_the_setting() -> None:
    async with protected(Protection.PRIVACY) as server:
        rpc = client(server, Protection.AUTHENTICATION)
        with pytest.raises(
            DeniedError, match=r"wants the protection privacy, and hadoop\.rpc\.protection is auth"
        ):
            await ask(rpc, 1)
        await rpc.close()
