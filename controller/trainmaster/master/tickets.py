"""Who the controller is to a cluster with Kerberos: its ticket, kept, and whom the cluster lets it speak for.

Never here: a job. What a job's user may not do, its own calls tell.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

from trainmaster.errors import DeniedError, TrainmasterError
from trainmaster.hadoop.configuration import HadoopConf
from trainmaster.hadoop.kerberos.login import Keeper
from trainmaster.hadoop.resourcemanager import ResourceManager
from trainmaster.master.picture import FleetPicture
from trainmaster.settings import Settings

log = logging.getLogger(__name__)

LOOK = 60.0
"""seconds between looks at whom it may speak for: an administrator may have mended it, or a rule may be gone"""


class Tickets:
    """Made before anything is asked of the cluster."""

    def __init__(self, settings: Settings, conf: HadoopConf) -> None:
        """InvalidError for a principal that is none."""
        own = settings.kerberos
        self._keeper = Keeper(own.principal, own.keytab) if own.keytab else None
        if self._keeper:
            self._keeper.enter()
        self._conf = conf
        self._users = users(settings)
        self._not_proxy = ""

    async def log_in(self) -> None:
        """Return with a ticket; waits for a KDC that is away. DeniedError where that can't help, such as for a wrong keytab."""
        if self._keeper:
            await self._keeper.log_in()

    async def run(self) -> None:
        """Keep the ticket, and look whom it lets us speak for."""
        async with asyncio.TaskGroup() as group:
            if self._keeper:
                group.create_task(self._keeper.keep())
            group.create_task(self._keep_looking())

    def shown(self, picture: FleetPicture) -> FleetPicture:
        """The picture with what is known of us."""
        keeper = self._keeper
        return replace(
            picture,
            ticket_left=keeper.left if keeper else None,
            ticket_trouble=keeper.ticket.trouble if keeper else "",
            not_proxy=self._not_proxy,
        )

    async def _keep_looking(self) -> None:
        while True:
            found = await not_proxy(self._conf, self._users)
            if found is not None and found != self._not_proxy:
                self._not_proxy = found
                log.warning(
                    "whom the controller may speak for", extra={"refused": found or "nobody any more"}
                )
            await asyncio.sleep(LOOK)


def users(settings: Settings) -> tuple[str, ...]:
    """Whom it is known to have to speak for: itself, which is how it has applications of its own, and those whom rules name."""
    named = (user for rule in settings.policy for user in rule.users if "{" not in user and "*" not in user)
    return tuple(dict.fromkeys((settings.own_user, *named)))


async def not_proxy(conf: HadoopConf, users: Sequence[str]) -> str | None:
    """Why it may not speak for the first of these users that it may not; empty where it may for all. None where nobody can be
    asked."""
    for user in users:
        manager = ResourceManager(conf, user)
        try:
            await manager.cluster_metrics()
        except DeniedError as error:
            return error.message
        except TrainmasterError:
            return None
        finally:
            await manager.close()
    return ""
