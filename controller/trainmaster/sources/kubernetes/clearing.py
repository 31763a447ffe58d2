"""Saying of nodes that they are well again: on the Lease, which whoever leads reads with each renewal.

Whoever may change the Lease may say so. It rests on the version that was read, and so takes nothing back that somebody else says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from trainmaster.errors import InvalidError, UnavailableError
from trainmaster.sources.cleared import from_text, to_text
from trainmaster.sources.kubernetes.api import LEASES, Api, ConflictError, NotFoundError
from trainmaster.sources.kubernetes.lease import CLEARED

TRIES = 8
"""the leader changes it every few seconds"""


async def clear(api: Api, name: str, hosts: Iterable[str], now: float) -> None:
    """By the Lease of this name in our own namespace. `now` is the time of who says it. InvalidError where there is none."""
    wanted = tuple(hosts)
    for _ in range(TRIES):
        try:
            found = await api.get(LEASES, api.namespace, name)
        except NotFoundError:
            raise InvalidError(
                f"{api.namespace} has no Lease {name}: no controller of that name ever led there"
            ) from None
        notes = found["metadata"].get("annotations") or {}
        said = _by_leader(found.get("spec") or {}, now)
        text = to_text(from_text(notes.get(CLEARED) or ""), wanted, said)
        found["metadata"]["annotations"] = {**notes, CLEARED: text}
        try:  # by the right that the controller itself has
            await api.replace(LEASES, api.namespace, name, found)
        except ConflictError:
            continue
        return
    raise UnavailableError(f"the Lease {name} changes too often: try again")


def _by_leader(spec: Mapping[str, Any], now: float) -> float:
    """The time, no further from the leader's than a lease lasts: the failures that it is compared with are told by that clock,
    and a person's may be hours off. While somebody leads, his clock is past the last renewal, and not past its end."""
    try:
        renewed = datetime.fromisoformat(spec["renewTime"]).timestamp()
        return min(max(now, renewed), renewed + float(spec["leaseDurationSeconds"]))
    except (KeyError, TypeError, ValueError):
        return now
