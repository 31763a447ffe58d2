"""The server's side of Hadoop RPC version 9: frames, logins by name or by token, one call after the other.

Never here: what a call means. Calls are answered at once: the stand-in knows everything that it is asked.
"""

from __future__ import annotations

import asyncio
import secrets
import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import cast

from google.protobuf.message import Message
from google.protobuf.proto import parse_length_prefixed, serialize_length_prefixed

from bench.scale import digest
from trainmaster.hadoop import frames
from trainmaster.hadoop.proto.common_pb2 import (
    IpcConnectionContextProto,
    RequestHeaderProto,
    RpcRequestHeaderProto,
    RpcResponseHeaderProto,
    RpcSaslProto,
)

_LENGTH = struct.Struct(">I")
_PREAMBLE = 7


class RefusedCallError(Exception):
    """Told to the caller as the Java exception of this class."""

    def __init__(self, kind: str, words: str) -> None:
        super().__init__(words)
        self.kind, self.words = kind, words


@dataclass(slots=True)
class Caller:
    """Who is at the other end of one connection, and which of our addresses it called."""

    host: str
    user: str = ""
    identifier: bytes = b""
    """of the token it logged in with; empty where it only said a name"""


Answer = Callable[[Caller, BytesIO], Message]
"""one method: from its request to its answer; raises RefusedCallError"""
calls: Counter[str] = Counter()
"""calls heard so far, by method"""


class Server(asyncio.Protocol):
    """One connection. `methods` are all that its protocol has."""

    def __init__(self, methods: dict[str, Answer], *, tokens: bool) -> None:
        """`tokens`: only logins with a token are let in."""
        self._methods, self._tokens = methods, tokens
        self._preamble = b""
        self._splitter = frames.Splitter()
        self._nonce = secrets.token_hex(16)
        self._out: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._caller = Caller(transport.get_extra_info("sockname")[0])
        calls["connections"] += 1

    def data_received(self, data: bytes) -> None:
        if len(self._preamble) < _PREAMBLE:
            missing = _PREAMBLE - len(self._preamble)
            self._preamble, data = self._preamble + data[:missing], data[missing:]
        for payload in self._splitter.feed(data):
            self._heard(payload)
        self._transport.write(b"".join(self._out))
        self._out.clear()

    def _heard(self, payload: bytes) -> None:
        body = BytesIO(payload)
        header = parse_length_prefixed(RpcRequestHeaderProto, body)
        if header.callId == frames.SASL_CALL:
            self._log_in(parse_length_prefixed(RpcSaslProto, body))
        elif header.callId == frames.CONTEXT_CALL:
            self._caller.user = parse_length_prefixed(IpcConnectionContextProto, body).userInfo.effectiveUser
        elif self._tokens and not self._caller.identifier:
            self._end(
                "org.apache.hadoop.security.AccessControlException", "SIMPLE authentication is not enabled"
            )
        else:
            self._call(header.callId, parse_length_prefixed(RequestHeaderProto, body).methodName, body)

    def _log_in(self, said: RpcSaslProto) -> None:
        if said.state == RpcSaslProto.NEGOTIATE:
            self._say(frames.SASL_CALL, digest.offer(self._nonce))
            return
        try:
            self._caller.identifier, proof = digest.accept(said.token, self._nonce)
        except digest.WrongDigestError:
            self._end("javax.security.sasl.SaslException", "DIGEST-MD5: digest response format violation")
        else:
            self._say(frames.SASL_CALL, RpcSaslProto(state=RpcSaslProto.SUCCESS, token=proof))

    def _call(self, id_: int, method: str, body: BytesIO) -> None:
        calls[method] += 1
        try:
            self._say(id_, self._methods[method](self._caller, body))
        except RefusedCallError as error:
            header = RpcResponseHeaderProto(
                callId=frames.unsigned(id_),
                status=RpcResponseHeaderProto.ERROR,
                exceptionClassName=error.kind,
                errorMsg=error.words,
            )
            self._out.append(_frame(header))

    def _say(self, id_: int, answer: Message) -> None:
        header = RpcResponseHeaderProto(callId=frames.unsigned(id_), status=RpcResponseHeaderProto.SUCCESS)
        self._out.append(_frame(header, answer))

    def _end(self, kind: str, words: str) -> None:
        """A login that failed: the reason, and the end of the connection."""
        header = RpcResponseHeaderProto(
            callId=frames.unsigned(frames.SASL_CALL),
            status=RpcResponseHeaderProto.FATAL,
            exceptionClassName=kind,
            errorMsg=words,
            errorDetail=RpcResponseHeaderProto.FATAL_UNAUTHORIZED,
        )
        self._transport.write(_frame(header))
        self._transport.close()


def _frame(*parts: Message) -> bytes:
    body = BytesIO()
    for part in parts:
        serialize_length_prefixed(part, body)
    return _LENGTH.pack(body.tell()) + body.getvalue()
