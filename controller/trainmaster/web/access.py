"""Who looks, and which jobs he may see. What a request says is an argument; nothing here knows a web framework.

A viewer is told by one of the ways that the settings name (`access`): a bearer token, a header of a proxy that has authenticated
him, the cookie of YARN's own web proxy, or another of our controllers, which passes on what only the leader can answer. Where no
way is named, a server on a loopback address shows everything to whoever reaches it, and any other shows nothing.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from ipaddress import ip_address
from typing import Final
from urllib.parse import quote, unquote

from trainmaster.api.history import EndedRun
from trainmaster.errors import InvalidError
from trainmaster.hadoop.configuration import HadoopConf
from trainmaster.master.picture import FleetPicture, Picture
from trainmaster.settings import Access, Networks, ViewRule
from trainmaster.web.secrets import KeyFile, TokenFile

YARN_COOKIE: Final = "proxy-user"
"""in which YARN's web proxy tells who looks (WebAppProxyServlet.PROXY_USER_COOKIE_NAME)"""
VOUCHED: Final = "X-Trainmaster-Viewer"
"""in which a controller that stands by tells the leader who looks"""
VOUCHED_FOR: Final = 60.0
"""seconds for which the word of another controller counts"""
LONGEST_NAME: Final = 256


def proves_viewers(access: Access, conf: HadoopConf) -> None:
    """Raises InvalidError where YARN's web proxy is believed, and itself believes whatever anybody says."""
    if not access.yarn_proxies or (conf.kerberos and conf.web_authentication != "simple"):
        return
    name = "hadoop.http.authentication.type" if conf.kerberos else "hadoop.security.authentication"
    raise InvalidError(
        f"access.yarn_proxies: with {name}=simple anybody can call himself anybody at YARN's web proxy (?user.name=), so its "
        "word proves nothing: leave the setting out, or use Kerberos for Hadoop's web servers as well"
    )


class DeniedError(Exception):
    """Nobody is shown anything by this request; the sentence says what is missing."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who looks."""

    name: str = ""
    """empty for anybody"""
    rules: tuple[ViewRule, ...] = ()
    everything: bool = False

    def sees(self, job: Picture) -> bool:
        return self.everything or any(self._granted(rule, job) for rule in self.rules)

    def sees_run(self, run: EndedRun) -> bool:
        """Of a run that is over, whose job may be gone: by its namespace, and as whom it ran."""
        own = bool(self.name) and self.name == run.user
        return self.everything or any(
            (rule.own and own) or any(fnmatchcase(run.namespace, pattern) for pattern in rule.namespaces)
            for rule in self.rules
        )

    def may_see_runs(self, namespace: str) -> bool:
        """Whether there may be runs that he sees among those of a namespace; of a pattern, or an empty one: of any."""
        some = not namespace or bool(set(namespace) & set("*?["))
        return self.everything or any(
            (rule.own and self.name)
            or any(some or fnmatchcase(namespace, pattern) for pattern in rule.namespaces)
            for rule in self.rules
        )

    def seen_of(self, fleet: FleetPicture) -> FleetPicture:
        """The fleet as if there were no other jobs than he may see."""
        if self.everything:
            return fleet
        return replace(fleet, jobs={uid: job for uid, job in fleet.jobs.items() if self.sees(job)})

    def _granted(self, rule: ViewRule, job: Picture) -> bool:
        if rule.own and self.name in (job.declared.owner, job.status.user):
            return True
        return any(fnmatchcase(job.declared.namespace, pattern) for pattern in rule.namespaces)


HIS_OWN: Final = (ViewRule(users=("*",), own=True),)
ANYBODY: Final = Viewer(everything=True)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request says of who asks."""

    remote: str
    """address of the other end of the connection"""
    headers: Mapping[str, str]
    """by name, whatever its case"""
    cookies: Mapping[str, str]


class Gate:
    """Tells viewers by requests. It reads files: not for the loop that heartbeats."""

    def __init__(self, access: Access, loopback: bool) -> None:
        self._access = access
        self._tokens = TokenFile(access.tokens_file) if access.tokens_file else None
        self._key = KeyFile(access.peer_key_file) if access.peer_key_file else None
        self._open = access.anyone or (loopback and not access.ways)

    def viewer(self, asked: Asked, now: float) -> Viewer:
        """Who asks; `now` is in seconds since the epoch. Raises DeniedError where no way tells."""
        name = self._vouched(asked, now) or self._by_token(asked) or self._by_proxy(asked)
        if name:
            rules = self._access.viewers or HIS_OWN
            return Viewer(name, tuple(rule for rule in rules if rule.names(name)))
        if self._open:
            return ANYBODY
        raise DeniedError(self._missing())

    def challenge(self) -> dict[str, str]:
        """Headers that say how one may ask again."""
        return {"WWW-Authenticate": 'Bearer realm="trainmaster"'} if self._tokens else {}

    def vouch(self, viewer: Viewer, now: float) -> dict[str, str]:
        """Headers by which the leader believes who looks; none where he is nobody in particular, or no key is shared."""
        key = self._key.key() if self._key and viewer.name else b""
        if not key:
            return {}
        said = f"{quote(viewer.name, safe='')} {now + VOUCHED_FOR:.0f}"
        return {VOUCHED: f"{said} {_signed(key, said)}"}

    def _vouched(self, asked: Asked, now: float) -> str:
        said, _, signature = asked.headers.get(VOUCHED, "").rpartition(" ")
        key = self._key.key() if self._key and said else b""
        if not key or not hmac.compare_digest(_signed(key, said).encode(), _bytes(signature)):
            return ""
        name, _, until = said.partition(" ")
        return unquote(name) if until.isdigit() and now <= int(until) <= now + 2 * VOUCHED_FOR else ""

    def _by_token(self, asked: Asked) -> str:
        scheme, _, token = asked.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self._tokens:
            return ""
        return self._tokens.user(token.strip())

    def _by_proxy(self, asked: Asked) -> str:
        """What a proxy says counts only from its own address: anybody can write a header."""
        access, name = self._access, ""
        if access.header and _within(asked.remote, access.proxies):
            name = asked.headers.get(access.header, "")
        if not name and _within(asked.remote, access.yarn_proxies):
            name = unquote(asked.cookies.get(YARN_COOKIE, ""))
        return name.strip() if len(name) <= LONGEST_NAME and name.isprintable() else ""

    def _missing(self) -> str:
        ways = {
            "a bearer token": self._tokens,
            "an authenticating proxy": self._access.header,
            "YARN's web proxy": self._access.yarn_proxies,
        }
        if named := " or ".join(way for way, there in ways.items() if there):
            return f"nobody is told by this request: jobs are shown to who comes with {named}"
        return (
            "jobs are shown to nobody here: this server can be reached from other machines, and the setting `access` "
            "names no way to tell who looks"
        )


def _signed(key: bytes, said: str) -> str:
    return hmac.new(key, _bytes(said), hashlib.sha256).hexdigest()


def _bytes(header: str) -> bytes:
    """As they came: those that are no text stand in a header as surrogates."""
    return header.encode(errors="surrogateescape")


def _within(remote: str, networks: Networks) -> bool:
    try:
        address = ip_address(remote.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in networks)
