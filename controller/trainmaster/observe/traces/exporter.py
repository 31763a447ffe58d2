"""Sending traces of runs that are over, beside everything else: what can't be sent in time is counted, and lost.

Never here: what a trace says.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from prometheus_client import CollectorRegistry, Counter

from trainmaster.hadoop.asking import Resolver
from trainmaster.master import clock
from trainmaster.observe.traces.otlp import encode
from trainmaster.observe.traces.spans import trace_of
from trainmaster.plan.memory import Memory, Verdict
from trainmaster.settings import Traces as Settings

log = logging.getLogger(__name__)

PATH = "/v1/traces"
MOST = 1000
"""runs that wait to be sent"""
AT_ONCE = 50
"""runs in one request: at most 170 spans each"""
PAUSES = (1.0, 5.0, 25.0)
"""seconds before a request is made again that wasn't taken"""
TIMEOUT = 10.0
"""seconds until a request must have been answered, names, connection and all"""
OK = 200
AGAIN = frozenset({429, 502, 503, 504})
"""answers after which OTLP has one try again"""
Headers: TypeAlias = dict[str, str]
Over: TypeAlias = tuple[Memory, Verdict | None, float]
"""a run that is over, its verdict if there was any, and when it was over"""


class Exporter:
    """Of one controller. Without an endpoint it does nothing."""

    def __init__(
        self,
        settings: Settings,
        registry: CollectorRegistry,
        version: str,
        pauses: tuple[float, ...] = PAUSES,
    ) -> None:
        self._settings, self._version, self._pauses = settings, version, pauses
        self._waiting: deque[Over] = deque()
        self._news = asyncio.Event()
        self._trouble = ""
        self._counter = Counter(
            "trainmaster_traces",
            "Traces of runs that are over, by what became of them.",
            ["result"],
            registry=registry,
        )
        for result in ("sent", "failed", "dropped"):
            self._counter.labels(result)

    def ended(self, memory: Memory, verdict: Verdict | None) -> None:
        """A run is over, for whatever reason. Costs nothing of a job's time."""
        if not self._settings.endpoint:
            return
        if len(self._waiting) >= MOST:
            self._counter.labels("dropped").inc()
            return
        self._waiting.append((memory, verdict, clock.now()))
        self._news.set()

    async def run(self) -> None:
        """Until cancelled, and then it ends at once, whatever a collector does. What takes long is made in a thread of its own:
        the loop's others make decisions."""
        thread = ThreadPoolExecutor(1, thread_name_prefix="traces")
        try:
            async with _client() as client:
                while True:
                    while self._waiting:
                        await self._send(client, thread)
                    self._news.clear()
                    await self._news.wait()
        finally:
            thread.shutdown(wait=False, cancel_futures=True)

    async def _send(self, client: aiohttp.ClientSession, thread: ThreadPoolExecutor) -> None:
        few = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
        in_thread = functools.partial(asyncio.get_running_loop().run_in_executor, thread)
        number, body = await in_thread(_encoded, few, self._version)
        trouble = ""
        for pause in (*self._pauses, None) if number else ():
            try:
                headers = await in_thread(_headers, self._settings.headers_file)
            except (OSError, ValueError) as error:
                trouble = f"headers_file: {type(error).__name__}"
                break
            trouble, again = await self._try(client, body, headers)
            if not trouble or not again or pause is None:
                break
            await asyncio.sleep(pause)
        self._tell(trouble)
        self._counter.labels("failed" if trouble else "sent").inc(number)

    async def _try(self, client: aiohttp.ClientSession, body: bytes, headers: Headers) -> tuple[str, bool]:
        """Why it wasn't taken, empty where it was; and whether it is worth another try. What is answered isn't read."""
        post = client.post(
            self._url, data=body, headers=headers, allow_redirects=False, proxy=_proxy(self._url)
        )
        try:
            async with asyncio.timeout(TIMEOUT), post as answer:
                return "" if answer.status == OK else f"HTTP {answer.status}", answer.status in AGAIN
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return type(error).__name__, True

    @property
    def _url(self) -> str:
        return self._settings.endpoint.rstrip("/") + PATH

    def _tell(self, trouble: str) -> None:
        """Once for each trouble, and once when it is over."""
        if trouble and trouble != self._trouble:
            log.warning(
                "traces can't be sent, and are lost",
                extra={"to": urlsplit(self._settings.endpoint).netloc, "error": trouble},
            )
        elif self._trouble and not trouble:
            log.info("traces are sent again")
        self._trouble = trouble


def _client() -> aiohttp.ClientSession:
    """It keeps nothing: no connection over minutes of silence, no cookies, and no login that the machine has for the host."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(resolver=Resolver(), force_close=True),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None),
    )


def _proxy(url: str) -> str | None:
    """As the environment names it, for collectors are often outside of the cluster."""
    parts = urlsplit(url)
    return None if proxy_bypass(parts.netloc) else getproxies().get(parts.scheme)


def _encoded(few: list[Over], version: str) -> tuple[int, bytes]:
    """How many traces there are of these runs, and the body of a request with them."""
    traces = [trace for each in few if (trace := trace_of(*each))]
    return len(traces), encode(traces, version) if traces else b""


def _headers(file: Path | None) -> Headers:
    """Those of a request, with lines `name: value` of the file. It is read anew each time, since a token in it may be renewed.
    Raises OSError or ValueError."""
    found = {"content-type": "application/json"}
    for line in file.read_text().splitlines() if file else ():
        name, is_header, value = line.partition(":")
        if is_header:
            found[name.strip().lower()] = value.strip()
        elif line.strip():
            raise ValueError("a line without a colon")
    return found
