"""GET from the web servers of many nodes at once, on the loop: bounded in time, in bytes and in number, whatever they answer.

What http.py does in a few threads, which a hundred slow nodes would fill. Never here: what the answers mean, or when to ask.
"""

from __future__ import annotations

import asyncio
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from trainmaster.errors import TrainmasterError, UnavailableError
from trainmaster.hadoop.calls import Calls, Wire, telling, unheard
from trainmaster.hadoop.http import http_error
from trainmaster.hadoop.kerberos.login import aside
from trainmaster.hadoop.kerberos.negotiation import asks, authorization
from trainmaster.hadoop.sessions import CONNECT_TIMEOUT, trust

AT_ONCE = 64
"""requests under way; the others wait, and their time doesn't run meanwhile"""
LONGEST = 1024 * 1024
"""bytes of an answer; a node with 16 GPUs takes 8 KiB for it"""
_CHUNK = 64 * 1024
_RESOLVERS = 2
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}


class Asking:
    """One client for all nodes, made and closed on the loop that uses it."""

    def __init__(self, user: str = "", ca_file: Path | None = None, calls: Calls = unheard) -> None:
        """InvalidError when the file of whom to trust is none. `calls` is told what came of each request."""
        self._told = calls(Wire.NODE_HTTP)
        self._params = {"user.name": user} if user else {}
        self._trusted = trust(ca_file)
        self._places = asyncio.Semaphore(AT_ONCE)
        self._session: aiohttp.ClientSession | None = None

    async def get(self, url: str, timeout: float) -> bytes:
        """The body of a 200, within `timeout` seconds. Raises UnavailableError, RefusedError or DeniedError; a redirect isn't
        followed, since no NodeManager has one here."""
        with telling(self._told):
            return await self._got(url, timeout)

    async def _got(self, url: str, timeout: float) -> bytes:
        async with self._places:
            try:
                async with asyncio.timeout(timeout):
                    status, body = await self._exchange(url)
            except TimeoutError as error:
                raise UnavailableError(f"{url}: no answer within {timeout:g} s") from error
            except (aiohttp.ClientError, OSError, ValueError) as error:
                raise UnavailableError(f"{url}: {_why(error)}") from error
        if status != 200:
            raise http_error(url, status, body)
        return body

    async def close(self) -> None:
        if self._session:
            await self._session.close()

    async def _exchange(self, url: str) -> tuple[int, bytes]:
        status, body, challenge = await self._sent(url, {})
        if asks(status, challenge):
            proof = await aside(authorization, url)
            status, body, _ = await self._sent(url, {"Authorization": proof})
        return status, body

    async def _sent(self, url: str, headers: dict[str, str]) -> tuple[int, bytes, str | None]:
        get = self._opened().get(url, params=self._params, headers=headers, allow_redirects=False)
        async with get as answer:
            body = bytearray()
            async for part in answer.content.iter_chunked(_CHUNK):
                body += part
                if len(body) > LONGEST:
                    answer.close()
                    raise _too_long(url)
            return answer.status, bytes(body), answer.headers.get("WWW-Authenticate")

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            # Connections aren't kept: a NodeManager is asked every half a minute, and closes an idle one after ten seconds.
            connector = aiohttp.TCPConnector(
                limit=AT_ONCE, ssl=self._trusted, resolver=Resolver(), force_close=True
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                headers=_HEADERS,
                # The answer is bounded as it comes: packed, a gigabyte would come as a megabyte.
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


class Resolver(AbstractResolver):
    """Names looked up in threads of its own: those of the loop make decisions, and a name server may hang."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
        )
        return [_result(host, port, each) for each in found]

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _result(host: str, port: int, found: tuple[Any, ...]) -> ResolveResult:
    family, _, proto, _, address = found
    return ResolveResult(
        hostname=host, host=address[0], port=port, family=family, proto=proto, flags=socket.AI_NUMERICHOST
    )


def _too_long(url: str) -> TrainmasterError:
    return UnavailableError(f"{url}: the answer is longer than {LONGEST // 1024} KiB")


def _why(error: BaseException) -> str:
    """Without addresses, which the library puts into its words."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "its certificate is refused; hadoop_ca_file names whom to trust"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name can't be resolved"
    number = getattr(error, "errno", None)
    return os.strerror(number).lower() if number else type(error).__name__
