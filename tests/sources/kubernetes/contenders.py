"""Controllers that would lead, each with a line to one API server, and clocks of their own."""

from __future__ import annotations

from sources.building import LEASE, Clock
from sources.kubernetes.line import Key, Line, Server
from trainmaster.sources.kubernetes.api import LEASES
from trainmaster.sources.kubernetes.installation import Installation
from trainmaster.sources.kubernetes.journal import KubernetesJournal
from trainmaster.sources.kubernetes.lease import KubernetesLease

KEY: Key = (LEASES, "own", "trainmaster")


class World:
    """The server and the time. Nobody writes records, so all that tells of an epoch is what was written to lead by it."""

    def __init__(self) -> None:
        self.server = Server()
        self.clock = Clock()

    def contender(self, rate: float = 1.0, duration: float = LEASE) -> Contender:
        return Contender(self, rate, duration)

    def delete(self) -> None:
        self.server.delete(KEY)

    def touch(self) -> None:
        """Somebody writes a word on it."""
        found = self.server.get(KEY)
        found["metadata"]["annotations"] = {"note": "seen"}
        self.server.replace(KEY, found)

    @property
    def spec(self) -> dict[str, object]:
        return self.server.get(KEY)["spec"]


class Contender:
    """One controller, whose clock may run at a rate of its own."""

    def __init__(self, world: World, rate: float, duration: float) -> None:
        self.line = Line(world.server)

        self._installation = Installation(self.line, KEY[2])
        self.lease = KubernetesLease(
            self.line, KEY[2], duration, self._next_epoch, lambda: world.clock.now * rate
        )
        self._journal = KubernetesJournal(self.line, KEY[2], self.lease)

    async def _next_epoch(self, above: int) -> int:
        return await self._installation.next_epoch(max(above, await self._journal.newest_epoch()))

    async def acquire(self) -> bool:
        return await self.lease.acquire()


async def led_by(world: World, contender: Contender) -> None:
    """The contender takes over whatever there is, since nobody else renews."""
    await contender.acquire()
    await contender.acquire()
    world.clock.pass_(LEASE)
    assert await contender.acquire()
