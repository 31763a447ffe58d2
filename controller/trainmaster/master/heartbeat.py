"""One application's heartbeat: `allocate`, with what stands asked for.

`allocate` is at once the sign of life, the asking and the acknowledgement of ends. So while ends are pulled and not written
down, the last call is repeated: the ResourceManager then replays its answer and hears that we live, and nothing is acknowledged.
When it replays, it heeds nothing else that the call says (ApplicationMasterService.allocate: "heartbeat one step old"). So what
may be answered by a replay carries nothing new: a call that got no answer is sent again as it was.
Never here: what to ask for (plan/), or what an answer means (sight.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field

from trainmaster.errors import RefusedError
from trainmaster.hadoop.containers import AllocateCall, Allocated, ResourceAsk
from trainmaster.hadoop.refusals import INVALID_ASK
from trainmaster.hadoop.scheduler import ApplicationMaster
from trainmaster.master import clock
from trainmaster.master.asking import difference, table
from trainmaster.master.identity import priority
from trainmaster.master.refused import Refused
from trainmaster.plan.values import Ask

REPLAY = -1
"""the response id after a register: the ResourceManager repeats the last answer it gave to whoever was master before"""


@dataclass(frozen=True, slots=True)
class Saying:
    """A call under way."""

    call: AllocateCall
    stands: Mapping[int, Ask]
    """the asks that stand at the scheduler once it was answered"""


@dataclass
class Heart:
    """The state of the conversation with the scheduler."""

    master: ApplicationMaster
    racks: Callable[[], Mapping[str, str]]
    """host -> rack, as known now"""
    measure: Callable[[float], None]
    """told the seconds that each answered call took"""
    response_id: int
    releases: set[str] = field(default_factory=set)
    """to be given back; taken out once the scheduler has heard it"""
    stands: Mapping[int, Ask] = field(default_factory=dict)
    """asks as the scheduler has them from us"""
    wanted: dict[int, Ask] = field(default_factory=dict)
    avoid: frozenset[str] = frozenset()
    avoided: frozenset[str] = frozenset()
    """hosts as the scheduler has them from us"""
    left_asks: Mapping[int, Ask] = field(default_factory=dict)
    left_avoided: frozenset[str] = frozenset()
    """what may be left at the scheduler from before the last register"""
    last_beat: float = 0.0
    """time of the last answer, seconds since the epoch"""
    sifting: bool = False
    """one bad ask makes the whole call throw: then one role's asks are sent at a time, to find whose it is"""
    saying: Saying | None = None
    """the call that has got no answer yet: the scheduler may have heard it"""
    answered: AllocateCall | None = None
    """the last call that was answered, with nothing but its number; None after a register"""
    growth: Callable[[], int] = lambda: 0
    """a number that rises when the cluster grows"""

    def __post_init__(self) -> None:
        self._refused = Refused(self.growth)
        # Whether an earlier controller's hosts may be avoided, of which nobody says which they are.
        self._inherited = self.response_id == REPLAY

    @property
    def refused(self) -> Mapping[int, str]:
        """Asks that the scheduler threw out when they were last made, with its words."""
        return self._refused.words

    def want(self, asks: tuple[Ask, ...], avoid: frozenset[str]) -> None:
        """Set what should stand; sent with the next beat."""
        self.wanted, self.avoid = table(asks), avoid
        self._refused.keep(self.wanted)

    @property
    def has_news(self) -> bool:
        """Whether the next beat has something to say."""
        hosts = self.avoid != self.avoided or not self.left_avoided <= self.avoid
        return bool(self.releases) or hosts or self._differs()

    async def repeat(self) -> None:
        """A sign of life that acknowledges nothing and asks for nothing new: the last call once more.

        What was not heard before (an answer that got lost, or the very first) comes again with the next beat.
        """
        call = self.saying.call if self.saying else self.answered
        if call is None:
            call = AllocateCall(self.response_id)
            self.saying = Saying(call, self.stands)
        await self._call(call)

    async def beat(self) -> Allocated:
        """One heartbeat with all that changed; acknowledges the answer before."""
        saying = self.saying = self.saying or self._next()
        try:
            answer = await self._call(saying.call)
        except RefusedError as error:
            self.saying = None
            if error.kind != INVALID_ASK or not saying.call.asks:
                raise
            self._sift(saying.call, error.message)
            return await self.beat()
        self._heard(saying, answer)
        return answer

    def registered_anew(self) -> None:
        """After a register all that was said may be forgotten there: say it again, and have the last answer replayed."""
        saying = self.saying
        self.left_asks = {**self.left_asks, **self.stands, **(saying.stands if saying else {})}
        self.left_avoided |= self.avoided | frozenset(saying.call.avoid if saying else ())
        self.stands, self.avoided, self.saying, self.answered = {}, frozenset(), None, None
        self.response_id = REPLAY

    def _next(self) -> Saying:
        if self.response_id == REPLAY or not self.has_news:
            return Saying(AllocateCall(self.response_id), self.stands)
        lines = self._lines()
        if self.sifting and lines:
            lines = tuple(line for line in lines if line.priority == lines[0].priority)
        on, off = self.avoid - self.avoided, self._may_be_avoided(bool(lines)) - self.avoid
        releases = tuple(self.releases)
        call = AllocateCall(
            self.response_id, asks=lines, releases=releases, avoid=tuple(on), unavoid=tuple(off)
        )
        return Saying(call, self._standing_after({line.priority for line in lines}))

    def _may_be_avoided(self, asks: bool) -> Set[str]:
        """At the scheduler. Of what was inherited each host is a suspect: said once, and only by who asks for something."""
        hosts = self.avoided | self.left_avoided
        return hosts | self.racks().keys() if self._inherited and asks else hosts

    def _standing_after(self, said: Set[int]) -> dict[int, Ask]:
        kept = {n: ask for n, ask in self.stands.items() if priority(ask.role_number) not in said}
        sent = {n: ask for n, ask in self._allowed().items() if priority(ask.role_number) in said}
        return kept | sent

    def _sift(self, call: AllocateCall, words: str) -> None:
        """A refused call has changed nothing at the scheduler. One role alone is at fault; of several, try each alone."""
        self.sifting = True
        if len({line.priority for line in call.asks}) > 1:
            return
        asked = {line.allocation_request_id for line in call.asks if line.count}
        self._refused.note(asked, words)
        if not asked:  # not even taking it back is allowed: then it can't be granted either
            told = {line.allocation_request_id for line in call.asks}
            self.stands = {n: ask for n, ask in self.stands.items() if n not in told}
            self.left_asks = {n: ask for n, ask in self.left_asks.items() if n not in told}

    def _heard(self, saying: Saying, answer: Allocated) -> None:
        call = saying.call
        self.saying, self.stands = None, saying.stands
        self._refused.taken(saying.stands.keys())
        self.answered, self.response_id = call.bare, answer.response_id
        self.sifting = self.sifting and self._differs()
        if self.answered is not call:  # most say nothing
            self.releases.difference_update(call.releases)
            self.avoided = (self.avoided | set(call.avoid)) - set(call.unavoid)
            self.left_avoided -= {*call.avoid, *call.unavoid}
            self._inherited = self._inherited and not (call.asks and call.unavoid)
            said = {line.priority for line in call.asks}
            self.left_asks = {n: a for n, a in self.left_asks.items() if priority(a.role_number) not in said}

    async def _call(self, call: AllocateCall) -> Allocated:
        started = clock.monotonic()
        answer = await self.master.allocate(call)
        self.measure(clock.monotonic() - started)
        self.last_beat = clock.now()
        return answer

    def _allowed(self) -> Mapping[int, Ask]:
        if not self._refused:
            return self.wanted
        return {n: ask for n, ask in self.wanted.items() if not self._refused.holds_back(n)}

    def _differs(self) -> bool:
        """Whether there are lines to send. Asked three times with each beat: of thousands of asks none is made for that."""
        return self.stands != self._allowed() or bool(self._unwanted())

    def _unwanted(self) -> dict[int, Ask]:
        """Of what may be left from before: what isn't wanted, or not like that."""
        if not self.left_asks:
            return {}
        allowed = self._allowed()
        return {n: ask for n, ask in self.left_asks.items() if allowed.get(n) != ask}

    def _lines(self) -> tuple[ResourceAsk, ...]:
        if not self._differs():
            return ()
        return difference({**self._unwanted(), **self.stands}, self._allowed(), self.racks())
