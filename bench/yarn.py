"""What YARN's ResourceManager says of applications (Cluster Application API), and waiting for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import requests

ENDED = ("FINISHED", "FAILED", "KILLED")


class Late(Exception):  # noqa: N818 - what happened, not a bug
    """Something did not happen in time."""


def until(what: str, true: Callable[[], bool], timeout: float, every: float = 0.02) -> None:
    """Wait until it is true; raises Late, saying what was waited for."""
    deadline = time.monotonic() + timeout
    while not true():
        if time.monotonic() > deadline:
            raise Late(f"waited {timeout:g} s for {what}")
        time.sleep(every)


class Yarn:
    """Questions to one ResourceManager."""

    def __init__(self, address: str) -> None:
        """`address` is that of its web server, host:port."""
        self._base = f"http://{address}/ws/v1/cluster"
        self._web = requests.Session()
        self._web.trust_env = False  # a proxy for the web outside has no business on loopback

    def application(self, id_: str) -> dict[str, Any]:
        app: dict[str, Any] = self._get(f"apps/{id_}")["app"]
        return app

    def ended(self, id_: str) -> bool:
        return self.application(id_)["state"] in ENDED

    def idle(self) -> bool:
        """No application runs or waits, and no container is left."""
        metrics = self._get("metrics")["clusterMetrics"]
        return not (metrics["appsRunning"] or metrics["appsPending"] or metrics["containersAllocated"])

    def end_all(self, timeout: float = 120) -> None:
        """Have every application ended, as an administrator would."""
        states = {"states": "NEW,NEW_SAVING,SUBMITTED,ACCEPTED,RUNNING"}
        for application in (self._get("apps", states)["apps"] or {}).get("app", ()):
            url = f"{self._base}/apps/{application['id']}/state"
            self._web.put(url, json={"state": "KILLED"}, timeout=10).raise_for_status()
        until("all applications to end", self.idle, timeout, every=0.5)

    def _get(self, path: str, query: dict[str, str] | None = None) -> dict[str, Any]:
        response = self._web.get(f"{self._base}/{path}", params=query, timeout=10)
        response.raise_for_status()
        answer: dict[str, Any] = response.json()
        return answer
