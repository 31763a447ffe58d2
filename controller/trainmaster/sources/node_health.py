"""Asking those who call nodes bad: a file in a store, a web server, or a Prometheus.

Each has threads of its own and little time, so that one that hangs holds up no other. Never here: what an answer means
(plan/health.py), or when one asks (master/node_health.py).
"""

from __future__ import annotations

from typing import Any, Final

from trainmaster.errors import InvalidError, UnavailableError
from trainmaster.hadoop.http import Http
from trainmaster.json_text import loads
from trainmaster.plan.health import Answer, of_document, of_query
from trainmaster.settings import NodeHealth, Settings
from trainmaster.sources.files import Files
from trainmaster.sources.stores import open_files
from trainmaster.sources.threads import Threads

MOST: Final = 4 << 20
"""bytes of an answer"""
PATIENCE: Final = 10.0
"""seconds until one must have answered"""


class ByFile:
    """A file that somebody writes anew now and then."""

    def __init__(self, about: NodeHealth, settings: Settings) -> None:
        self.name, self._url, self._settings = about.name, about.url, settings
        self._threads = Threads(2, PATIENCE)
        self._opened: tuple[Files, str] | None = None

    async def ask(self) -> Answer:
        return await self._threads.call(self._read)

    def _read(self) -> Answer:
        if self._opened is None:
            its = self._settings
            self._opened = open_files(self._url, its.hadoop_conf_dir, its.hadoop, its.hadoop_ca_file)
        files, path = self._opened
        try:
            text = files.read(path, MOST + 1)
        except FileNotFoundError:
            raise UnavailableError(f"{self._url} isn't there") from None
        return of_document(_json(text))

    async def close(self) -> None:
        self._threads.close()


class ByHttp:
    """A web server, or a Prometheus that is asked a query."""

    def __init__(self, about: NodeHealth, settings: Settings) -> None:
        self.name, self._about = about.name, about
        self._http = Http("", settings.hadoop_ca_file, patience=PATIENCE)

    async def ask(self) -> Answer:
        about = self._about
        if not about.query:
            return of_document(_json(await self._http.text(about.url, MOST)))
        url = f"{about.url.rstrip('/')}/api/v1/query"
        return of_query(_json(await self._http.text(url, MOST, query=about.query)), about.label)

    async def close(self) -> None:
        await self._http.close()


def _json(text: bytes) -> Any:
    """InvalidError where it isn't a document in JSON, or is too long to be one."""
    if len(text) > MOST:
        raise InvalidError(f"it is longer than {MOST} bytes")
    try:
        return loads(text)
    except ValueError:
        raise InvalidError("it isn't written in JSON") from None


def sayers(settings: Settings) -> list[ByFile | ByHttp]:
    """Those of the settings."""
    return [
        (ByHttp if its.url.startswith("http") else ByFile)(its, settings) for its in settings.nodes.health
    ]
