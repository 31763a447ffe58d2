"""Calls over one connection: in parallel, in any order, and what each caller hears when it goes wrong."""

from __future__ import annotations

import asyncio
import socket

import pytest

from hadoop.fake import TOKEN, Call, Server, send, serving
from trainmaster.errors import DeniedError, RefusedError, UnavailableError
from trainmaster.hadoop import frames
from trainmaster.hadoop.proto.common_pb2 import RpcResponseHeaderProto
from trainmaster.hadoop.proto.yarn_pb2 import ContainerLaunchContextProto, PriorityProto
from trainmaster.hadoop.rpc import RpcClient
from trainmaster.hadoop.sasl import Login, SimpleLogin, TokenLogin

PROTOCOL = "org.example.Protocol"
FATAL = RpcResponseHeaderProto.FATAL


def client(server: Server, login: Login | None = None, timeout: float = 5.0) -> RpcClient:
    return RpcClient(server.address, PROTOCOL, login or SimpleLogin("alice"), timeout)


def token(password: bytes = TOKEN.password) -> TokenLogin:
    proto = type(TOKEN)()
    proto.CopyFrom(TOKEN)
    proto.password = password
    return TokenLogin(proto.SerializeToString())


async def ask(rpc: RpcClient, number: int = 1, method: str = "echo") -> int:
    return (await rpc.call(method, PriorityProto(priority=number), PriorityProto)).priority


def echo(server: Server, call: Call) -> None:
    call.reply(call.request(PriorityProto))


def silent(server: Server, call: Call) -> None:
    """Hears and never answers."""


async def test_one_connection_serves_calls_in_parallel_and_in_any_order() -> None:
    held: list[Call] = []

    def backwards(server: Server, call: Call) -> None:
        held.append(call)
        if len(held) == 50:
            for each in reversed(held):
                echo(server, each)

    async with serving(backwards) as server:
        rpc = client(server)
        assert await asyncio.gather(*(ask(rpc, n) for n in range(50))) == list(range(50))
        assert server.connections == 1
        assert [context.userInfo.effectiveUser for context in server.contexts] == ["alice"]
        assert {(call.method, call.protocol) for call in server.calls} == {("echo", PROTOCOL)}
        await rpc.close()


async def test_a_refusal_is_one_calls_own() -> None:
    def odd(server: Server, call: Call) -> None:
        request = call.request(PriorityProto)
        if request.priority % 2:
            call.reply(kind="a.b.OddException", words="a.b.OddException: it is odd\n\tat a.b.C")
        else:
            call.reply(request)

    async with serving(odd) as server:
        rpc = client(server)
        answers = await asyncio.gather(ask(rpc, 1), ask(rpc, 2), return_exceptions=True)
        assert isinstance(answers[0], RefusedError)
        assert (answers[0].kind, answers[0].message) == ("a.b.OddException", "it is odd")
        assert answers[1] == 2
        assert server.connections == 1
        await rpc.close()


async def test_a_fatal_refusal_is_the_reason_of_every_waiting_call() -> None:
    def fatal(server: Server, call: Call) -> None:
        if len(server.calls) == 3:
            [writer] = server.open
            send(writer, -3, FATAL, "org.apache.hadoop.security.AccessControlException", "alice may not")
            writer.close()

    async with serving(fatal) as server:
        rpc = client(server)
        answers = await asyncio.gather(*(ask(rpc, n) for n in range(3)), return_exceptions=True)
        assert [type(answer) for answer in answers] == [DeniedError] * 3
        assert {str(answer) for answer in answers} == {"AccessControlException: alice may not"}
        assert len({id(answer) for answer in answers}) == 3


async def test_it_connects_again_at_the_next_call_after_a_loss() -> None:
    def once(server: Server, call: Call) -> None:
        if server.connections == 1:
            [writer] = server.open
            writer.close()
        else:
            echo(server, call)

    async with serving(once) as server:
        rpc = client(server)
        with pytest.raises(UnavailableError, match="closed the connection"):
            await ask(rpc)
        assert await ask(rpc, 7) == 7
        assert server.connections == 2
        await rpc.close()


async def test_nobody_there_is_unavailable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        rpc = RpcClient(f"127.0.0.1:{taken.getsockname()[1]}", PROTOCOL, SimpleLogin("alice"), 5)
        with pytest.raises(UnavailableError, match="Connect call failed"):
            await ask(rpc)


async def test_a_silent_peer_is_left_after_the_timeout() -> None:
    async with serving(silent) as server:
        rpc = client(server, timeout=0.1)
        with pytest.raises(UnavailableError, match=r"did not answer echo within 0\.1 s"):
            await ask(rpc)
        server.handle = echo
        assert await ask(rpc, 3) == 3
        assert server.connections == 2
        await rpc.close()


async def test_one_slow_call_does_not_cost_the_others_their_connection() -> None:
    def slow(server: Server, call: Call) -> None:
        if call.method == "echo":
            echo(server, call)

    async with serving(slow) as server:
        rpc = client(server, timeout=0.2)
        waiting = asyncio.create_task(ask(rpc, 1, "slow"))
        await asyncio.sleep(0.05)
        assert await ask(rpc, 2) == 2
        with pytest.raises(UnavailableError, match="slow"):
            await waiting
        assert await ask(rpc, 3) == 3
        assert server.connections == 1
        await rpc.close()


async def test_each_call_has_its_own_patience_and_many_of_them_no_timer_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There is a heartbeat of each job a second, and an answer to most in a moment."""
    timers: list[float] = []
    loop, real = asyncio.get_running_loop(), asyncio.get_running_loop().call_at
    monkeypatch.setattr(loop, "call_at", lambda at, *args, **kw: timers.append(at) or real(at, *args, **kw))

    def patient(server: Server, call: Call) -> None:
        if call.method == "echo":
            echo(server, call)

    async with serving(patient) as server:
        rpc = client(server)
        await ask(rpc)
        timers.clear()
        assert [await ask(rpc, n) for n in range(100)] == [*range(100)]
        assert not timers, "the first one's serves"
        calls = [
            asyncio.ensure_future(rpc.call("wait", PriorityProto(), PriorityProto, seconds))
            for seconds in (0.2, 0.1, 60)
        ]
        await ask(rpc)  # of a peer that says nothing at all the connection is left
        for late, seconds in ((calls[1], "0.1"), (calls[0], "0.2")):
            with pytest.raises(UnavailableError, match=f"did not answer wait within {seconds} s"):
                await late
        assert not calls[2].done()
        assert await ask(rpc, 7) == 7
        calls[2].cancel()
        assert server.connections == 1
        await rpc.close()


async def test_a_cancelled_call_leaves_the_connection_usable() -> None:
    held: list[Call] = []

    def late(server: Server, call: Call) -> None:
        held.append(call)
        if len(held) == 2:
            for each in held:
                echo(server, each)

    async with serving(late) as server:
        rpc = client(server)
        first = asyncio.create_task(ask(rpc, 1))
        await asyncio.sleep(0.05)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert await ask(rpc, 2) == 2
        assert server.connections == 1
        await rpc.close()


async def test_a_caller_cancelled_while_connecting_leaves_the_others_alone() -> None:
    async with serving(echo) as server:
        rpc = client(server, token())
        first, second = asyncio.create_task(ask(rpc, 1)), asyncio.create_task(ask(rpc, 2))
        await asyncio.sleep(0)
        first.cancel()
        assert await second == 2
        await asyncio.gather(first, return_exceptions=True)
        await rpc.close()


async def test_something_else_on_that_port_is_said_so() -> None:
    async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(7)
        writer.write(b"HTTP/1.1 404 Not Found\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(web, "127.0.0.1", 0) as listener:
        rpc = RpcClient(
            f"127.0.0.1:{listener.sockets[0].getsockname()[1]}", PROTOCOL, SimpleLogin("alice"), 5
        )
        with pytest.raises(UnavailableError, match="does not speak Hadoop RPC"):
            await ask(rpc)
        await rpc.close()


async def test_who_has_not_proved_who_he_is_is_not_listened_to_for_long() -> None:
    async def long(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(7)
        writer.write((frames.LONGEST_LOGIN + 1).to_bytes(4, "big"))
        await reader.read()
        writer.close()

    async with await asyncio.start_server(long, "127.0.0.1", 0) as listener:
        address = f"127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        rpc = RpcClient(address, PROTOCOL, token(), 5)
        with pytest.raises(UnavailableError, match="does not speak Hadoop RPC"):
            await ask(rpc)
        await rpc.close()


async def test_an_answer_without_its_message_fails_its_call_at_once() -> None:
    async with serving(lambda _, call: call.reply()) as server:
        rpc = client(server)
        with pytest.raises(UnavailableError, match="does not speak Hadoop RPC"):
            await ask(rpc)
        await rpc.close()


async def test_a_large_answer_arrives_whole() -> None:
    wanted = ContainerLaunchContextProto(tokens=bytes(range(256)) * 20_000)
    async with serving(lambda _, call: call.reply(wanted)) as server:
        rpc = client(server)
        assert await rpc.call("big", PriorityProto(), ContainerLaunchContextProto) == wanted
        await rpc.close()


# --- tokens ------------------------------------------------------------------------------------------------------------


async def test_a_token_lets_in_and_names_no_user() -> None:
    async with serving(echo) as server:
        rpc = client(server, token())
        assert await ask(rpc, 5) == 5
        assert not server.contexts[0].HasField("userInfo")
        await rpc.close()


async def test_a_wrong_token_is_denied_with_the_servers_reason() -> None:
    async with serving(echo) as server:
        rpc = client(server, token(b"guess"))
        with pytest.raises(DeniedError, match="SaslException: wrong digest"):
            await ask(rpc)
        server.refuse = ("org.apache.hadoop.security.token.SecretManager$InvalidToken", "token is expired")
        with pytest.raises(DeniedError, match="token is expired"):
            await ask(rpc)


async def test_a_server_that_cannot_prove_itself_hears_no_call() -> None:
    async with serving(echo) as server:
        server.proof = "0" * 32
        rpc = client(server, token())
        with pytest.raises(DeniedError, match="could not prove"):
            await ask(rpc)
        assert not server.calls


async def test_a_replaced_token_is_used_from_the_next_connection_on() -> None:
    async with serving(echo) as server:
        rpc = client(server, token())
        assert await ask(rpc) == 1
        rpc.replace_login(token(b"rolled too far"))
        assert await ask(rpc) == 1
        rpc.drop()
        with pytest.raises(DeniedError):
            await ask(rpc)
