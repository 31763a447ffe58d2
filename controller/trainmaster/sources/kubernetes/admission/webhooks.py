"""The admission webhooks of one replica as a whole: the server, and the certificate that it shows. Leader and standby alike."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from trainmaster.api.job import TrainingJob
from trainmaster.errors import TrainmasterError, UnavailableError
from trainmaster.master import clock
from trainmaster.settings import Settings
from trainmaster.sources.kubernetes.admission.certificates import end
from trainmaster.sources.kubernetes.admission.issuing import Pair
from trainmaster.sources.kubernetes.admission.keeping import FolderKeeper, Keeper, SecretKeeper
from trainmaster.sources.kubernetes.admission.review import Reviewer
from trainmaster.sources.kubernetes.admission.server import ReviewServer
from trainmaster.sources.kubernetes.api import Api
from trainmaster.sources.kubernetes.counts import Counts
from trainmaster.sources.kubernetes.installation import Installation

log = logging.getLogger(__name__)

INTERVAL = 30.0
"""seconds between two looks at the certificate, and at who is told to trust it"""
_SOON = 2.0
"""the same while something is amiss: an installation may bring the configurations after the controller"""
_THREADS, _TIMEOUT = 2, 15.0
"""of its own lane to the API server: calls at one time, and seconds for one"""


class Webhooks:
    """`start`, then `run` until cancelled, then `stop`. Only to be had where the settings name a port."""

    def __init__(
        self,
        settings: Settings,
        api: Api,
        installation: Installation,
        counts: Counts | None = None,
        now: Callable[[], float] = clock.now,
    ) -> None:
        webhook = settings.kubernetes.webhook
        self._installation = installation
        self.advise: Callable[[TrainingJob], str] | None = None
        """what keeps a job from starting as YARN is now; None before there is a fleet to ask"""
        reviewer = Reviewer(
            settings.policy, settings.kubernetes.namespaces, lambda: installation.id, self._advise
        )
        self._server = ReviewServer(webhook, reviewer, counts)
        self._keeper = _keeper(settings, api, now)
        self._shown: Pair | None = None
        self._trouble = "the webhooks have no certificate yet"

    def _advise(self, job: TrainingJob) -> str:
        return self.advise(job) if self.advise else ""

    @property
    def port(self) -> int:
        """Where it listens, once it does."""
        return self._server.port

    @property
    def trouble(self) -> str:
        """What keeps the webhooks from being asked at present, for a person who can mend it; empty when well."""
        return self._trouble

    @property
    def unable(self) -> str:
        """Why they can't answer; a certificate that is shown stays good for weeks, whatever the trouble with its keeping."""
        return "" if self._shown else self._trouble

    async def start(self) -> None:
        """Bind. Raises UnavailableError when the port is taken."""
        await self._server.start()

    async def run(self) -> None:
        """Keep the certificate good, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_SOON if self._trouble else INTERVAL)

    async def stop(self) -> None:
        """Finish requests under way and close."""
        await self._server.stop()

    async def look(self) -> None:
        """One look at the certificate. What goes wrong is `trouble`: what is shown until then stays good for weeks."""
        try:
            if not self._installation.id:
                await self._installation.find()
            pair = await self._keeper.look()
            if pair != self._shown:
                self._present(pair)
            self._trouble = self._keeper.trouble
        except (
            UnavailableError
        ) as error:  # the API server's troubles are told by whoever can't work without it
            log.warning("the webhooks' certificate could not be looked after: %s", error)
            if not self._shown:
                self._trouble = str(error)
        except TrainmasterError as error:
            self._trouble = str(error)

    def _present(self, pair: Pair) -> None:
        self._server.present(pair)
        self._shown = pair
        until = datetime.fromtimestamp(end(pair), UTC).isoformat(timespec="seconds")
        log.info("the webhooks show a new certificate", extra={"until": until})


def _keeper(settings: Settings, api: Api, now: Callable[[], float]) -> Keeper:
    folder = settings.kubernetes.webhook.certificate
    if folder:
        return FolderKeeper(folder)
    return SecretKeeper(settings.kubernetes, api.lane(_THREADS, _TIMEOUT), now)
