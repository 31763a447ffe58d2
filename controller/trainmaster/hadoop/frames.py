"""The bytes of Hadoop RPC version 9: frames of length-prefixed protobuf messages, pure.

Source of the format: org.apache.hadoop.ipc.Client and .Server, and "Hadoop RPC" in RpcHeader's comments.
Never here: a socket.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from trainmaster.hadoop.proto.common_pb2 import (
    RPC_PROTOCOL_BUFFER,
    RequestHeaderProto,
    RpcRequestHeaderProto,
    RpcResponseHeaderProto,
    RpcSaslProto,
)

SIMPLE = 0x00
SASL = 0xDF
CONTEXT_CALL = -3
SASL_CALL = -33
LONGEST_FRAME = 128 << 20
"""ipc.maximum.response.length"""
LONGEST_LOGIN = 1 << 20
"""bytes of a frame of somebody who hasn't proved yet who he is"""

Parsed = TypeVar("Parsed", bound=Message)
_LENGTH = struct.Struct(">I")
_LONGEST_PREFIX = 5
"""bytes of a varint for lengths below 2 GiB"""


class FrameError(ValueError):
    """These bytes are not Hadoop RPC."""


def unsigned(call_id: int) -> int:
    """A call id as answers carry it: requests hold a signed number, answers the same 32 bits unsigned."""
    return call_id & 0xFFFFFFFF


def preamble(auth: int) -> bytes:
    """What opens a connection: magic, version 9, service class 0, and how we mean to authenticate."""
    return b"hrpc" + bytes((9, 0, auth))


def frame(call_id: int, client_id: bytes, *parts: Message | bytes) -> bytes:
    """One request. Parts are messages, or messages that were length-prefixed before."""
    header = RpcRequestHeaderProto(
        rpcKind=RPC_PROTOCOL_BUFFER,
        rpcOp=RpcRequestHeaderProto.RPC_FINAL_PACKET,
        callId=call_id,
        clientId=client_id,
        retryCount=-1,
    )
    body = b"".join((_prefixed(header), *(p if isinstance(p, bytes) else _prefixed(p) for p in parts)))
    return _LENGTH.pack(len(body)) + body


def _prefixed(message: Message) -> bytes:
    """Its length as a varint, and itself. (protobuf's own helpers write and read streams, a byte at a time.)"""
    data = message.SerializeToString()
    left, prefix = len(data), bytearray()
    while left > 0x7F:
        prefix.append(left & 0x7F | 0x80)
        left >>= 7
    prefix.append(left)
    return bytes(prefix) + data


def wrapped(client_id: bytes, token: bytes) -> bytes:
    """Frames as they travel once a log-in has agreed on their protection (SaslRpcClient.WrappedOutputStream)."""
    return frame(SASL_CALL, client_id, RpcSaslProto(state=RpcSaslProto.WRAP, token=token))


@lru_cache(maxsize=64)
def method_header(protocol: str, method: str) -> bytes:
    """The part of a request that names the method; the same at each call, so it is made once."""
    return _prefixed(
        RequestHeaderProto(methodName=method, declaringClassProtocolName=protocol, clientProtocolVersion=1)
    )


def open_answer(payload: bytes) -> tuple[RpcResponseHeaderProto, bytes]:
    """The header of one answer, and the rest of it for `read`."""
    start, end = _place(payload)
    return whole(RpcResponseHeaderProto.FromString(payload[start:end])), payload[end:]


def read(kind: type[Parsed], rest: bytes) -> Parsed:
    """The first message of what is left of an answer; FrameError or DecodeError if there is none of that kind."""
    start, end = _place(rest)
    return whole(kind.FromString(rest[start:end]))


def whole(message: Parsed) -> Parsed:
    """The same message. DecodeError where it lacks a required field, which protobuf finds only when it is to be written."""
    if not message.IsInitialized():
        raise DecodeError("a required field is missing")
    return message


def _place(data: bytes) -> tuple[int, int]:
    """Where the message lies that these bytes begin with, behind its length."""
    length = 0
    for place, byte in enumerate(data[:_LONGEST_PREFIX]):
        length |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            start = place + 1
            if start + length > len(data):
                raise FrameError("an answer that ends within a message")
            return start, start + length
    raise FrameError("an answer without its message")


class Splitter:
    """Cuts a stream of bytes into frames; keeps what is not complete yet."""

    __slots__ = ("_missing", "_pieces", "longest")

    def __init__(self, longest: int = LONGEST_FRAME) -> None:
        self._pieces: list[bytes] = []
        self._missing = 0
        """bytes that the first frame still lacks, as far as its length has arrived"""
        self.longest = longest
        """bytes of a frame that is still taken"""

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that these bytes complete. A long one is put together once, and not with each of its pieces."""
        self._pieces.append(data)
        self._missing -= len(data)
        if self._missing > 0:
            return []
        data = b"".join(self._pieces) if len(self._pieces) > 1 else data
        payloads, start, end = [], 0, _end(data, 0, self.longest)
        while end is not None and end <= len(data):
            payloads.append(data[start + 4 : end])
            start, end = end, _end(data, end, self.longest)
        self._pieces = [data[start:]] if start < len(data) else []
        self._missing = end - len(data) if end is not None else 0
        return payloads


def _end(data: bytes, start: int, longest: int) -> int | None:
    """Where the frame at `start` ends; None while its length has not arrived."""
    if len(data) - start < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack_from(data, start)
    if length > longest:
        raise FrameError("not an answer of Hadoop RPC")
    return start + _LENGTH.size + int(length)
