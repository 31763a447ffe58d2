"""How a call may go wrong on its way: nobody there, an answer that gets lost or comes late, a call that comes twice, a refusal.

What a test sets here is used up by the calls that meet it, save `away` and `refuse`, which last. Never here: what a call does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from trainmaster.errors import NotDoneError, TrainmasterError, UnavailableError

T = TypeVar("T")
LOST = "the connection broke before the answer came"


@dataclass
class Answers:
    """Set by tests, met by calls."""

    away: set[str] = field(default_factory=set)
    """who can't be asked: rm, nm, or one node by its host"""
    refuse: dict[str, TrainmasterError] = field(default_factory=dict)
    """method -> what it answers instead of doing anything"""
    lost: Counter[str] = field(default_factory=Counter)
    """method -> how many of its next calls take effect while nobody hears so"""
    unheard: Counter[str] = field(default_factory=Counter)
    """method -> how many of its next calls never arrive"""
    late: Counter[str] = field(default_factory=Counter)
    """method -> how many of its next calls get no answer, and arrive when nobody thinks of them any more: what a connection
    that broke had taken in is sent once the network is back (TCP's retransmissions)"""
    twice: Counter[str] = field(default_factory=Counter)
    """method -> how many of its next calls come twice, as a client does it that got no answer (ipc.Client's retries)"""
    calls: Counter[str] = field(default_factory=Counter)
    on_their_way: list[Callable[[], object]] = field(default_factory=list)
    """the late ones"""

    def called(self, method: str, side: str = "rm") -> None:
        """Count a call; raise what keeps it from being made."""
        self.calls[method] += 1
        if side in self.away or (side != "rm" and "nm" in self.away):
            raise NotDoneError(f"{side} is away")
        if method in self.refuse:
            raise self.refuse[method]
        if self._meets(self.unheard, method):
            raise UnavailableError(f"{side} could not be reached")

    def of(self, method: str, call: Callable[[], T]) -> T:
        """The answer to a call that arrived, if it comes."""
        if self._meets(self.late, method):
            self.on_their_way.append(call)
            raise UnavailableError(LOST)
        answer = call()
        if self._meets(self.twice, method):
            answer = call()
        if self._meets(self.lost, method):
            raise UnavailableError(LOST)
        return answer

    def arrive(self) -> None:
        """The late ones do."""
        calls, self.on_their_way = self.on_their_way, []
        for call in calls:
            with suppress(TrainmasterError):  # nobody hears the answer
                call()

    @staticmethod
    def _meets(fault: Counter[str], method: str) -> bool:
        met = fault[method] > 0
        fault[method] -= met
        return met
