"""Panels of GPU time and its cost, over all or over some of it. Never here: whose it is, and what a GPU does now."""

from __future__ import annotations

from grafana_foundation_sdk.builders import stat

from dashboards.panels import PLAIN, RATIO, Query, number

HELD, IDLE, MEASURED = (f"trainmaster_gpu_{what}_seconds_total" for what in ("held", "idle", "measured"))


def hours(of: str = "") -> stat.Panel:
    """`of` selects series, in braces."""
    held = f"sum(increase({HELD}{of}[$__range])) / 3600"
    return number("GPU hours", "That YARN granted.", PLAIN, Query(held), width=6)


def cost(of: str = "") -> stat.Panel:
    """At the price that the dashboard's variable tells."""
    priced = f"sum(increase({HELD}{of}[$__range])) / 3600 * $price"
    return number("Cost", "GPU hours times the price above.", PLAIN, Query(priced), width=6)


def idle_share(of: str = "") -> stat.Panel:
    """Of the time in which its use was known."""
    idle = f"sum(increase({IDLE}{of}[$__range])) / sum(increase({MEASURED}{of}[$__range]))"
    return number("Idle share", "Of the measured time.", RATIO, Query(idle), width=6)
