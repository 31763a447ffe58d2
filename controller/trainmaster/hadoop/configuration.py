"""Hadoop's own configuration: the few settings the wires need, out of HADOOP_CONF_DIR and the overrides.

`read` is the one place that opens the files; `parse` is a pure function of properties. Names, defaults and
`${...}` are Hadoop's (org.apache.hadoop.conf.Configuration, core-default.xml, yarn-default.xml).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from trainmaster.errors import InvalidError
from trainmaster.hadoop import protection
from trainmaster.hadoop.protection import Protection

APPLICATION_EXPIRY = "yarn.am.liveness-monitor.expiry-interval-ms"
MANAGER_PRINCIPAL = "yarn.resourcemanager.principal"
NODE_EXPIRY = "yarn.nm.liveness-monitor.expiry-interval-ms"

FILES = ("core-site.xml", "hdfs-site.xml", "yarn-site.xml")

_DEFAULTS = {
    "fs.defaultFS": "file:///",
    "hadoop.security.authentication": "simple",
    "hadoop.http.authentication.type": "simple",
    "yarn.resourcemanager.hostname": "0.0.0.0",  # noqa: S104 - Hadoop's own way of saying "this machine"
    "yarn.http.policy": "HTTP_ONLY",
    "yarn.resourcemanager.ha.enabled": "false",
    "yarn.log.server.web-service.url": "",
}
_PORTS = {
    "yarn.resourcemanager.address": 8032,
    "yarn.resourcemanager.scheduler.address": 8030,
    "yarn.resourcemanager.webapp.address": 8088,
    "yarn.resourcemanager.webapp.https.address": 8090,
}
_VARIABLE = re.compile(r"\$\{([^}$\s]+)\}")
_DEPTH = 20
"""Configuration.MAX_SUBST: how often variables are replaced in one value"""
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, slots=True)
class HadoopConf:
    """What the wires need to know of one Hadoop. Addresses are host:port, one per ResourceManager."""

    clients: tuple[str, ...]
    """ApplicationClientProtocol"""
    schedulers: tuple[str, ...]
    """ApplicationMasterProtocol"""
    webs: tuple[str, ...]
    """base URLs of the ResourceManagers' web servers"""
    application_expiry: float | None
    """seconds of silence after which the ResourceManager ends an application; None where the files don't say (expiry.py)"""
    node_expiry: float | None
    """seconds of silence after which it counts a NodeManager as lost; None likewise"""
    scheme: str
    """http or https, for NodeManagers' web servers"""
    log_server: str
    """base URL of the REST server of aggregated logs; empty where there is none"""
    default_fs: str
    kerberos: bool
    web_authentication: str
    """how Hadoop's web servers tell who asks; simple: anybody is who he says he is"""
    protections: tuple[Protection, ...]
    """what may be done to RPC's messages, the best liked first"""
    manager_principal: str
    """of the ResourceManagers, `_HOST` in it standing for their hosts"""
    manager_pattern: str
    """of principals that will do for them, instead; mostly empty"""
    properties: Mapping[str, str] = field(repr=False, compare=False)
    """everything that was read, before `${...}` is replaced"""


def read(folder: Path | None, overrides: Mapping[str, str] | None = None) -> HadoopConf:
    """The configuration of one folder (may be None: defaults and overrides only).

    InvalidError names the file or the property that is wrong. Files that are missing are skipped, a missing
    folder is an error.
    """
    properties: dict[str, str] = {}
    if folder is not None:
        if not folder.is_dir():
            raise InvalidError(f"the Hadoop configuration folder {folder} does not exist")
        for name in FILES:
            properties.update(_file(folder / name))
    return parse({**properties, **(overrides or {})})


def parse(properties: Mapping[str, str]) -> HadoopConf:
    """The configuration that these properties make; what they leave out has Hadoop's defaults."""
    secure_web = get(properties, "yarn.http.policy").upper() == "HTTPS_ONLY"
    scheme = "https" if secure_web else "http"
    web = "yarn.resourcemanager.webapp.https.address" if secure_web else "yarn.resourcemanager.webapp.address"
    return HadoopConf(
        clients=_addresses(properties, "yarn.resourcemanager.address"),
        schedulers=_addresses(properties, "yarn.resourcemanager.scheduler.address"),
        webs=tuple(f"{scheme}://{address}" for address in _addresses(properties, web)),
        application_expiry=_seconds(properties, APPLICATION_EXPIRY),
        node_expiry=_seconds(properties, NODE_EXPIRY),
        scheme=scheme,
        log_server=get(properties, "yarn.log.server.web-service.url").rstrip("/"),
        default_fs=get(properties, "fs.defaultFS"),
        kerberos=get(properties, "hadoop.security.authentication").lower() == "kerberos",
        web_authentication=get(properties, "hadoop.http.authentication.type").lower(),
        protections=protection.wanted(get(properties, protection.SETTING)),
        manager_principal=get(properties, MANAGER_PRINCIPAL),
        manager_pattern=get(properties, f"{MANAGER_PRINCIPAL}.pattern"),
        properties=dict(properties),
    )


def get(properties: Mapping[str, str], name: str) -> str:
    """One property with its variables replaced: by the environment (`env.NAME`), else by other properties."""
    text = properties.get(name, _DEFAULTS.get(name, "")).strip()
    for _ in range(_DEPTH):
        replaced = _VARIABLE.sub(lambda match: _variable(properties, match), text)
        if replaced == text:
            return text
        text = replaced
    raise InvalidError(f"{name}: the variables in {properties.get(name)!r} refer to each other")


def _variable(properties: Mapping[str, str], match: re.Match[str]) -> str:
    """What stands for one `${...}`; itself where nothing is known of it, as in Hadoop."""
    name = match[1]
    if name.startswith("env."):
        variable, _, default = name[4:].partition(":-")
        return os.environ.get(variable) or default
    return properties.get(name, _DEFAULTS.get(name, match[0]))


def _addresses(properties: Mapping[str, str], name: str) -> tuple[str, ...]:
    if get(properties, "yarn.resourcemanager.ha.enabled").lower() != "true":
        return (_address(properties, name, ""),)
    ids = [part.strip() for part in get(properties, "yarn.resourcemanager.ha.rm-ids").split(",")]
    if not any(ids):
        raise InvalidError(
            "yarn.resourcemanager.ha.rm-ids: is empty, though yarn.resourcemanager.ha.enabled is true"
        )
    return tuple(_address(properties, name, f".{each}") for each in ids if each)


def _address(properties: Mapping[str, str], name: str, suffix: str) -> str:
    """host:port of one ResourceManager: its own property, else its hostname and the standard port."""
    text = get(properties, name + suffix)
    if not text:
        host = get(properties, "yarn.resourcemanager.hostname" + suffix)
        if not host:
            raise InvalidError(f"{name}{suffix}: neither it nor yarn.resourcemanager.hostname{suffix} is set")
        text = f"{host}:{_PORTS[name]}"
    host, colon, port = text.rpartition(":")
    if not colon:
        host, port = text, str(_PORTS[name])
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise InvalidError(f"{name}{suffix}: {text!r} is not host:port")
    # 0.0.0.0 is where a server listens; a client on that machine reaches it by the loopback address.
    return f"{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"  # noqa: S104 - read, never bound to


def _seconds(properties: Mapping[str, str], name: str) -> float | None:
    text = get(properties, name)
    return seconds(name, text) if text else None


def seconds(name: str, text: str) -> float:
    """A duration: a number of milliseconds, or one with a unit (Configuration.getTimeDuration)."""
    match = re.fullmatch(r"(\d+)\s*(ms|s|m|h|d)?", text, re.ASCII)
    if match is None:
        raise InvalidError(f"{name}: {text!r} is not a duration")
    return int(match[1]) * _UNITS[match[2] or "ms"]


def _file(path: Path) -> dict[str, str]:
    try:
        # The administrator's own files: as trusted as the program itself.
        root = ElementTree.parse(path).getroot()  # noqa: S314 - the administrator's own files
    except FileNotFoundError:
        return {}
    except (OSError, ElementTree.ParseError) as error:
        raise InvalidError(f"{path}: {error}") from error
    return {
        name.strip(): prop.findtext("value") or ""
        for prop in root.iter("property")
        if (name := prop.findtext("name")) and name.strip()
    }
