"""A server of Hadoop's RPC that wants its messages signed or sealed, apart from the product's own code on purpose.

Its rules are those of Java's DigestMD5Server and of SaslRpcServer and Server.Connection.unwrapPacketAndProcessRpcs in
org.apache.hadoop: after SUCCESS each frame holds one wrapped token, in which frames lie as they would without.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import struct
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO

from google.protobuf.message import Message
from google.protobuf.proto import parse_length_prefixed, serialize_length_prefixed

from hadoop.fake import TOKEN
from trainmaster.hadoop.proto.common_pb2 import (
    IpcConnectionContextProto,
    RequestHeaderProto,
    RpcRequestHeaderProto,
    RpcResponseHeaderProto,
    RpcSaslProto,
)
from trainmaster.hadoop.proto.yarn_pb2 import PriorityProto


def rc4(key: bytes) -> Callable[[bytes], bytes]:
    """The cipher as it was published, one byte after the other."""
    box, j = list(range(256)), 0
    for i in range(256):
        j = (j + box[i] + key[i % len(key)]) % 256
        box[i], box[j] = box[j], box[i]

    def stream() -> Iterator[int]:
        i = j = 0
        while True:
            i = (i + 1) % 256
            j = (j + box[i]) % 256
            box[i], box[j] = box[j], box[i]
            yield box[(box[i] + box[j]) % 256]

    pad = stream()
    return lambda data: bytes(byte ^ next(pad) for byte in data)


def plain(data: bytes) -> bytes:
    return data


@dataclass
class Protected:
    """What the test may look at, and what it may have done wrong."""

    qop: str
    address: str = ""
    wrapped: list[bytes] = field(default_factory=list)
    """what came over the wire after the login"""
    contexts: list[IpcConnectionContextProto] = field(default_factory=list)
    spoil: Callable[[bytes], bytes] = plain
    """done to what is sent back"""
    naked: bool = False
    """answers without the protection that was agreed on"""
    refuses: bool = False
    """and with a refusal, which anybody on the way could write"""
    open: set[asyncio.StreamWriter] = field(default_factory=set)
    heard: int = 0
    said: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.add(writer)
        try:
            await reader.readexactly(7)
            await self._frame(reader)
            offer = RpcSaslProto.SaslAuth(
                method="TOKEN", mechanism="DIGEST-MD5", protocol="", serverId="default"
            )
            offer.challenge = f'realm="default",nonce="abc",qop="{self.qop}",cipher="3des,rc4"'.encode()
            send(writer, -33, RpcSaslProto(state=RpcSaslProto.NEGOTIATE, auths=[offer]))
            _, body = await self._frame(reader)
            proof = self._login(parse_length_prefixed(RpcSaslProto, body).token.decode())
            send(writer, -33, RpcSaslProto(state=RpcSaslProto.SUCCESS, token=proof))
            while True:
                await self._answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open.discard(writer)
            writer.close()

    def _login(self, text: str) -> bytes:
        parts = dict(part.split("=", 1) for part in text.split(","))
        user, password = b64encode(TOKEN.identifier).decode(), b64encode(TOKEN.password).decode()
        cnonce = parts["cnonce"][1:-1]
        secret = md5(md5(f"{user}:default:{password}".encode()) + f":abc:{cnonce}".encode())

        def value(a2: str) -> str:
            hashed = md5(f"{a2}:{'0' * 32}".encode()).hex()
            return md5(f"{secret.hex()}:abc:00000001:{cnonce}:{self.qop}:{hashed}".encode()).hex()

        assert parts["response"] == value("AUTHENTICATE:/default")
        assert parts["qop"] == self.qop
        key = "Digest session key to {}-to-{} signing key magic constant"
        seal = "Digest H(A1) to {}-to-{} sealing key magic constant"
        ways = (("client", "server"), ("server", "client"))
        self._keys = [md5(secret + key.format(*way).encode()) for way in ways]
        sealed = self.qop == "auth-conf"
        self._ciphers = [rc4(md5(secret + seal.format(*way).encode())) if sealed else plain for way in ways]
        return f"rspauth={value(':/default')}".encode()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        header, body = await self._frame(reader)
        assert header.callId == -33
        token = parse_length_prefixed(RpcSaslProto, body)
        assert token.state == RpcSaslProto.WRAP
        self.wrapped.append(token.token)
        data, out = self._unwrap(token.token), b""
        while data:
            (length,) = struct.unpack(">I", data[:4])
            out += self._call(BytesIO(data[4 : 4 + length]))
            data = data[4 + length :]
        if out and self.naked:
            writer.write(refusal() if self.refuses else out)
        elif out:
            token = RpcSaslProto(state=RpcSaslProto.WRAP, token=self.spoil(self._wrap(out)))
            send(writer, -33, token)

    def _call(self, inside: BytesIO) -> bytes:
        header = parse_length_prefixed(RpcRequestHeaderProto, inside)
        if header.callId == -3:
            self.contexts.append(parse_length_prefixed(IpcConnectionContextProto, inside))
            return b""
        parse_length_prefixed(RequestHeaderProto, inside)
        return framed(header.callId, parse_length_prefixed(PriorityProto, inside))

    def _unwrap(self, data: bytes) -> bytes:
        body = self._ciphers[0](data[:-6])
        text, mac = body[:-10], body[-10:]
        number = struct.pack(">I", self.heard)
        assert data[-6:] == b"\0\1" + number
        assert mac == hmac.new(self._keys[0], number + text, "md5").digest()[:10]
        self.heard += 1
        return text

    def _wrap(self, text: bytes) -> bytes:
        number = struct.pack(">I", self.said)
        self.said += 1
        mac = hmac.new(self._keys[1], number + text, "md5").digest()[:10]
        return self._ciphers[1](text + mac) + b"\0\1" + number

    async def _frame(self, reader: asyncio.StreamReader) -> tuple[RpcRequestHeaderProto, BytesIO]:
        (length,) = struct.unpack(">I", await reader.readexactly(4))
        body = BytesIO(await reader.readexactly(length))
        return parse_length_prefixed(RpcRequestHeaderProto, body), body


def md5(data: bytes) -> bytes:
    return hashlib.md5(data).digest()


def refusal() -> bytes:
    """What a server that doesn't believe a token any more says last (Server.Connection.doSaslReply, FATAL)."""
    body = BytesIO()
    status = RpcResponseHeaderProto.FATAL
    kind = "org.apache.hadoop.security.token.SecretManager$InvalidToken"
    header = RpcResponseHeaderProto(
        callId=-33 & 0xFFFFFFFF, status=status, exceptionClassName=kind, errorMsg="forged"
    )
    serialize_length_prefixed(header, body)
    return struct.pack(">I", body.tell()) + body.getvalue()


def framed(call_id: int, answer: Message) -> bytes:
    body = BytesIO()
    serialize_length_prefixed(
        RpcResponseHeaderProto(callId=call_id & 0xFFFFFFFF, status=RpcResponseHeaderProto.SUCCESS), body
    )
    serialize_length_prefixed(answer, body)
    return struct.pack(">I", body.tell()) + body.getvalue()


def send(writer: asyncio.StreamWriter, call_id: int, answer: Message) -> None:
    writer.write(framed(call_id, answer))


@asynccontextmanager
async def protected(qop: str) -> AsyncIterator[Protected]:
    """The server, on a free loopback port, until the test ends."""
    server = Protected(qop)
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
