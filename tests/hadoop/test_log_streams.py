"""Logs read piece by piece from a web server: larger than anybody's memory, cut short, or none at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainmaster.errors import RefusedError, UnavailableError
from trainmaster.hadoop.configuration import read as conf_of
from trainmaster.hadoop.http import Http
from trainmaster.hadoop.logs import ContainerLogs, _Inside

LARGE = 200 << 20
FOOTER = (
    b"End of LogType:stdout.This log file belongs to a running container (c1) and so may not be complete."
)


@contextmanager
def node(length: int, times: int, piece: bytes, status: int = 200, to: str = "") -> Iterator[str]:
    """A NodeManager that says how long a log is, and sends a piece so many times; or leads to another address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            if to:
                self.send_header("Location", f"{to}/ws/v1/applicationhistory/containers/c1/logs/stdout")
            self.end_headers()
            try:
                head = f"LogType:stdout\nLogLastModifiedTime:x\nLogLength:{length}\nLogContents:\n"
                self.wfile.write(head.encode() if status == 200 and length >= 0 else b"<html>no</html>")
                for _ in range(times):
                    self.wfile.write(piece)
                self.wfile.write(FOOTER if times else b"")
            except OSError:
                return  # whoever asked wants no more

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


async def read(url: str, most: int = 1 << 62) -> tuple[bool, list[int]]:
    """Whether there is one, and how long the pieces were that came of it, until so many bytes are there."""
    http, sizes = Http(), list[int]()

    def take(piece: bytes) -> bool:
        sizes.append(len(piece))
        return sum(sizes) < most

    try:
        return await ContainerLogs(conf_of(None, {}), http).stream(url, "c1", "stdout", take), sizes
    finally:
        await http.close()


async def test_200_mb_come_in_small_pieces() -> None:
    with node(LARGE, LARGE >> 20, b"x" * (1 << 20)) as url:
        there, sizes = await read(url)
    assert there
    assert sum(sizes) == LARGE, "without YARN's own words around it"
    assert max(sizes) <= 1 << 16


async def test_no_more_is_read_than_is_wanted() -> None:
    with node(LARGE, LARGE >> 20, b"x" * (1 << 20)) as url:
        _, sizes = await read(url, 1000)
    assert len(sizes) == 1


async def test_a_log_that_is_not_there_is_told_from_what_is_no_log() -> None:
    with node(0, 0, b"", status=404) as url:
        assert await read(url) == (False, [])
    with node(0, 0, b"") as url:
        assert await read(url) == (True, [])
    with node(-1, 0, b"") as url, pytest.raises(UnavailableError, match="not a log in the form"):
        await read(url)
    with node(-1, 2, b"x" * (1 << 20)) as url, pytest.raises(UnavailableError, match="not a log in the form"):
        await read(url)
    with node(0, 0, b"", status=400) as url, pytest.raises(RefusedError):
        await read(url)


async def test_a_log_is_read_where_the_nodemanager_leads() -> None:
    """To the log server, once the application is over and its logs are aggregated."""
    with node(5, 1, b"hello") as server, node(0, 0, b"", status=307, to=server) as url:
        assert await read(url) == (True, [5])


@given(st.binary(max_size=200), st.lists(st.integers(0, 300), max_size=5))
def test_the_log_is_found_however_it_arrives(content: bytes, cuts: list[int]) -> None:
    page = b"LogType:stdout\nLogLength:%d\nLogContents:\n" % len(content) + content + FOOTER
    edges = [0, *sorted(min(cut, len(page)) for cut in cuts), len(page)]
    found = bytearray()

    def take(piece: bytes) -> bool:
        found.extend(piece)
        return True

    inside = _Inside(take)
    for begin, end in pairwise(edges):
        if not inside(page[begin:end]):
            break
    assert bytes(found) == content
