"""Times as tables and pages show them: how long ago, in two units at most. Pure: `now` is an argument."""

from __future__ import annotations

from datetime import datetime

UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


def short_age(seconds: float) -> str:
    """`42s`, `7m`, `3h12m`, `5d2h`: the largest unit, and the next one while the first is below ten."""
    rest = max(0, int(seconds))
    for place, (unit, size) in enumerate(UNITS):
        count, rest_below = divmod(rest, size)
        if count:
            return f"{count}{unit}" + _below(place, count, rest_below)
    return "0s"


def _below(place: int, count: int, rest: int) -> str:
    if count >= 10 or UNITS[place][0] in {"m", "s"}:
        return ""
    unit, size = UNITS[place + 1]
    return f"{rest // size}{unit}" if rest >= size else ""


def since(timestamp: str | None, now: float) -> str:
    """The age of an RFC 3339 time; empty for none."""
    return short_age(now - datetime.fromisoformat(timestamp).timestamp()) if timestamp else ""
