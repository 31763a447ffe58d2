"""A server of Hadoop's RPC with teeth: what it answers, refuses or withholds is said by each test.

It speaks with the product's own messages (held against the real jars elsewhere), and its own few lines of framing.
"""

from __future__ import annotations

import asyncio
import hashlib
import struct
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import TypeVar

from google.protobuf.message import Message
from google.protobuf.proto import parse_length_prefixed, serialize_length_prefixed

from trainmaster.hadoop.proto.common_pb2 import (
    IpcConnectionContextProto,
    RequestHeaderProto,
    RpcRequestHeaderProto,
    RpcResponseHeaderProto,
    RpcSaslProto,
    TokenProto,
)

Asked = TypeVar("Asked", bound=Message)
TOKEN = TokenProto(identifier=b"who", password=b"secret", kind="KIND", service="service")


@dataclass
class Call:
    """One call as the server heard it."""

    id: int
    method: str
    protocol: str
    body: BytesIO
    reply: Callable[..., None]

    def request(self, kind: type[Asked]) -> Asked:
        return parse_length_prefixed(kind, self.body)


@dataclass
class Server:
    """What the test may look at."""

    handle: Callable[[Server, Call], Awaitable[None] | None]
    address: str = ""
    connections: int = 0
    contexts: list[IpcConnectionContextProto] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    proof: str = ""
    """set to say this instead of the right proof at the end of SASL"""
    refuse: tuple[str, str] | None = None
    """set to refuse every SASL login with this class and message"""
    open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open.add(writer)
        try:
            preamble = await reader.readexactly(7)
            assert preamble[:6] == b"hrpc\x09\x00"
            if preamble[6] == 0xDF:
                await self._sasl(reader, writer)
            while True:
                header, body = await self._frame(reader)
                if header.callId == -3:
                    self.contexts.append(parse_length_prefixed(IpcConnectionContextProto, body))
                    continue
                named = parse_length_prefixed(RequestHeaderProto, body)
                call = Call(
                    header.callId,
                    named.methodName,
                    named.declaringClassProtocolName,
                    body,
                    self._replier(header, writer),
                )
                self.calls.append(call)
                waiting = self.handle(self, call)
                if waiting is not None:
                    await waiting
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open.discard(writer)
            writer.close()

    async def _frame(self, reader: asyncio.StreamReader) -> tuple[RpcRequestHeaderProto, BytesIO]:
        (length,) = struct.unpack(">I", await reader.readexactly(4))
        body = BytesIO(await reader.readexactly(length))
        header = parse_length_prefixed(RpcRequestHeaderProto, body)
        assert (len(header.clientId), header.rpcKind, header.retryCount) == (16, 2, -1)
        return header, body

    def _replier(self, header: RpcRequestHeaderProto, writer: asyncio.StreamWriter) -> Callable[..., None]:
        def reply(answer: Message | None = None, kind: str = "", words: str = "") -> None:
            status = RpcResponseHeaderProto.ERROR if kind else RpcResponseHeaderProto.SUCCESS
            send(writer, header.callId, status, kind, words, answer)

        return reply

    async def _sasl(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A server's side of DIGEST-MD5, kept apart from the product's on purpose."""
        header, body = await self._frame(reader)
        assert header.callId == -33
        offer = RpcSaslProto.SaslAuth(method="TOKEN", mechanism="DIGEST-MD5", protocol="", serverId="default")
        offer.challenge = b'realm="default",nonce="abc+/=",qop="auth",charset=utf-8,algorithm=md5-sess'
        send(writer, -33, answer=RpcSaslProto(state=RpcSaslProto.NEGOTIATE, auths=[offer]))
        _, body = await self._frame(reader)
        said = parse_length_prefixed(RpcSaslProto, body).token.decode()
        right, proof = digest(said)
        if self.refuse or not right:
            kind, words = self.refuse or ("javax.security.sasl.SaslException", "wrong digest")
            send(writer, -33, RpcResponseHeaderProto.FATAL, kind, words)
            raise ConnectionError
        token = f"rspauth={self.proof or proof}".encode()
        send(writer, -33, answer=RpcSaslProto(state=RpcSaslProto.SUCCESS, token=token))


def digest(said: str) -> tuple[bool, str]:
    """Whether a client's digest is right for TOKEN, and the proof to answer."""
    parts = dict(part.split("=", 1) for part in said.split(","))
    user, password = b64encode(TOKEN.identifier).decode(), b64encode(TOKEN.password).decode()
    a1 = (
        hashlib.md5(f"{user}:default:{password}".encode()).digest()
        + f":abc+/=:{parts['cnonce'][1:-1]}".encode()
    )

    def value(a2: str) -> str:
        middle = f"abc+/=:00000001:{parts['cnonce'][1:-1]}:auth"
        text = f"{hashlib.md5(a1).hexdigest()}:{middle}:{hashlib.md5(a2.encode()).hexdigest()}"
        return hashlib.md5(text.encode()).hexdigest()

    return parts["response"] == value("AUTHENTICATE:/default"), value(":/default")


def send(
    writer: asyncio.StreamWriter,
    call_id: int,
    status: RpcResponseHeaderProto.RpcStatusProto = RpcResponseHeaderProto.SUCCESS,
    kind: str = "",
    words: str = "",
    answer: Message | None = None,
) -> None:
    """One frame of an answer; call ids go out as the 32 bits unsigned, as the real server sends them."""
    body = BytesIO()
    header = RpcResponseHeaderProto(callId=call_id & 0xFFFFFFFF, status=status)
    if kind:
        header.exceptionClassName, header.errorMsg = kind, words
    serialize_length_prefixed(header, body)
    if answer is not None:
        serialize_length_prefixed(answer, body)
    writer.write(struct.pack(">I", body.tell()) + body.getvalue())


@asynccontextmanager
async def serving(handle: Callable[[Server, Call], Awaitable[None] | None]) -> AsyncIterator[Server]:
    """The server, on a free loopback port, until the test ends."""
    server = Server(handle)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.address = f"127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listener.close()
        for writer in list(server.open):
            writer.close()
        await listener.wait_closed()
        await asyncio.sleep(0)
