"""Which names a server on a loopback address answers to.

What listens there is reached by this machine alone, but also by each web page that its browser shows: the page's own name can
be made to lead here (DNS rebinding), and its scripts could then read what is answered. The header Host tells the name.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:]*)(:[0-9]*)?")
SHOWN: Final = 100
"""letters of a foreign name that are told"""


def is_loopback(listen: str) -> bool:
    """Whether only this machine reaches what listens there."""
    try:
        return ip_address(listen).is_loopback
    except ValueError:
        return listen == "localhost"


def named(urls: Collection[str]) -> frozenset[str]:
    """The hosts of these addresses, with a scheme or without; what is no address has none."""
    return frozenset(filter(None, map(_host, urls)))


def _host(url: str) -> str:
    try:
        return urlsplit(url if "://" in url else f"//{url}").hostname or ""
    except ValueError:
        return ""


def answers_to(host: str, names: Collection[str]) -> bool:
    """Whether that Host header names this machine, or one of these names. No name at all is no browser's."""
    found = _HOST.fullmatch(host.strip())
    if found is None:
        return False
    name = found[1].strip("[]").rstrip(".").lower()
    return not host.strip() or name in names or is_loopback(name)


def only_by(names: Collection[str]) -> Any:
    """A middleware that refuses who comes by another name."""

    @web.middleware
    async def asked_by_name(request: web.Request, handler: Handler) -> web.StreamResponse:
        host = request.headers.get("Host", "")
        if answers_to(host, names):
            return await handler(request)
        shown = host[:SHOWN].encode("ascii", "backslashreplace").decode()
        words = (
            f"this server listens on a loopback address and doesn't answer to the name {shown}: ask for localhost, or "
            "let public_url have that name\n"
        )
        return web.Response(text=words, status=403)

    return asked_by_name
