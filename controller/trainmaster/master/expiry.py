"""How long YARN waits for whoever is silent, as far as it is known by now. Never here: what follows from that."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from trainmaster.errors import UnavailableError
from trainmaster.hadoop import expiry
from trainmaster.hadoop.configuration import HadoopConf
from trainmaster.hadoop.expiry import Expiry
from trainmaster.hadoop.http import Http

log = logging.getLogger(__name__)

SOON = 5.0
"""seconds until somebody who didn't answer is asked again"""
SOMETIMES = 300.0
"""seconds until one who did is: it may have been started anew with other settings"""


class Expiries:
    """Asks for it, and has the last answer."""

    def __init__(self, conf: HadoopConf, http: Http) -> None:
        self._conf, self._http = conf, http
        self.known = expiry.assumed(conf)
        self._told: tuple[str, ...] = ()

    async def keep(self, tell: Callable[[Expiry], None]) -> None:
        """Go on asking, and tell of each answer."""
        while True:
            try:
                self.known = await expiry.find(self._conf, self._http)
            except UnavailableError:  # the look at the cluster says so
                await asyncio.sleep(SOON)
            else:
                self._complain()
                tell(self.known)
                await asyncio.sleep(SOMETIMES)

    def _complain(self) -> None:
        """Once: a figure that decisions rest on shouldn't be a guess."""
        if self.known.assumed and self.known.assumed != self._told:
            words = "YARN doesn't tell how long it waits: its release's defaults are taken; HADOOP_CONF_DIR may say better"
            log.warning(words, extra={"settings": ", ".join(self.known.assumed)})
        self._told = self.known.assumed
