"""Who the controller is to a cluster with Kerberos: its ticket, kept, and whom the cluster lets it speak for.

Never here: a job. What a job's user may not do, its own calls tell.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from trainmaster.errors import DeniedError, InvalidError, TrainmasterError
from trainmaster.hadoop.configuration import HadoopConf
from trainmaster.hadoop.kerberos import library, words
from trainmaster.hadoop.kerberos.login import Keeper, Ticket, aside
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
        self._by_hand = conf.kerberos and not self._keeper
        """whether its ticket is one that a person got, and nobody renews"""
        self._ticket = Ticket()
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
        ticket = self._keeper.ticket if self._keeper else self._ticket
        known = self._keeper is not None or self._by_hand
        return replace(
            picture,
            ticket_left=max(0.0, ticket.until - time.monotonic()) if known else None,
            ticket_trouble=ticket.trouble,
            not_proxy=self._not_proxy,
        )

    async def _keep_looking(self) -> None:
        while True:
            if self._by_hand:
                self._ticket = await aside(got_by_hand)
            found = await not_proxy(self._conf, self._users)
            if found is not None and found != self._not_proxy:
                self._not_proxy = found
                log.warning(
                    "whom the controller may speak for", extra={"refused": found or "nobody any more"}
                )
            await asyncio.sleep(LOOK)


def got_by_hand(left: Callable[[], int] = library.acquire_default) -> Ticket:
    """What `kinit`, or whoever renews it in its place, left for this process. May wait for a KDC."""
    try:
        return Ticket(time.monotonic() + left())
    except library.GssError as error:
        return Ticket(trouble=str(words.told(str(error))))
    except InvalidError as error:  # the machine has no such library
        return Ticket(trouble=str(error))


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
            # A ticket that can't be had says nothing of whom it would speak for; the ticket's own words tell of it.
            return None if error.kind == words.KIND else error.message
        except TrainmasterError:
            return None
        finally:
            await manager.close()
    return ""
