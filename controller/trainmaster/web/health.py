"""Whether this controller can serve, and whether all is well with it, told from its picture. Pure; the server turns it into HTTP.

Ready is what Kubernetes goes by when it chooses whom the Services ask, and when a rollout goes on. So it is no alarm: a
controller that waits for YARN, or for a right in one of its namespaces, still shows pages and judges objects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from trainmaster.master.picture import FleetPicture

_SHOWN = 5
"""jobs that are named in a sentence"""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that its work rests on."""

    name: str
    ok: bool
    message: str
    serving: bool = False
    """readiness rests on it too"""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Ready when it can answer; well when all checks are."""

    role: str
    """leader or standby"""
    checks: tuple[Check, ...]

    @property
    def ready(self) -> bool:
        return all(check.ok for check in self.checks if check.serving)

    @property
    def well(self) -> bool:
        return all(check.ok for check in self.checks)

    def as_json(self) -> dict[str, object]:
        checks = [{"name": c.name, "ok": c.ok, "message": c.message} for c in self.checks]
        return {"ready": self.ready, "well": self.well, "role": self.role, "checks": checks}


def readiness(fleet: FleetPicture) -> Readiness:
    """A standby is well when it could take over; a leader when it sees the store and YARN."""
    serving = replace(
        _check("serving", not fleet.unable, "requests are answered", fleet.unable), serving=True
    )
    store = _check(
        "store",
        fleet.store_up and not fleet.trouble,
        "the store answers",
        fleet.trouble or "the store can't be reached",
    )
    alone = _check(
        "alone", not fleet.foreign, "no other installation drives what is seen here", _foreign(fleet)
    )
    ends = _check("ends", not fleet.unended, "what is to end can be ended", _listed(fleet.unended))
    shown = _check("statuses", not fleet.unshown, "statuses are shown", _listed(fleet.unshown))
    known = _known(fleet)
    works = _check("works", not fleet.unforeseen, "all works of the controller go on", fleet.unforeseen)
    if not fleet.leading:
        return Readiness("standby", (serving, store, works, alone, *known))
    listed = _check(
        "listing", fleet.looked_at > 0, "the jobs were listed", "no complete listing of the jobs yet"
    )
    yarn = _check(
        "yarn", fleet.yarn_up, "the ResourceManager answers", "the ResourceManager can't be reached"
    )
    return Readiness("leader", (serving, store, listed, yarn, works, alone, ends, shown, *known))


def _known(fleet: FleetPicture) -> tuple[Check, ...]:
    """Who the controller is to a cluster with Kerberos, where it is one."""
    if fleet.ticket_left is None:
        return ()
    left = f"the ticket is good for {fleet.ticket_left:.0f} s more"
    well = fleet.ticket_left > 0 and not fleet.ticket_trouble
    ticket = _check("kerberos", well, left, fleet.ticket_trouble or "there is no ticket yet")
    proxy = _check(
        "proxy", not fleet.not_proxy, "it may speak for the users it was tried for", fleet.not_proxy
    )
    return (ticket, proxy)


def _foreign(fleet: FleetPicture) -> str:
    who = sorted(set(fleet.foreign.values()))
    said = (
        f"{len(fleet.foreign)} jobs are left alone, since other installations drive them ({', '.join(who)})"
    )
    return f"{said}: {_listed(sorted(fleet.foreign))}"


def _listed(words: Sequence[str]) -> str:
    more = f" (and {len(words) - _SHOWN} more)" if len(words) > _SHOWN else ""
    return f"{'; '.join(words[:_SHOWN])}{more}"


def _check(name: str, ok: bool, good: str, bad: str) -> Check:
    return Check(name, ok, good if ok else bad)
