"""Who asked the API server for what: its audit log, read as it grows. Pure, but for reading the file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WRITES = ("create", "update", "patch", "delete", "deletecollection")


@dataclass(frozen=True, slots=True)
class Call:
    """One request that the API server answered (audit.k8s.io/v1, Event)."""

    verb: str
    resource: str
    """plural, with the subresource behind a slash"""
    namespace: str
    """empty for what belongs to none"""
    user: str
    """such as system:serviceaccount:NAMESPACE:NAME"""

    @property
    def write(self) -> bool:
        return self.verb in WRITES


def parse(lines: Iterable[str]) -> Iterator[Call]:
    """The answered requests about objects; a watch counts once, at its end."""
    for line in lines:
        event = json.loads(line)
        if event["stage"] == "ResponseComplete" and "objectRef" in event:
            yield _call(event)


def _call(event: dict[str, Any]) -> Call:
    about = event["objectRef"]
    resource = "/".join(filter(None, (about.get("resource"), about.get("subresource"))))
    return Call(event["verb"], resource, about.get("namespace", ""), event["user"]["username"])


class AuditLog:
    """A log that grows; each look gives what came since the last one, the first what came since this was made.

    A request is in it some milliseconds after its answer.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = path.stat().st_size

    def new(self) -> list[Call]:
        """Half a line is left for the next look."""
        with self._path.open("rb") as file:
            file.seek(self._at)
            found = file.read()
        whole = found[: found.rfind(b"\n") + 1]
        self._at += len(whole)
        return list(parse(whole.decode().splitlines()))
