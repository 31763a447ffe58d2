"""Sending the events of jobs: in order, each once, and none that would be a flood. What an event looks like is events.py's.

Never here: a second try. Events may be lost, the status tells the same.
"""

from __future__ import annotations

import logging
import socket
import uuid
from collections.abc import Callable, Iterable

from trainmaster.api.declared import Declared
from trainmaster.errors import DeniedError
from trainmaster.master import clock
from trainmaster.plan.values import Event
from trainmaster.sources.kubernetes.api import EVENTS, Api, NotFoundError
from trainmaster.sources.kubernetes.events import Ledger, Told, event_object, series_patch

log = logging.getLogger(__name__)

_ENDING = "it is being terminated"
"""the API server's words for a namespace that takes nothing new (NamespaceLifecycle admission)"""


class Teller:
    def __init__(self, api: Api, monotonic: Callable[[], float]) -> None:
        """`api` is a lane of its own, so that events never hold up anything else."""
        self._api = api
        self._now = monotonic
        self._ledgers: dict[str, Ledger] = {}
        self._instance = socket.gethostname()

    async def tell(self, declared: Declared, events: Iterable[Event]) -> None:
        """Raises UnavailableError and DeniedError: the rest of them is lost then."""
        ledger = self._ledgers.setdefault(declared.uid, Ledger(self._now()))
        try:
            for event in events:
                await self._tell(ledger, declared, event)
        except NotFoundError:
            return  # the namespace has gone
        except DeniedError as error:
            if _ENDING not in error.message:
                raise

    def forget(self, uid: str) -> None:
        self._ledgers.pop(uid, None)

    async def _tell(self, ledger: Ledger, declared: Declared, event: Event) -> None:
        repeated = ledger.repeated(event, self._now())
        if not ledger.allows(self._now()):
            log.info(
                "an event is left out, there are too many",
                extra={"job": declared.path, "reason": event.reason},
            )
        elif not (repeated and await self._count_up(declared, repeated)):
            await self._show(ledger, declared, event)

    async def _show(self, ledger: Ledger, declared: Declared, event: Event) -> None:
        now = clock.now()
        # kubectl describe shows events of one job in the order of their names.
        name = f"{declared.name}.{int(now * 1e6):014x}{uuid.uuid4().hex[:4]}"
        body = event_object(declared, event, name, self._instance, now)
        await self._api.create(EVENTS, declared.namespace, body)
        ledger.tell(event, name, self._now())

    async def _count_up(self, declared: Declared, told: Told) -> bool:
        """False when that event is no longer there: the API server drops them after an hour, or sooner."""
        try:
            await self._api.patch(EVENTS, declared.namespace, told.name, series_patch(told, clock.now()))
        except NotFoundError:
            return False
        return True
