"""The lines of a launch that look beside a process whether it is ready, and tell the reports door so.

Plain bash, so that it needs nothing of the container; the token is in no argument. Never here: who waits for it (plan/order.py).
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from urllib.parse import urlsplit

from trainmaster.api.start_order import Readiness
from trainmaster.master.reports import TOKEN, URL

AGAIN = 20
"""seconds until it is told once more, since a door that was opened anew, or another controller's, knows nothing"""
TOLD = '{"ready": true}'

_LINES = """\
(
get() {{ exec 3<>"/dev/tcp/$1/$2" && printf '%b' "$3" >&3 && read -r -t 5 -u 3 _ code _; }}
found() ( {look} )
told() ( get {door} {port} {report} && [ "$code" = 200 ] )
( until found; do sleep 0.5; done; while :; do told && sleep {again} || sleep 1; done ) &
) </dev/null >/dev/null 2>&1
"""
"""The one that goes on is nobody's child, so that a program which waits for all of its own doesn't wait for it."""


def readiness_lines(
    readiness: Readiness | None, environment: Mapping[str, str], host: str, ports: tuple[int, ...]
) -> str:
    """Nothing where the role has no readiness, or where no door is to be told, or only by TLS: bash would tell it the token in
    clear. The status says so (plan/order.py)."""
    door = urlsplit(environment.get(URL, ""))
    if readiness is None or door.scheme != "http":
        return ""
    lines = (
        f"POST {door.path} HTTP/1.0",
        f"Host: {door.netloc}",
        f"Authorization: Bearer {environment[TOKEN]}",
        f"Content-Length: {len(TOLD)}",
    )
    return _LINES.format(
        look=_look(readiness, host, ports),
        door=shlex.quote(door.hostname or ""),
        port=door.port or 80,
        report=_request(*lines, body=TOLD),
        again=AGAIN,
    )


def _look(readiness: Readiness, host: str, ports: tuple[int, ...]) -> str:
    where = shlex.quote(host)
    if (asked := readiness.http_get) is None:
        return f"exec 3<>/dev/tcp/{where}/{ports[(readiness.port or 1) - 1]}"
    port = ports[asked.port - 1]
    request = _request(f"GET {asked.path} HTTP/1.0", f"Host: {host}:{port}")
    return f"get {where} {port} {request} && [[ $code == [23]?? ]]"


def _request(*lines: str, body: str = "") -> str:
    """As bash's printf %b reads it: what stands in a path stays as it is."""
    whole = "".join(f"{line}\r\n" for line in (*lines, "")) + body
    escaped = whole.replace("\\", "\\\\").replace("\r", "\\r").replace("\n", "\\n")
    return shlex.quote(escaped)
