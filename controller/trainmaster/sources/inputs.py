"""Where a job's input lies: only what is in the cluster's default file system is looked up, for only its DataNodes are YARN's.

Never here: asking the NameNode (hadoop/blocks.py), or when one looks (master/inputs.py).
"""

from __future__ import annotations

from urllib.parse import urlsplit

from trainmaster.errors import InvalidError
from trainmaster.hadoop.blocks import BlockLocations
from trainmaster.hadoop.configuration import HadoopConf
from trainmaster.plan.input_look import InputLook
from trainmaster.sources.authorities import authorities


class InputNodes:
    def __init__(self, conf: HadoopConf) -> None:
        self._stores, self._blocks = authorities(conf, "", ()), BlockLocations(conf)

    async def locate(self, url: str, user: str) -> InputLook:
        """Raises NoSuchFileError for what isn't there, InvalidError for what lies elsewhere, and what the NameNode says."""
        found = await self._blocks.of(self._path(url), user)
        if not found.size:
            raise InvalidError(f"{url} holds no files, or only empty ones")
        return InputLook(url, found.size, found.hosts)

    def _path(self, url: str) -> str:
        whole, default = self._stores.qualified(url), self._stores.default
        if not default.startswith("hdfs://") or self._stores.store_of(whole) != self._stores.store_of(
            default
        ):
            raise InvalidError(f"{url} isn't in this cluster's default file system, {default}")
        return urlsplit(whole).path.rstrip("/") or "/"
