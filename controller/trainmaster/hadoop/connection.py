"""One socket to one Hadoop server: opened, authenticated, then shared by calls that go on in parallel.

Lives here: one connection from its birth to its end; when it ends, every call waiting on it hears why. Never
here: reconnecting (rpc.py), or what the calls say.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from typing import cast

from google.protobuf.message import DecodeError, Message

from trainmaster.errors import DeniedError, TrainmasterError, UnavailableError
from trainmaster.hadoop import frames
from trainmaster.hadoop.names import addresses_of
from trainmaster.hadoop.protection import SASL_EXCEPTION, Layer, UnprotectedError
from trainmaster.hadoop.proto.common_pb2 import RpcResponseHeaderProto, RpcSaslProto
from trainmaster.hadoop.refusals import refusal
from trainmaster.hadoop.sasl import Login
from trainmaster.hadoop.waiting import Answer, WaitingCalls

ROUNDS = 16
"""challenges of one log-in: Kerberos takes three"""
ASIDE = 256 << 10
"""bytes of a wrapped answer from which on it is unwrapped in a thread, so that the loop goes on"""


class Connection(asyncio.Protocol):
    """Frugal on purpose: a controller holds one of these per running job, so no streams and no reader task.

    (asyncio sets TCP_NODELAY on every TCP connection itself.)
    """

    __slots__ = (
        "_aside",
        "_call_id",
        "_client_id",
        "_inner",
        "_layer",
        "_lost",
        "_out",
        "_peer",
        "_protocol",
        "_splitter",
        "_transport",
        "_unread",
        "_waiting",
        "_why",
        "received",
    )

    def __init__(self, peer: str, protocol: str) -> None:
        self._peer, self._protocol = peer, protocol
        self._client_id = secrets.token_bytes(16)
        self._call_id = 0
        self._waiting = WaitingCalls()
        self._splitter, self._inner = frames.Splitter(frames.LONGEST_LOGIN), frames.Splitter()
        self._layer: Layer | None = None
        """what goes round all that is said after the log-in"""
        self._unread: list[bytes] = []
        """wrapped answers that a thread is at, or that came after one"""
        self._aside: asyncio.Task[None] | None = None
        self._out: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._why: Callable[[], TrainmasterError] | None = None
        self.received = 0
        """frames heard so far; a call that timed out while this stood still had a dead peer"""

    @classmethod
    async def open(cls, address: str, protocol: str, login: Login) -> Connection:
        """Connect and authenticate. UnavailableError: nobody there. DeniedError: not let in."""
        try:
            connection = await cls._connect(address, protocol)
        except OSError as error:
            raise UnavailableError(f"{address}: {error.strerror or error}") from error
        try:
            await connection._enter(login)
        except BaseException:
            connection.abort()
            raise
        return connection

    @classmethod
    async def _connect(cls, address: str, protocol: str) -> Connection:
        """The first of the host's addresses that answers. Raises OSError."""
        host, _, port = address.rpartition(":")
        error = OSError("the host has no address")
        for each in await addresses_of(host):
            try:
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: cls(address, protocol), each, int(port)
                )
            except OSError as no:
                error = no
            else:
                return connection
        raise error

    @property
    def usable(self) -> bool:
        return self._why is None

    async def call(
        self, method: str, request: Message, answer: type[Answer], patience: float = inf
    ) -> Answer:
        """One call; any number may wait at the same time. TimeoutError once it has waited for `patience` seconds."""
        self._call_id = (self._call_id + 1) & 0x7FFFFFFF
        header = frames.method_header(self._protocol, method)
        return await self._ask(self._call_id, answer, header, request, patience=patience)

    def abort(self, why: Callable[[], TrainmasterError] | None = None) -> None:
        """End it now; calls that wait fail with `why`."""
        self._end(why or self._closed)
        if self._transport is not None:
            self._transport.abort()

    async def close(self) -> None:
        """End it, and return when the socket is closed."""
        self.abort()
        await self._lost

    # --- authentication
    # ----------------------------------------------------------------------------------------------

    async def _enter(self, login: Login) -> None:
        self._send(frames.preamble(login.auth))
        if login.auth == frames.SASL:
            await self._authenticate(login)
        self._splitter.longest = frames.LONGEST_FRAME
        # Not answered when it is right; it leaves together with the first call.
        self._send(frames.frame(frames.CONTEXT_CALL, self._client_id, login.context(self._protocol)))

    async def _authenticate(self, login: Login) -> None:
        offered = await self._exchange(RpcSaslProto(state=RpcSaslProto.NEGOTIATE))
        offer, mechanism = login.choose(offered.auths)
        token = await login.step(mechanism.first, offer.challenge)
        chosen = RpcSaslProto.SaslAuth(
            method=offer.method, mechanism=offer.mechanism, protocol=offer.protocol, serverId=offer.serverId
        )
        said = await self._exchange(RpcSaslProto(state=RpcSaslProto.INITIATE, token=token, auths=[chosen]))
        rounds = 0
        while said.state != RpcSaslProto.SUCCESS:
            rounds += 1
            if rounds > ROUNDS:
                raise DeniedError(
                    SASL_EXCEPTION, f"the server comes to no end of the log-in within {ROUNDS} challenges"
                )
            token = await login.step(mechanism.next, said.token)
            said = await self._exchange(RpcSaslProto(state=RpcSaslProto.RESPONSE, token=token))
        self._layer = mechanism.finish(said.token)

    async def _exchange(self, message: RpcSaslProto) -> RpcSaslProto:
        return await self._ask(frames.SASL_CALL, RpcSaslProto, message)

    # --- frames going out
    # --------------------------------------------------------------------------------------------

    async def _ask(
        self, call_id: int, answer: type[Answer], *parts: Message | bytes, patience: float = inf
    ) -> Answer:
        if self._why is not None:
            raise self._why()
        key = frames.unsigned(call_id)
        future = self._waiting.add(key, answer, patience)
        self._send(frames.frame(call_id, self._client_id, *parts))
        try:
            return await future
        finally:
            self._waiting.forget(key)

    def _send(self, data: bytes) -> None:
        """Collect what is sent within one turn of the loop, and write it at once."""
        if not self._out:
            asyncio.get_running_loop().call_soon(self._flush)
        self._out.append(data)

    def _flush(self) -> None:
        if self._unread:
            return  # the layer is in use; sent as soon as it is free
        if self._transport is not None and self._out:
            data = b"".join(self._out)
            self._transport.write(
                frames.wrapped(self._client_id, self._layer.wrap(data)) if self._layer else data
            )
        self._out.clear()

    # --- what the loop tells
    # -----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        with self._guarded():
            for payload in self._splitter.feed(data):
                self.received += 1
                self._heard(payload)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """What can't be understood ends the connection."""
        try:
            yield
        except UnprotectedError as error:
            words = f"{self._peer}: {error}"
            self.abort(lambda: UnavailableError(words))
        except (frames.FrameError, DecodeError, ValueError):
            self.abort(lambda: UnavailableError(f"{self._peer} does not speak Hadoop RPC"))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the signature is asyncio's
        self._end(self._closed)
        self._transport = None
        if not self._lost.done():
            self._lost.set_result(None)

    def _heard(self, payload: bytes) -> None:
        header, rest = frames.open_answer(payload)
        if self._layer is None:
            self._answer(header, rest)
            return
        token = _wrapped(header, rest)
        if self._unread or len(token) > ASIDE:
            self._unread.append(token)
            if len(self._unread) == 1:
                self._aside = asyncio.get_running_loop().create_task(self._unwrap_aside(self._layer))
        else:
            self._inside(self._layer.unwrap(token))

    def _inside(self, data: bytes) -> None:
        for each in self._inner.feed(data):
            self._answer(*frames.open_answer(each))

    async def _unwrap_aside(self, layer: Layer) -> None:
        """In order, while nothing more is read or sent: the layer is one thread's at a time."""
        if self._transport is not None:
            self._transport.pause_reading()
        with self._guarded():
            while self._unread:
                self._inside(await asyncio.to_thread(layer.unwrap, self._unread[0]))
                del self._unread[0]
            if self._transport is not None and self.usable:
                self._transport.resume_reading()
            self._flush()

    def _answer(self, header: RpcResponseHeaderProto, rest: bytes) -> None:
        if header.status == RpcResponseHeaderProto.FATAL:
            # Comes with call id -3 or -33 and then the end of the stream; it is the reason for every waiting
            # call.
            kind, text = header.exceptionClassName, header.errorMsg
            unauthorized = header.errorDetail == RpcResponseHeaderProto.FATAL_UNAUTHORIZED
            self.abort(lambda: _fatal(kind, text, unauthorized))
            return
        waits = self._waiting.get(header.callId)
        if waits is None:
            return  # its caller has gone
        future, answer = waits
        if header.status == RpcResponseHeaderProto.ERROR:
            future.set_exception(refusal(header.exceptionClassName, header.errorMsg))
        else:
            future.set_result(frames.read(answer, rest))

    def _end(self, why: Callable[[], TrainmasterError]) -> None:
        """Remember the first reason, and tell it to every call that waits (each gets an exception of its
        own)."""
        self._why = self._why or why
        self._waiting.fail(self._why)

    def _closed(self) -> TrainmasterError:
        return UnavailableError(f"{self._peer} closed the connection")


def _wrapped(header: RpcResponseHeaderProto, rest: bytes) -> bytes:
    """What a protected answer holds. A refusal in clear, too, is none: anybody on the way could write one
    (SaslRpcClient.WrappedInputStream takes none either)."""
    if header.callId == frames.unsigned(frames.SASL_CALL) and header.status == RpcResponseHeaderProto.SUCCESS:
        said = frames.read(RpcSaslProto, rest)
        if said.state == RpcSaslProto.WRAP:
            return said.token
    raise UnprotectedError("an answer came without the protection that was agreed on")


def _fatal(kind: str, text: str, unauthorized: bool) -> TrainmasterError:
    error = refusal(kind, text)
    if unauthorized and not isinstance(error, DeniedError | UnavailableError):
        return DeniedError(kind, text)
    return error
