"""Looking up the addresses of hosts, in a few threads of its own: a name server that is dead holds up look-ups alone.

Never here: connecting.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from concurrent.futures import Future, ThreadPoolExecutor

THREADS = 16
"""names looked up at one time"""

Addresses = tuple[str, ...]

_pool = ThreadPoolExecutor(THREADS, thread_name_prefix="names")
_under_way: dict[str, Future[Addresses]] = {}
"""by host: a thousand jobs that want the same ResourceManager ask once"""


async def addresses_of(host: str) -> Addresses:
    """The addresses of a host, in the order in which they are to be tried; one of IPv6 may stand in brackets, as before a port.
    Raises OSError when it has none."""
    host = host.removeprefix("[").removesuffix("]")
    if _is_address(host):
        return (host,)
    found = _under_way.get(host)
    if found is None or found.done():
        found = _under_way[host] = _pool.submit(_look_up, host)
        found.add_done_callback(
            lambda done: _under_way.pop(host, None) if _under_way.get(host) is done else None
        )
    return await asyncio.shield(
        asyncio.wrap_future(found)
    )  # whoever gives up doesn't take it from the others


def _look_up(host: str) -> Addresses:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
