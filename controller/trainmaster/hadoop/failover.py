"""Calls to whichever of several ResourceManagers is active (yarn.resourcemanager.ha.*); remembers who it was.

Never here: waiting. When none is active the call fails at once as UnavailableError, and its caller, who beats
anyway, asks again.
"""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.message import Message

from trainmaster.errors import InvalidError, UnavailableError
from trainmaster.hadoop.calls import Told
from trainmaster.hadoop.rpc import RpcClient
from trainmaster.hadoop.sasl import Login
from trainmaster.hadoop.waiting import Answer


class Failover:
    """One protocol of the active ResourceManager, spoken as one login.

    A call that could not be answered is tried once at each address. So only calls that may be repeated go
    through here; all of the ResourceManager's may (they are marked idempotent or at-most-once in its
    protocols).
    """

    __slots__ = ("_active", "_clients")

    def __init__(
        self,
        addresses: Sequence[str],
        protocol: str,
        login: Login,
        timeout: float,
        told: Told = lambda _: None,
    ) -> None:
        """`told` hears what came of each call of one of them."""
        if not addresses:
            raise InvalidError("no ResourceManager address is configured")
        self._clients = [RpcClient(address, protocol, login, timeout, told) for address in addresses]
        self._active = 0

    async def call(self, method: str, request: Message, answer: type[Answer]) -> Answer:
        errors = []
        for _ in self._clients:
            client = self._clients[self._active]
            try:
                return await client.call(method, request, answer)
            except UnavailableError as error:
                errors.append(str(error))
                self._rotate(client)
        raise UnavailableError("; ".join(errors))

    def replace_login(self, login: Login) -> None:
        for client in self._clients:
            client.replace_login(login)

    async def close(self) -> None:
        for client in self._clients:
            await client.close()

    def _rotate(self, failed: RpcClient) -> None:
        """Go on with the next one, unless a call beside this one has done so already."""
        if len(self._clients) > 1 and self._clients[self._active] is failed:
            failed.drop()
            self._active = (self._active + 1) % len(self._clients)
