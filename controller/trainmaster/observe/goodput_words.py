"""What a job made of its time, in a few words for a person. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from trainmaster.observe.ages import short_age

if TYPE_CHECKING:
    from trainmaster.api.goodput_status import GoodputStatus


def goodput_words(goodput: GoodputStatus | None) -> str:
    """`93 % of what it held was training (Training 4h12m, Starting 3m, Recovering 10m)`; empty where nothing is known."""
    if goodput is None or not goodput.seconds:
        return ""
    parts = _named(goodput.seconds)
    if goodput.ratio is None:
        return parts
    return f"{goodput.ratio * 100:.0f} % of what it held was training ({parts})"


def lost_words(goodput: GoodputStatus | None) -> str:
    """`NodeLost 10m, Killed 40s; on gpu-07 10m, gpu-03 40s`: what failures cost; empty where they cost nothing."""
    if goodput is None or not goodput.lost_by_cause:
        return ""
    nodes = _named(goodput.lost_by_node)
    return _named(goodput.lost_by_cause) + (f"; on {nodes}" if nodes else "")


def _named(known: Mapping[str, int]) -> str:
    """The largest first."""
    ordered = sorted(known.items(), key=lambda each: (-each[1], each[0]))
    return ", ".join(f"{name} {short_age(seconds)}" for name, seconds in ordered)
