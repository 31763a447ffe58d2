"""Whether we have our rights: asked at the start, told once, and asked again until somebody has granted them."""

from __future__ import annotations

import asyncio
import logging

from trainmaster.errors import DeniedError, TrainmasterError
from trainmaster.settings import Kubernetes
from trainmaster.sources.kubernetes.api import Api
from trainmaster.sources.kubernetes.rights import missing_rights

log = logging.getLogger(__name__)

_SOON = 10.0
"""seconds until it is asked again while one is missing, or the API server is away"""
_RARELY = 600.0
"""and while none is: whoever takes one away is told of it by the calls that fail"""


class Permissions:
    def __init__(self, api: Api, settings: Kubernetes) -> None:
        self._api, self._settings = api, settings
        self._missing: tuple[str, ...] = ()

    @property
    def missing(self) -> str:
        """Each right that is missing, in a sentence; empty when none is known to be."""
        return "; ".join(self._missing)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            known = await self._ask()
            await asyncio.sleep(_RARELY if known and not self._missing else _SOON)

    async def _ask(self) -> bool:
        """Whether there was an answer."""
        try:
            missing = tuple(await missing_rights(self._api, self._settings))
        except DeniedError as error:
            missing = (str(error),)
        except TrainmasterError:
            return False
        for sentence in missing:
            if sentence not in self._missing:
                log.error("a right is missing: %s", sentence)
        self._missing = missing
        return True
