"""What a container's process wrote: list, tail and follow, from its NodeManager or, after the end, from the
log server.

NodeManager `/ws/v1/node/...`; where log aggregation is on, it answers 307 to the log server
(ApplicationHistoryServer) once the application is over, which speaks the same form. Never here: whose logs,
or where they are shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from trainmaster.errors import RefusedError, UnavailableError
from trainmaster.hadoop.configuration import HadoopConf
from trainmaster.hadoop.http import Http
from trainmaster.hadoop.rest import elements, whole

_LENGTH = re.compile(rb"^LogLength:(\d+)$", re.MULTILINE)
_CONTENTS = b"\nLogContents:\n"
_FIRST_LOOK = 64 << 10
UNKNOWN_FORM = "the NodeManager's answer is not a log in the form that is known here"
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
        found = (
            each for info in infos for each in elements(info, "containerLogInfo") if isinstance(each, dict)
        )
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

    async def stream(self, http: str, container: str, file: str, take: Callable[[bytes], bool]) -> bool:
        """All of it, piece by piece in another thread, until `take` wants no more. False where there is no such log."""
        url = f"{self._base(http)}/ws/v1/node/containerlogs/{container}/{quote(file, safe='')}"
        inside = _Inside(take)
        try:
            await self._http.pieces(url, inside)
        except RefusedError as error:
            _raise_unless_missing(error)
            return False
        if not inside.begun:
            raise UnavailableError(UNKNOWN_FORM)
        return True

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


class _Inside:
    """Finds the log in YARN's text as it comes, and hands it on."""

    def __init__(self, take: Callable[[bytes], bool]) -> None:
        self._take, self._left, self._header = take, 0, b""
        self.begun = False

    def __call__(self, piece: bytes) -> bool:
        """Whether more is wanted."""
        if not self.begun:
            self._header += piece
            header, found, piece = self._header.partition(_CONTENTS)
            length = _LENGTH.search(header)
            if not found or length is None:
                return len(self._header) < _AROUND
            self.begun, self._left, self._header = True, int(length[1]), b""
        content, self._left = piece[: self._left], max(0, self._left - len(piece))
        wanted = self._take(content) if content else True
        return wanted and self._left > 0


def parse_tail(page: bytes, size: int) -> LogTail:
    """The log inside YARN's text: a header with the file's length, then exactly so many bytes, then a
    footer."""
    header, found, rest = page.partition(_CONTENTS)
    length = _LENGTH.search(header)
    if not found or length is None:
        raise UnavailableError(UNKNOWN_FORM)
    whole_length = int(length[1])
    return LogTail(rest[: min(size, whole_length)], whole_length)


def _raise_unless_missing(error: RefusedError) -> None:
    if error.kind != "404":
        raise error
