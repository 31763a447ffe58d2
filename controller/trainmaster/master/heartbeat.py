"""One application's heartbeat: `allocate`, with what stands asked for.

`allocate` is at once the sign of life, the asking and the acknowledgement of ends. So while ends are pulled and not written
down, the last call is repeated: the ResourceManager then replays its answer and hears that we live, and nothing is acknowledged.
Never here: what to ask for (plan/), or what an answer means (sight.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from trainmaster.errors import RefusedError
from trainmaster.hadoop.containers import AllocateCall, Allocated, ResourceAsk
from trainmaster.hadoop.refusals import INVALID_ASK
from trainmaster.hadoop.scheduler import ApplicationMaster
from trainmaster.master import clock
from trainmaster.master.asking import difference, table
from trainmaster.master.identity import priority
from trainmaster.plan.values import Ask

REPLAY = -1
"""the response id after a register: the ResourceManager repeats the last answer it gave to whoever was master before"""


@dataclass
class Heart:
    """The state of the conversation with the scheduler."""

    master: ApplicationMaster
    racks: Callable[[], Mapping[str, str]]
    """host -> rack, as known now"""
    measure: Callable[[float], None]
    """told the seconds that each answered call took"""
    response_id: int
    stands: dict[int, Ask] = field(default_factory=dict)
    """asks as the scheduler has them from us"""
    wanted: dict[int, Ask] = field(default_factory=dict)
    avoid: frozenset[str] = frozenset()
    avoided: frozenset[str] = frozenset()
    """hosts as the scheduler has them from us"""
    releases: set[str] = field(default_factory=set)
    refused: dict[int, str] = field(default_factory=dict)
    """asks that the scheduler threw out, with its words"""
    last_beat: float = 0.0
    """time of the last answer, seconds since the epoch"""
    sifting: bool = False
    """one bad ask makes the whole call throw: then one role's asks are sent at a time, to find whose it is"""
    last_call: AllocateCall | None = None

    def want(self, asks: tuple[Ask, ...], avoid: frozenset[str]) -> None:
        """Set what should stand; sent with the next beat."""
        self.wanted, self.avoid = table(asks), avoid
        self.refused = {number: words for number, words in self.refused.items() if number in self.wanted}

    @property
    def has_news(self) -> bool:
        """Whether the next beat has something to say."""
        return bool(self.releases) or self.avoid != self.avoided or bool(self._lines())

    async def repeat(self) -> None:
        """A sign of life that acknowledges nothing."""
        if self.last_call is not None:
            await self._call(self.last_call)

    async def beat(self) -> Allocated:
        """One heartbeat with all that changed; acknowledges the answer before."""
        call = self._next_call()
        try:
            answer = await self._call(call)
        except RefusedError as error:
            if error.kind != INVALID_ASK:
                raise
            self._sift(call, error.message)
            return await self.beat()
        self._heard(call, answer)
        return answer

    def registered_anew(self) -> None:
        """After a register all that was said is forgotten there: say it again, and have the last answer replayed."""
        self.stands, self.avoided, self.last_call = {}, frozenset(), None
        self.response_id = REPLAY

    def _next_call(self) -> AllocateCall:
        lines = self._lines()
        if self.sifting and lines:
            first = lines[0].priority
            lines = tuple(line for line in lines if line.priority == first)
        on, off = self.avoid - self.avoided, self.avoided - self.avoid
        return AllocateCall(
            self.response_id, asks=lines, releases=tuple(self.releases), avoid=tuple(on), unavoid=tuple(off)
        )

    def _sift(self, call: AllocateCall, words: str) -> None:
        """A refused call has changed nothing at the scheduler. One role alone is at fault; of several, try each alone."""
        if len({line.priority for line in call.asks}) <= 1:
            self.refused |= {line.allocation_request_id: words for line in call.asks if line.count}
        self.sifting = True

    def _heard(self, call: AllocateCall, answer: Allocated) -> None:
        self.last_call = replace(call, asks=(), releases=(), avoid=(), unavoid=())
        self.response_id = answer.response_id
        self.releases -= set(call.releases)
        self.avoided = (self.avoided | set(call.avoid)) - set(call.unavoid)
        said = {line.priority for line in call.asks}
        kept = {n: ask for n, ask in self.stands.items() if priority(ask.role_number) not in said}
        sent = {n: ask for n, ask in self._allowed().items() if priority(ask.role_number) in said}
        self.stands = kept | sent
        self.sifting = self.sifting and bool(self._lines())

    async def _call(self, call: AllocateCall) -> Allocated:
        started = clock.monotonic()
        answer = await self.master.allocate(call)
        self.measure(clock.monotonic() - started)
        self.last_beat = clock.now()
        return answer

    def _allowed(self) -> dict[int, Ask]:
        return {n: ask for n, ask in self.wanted.items() if n not in self.refused}

    def _lines(self) -> tuple[ResourceAsk, ...]:
        return difference(self.stands, self._allowed(), self.racks())
