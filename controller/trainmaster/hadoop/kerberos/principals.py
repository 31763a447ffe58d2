"""Principals as texts: their parts, `_HOST`, and whether a server is the one that the configuration names. Pure.

Sources: SecurityUtil.getServerPrincipal and SaslRpcClient.getServerPrincipal in Hadoop. Never here: a look-up of a name.
"""

from __future__ import annotations

from collections.abc import Collection
from fnmatch import fnmatchcase

HOST = "_HOST"
SEPARATORS = "/@"


def short(principal: str) -> str:
    """What Hadoop calls a principal of its own realm by default: all before the host and the realm."""
    return principal.partition("@")[0].partition("/")[0]


def of_host(principal: str, host: str) -> str:
    """The principal on that host: `_HOST` is a host's name in small letters, where it stands alone between / and @."""
    name, at, realm = principal.partition("@")
    service, slash, instance = name.partition("/")
    return f"{service}{slash}{host.lower()}{at}{realm}" if instance == HOST else principal


def is_expected(service: str, host: str, configured: str, hosts: Collection[str], pattern: str = "") -> bool:
    """Whether a server that calls itself service/host is the one that is `configured`, on one of these `hosts`; or, where
    there is a `pattern`, one that it matches."""
    offered = f"{service}/{host}"
    if pattern:
        return fnmatchcase(offered, _without_realm(pattern))
    return offered in {_without_realm(of_host(configured, each)) for each in hosts}


def realm_of(pattern: str) -> str:
    """The one realm whose principals a pattern matches; empty where it is any, as for `yarn/*` and `*@*`. ValueError for a part
    of a realm's name: a ticket can be asked for in one realm only."""
    realm = pattern.rpartition("@")[2] if "@" in pattern else "*"
    if realm == "*":
        return ""
    if any(each in realm for each in "*?["):
        raise ValueError(f"the realm in {pattern!r} must be a whole name, or *")
    return realm


def _without_realm(principal: str) -> str:
    """The realm of a service is found by its host, so the ticket is of that realm or there is none."""
    return principal.partition("@")[0]


def problem(principal: str) -> str:
    """What is wrong with a principal as a person wrote it; empty where nothing is."""
    name, at, realm = principal.partition("@")
    parts = name.split("/")
    if (
        not all(parts)
        or len(parts) > 2
        or (at and not realm)
        or "@" in realm
        or any(map(str.isspace, principal))
    ):
        return f"{principal!r} is no principal: name@REALM or name/host@REALM, and _HOST stands for this machine's name"
    return ""
