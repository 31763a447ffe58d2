"""The controller's ticket: got by its keytab, renewed before it expires, kept for as long as it lasts while the KDC is away.

The library renews by itself at half of a ticket's life, whenever it is asked for a ticket; this asks. Times here are monotonic:
what the library tells is seconds from now. Never here: who asks with the ticket.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

from trainmaster.errors import InvalidError, TrainmasterError, UnavailableError
from trainmaster.hadoop.kerberos import keytabs, library, principals, words

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

CACHE = "MEMORY:trainmaster"
"""of this process alone, and of hdfs-native within it"""
PAUSE = 10.0
"""seconds between two tries, while the KDC is away"""
MOST = 60.0
"""seconds between two looks at most, however long a ticket lasts"""
_THREADS = ThreadPoolExecutor(4, thread_name_prefix="kerberos")
"""its own, so that a KDC that hangs holds up no other work"""


async def aside(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What may wait for the KDC, in a thread."""
    bound = functools.partial(work, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_THREADS, bound)


@dataclass(frozen=True, slots=True)
class Ticket:
    """What there is to prove who we are by."""

    until: float = 0.0
    """monotonic time of its end; 0 before the first"""
    trouble: str = ""
    """why there is no newer one, though it is due"""


class Keeper:
    """Keeps the ticket of one keytab. `ticket` may be read from anywhere."""

    def __init__(
        self,
        principal: str,
        keytab: Path,
        acquire: Callable[[str, str, str], int] = library.acquire,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """InvalidError for a principal that is none."""
        if wrong := principals.problem(principal):
            raise InvalidError(f"kerberos.principal: {wrong}")
        self._acquire, self._now = acquire, now
        self._file, self._keytab = keytab, f"FILE:{keytab}"
        self.principal = principals.of_host(principal, socket.getfqdn())
        self.ticket = Ticket()
        self._whole = 0.0
        """seconds that the ticket was good for when it came"""

    def enter(self) -> None:
        """Make it the identity of this process, of hdfs-native too. Before the first call of either."""
        os.environ["KRB5CCNAME"], os.environ["KRB5_CLIENT_KTNAME"] = CACHE, self._keytab

    async def log_in(self, pause: float = PAUSE) -> None:
        """Return with a ticket. While no KDC answers, tries again; raises InvalidError or DeniedError where that can't
        help."""
        while True:
            try:
                await aside(self.renew)
            except UnavailableError as error:
                log.warning("no ticket yet", extra={"error": str(error)})
                await asyncio.sleep(pause)
            else:
                return

    async def keep(self) -> None:
        """Renew for as long as this runs."""
        while True:
            await asyncio.sleep(self.pause)
            before = bool(self.ticket.trouble)
            try:
                await aside(self.renew)
            except TrainmasterError as error:
                self._troubled(str(error))
            if bool(self.ticket.trouble) != before:
                log.warning("the ticket of Kerberos", extra={"state": self.ticket.trouble or "renewed"})

    @property
    def pause(self) -> float:
        """Seconds until the next look: often enough that a short life is renewed in its second half."""
        return max(0.5, min(PAUSE if self.ticket.trouble else MOST, self._whole / 6))

    @property
    def left(self) -> float:
        """Seconds that the ticket is still good for."""
        return max(0.0, self.ticket.until - self._now())

    def renew(self) -> None:
        """Have a ticket, renewed where half of its life is over. Raises InvalidError for a keytab that
        is none or another's, UnavailableError or DeniedError where there is no ticket."""
        keytabs.check(self._file, self.principal)
        try:
            life = self._acquire(self.principal, self._keytab, CACHE)
        except library.GssError as error:
            raise words.told(
                str(error), self.principal, str(self._file), os.environ.get("KRB5_CONFIG", "")
            ) from None
        if not life:  # which it calls no error
            raise words.told("Ticket expired, and no KDC gave another", self.principal, str(self._file))
        self._have(float(life))

    def _have(self, life: float) -> None:
        """A ticket is good for that long. The library keeps silent about a renewal that failed; that it is late tells."""
        if life > self.left + 1:
            self._whole = life
        late = life < self._whole * 0.4
        trouble = f"no KDC renews the ticket, which is good for {life:.0f} s more" if late else ""
        self.ticket = Ticket(self._now() + life, trouble)

    def _troubled(self, trouble: str) -> None:
        self.ticket = Ticket(self.ticket.until, trouble)
