"""Sending traces of runs that are over, beside everything else: what can't be sent in time is counted, and lost.

Never here: what a trace says.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import requests
from prometheus_client import CollectorRegistry, Counter

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
AGAIN = frozenset({429, 502, 503, 504})
"""answers after which OTLP has one try again"""


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
        self._waiting: deque[tuple[Memory, Verdict | None, float]] = deque()
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
        """Until cancelled. In a thread of its own: the loop's others make decisions."""
        with ThreadPoolExecutor(1, thread_name_prefix="traces") as thread:
            while True:
                await self._news.wait()
                self._news.clear()
                while self._waiting:
                    await self._send(thread)

    async def _send(self, thread: ThreadPoolExecutor) -> None:
        few = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
        loop = asyncio.get_running_loop()
        for pause in (*self._pauses, None):
            trouble, again = await loop.run_in_executor(thread, self._try, few)
            if not trouble or not again or pause is None:
                break
            await asyncio.sleep(pause)
        self._tell(trouble)
        self._counter.labels("failed" if trouble else "sent").inc(len(few))

    def _try(self, few: list[tuple[Memory, Verdict | None, float]]) -> tuple[str, bool]:
        """Why it wasn't taken, empty where it was; and whether it is worth another try."""
        traces = [trace for each in few if (trace := trace_of(*each))]
        if not traces:
            return "", False
        try:
            headers = {"Content-Type": "application/json", **_headers(self._settings.headers_file)}
            body = encode(traces, self._version)
            with requests.post(
                self._url, body, headers=headers, timeout=TIMEOUT, allow_redirects=False, stream=True
            ) as answer:
                taken = answer.status_code == requests.codes.ok
                return "" if taken else f"HTTP {answer.status_code}", answer.status_code in AGAIN
        except requests.RequestException as error:
            return type(error).__name__, True
        except (OSError, ValueError) as error:  # the file of headers, or a header that is none
            return f"headers_file: {type(error).__name__}", False

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


def _headers(file: Path | None) -> dict[str, str]:
    """Lines `name: value`; read anew each time, since a token in it may be renewed. Raises OSError or ValueError."""
    if file is None:
        return {}
    pairs = (line.partition(":") for line in file.read_text().splitlines() if line.strip())
    return {name.strip(): value.strip() for name, _, value in pairs}
