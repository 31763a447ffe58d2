"""Names that can't be looked up: they hold up nobody but who wants them."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from hadoop.fake import Call, Server, serving
from hadoop.test_rest import web
from trainmaster.errors import UnavailableError
from trainmaster.hadoop import names
from trainmaster.hadoop.http import Http
from trainmaster.hadoop.names import addresses_of
from trainmaster.hadoop.proto.yarn_pb2 import PriorityProto
from trainmaster.hadoop.rpc import RpcClient
from trainmaster.hadoop.sasl import SimpleLogin

REAL = socket.getaddrinfo


class NameServer:
    """Answers for the names it knows; for others it says nothing until it is let go."""

    def __init__(self) -> None:
        self.known = {"good.example": "127.0.0.1"}
        self.asked: list[str] = []
        self.go = threading.Event()

    def getaddrinfo(self, host: str, port: Any, *args: Any, **kwargs: Any) -> Any:
        if not str(host).endswith(".example"):
            return REAL(host, port, *args, **kwargs)
        self.asked.append(host)
        if host not in self.known:
            self.go.wait(60)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return REAL(self.known[host], port, *args, **kwargs)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    made = NameServer()
    monkeypatch.setattr(socket, "getaddrinfo", made.getaddrinfo)
    yield made
    made.go.set()


def client(address: str) -> RpcClient:
    return RpcClient(address, "org.example.Protocol", SimpleLogin("alice"), 60.0)


async def ask(rpc: RpcClient) -> int:
    return (await rpc.call("echo", PriorityProto(priority=7), PriorityProto)).priority


def echo(_server: Server, call: Call) -> None:
    call.reply(call.request(PriorityProto))


async def test_a_dead_name_server_holds_up_neither_threads_nor_the_web_nor_good_names(
    server: NameServer,
) -> None:
    """asyncio's own pool has six threads on two cores: as many dead names, and everything in it would wait."""
    dead = [asyncio.create_task(ask(client(f"dead-{n}.example:1"))) for n in range(names.THREADS - 2)]
    same = [asyncio.create_task(ask(client("dead-0.example:1"))) for _ in range(200)]
    while len(server.asked) < len(dead):
        await asyncio.sleep(0.01)
    http = Http()
    async with asyncio.timeout(50), serving(echo) as rpc:
        assert await asyncio.to_thread(lambda: "a journal's write, say") != ""
        good = client(f"good.example:{rpc.address.rpartition(':')[2]}")
        assert await ask(good) == 7
        await good.close()
        with web(lambda _: (200, '{"a": 1}')) as address:
            assert await http.json(f"http://{address}/x") == {"a": 1}
    await http.close()
    assert server.asked.count("dead-0.example") == 1
    server.go.set()
    answers = await asyncio.gather(*dead, *same, return_exceptions=True)
    assert all(isinstance(answer, UnavailableError) for answer in answers)
    assert "Temporary failure in name resolution" in str(answers[0])


async def test_a_name_is_asked_anew_after_each_answer(server: NameServer) -> None:
    assert await addresses_of("good.example") == ("127.0.0.1",)
    server.known["good.example"] = "127.0.0.2"
    assert await addresses_of("good.example") == ("127.0.0.2",)


async def test_whoever_gives_up_does_not_take_the_answer_from_others(server: NameServer) -> None:
    server.known.clear()
    first = asyncio.create_task(addresses_of("late.example"))
    second = asyncio.create_task(addresses_of("late.example"))
    while not server.asked:
        await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    server.go.set()
    with pytest.raises(socket.gaierror):
        await second


async def test_an_address_needs_no_look_up(server: NameServer) -> None:
    assert await addresses_of("127.0.0.1") == ("127.0.0.1",)
    assert await addresses_of("::1") == ("::1",)
    assert server.asked == []


async def test_a_host_of_several_addresses_is_reached_by_the_one_that_answers(
    server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "_look_up", lambda _: ("127.0.0.99", "127.0.0.1"))
    async with serving(echo) as rpc:
        good = client(f"two.example:{rpc.address.rpartition(':')[2]}")
        assert await ask(good) == 7
        await good.close()
