"""What a container's process wrote: list, tail and follow, from its NodeManager or, after the end, from the
log server.

NodeManager `/ws/v1/node/...`; where log aggregation is on, it answers 307 to the log server
(ApplicationHistoryServer) once the application is over, which speaks the same form. Never here: whose logs,
or where they are shown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from trainmaster.errors import RefusedError, UnavailableError
from trainmaster.hadoop.configuration import HadoopConf
from trainmaster.hadoop.http import Http
from trainmaster.hadoop.rest import elements, whole

_LENGTH = re.compile(rb"^LogLength:(\d+)$", re.MULTILINE)
_CONTENTS = b"\nLogContents:\n"
_FIRST_LOOK = 64 << 10
_AROUND = 64 << 10
"""bytes of YARN's own words before and after a log, at most"""


@dataclass(frozen=True, slots=True)
class LogFile:
    """One file in a container's log folder, in bytes."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class LogTail:
    """The last bytes of a file, and how long the whole of it is."""

    content: bytes
    length: int

    @property
    def start(self) -> int:
        """Where in the file `content` begins."""
        return self.length - len(self.content)


class ContainerLogs:
    """Logs by container. `http` is the NodeManager's host:port, as it came with the container, or its base URL.

    None means that there is no such log (yet, or any more). Raises UnavailableError when nobody could be
    asked.
    """

    def __init__(self, conf: HadoopConf, http: Http) -> None:
        self._scheme, self._http = conf.scheme, http

    async def files(self, http: str, container: str) -> tuple[LogFile, ...] | None:
        """The files there are, by name; none also where the NodeManager has dropped the folder."""
        try:
            document = await self._http.json(f"{self._base(http)}/ws/v1/node/containers/{container}/logs")
        except RefusedError as error:
            _raise_unless_missing(error)
            return None
        infos = elements(document, "containerLogsInfo")
        found = (each for info in infos for each in elements(info, "containerLogInfo"))
        files = (LogFile(str(each.get("fileName", "")), whole(each.get("fileSize"))) for each in found)
        return tuple(sorted(files, key=lambda file: file.name))

    async def tail(self, http: str, container: str, file: str, size: int) -> LogTail | None:
        """At most the last `size` bytes; 0 asks only how long the file is."""
        url = f"{self._base(http)}/ws/v1/node/containerlogs/{container}/{quote(file, safe='')}"
        try:
            return parse_tail(await self._http.text(url, size + _AROUND, size=f"-{size}"), size)
        except RefusedError as error:
            _raise_unless_missing(error)
            return None

    async def since(self, http: str, container: str, file: str, offset: int) -> LogTail | None:
        """What was written after the first `offset` bytes. YARN only knows tails, so ask for one that reaches
        back far enough."""
        size = _FIRST_LOOK
        while True:
            tail = await self.tail(http, container, file, size)
            if tail is None or tail.start <= offset:
                return tail and LogTail(tail.content[max(0, offset - tail.start) :], tail.length)
            # The file may grow until it is asked again.
            size = tail.length - offset + _FIRST_LOOK

    def _base(self, http: str) -> str:
        return http if "://" in http else f"{self._scheme}://{http}"


def parse_tail(page: bytes, size: int) -> LogTail:
    """The log inside YARN's text: a header with the file's length, then exactly so many bytes, then a
    footer."""
    header, found, rest = page.partition(_CONTENTS)
    length = _LENGTH.search(header)
    if not found or length is None:
        raise UnavailableError("the NodeManager's answer is not a log in the form that is known here")
    whole_length = int(length[1])
    return LogTail(rest[: min(size, whole_length)], whole_length)


def _raise_unless_missing(error: RefusedError) -> None:
    if error.kind != "404":
        raise error
