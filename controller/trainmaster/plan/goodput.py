"""What of the ledger people are shown, and when it is shown anew: with what happens, and seldom without. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace as with_fields

from trainmaster.api.goodput_status import NAMED, GoodputStatus
from trainmaster.api.history import KeptSpent
from trainmaster.api.status import timestamp
from trainmaster.plan.memory import Memory, replace
from trainmaster.plan.spent import Ledger, ratio

PACE = 60.0
"""seconds between two that are shown while nothing happens"""


def with_goodput(memory: Memory, now: float) -> Memory:
    """The memory with what is to be shown from now on."""
    ledger = memory.ledger
    known = ledger.shown is not None and ledger.shown_of == ledger.now
    if not ledger.at or (known and (now - ledger.shown_at < PACE or not ledger.now)):
        return memory
    made = with_fields(ledger, shown=shown(ledger, now), shown_at=now, shown_of=ledger.now)
    return replace(memory, ledger=made)


def shown(ledger: Ledger, now: float) -> GoodputStatus:
    """As it stands in a status."""
    parts = ledger.until(now)
    part = ratio(parts)
    seconds = {str(name): round(each[0] + each[1]) for name, each in sorted(parts.items())}
    return GoodputStatus(
        ratio=None if part is None else round(part, 4),
        seconds={name: each for name, each in seconds.items() if each},
        lost_by_cause=_largest(ledger.causes),
        lost_by_node=_largest(ledger.hosts),
        time=timestamp(int(now)),
    )


def _largest(known: Mapping[str, float]) -> dict[str, int]:
    found = sorted(known.items(), key=lambda each: (-each[1], each[0]))[:NAMED]
    return {name: round(seconds) for name, seconds in found if round(seconds) > 0}


def kept(ledger: Ledger) -> Mapping[str, KeptSpent] | None:
    """As the history keeps it of a run that is over; None where it isn't known."""
    if not ledger.at:
        return None
    return {
        str(name): KeptSpent(
            waiting_seconds=round(each[0], 1),
            container_seconds=round(each[1], 1),
            gpu_seconds=round(each[2], 1),
        )
        for name, each in sorted(ledger.total.items())
        if any(round(number, 1) for number in each)
    }


def costs(known: Mapping[str, float]) -> Mapping[str, float]:
    """Seconds by cause or node, as the history keeps them."""
    return {name: round(seconds, 1) for name, seconds in sorted(known.items()) if round(seconds, 1) > 0}
