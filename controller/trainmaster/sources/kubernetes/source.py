"""Kubernetes as a source of jobs: what the engine is shown, and what the objects are made to show.

Lives here: the looks and the writes. Which objects there are is the book's, how that is kept true the follower's.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence

from prometheus_client import CollectorRegistry

from trainmaster.api.declared import Declared
from trainmaster.api.job import TrainingJob
from trainmaster.api.status import JobStatus
from trainmaster.errors import FencedError, UnavailableError
from trainmaster.master.beats import Beats
from trainmaster.plan.values import Event
from trainmaster.settings import Settings
from trainmaster.sources import policy
from trainmaster.sources.cleared import from_text
from trainmaster.sources.kubernetes import finalizer, showing
from trainmaster.sources.kubernetes.admission.webhooks import Webhooks
from trainmaster.sources.kubernetes.api import TRAININGJOBS, Api
from trainmaster.sources.kubernetes.book import Book
from trainmaster.sources.kubernetes.claiming import Claimer
from trainmaster.sources.kubernetes.counts import Counts
from trainmaster.sources.kubernetes.following import Follower
from trainmaster.sources.kubernetes.installation import Installation
from trainmaster.sources.kubernetes.journal import KubernetesJournal
from trainmaster.sources.kubernetes.lease import KubernetesLease
from trainmaster.sources.kubernetes.permissions import Permissions
from trainmaster.sources.kubernetes.staged import Staged
from trainmaster.sources.kubernetes.telling import Teller
from trainmaster.sources.kubernetes.values import Values
from trainmaster.sources.kubernetes.writing import Writer

log = logging.getLogger(__name__)


class KubernetesSource:
    """Implements master.boundary.Source for the TrainingJob objects of one cluster."""

    name = policy.KUBERNETES
    pace = 1.5
    """a status is a write for the API server, and news for all who watch"""

    def __init__(
        self,
        settings: Settings,
        kubeconfig: str = "",
        monotonic: Callable[[], float] = time.monotonic,
        registry: CollectorRegistry | None = None,
    ) -> None:
        """Raises InvalidError where there is no cluster, or for settings that can't be meant. `kubeconfig`: whose, instead of the
        environment's; `registry`: for what is counted.
        """
        counts = Counts(registry)
        own = settings.kubernetes
        self._api = Api.connect(own, kubeconfig, counts)
        self._where = f"{self._api.namespace}/{own.name}"
        self._installation = Installation(self._api.lane(2), own.name)
        self.lease = KubernetesLease(
            self._api.lane(2, settings.lease_duration),
            own.name,
            settings.lease_duration,
            self._next_epoch,
            monotonic,
        )
        self.journal = KubernetesJournal(self._api.lane(8), own.name, self.lease)
        self._news = asyncio.Event()
        self._book = Book(self.name, lambda namespace: policy.user_of_namespace(namespace, settings.policy))
        self._follower = Follower(self._api.lane(2), own.namespaces, self._book, self._news.set, counts)
        self._values = Values(self._api.lane(4), own.secret_namespaces)
        self._permissions = Permissions(self._api.lane(2), own)
        self._teller = Teller(self._api.lane(4), monotonic)
        self._webhooks = (
            Webhooks(settings, self._api, self._installation, counts)
            if own.webhook.port is not None
            else None
        )
        self._writer = Writer(self._api.lane(8), self._api.lane(4), self._follower.brought, self._still)
        self._staged = Staged(settings)
        self._preparing: asyncio.Task[None] | None = None
        self._claimer = Claimer(self._book, self._writer, self._teller, self._where, monotonic)

    @property
    def trouble(self) -> str:
        """What a person must mend; empty when nothing."""
        webhooks = self._webhooks.trouble if self._webhooks else ""
        return self._permissions.missing or self._follower.trouble or webhooks

    @property
    def late(self) -> float:
        return self._follower.late

    @property
    def unable(self) -> str:
        return self._webhooks.unable if self._webhooks else ""

    @property
    def foreign(self) -> Mapping[str, str]:
        """Objects that are left alone, by namespace/name: the identity of the installation that drives each."""
        return {f"{seen.namespace}/{seen.name}": seen.controller for seen in self._book.foreign()}

    def ask(self, advise: Callable[[TrainingJob], str]) -> None:
        """From now on warnings at `kubectl apply` tell what keeps a job from starting."""
        if self._webhooks:
            self._webhooks.advise = advise

    async def identify(self) -> str:
        """The identity of this installation."""
        self._book.installation = self.journal.identity = await self._installation.find()
        return self._book.installation

    async def cleared(self) -> Mapping[str, float]:
        """As it stands on the Lease, which the leader reads with each renewal."""
        return from_text(self.lease.cleared)

    async def start(self) -> None:
        """Serve the webhooks, where the settings want them. Raises UnavailableError when their port is taken."""
        self._preparing = asyncio.create_task(self._staged.prepare())
        if self._webhooks:
            await self._webhooks.start()

    async def run(self, beats: Beats) -> None:
        """Follow what the API server says, as leader and as standby, so that a take-over needs no new list.

        What fails in one of the works doesn't begin the others anew.
        """
        webhooks = {"webhooks": self._webhooks.run} if self._webhooks else {}
        await beats.until_one_ends(watch=self._follower.run, rights=self._permissions.run, **webhooks)

    def adopt(self, known: Mapping[str, tuple[str, str]]) -> None:
        """uid -> (namespace, name) of the journal's jobs. One of which nobody saw anything yet goes on until a list lacks it."""
        self._book.adopt(known)
        self._writer.clear()
        self._claimer.clear()
        unseen = {namespace for namespace, _ in known.values() if not self._follower.covers(namespace)}
        if unseen:
            log.warning(
                "jobs of namespaces that are no longer looked at go on as they were: %s",
                ", ".join(sorted(unseen)),
            )
        self._follower.ask()

    # --- looking

    async def changed(self, most: float) -> None:
        """Until the API server said something that the engine wants to know."""
        try:
            async with asyncio.timeout(most):
                await self._news.wait()
        except TimeoutError:
            return

    async def look(self) -> Mapping[str, Declared]:
        """Everything declared in what can be listed. UnavailableError while the API server doesn't answer."""
        self._news.clear()
        self._follower.check()
        if not self.lease.held():
            self._follower.ask()
            raise UnavailableError("the API server can't be asked: not even the lease is being renewed")
        picture = self._book.picture()
        self._claimer.look()
        return picture

    # --- showing

    async def publish(self, declared: Declared, status: JobStatus) -> None:
        """Show it on the object, if that is there and shows something else."""
        self._still()
        if self._book.awaits(declared.uid):
            raise UnavailableError(f"{declared.path} hasn't been seen yet")
        seen = self._book.seen(declared.uid)
        if seen and seen.controller in ("", self._book.installation):
            await self._writer.show(seen, showing.wire(status))

    def astray(self) -> Collection[str]:
        """Objects whose status somebody else has changed."""
        return self._writer.astray(self._book.seen)

    async def tell(self, declared: Declared, events: Sequence[Event]) -> None:
        """As Events of the object."""
        self._still()
        if self._book.seen(declared.uid) is not None:
            await self._teller.tell(declared, events)

    async def values(self, namespace: str, kind: str, name: str) -> Mapping[str, bytes]:
        return await self._values.of(namespace, kind, name)

    # --- ends

    async def gone(self, declared: Declared) -> None:
        """Remove what was uploaded for the job, and let the object go: from then on another one may have its name."""
        self._still()
        await self._staged.remove(declared)
        self._still()
        if seen := self._book.seen(declared.uid):
            await self._writer.amend(seen, finalizer.removing)
        self._book.forget(declared.uid)
        self._teller.forget(declared.uid)
        self._writer.forget(declared.uid)
        self._news.set()

    async def remove(self, declared: Declared) -> None:
        """Delete the object; its end then goes the usual way."""
        self._still()
        await self._api.delete(TRAININGJOBS, declared.namespace, declared.name, declared.uid)

    async def close(self) -> None:
        """Leave the objects as they are."""
        if self._webhooks:
            await self._webhooks.stop()
        await self._claimer.close()
        if self._preparing:
            self._preparing.cancel()
        self._staged.close()
        await self._api.close()

    async def _next_epoch(self, above: int) -> int:
        return await self._installation.next_epoch(max(above, await self.journal.newest_epoch()))

    def _still(self) -> None:
        if not self.lease.held():
            raise FencedError("the lease is not ours (any more): nothing was written")
