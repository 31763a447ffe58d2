"""Who asked the API server for what: its audit log (audit.k8s.io/v1, Event), read and counted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WRITES = ("create", "update", "patch", "delete", "deletecollection")


@dataclass(frozen=True)
class Request:
    user: str
    """such as system:serviceaccount:NAMESPACE:NAME"""
    verb: str
    resource: str
    """with its subresource: trainingjobs/status"""
    namespace: str
    name: str
    code: int
    """the answer's HTTP status"""


class AuditLog:
    """One API server's log. A request is in it some milliseconds after its answer."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def now(self) -> int:
        """A place in the log, for `since`: all before it is history."""
        return self._path.stat().st_size

    def requests(self, since: int = 0) -> Iterator[Request]:
        """Every answered request; of watches and the like those that are over."""
        with self._path.open("rb") as log:
            log.seek(since)
            for line in log:
                event = json.loads(line)
                if event["stage"] == "ResponseComplete" and "objectRef" in event:
                    yield _request(event)

    def writes(self, since: int = 0, user: str = "", namespace: str = "") -> Counter[tuple[str, str, str]]:
        """How often (user, resource, verb) was written, refused and failed requests included.

        `user` and `namespace` narrow it down to one each.
        """
        return Counter(
            (request.user, request.resource, request.verb)
            for request in self.requests(since)
            if request.verb in WRITES and user in {"", request.user} and namespace in {"", request.namespace}
        )


def _request(event: dict[str, Any]) -> Request:
    about = event["objectRef"]
    parts = (about.get("resource", ""), about.get("subresource"))
    return Request(
        user=event["user"]["username"],
        verb=event["verb"],
        resource="/".join(filter(None, parts)),
        namespace=about.get("namespace", ""),
        name=about.get("name", ""),
        code=event["responseStatus"]["code"],
    )
