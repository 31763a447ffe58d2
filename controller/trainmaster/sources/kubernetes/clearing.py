"""Saying of nodes that they are well again: on the Lease, which whoever leads reads with each renewal.

Whoever may change the Lease may say so. It rests on the version that was read, and so takes nothing back that somebody else says.
"""

from __future__ import annotations

from collections.abc import Iterable

from trainmaster.errors import InvalidError, UnavailableError
from trainmaster.sources.cleared import from_text, to_text
from trainmaster.sources.kubernetes.api import LEASES, Api, ConflictError, NotFoundError
from trainmaster.sources.kubernetes.lease import CLEARED

TRIES = 8
"""the leader changes it every few seconds"""


async def clear(api: Api, name: str, hosts: Iterable[str], now: float) -> None:
    """By the Lease of this name in our own namespace. InvalidError where there is none."""
    wanted = tuple(hosts)
    for _ in range(TRIES):
        try:
            found = await api.get(LEASES, api.namespace, name)
        except NotFoundError:
            raise InvalidError(
                f"{api.namespace} has no Lease {name}: no controller of that name ever led there"
            ) from None
        notes = found["metadata"].get("annotations") or {}
        text = to_text(from_text(notes.get(CLEARED) or ""), wanted, now)
        found["metadata"]["annotations"] = {**notes, CLEARED: text}
        try:  # by the right that the controller itself has
            await api.replace(LEASES, api.namespace, name, found)
        except ConflictError:
            continue
        return
    raise UnavailableError(f"the Lease {name} changes too often: try again")
