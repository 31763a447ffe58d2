"""GET from Hadoop's web servers, in threads; where HTTP's failures become one of the project's error
families.

Never here: what the answers mean (rest.py, logs.py).
"""

from __future__ import annotations

import asyncio
import functools
import math
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import requests
import urllib3

from trainmaster.errors import DeniedError, RefusedError, TrainmasterError, UnavailableError
from trainmaster.hadoop.calls import Calls, Wire, telling, unheard
from trainmaster.hadoop.kerberos.negotiation import NegotiationError
from trainmaster.hadoop.sessions import CONNECT_TIMEOUT, READ_TIMEOUT, UNTIL, equip, trust, why
from trainmaster.json_text import loads
from trainmaster.printable import printable

P = ParamSpec("P")
T = TypeVar("T")

MOST = 256 << 20
"""bytes of an answer: of 6,000 nodes the ResourceManager tells some 10 MB"""
_THREADS = 4
_LONGEST_WORDS = 300
_OF_NODES = "/ws/v1/node/"
"""where a NodeManager's REST begins (NMWebServices); all else that is asked here is the ResourceManager's"""
_NOT_FOUND = "org.apache.hadoop.yarn.webapp.NotFoundException"

Json = Any
"""what a JSON document turns into; its readers check what they find"""


class Http:
    """A few sessions, kept for their open connections, lent to one thread at a time."""

    def __init__(
        self,
        user: str = "",
        ca_file: Path | None = None,
        calls: Calls = unheard,
        patience: float | None = None,
    ) -> None:
        """InvalidError when the file of whom to trust is none. `calls` is told what came of each request. `patience`: seconds
        until all of an answer must have come; left out, it may go on for as long as some of it comes every READ_TIMEOUT."""
        self._patience = patience
        self._user, self._trusted = user, trust(ca_file)
        self._of_nodes, self._of_manager = calls(Wire.NODE_HTTP), calls(Wire.MANAGER_HTTP)
        self._idle: deque[requests.Session] = deque(maxlen=_THREADS)
        # Its own, so that a web server or name server that hangs holds up no other work.
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="http")

    async def json(self, url: str, **params: str) -> Json:
        """A JSON document. 404 is a RefusedError with kind "404"; a key that is repeated holds the list of
        its values."""
        return await self._in_thread(self._document, url, params)

    def _document(self, url: str, params: dict[str, str]) -> Json:
        """Read in the thread as well: the answer on thousands of queues takes longer than a heartbeat may wait."""
        text = self._get(url, params, "application/json")
        try:
            return loads(text, _merge)
        except ValueError as error:
            raise UnavailableError(f"{url} did not answer in JSON") from error

    async def text(self, url: str, most: int = MOST, **params: str) -> bytes:
        """A plain text of so many bytes at most. Redirects are followed."""
        return await self._in_thread(self._get, url, params, "text/plain", most)

    async def pieces(self, url: str, take: Callable[[bytes], bool], **params: str) -> None:
        """The same piece by piece, however long it is, each given to `take` in the thread, until that wants no more."""
        await self._in_thread(self._get, url, params, "text/plain", MOST, take)

    async def close(self) -> None:
        while self._idle:
            self._idle.pop().close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _in_thread(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        bound = functools.partial(work, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._threads, bound)

    def _get(
        self,
        url: str,
        params: dict[str, str],
        accept: str,
        most: int = MOST,
        take: Callable[[bytes], bool] | None = None,
    ) -> bytes:
        told = self._of_nodes if _OF_NODES in url else self._of_manager
        with telling(told):
            return self._got(url, params, accept, most, take)

    def _got(
        self,
        url: str,
        params: dict[str, str],
        accept: str,
        most: int,
        take: Callable[[bytes], bool] | None,
    ) -> bytes:
        named = {**params, "user.name": self._user} if self._user else params
        session = self._idle.pop() if self._idle else equip(requests.Session(), self._trusted)
        begun = UNTIL.set(time.monotonic() + (self._patience or math.inf))
        try:
            answer = session.get(
                url,
                params=named,
                headers={"Accept": accept},
                timeout=(min(CONNECT_TIMEOUT, self._patience or math.inf), self._patience or READ_TIMEOUT),
                stream=True,
            )
            handed_on = take if answer.status_code == requests.codes.ok else None
            content = _handed_on(answer, handed_on) if handed_on else _bounded(url, answer, most)
        except NegotiationError as error:
            session.close()
            raise error.of(url) from error
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            session.close()
            raise UnavailableError(f"{url}: {why(error, self._patience)}") from error
        finally:
            UNTIL.reset(begun)
        self._give_back(session)
        if answer.status_code != requests.codes.ok:
            raise http_error(url, answer.status_code, content)
        return content

    def _give_back(self, session: requests.Session) -> None:
        if len(self._idle) == self._idle.maxlen:
            session.close()
        else:
            self._idle.append(session)


def _bounded(url: str, answer: requests.Response, most: int) -> bytes:
    """All of an answer that isn't larger: whoever sends without end must not fill our memory."""
    content = bytearray()
    while piece := answer.raw.read1(
        1 << 16, decode_content=True
    ):  # what has come: not waiting until a piece is full
        content += piece
        if len(content) > most:
            answer.close()
            raise UnavailableError(f"{url} answers with more than {most} bytes")
    return bytes(content)


def _handed_on(answer: requests.Response, take: Callable[[bytes], bool]) -> bytes:
    """Nothing, once all was taken that is wanted."""
    while piece := answer.raw.read1(1 << 16, decode_content=True):
        if not take(piece):
            answer.close()
            break
    return b""


def http_error(url: str, status: int, content: bytes) -> TrainmasterError:
    """The error for one HTTP status. Only the words of Hadoop's own RemoteException are passed on, never an
    unknown page."""
    said = _words(content)
    if _NOT_FOUND in said:
        # A NodeManager answers 500 for a container whose process has not started yet.
        status = requests.codes.not_found
    words = f"{url}: {said or f'HTTP status {status}'}"
    if status in (requests.codes.unauthorized, requests.codes.forbidden):
        return DeniedError(str(status), words)
    if status >= requests.codes.internal_server_error or status < requests.codes.bad_request:
        # A redirect that leads nowhere is how a standby says that no ResourceManager is active.
        return UnavailableError(words)
    return RefusedError(str(status), words)


def _words(content: bytes) -> str:
    try:
        return printable(str(loads(content)["RemoteException"]["message"])[:_LONGEST_WORDS])
    except (ValueError, KeyError, TypeError):
        return ""


def _merge(found: list[tuple[str, Json]]) -> Json:
    """One JSON object. Hadoop writes maps as an object that repeats the key `entry`; none of them may be
    lost."""
    merged: dict[str, Json] = {}
    repeated: set[str] = set()
    for key, value in found:
        if key not in merged:
            merged[key] = value
        elif key in repeated:
            merged[key].append(value)
        else:
            merged[key] = [merged[key], value]
            repeated.add(key)
    return merged
