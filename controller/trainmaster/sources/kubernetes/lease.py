"""Who leads: one coordination.k8s.io Lease, changed only on the strength of the version that was read (compare and swap).

Why never two controllers lead at once, by clocks that only their own process reads:
- Every change of the Lease names the resourceVersion and the uid that it rests on, and the API server refuses it when either
  has changed. So of several that try, one succeeds, and a change that was under way for long can't undo a later one.
- A renewal counts from its own start, for two thirds of the lease's duration. Every renewal makes a new version.
- A standby takes over when it saw one version stand still for the whole duration, or for that of the holder, which stands in
  the Lease, if it is longer. That version was made after the start of the leader's last renewal, and seen after it was made: so
  the leader's time ended a third of the duration before. Its clock may run slower than the standby's by a third; what it began
  in time has a third of the duration to end.
- A Lease that isn't there may have been deleted under a leader that doesn't know yet. It is created in nobody's name, and
  taken over as any other that stands still: a new installation waits for the duration once.
- On a clean stop the holder's name is emptied, after it stopped to lead by itself: the only Lease that is taken at once.
- Who takes it from a leader (`wrest`) leads once the other's time is over, and neither empties a name before that nor tells a
  shorter duration.
- While the duration is being changed, the Lease alone tells how long its holder may lead: delete none then.

`leaseTransitions` is the epoch. A new one is above those that the Lease, this process and the journal know, and is given out
once, before the Lease has it: so it neither goes back nor comes twice, even if somebody deletes the Lease. `acquireTime` and
`renewTime` are for people: who leads never depends on them.
"""

from __future__ import annotations

import asyncio
import logging
import math
import socket
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from trainmaster.errors import TrainmasterError
from trainmaster.master import clock
from trainmaster.sources.kubernetes.api import LEASES, Api, ConflictError, NotFoundError, Object

log = logging.getLogger(__name__)

_USABLE = 2 / 3
"""share of the duration for which a renewal counts"""
_THREADS = 3
"""one for the call that is waited for; others may be stuck"""
_DEADLINE = 1 / 4
"""share of the duration after which a call is given up: a renewal that got stuck leaves time for others"""
ADDRESS = "trainmaster.io/address"
"""annotation with the address of the leader's web server"""
CLEARED = "trainmaster.io/cleared-nodes"
"""annotation with the nodes that somebody said to be well again (sources/cleared.py); whoever may change the Lease may say so"""
NOBODY = "nobody"
"""holder of a Lease that was just created"""


@dataclass(frozen=True, slots=True)
class Seen:
    """The Lease as the API server last gave it."""

    uid: str
    version: str
    holder: str
    """empty once it was given up"""
    epoch: int
    acquired: str
    """for people"""
    address: str
    """of the leader's web server, as it told it"""
    duration: float
    """seconds for which the holder said that it leads"""
    cleared: str = ""
    """nodes that are well again, as it stands there: handed on with each change"""


class KubernetesLease:
    def __init__(
        self,
        api: Api,
        name: str,
        duration: float,
        next_epoch: Callable[[int], Awaitable[int]],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`next_epoch` gives an epoch above that one and those that the journal knows, to nobody twice; ConflictError where
        somebody else asks at the same moment."""
        self._api = api.lane(_THREADS, duration * _DEADLINE)
        self._name = name
        self._duration = duration
        self._next_epoch = next_epoch
        self._now = monotonic
        self._identity = f"{socket.gethostname()}_{uuid.uuid4().hex[:12]}"
        self._epoch = 0
        self._ours: Seen | None = None
        self._live_until = self._may_act_from = 0.0
        self._wait = 0.0
        """seconds for which the one from whom we tried to take it last may go on to lead"""
        self._watched: Seen | None = None
        self._watched_since = 0.0
        self._trouble = ""
        self.holder = ""
        """who leads as last seen: host, or pod, and a random part"""
        self.address = ""
        """of our own web server, told with each renewal"""
        self.leader = ""
        """address that the leader told, as last seen"""

    @property
    def epoch(self) -> int:
        """The epoch that we took last; 0 before the first."""
        return self._epoch

    @property
    def cleared(self) -> str:
        """The nodes that are well again, as it stands on the Lease that we hold; empty while we hold none."""
        return self._ours.cleared if self._ours else ""

    @property
    def superseded(self) -> bool:
        """Whether we led once, and saw that the Lease is no longer ours; False when nothing could be asked."""
        return self._epoch > 0 and self._ours is None

    @property
    def patience(self) -> float:
        """Seconds for which the Lease must stand still before we take it, as far as we know who holds it."""
        return max(self._duration, self._watched.duration) if self._watched else self._duration

    def held(self) -> bool:
        """Whether we lead, by the monotonic clock alone."""
        return self._ours is not None and self._may_act_from <= self._now() < self._live_until

    async def acquire(self) -> bool:
        """Take the lease or renew it; False also when the API server is away. Call it at least four times a duration."""
        try:
            if self._ours is not None:
                await self._renew(self._ours)
            else:
                await self._try()
            self._trouble = ""
        except TrainmasterError as error:
            self._tell(str(error))
        return self.held()

    async def wrest(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> bool:
        """Take the lease from whoever leads, and let it count once the other's time is over by his own clock.

        False when somebody was faster, also when he renewed it this moment: try again.
        """
        seen = await self._read()
        if seen is None or self._ours is not None:
            return await self.acquire()
        await self._take(seen, wait=max(self._duration, seen.duration))
        while self._has() and self._now() < self._may_act_from:
            await sleep(self._duration * _DEADLINE)
            await self.acquire()
        return self.held()

    def _has(self) -> bool:
        return self._ours is not None

    async def release(self) -> None:
        """Step down. A standby takes over at its next look; it has to wait when the API server can't be told, and where we waited
        ourselves for somebody who may still lead."""
        if self._ours is None:
            return
        ours, self._ours = self._ours, None
        if self._now() < self._may_act_from:
            return
        try:
            await self._give_up(ours)
        except TrainmasterError as error:
            log.warning("the lease could not be given up, a standby has to wait: %s", error)

    # --- as the leader

    async def _renew(self, ours: Seen) -> None:
        try:
            await self._extend(ours)
        except (ConflictError, NotFoundError):
            found = await self._read()
            if self._ours is not ours:
                return  # released meanwhile
            if found is None or not self._is_ours(found):
                self._step_down(found)
            else:  # a renewal of ours whose answer got lost
                self._ours = found
                await self._extend(found)

    async def _extend(self, ours: Seen) -> None:
        start = self._now()
        found = await self._put(ours, self._identity, ours.epoch)
        if self._ours is ours:  # not released meanwhile
            self._ours, self._live_until = found, start + self._duration * _USABLE

    def _is_ours(self, found: Seen) -> bool:
        return found.holder == self._identity and found.epoch == self._epoch

    def _step_down(self, found: Seen | None) -> None:
        log.error("the lease is no longer ours: %s", f"held by {found.holder}" if found else "it was deleted")
        self._ours = self._watched = None

    async def _give_up(self, ours: Seen) -> None:
        try:
            await self._put(ours, "", ours.epoch)
        except ConflictError:
            found = await self._read()
            # Not one that we took since.
            if found and (found.holder, found.epoch) == (self._identity, ours.epoch):
                await self._put(found, "", found.epoch)

    # --- as a standby

    async def _try(self) -> None:
        seen = await self._read()
        if seen is None:
            await self._create()
            return
        self.holder, self.leader = seen.holder, seen.address
        if seen.holder == self._identity and seen.epoch > self._epoch:
            self._adopt(seen)
            await self._renew(seen)
        elif not seen.holder or self._is_stale(seen):
            await self._take(seen)

    def _is_stale(self, seen: Seen) -> bool:
        """Whether the Lease stood still for long enough, as this process saw it."""
        if seen != self._watched:
            self._watched, self._watched_since = seen, self._now()
        return self._now() - self._watched_since >= self.patience

    async def _take(self, seen: Seen, wait: float = 0.0) -> None:
        """`wait`: seconds for which whoever has it may still lead once it is ours."""
        try:
            epoch = await self._next_epoch(max(seen.epoch, self._epoch))
            start, self._wait = self._now(), wait
            found = await self._put(seen, self._identity, epoch)
        except (ConflictError, NotFoundError):
            return  # somebody else was first
        self._adopt(found)
        self._live_until = start + self._duration * _USABLE

    def _adopt(self, found: Seen) -> None:
        """It is ours by the API server's word; whether it counts is for its time to tell."""
        self._epoch, self._ours, self._live_until = found.epoch, found, 0.0
        self._may_act_from = self._now() + self._wait
        self.holder = self._identity

    # --- the object

    async def _read(self) -> Seen | None:
        try:
            return _seen(await self._api.get(LEASES, self._api.namespace, self._name))
        except NotFoundError:
            return None

    async def _create(self) -> None:
        body = self._body(NOBODY, self._epoch, acquired="")
        try:
            await self._api.create(LEASES, self._api.namespace, body)
        except ConflictError:
            return  # somebody else has

    async def _put(self, rests_on: Seen, holder: str, epoch: int) -> Seen:
        """Change the Lease if it still is what was seen."""
        acquired = rests_on.acquired if epoch == rests_on.epoch else _time_for_people()
        body = self._body(holder, epoch, acquired)
        # Without its uid the API server would create a Lease that somebody has deleted.
        if rests_on.cleared:
            body["metadata"]["annotations"] |= {CLEARED: rests_on.cleared}
        body["metadata"] |= {"uid": rests_on.uid, "resourceVersion": rests_on.version}
        return _seen(await self._api.replace(LEASES, self._api.namespace, self._name, body))

    def _body(self, holder: str, epoch: int, acquired: str) -> Object:
        waits = self._ours is None or self._now() < self._may_act_from
        duration = max(self._duration, self._wait) if waits else self._duration
        spec: dict[str, Any] = {
            "holderIdentity": holder,
            "leaseDurationSeconds": max(1, math.ceil(duration)),
            "leaseTransitions": epoch,
            "renewTime": _time_for_people(),
        }
        if acquired:
            spec["acquireTime"] = acquired
        labels = {"app.kubernetes.io/managed-by": "trainmaster", "app.kubernetes.io/instance": self._name}
        address = self.address if holder == self._identity else ""
        metadata: Object = {"name": self._name, "labels": labels, "annotations": {ADDRESS: address}}
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": metadata,
            "spec": spec,
        }

    def _tell(self, trouble: str) -> None:
        """Once, not with every beat."""
        if trouble != self._trouble:
            log.warning("the lease could not be renewed or looked at: %s", trouble)
        self._trouble = trouble


def _seen(found: Object) -> Seen:
    """What counts of a Lease; a field that somebody took away counts as empty."""
    metadata, spec = found["metadata"], found.get("spec") or {}
    return Seen(
        uid=metadata["uid"],
        version=metadata["resourceVersion"],
        holder=spec.get("holderIdentity") or "",
        epoch=spec.get("leaseTransitions") or 0,
        acquired=spec.get("acquireTime") or "",
        address=(metadata.get("annotations") or {}).get(ADDRESS) or "",
        duration=float(spec.get("leaseDurationSeconds") or 0),
        cleared=(metadata.get("annotations") or {}).get(CLEARED) or "",
    )


def _time_for_people() -> str:
    return datetime.fromtimestamp(clock.now(), UTC).isoformat(timespec="microseconds")
