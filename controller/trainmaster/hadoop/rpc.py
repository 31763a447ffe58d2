"""Calls to one Hadoop server: connects at the first call, again at the first call after a loss, and gives up
in time.

A call either returns the server's answer, or raises: UnavailableError (it is not known whether the server did
it), RefusedError (it did not), DeniedError (we may not). Never here: several servers (failover.py), or what
the calls mean.
"""

from __future__ import annotations

import asyncio

from google.protobuf.message import Message

from trainmaster.errors import NotDoneError, TrainmasterError, UnavailableError
from trainmaster.hadoop.calls import Outcome, Told, outcome
from trainmaster.hadoop.connection import Connection
from trainmaster.hadoop.sasl import Login
from trainmaster.hadoop.waiting import Answer


class RpcClient:
    """One protocol of one server, spoken as one login. Cheap while unused: it holds no socket."""

    __slots__ = ("_connection", "_lock", "_login", "_protocol", "_timeout", "_told", "address")

    def __init__(
        self, address: str, protocol: str, login: Login, timeout: float, told: Told = lambda _: None
    ) -> None:
        """`told` hears what came of each call."""
        self.address = address
        """host:port"""
        self._told = told
        self._protocol, self._login, self._timeout = protocol, login, timeout
        self._connection: Connection | None = None
        self._lock = asyncio.Lock()

    async def call(
        self, method: str, request: Message, answer: type[Answer], patience: float | None = None
    ) -> Answer:
        """One call within the timeout, or within `patience` seconds, connecting included. Calls may go on in parallel."""
        try:
            found = await self._call(method, request, answer, patience or self._timeout)
        except TrainmasterError as error:
            self._told(outcome(error))
            raise
        self._told(Outcome.OK)
        return found

    async def _call(self, method: str, request: Message, answer: type[Answer], seconds: float) -> Answer:
        connection, left = self._connection, seconds
        if connection is None or not connection.usable:
            loop = asyncio.get_running_loop()
            began = loop.time()
            connection = await self._reached(method, seconds)
            left -= loop.time() - began
        heard = connection.received
        try:
            return await connection.call(method, request, answer, left)
        except TimeoutError as error:
            late = self._late(method, seconds)
            if connection.received == heard:
                # Nothing at all was heard meanwhile: the peer is gone without a word, so don't use this
                # socket again.
                connection.abort(lambda: UnavailableError(late))
            raise UnavailableError(late) from error

    def _late(self, method: str, seconds: float) -> str:
        return f"{self.address} did not answer {method} within {seconds:g} s"

    def replace_login(self, login: Login) -> None:
        """Use another login from the next connection on."""
        self._login = login

    def drop(self) -> None:
        """Close the connection now; the next call opens another."""
        if self._connection is not None:
            self._connection.abort()
            self._connection = None

    async def close(self) -> None:
        """Close the connection, and return when its socket is closed."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _reached(self, method: str, seconds: float) -> Connection:
        """The connection; whoever can't be reached has done nothing."""
        try:
            async with asyncio.timeout(seconds):
                return await self._connected()
        except TimeoutError as error:
            raise NotDoneError(self._late(method, seconds)) from error
        except UnavailableError as error:
            raise NotDoneError(str(error)) from error

    async def _connected(self) -> Connection:
        if self._connection is not None and self._connection.usable:
            return self._connection
        async with self._lock:
            if self._connection is None or not self._connection.usable:
                self._connection = await Connection.open(self.address, self._protocol, self._login)
            return self._connection
