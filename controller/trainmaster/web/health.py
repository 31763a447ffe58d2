"""Whether this controller is ready, told from its picture. Pure; the server turns it into HTTP."""

from __future__ import annotations

from dataclasses import dataclass

from trainmaster.master.picture import FleetPicture


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that readiness rests on."""

    name: str
    ok: bool
    message: str


@dataclass(frozen=True, slots=True)
class Readiness:
    """Ready when all checks are."""

    role: str
    """leader or standby"""
    checks: tuple[Check, ...]

    @property
    def ready(self) -> bool:
        return all(check.ok for check in self.checks)

    def as_json(self) -> dict[str, object]:
        checks = [{"name": c.name, "ok": c.ok, "message": c.message} for c in self.checks]
        return {"ready": self.ready, "role": self.role, "checks": checks}


def readiness(fleet: FleetPicture) -> Readiness:
    """A standby is ready when it could take over; a leader when it sees the store and YARN."""
    store = _check(
        "store",
        fleet.store_up and not fleet.trouble,
        "the store answers",
        fleet.trouble or "the store can't be reached",
    )
    works = _check("works", not fleet.unforeseen, "all works of the controller go on", fleet.unforeseen)
    if not fleet.leading:
        return Readiness("standby", (store, works))
    listed = _check(
        "listing", fleet.looked_at > 0, "the jobs were listed", "no complete listing of the jobs yet"
    )
    yarn = _check(
        "yarn", fleet.yarn_up, "the ResourceManager answers", "the ResourceManager can't be reached"
    )
    return Readiness("leader", (store, listed, yarn, works))


def _check(name: str, ok: bool, good: str, bad: str) -> Check:
    return Check(name, ok, good if ok else bad)
