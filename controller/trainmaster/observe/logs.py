"""Structured logs: one line per event, as `key=value` text or as JSON, from the `extra` of standard logging.

A module logs `log.info("container started", extra={"job": key, "container": id})`. Never here: tokens and
passwords; a field whose name says that it holds one is blanked, whoever logged it, and so is who logs in to a URL.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import TextIO

from trainmaster.api.hiding import without_logins

STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""attributes that every record has; the others came through `extra`"""
SECRET = re.compile(r"token|password|passwd|secret|credential|authorization", re.IGNORECASE)
MOST_LINES = 100
"""of one turn that are kept"""
BARE = re.compile(r"[^\s\"'=\\\x00-\x1f\x7f]+")
"""a value that needs no quotes"""
ENCODER = json.JSONEncoder(default=str, ensure_ascii=False)
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
"""what would break the line, or drive the terminal of the one who reads it"""


def set_up(format_: str = "text", level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Send all logs of this process to one stream (standard error by default), each event as one line."""
    handler = TurnHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if format_ == "json" else TextFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    _note_no_more_than_is_told()
    for noisy in ("aiohttp.access", "urllib3", "asyncio"):
        logging.getLogger(noisy).setLevel(max(level, logging.WARNING))


class TurnHandler(logging.Handler):
    """Writes what one turn of a loop logs at once: each call of the system has the loop wait for its turn of the interpreter.

    Warnings and errors, with all that was logged before them, and what is logged outside of a loop are written there and then:
    the process may not see the end of the turn.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream, self._lines = stream, list[str]()
        self._ends_in: asyncio.AbstractEventLoop | None = None
        """whose turn's end writes the lines; one that was broken off never comes to it"""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._lines.append(f"{self.format(record)}\n")
            loop = asyncio._get_running_loop()
            if loop is None or record.levelno >= logging.WARNING or len(self._lines) >= MOST_LINES:
                self.flush()
            elif loop is not self._ends_in:
                self._ends_in = loop
                loop.call_soon(self._turn_ends)
        except Exception:  # noqa: BLE001 - as each handler of logging does: a line that can't be made harms nothing
            self.handleError(record)

    def _turn_ends(self) -> None:
        with suppress(OSError, ValueError):  # whoever read the log is gone: there's nobody to tell
            self.flush()

    def flush(self) -> None:
        with self.lock or nullcontext():
            lines, self._lines, self._ends_in = self._lines, [], None
            if lines:
                self._stream.write("".join(lines))
                self._stream.flush()


def _note_no_more_than_is_told() -> None:
    """Where in the sources, by which thread and process: a third of a line's cost (Python's Logging HOWTO, Optimization)."""
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


class JsonFormatter(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        return without_logins(ENCODER.encode(dict(self._pairs(record))))

    def _pairs(self, record: logging.LogRecord) -> Iterator[tuple[str, object]]:
        yield "time", _time(record)
        yield "level", record.levelname.lower()
        yield "logger", record.name
        yield "message", record.getMessage()
        yield from _extra(record)
        if record.exc_info:
            yield "exception", self.formatException(record.exc_info)


class TextFormatter(logging.Formatter):
    """`2026-01-02T03:04:05.678Z INFO trainmaster.master: container started job=vision/mnist`, line breaks escaped."""

    def format(self, record: logging.LogRecord) -> str:
        head = f"{_time(record)} {record.levelname} {record.name}: {_one_line(record.getMessage())}"
        fields = "".join(f" {key}={_quoted(value)}" for key, value in _extra(record))
        trace = f" exception={_quoted(self.formatException(record.exc_info))}" if record.exc_info else ""
        return without_logins(head + fields + trace)


def _time(record: logging.LogRecord) -> str:
    thousandths = int(record.created * 1000)
    return f"{_second(thousandths // 1000)}.{thousandths % 1000:03}Z"


@lru_cache(4)
def _second(at: int) -> str:
    """Of most lines it is that of the line before."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _extra(record: logging.LogRecord) -> Iterator[tuple[str, object]]:
    for key, value in vars(record).items():
        if key not in STANDARD:
            yield key, "***" if _holds_a_secret(key) else value


@lru_cache(1024)
def _holds_a_secret(key: str) -> bool:
    return SECRET.search(key) is not None


def _one_line(text: str) -> str:
    return CONTROL.sub(lambda found: json.dumps(found.group())[1:-1], text)


def _quoted(value: object) -> str:
    text = str(value)
    return text if BARE.fullmatch(text) else json.dumps(text, ensure_ascii=False)
