"""How long YARN waits for whoever is silent: as the configuration says, else as the running ResourceManager says, else as its
release has it by default.

Never here: what is done when the time is over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from trainmaster.errors import InvalidError, RefusedError, UnavailableError
from trainmaster.hadoop.configuration import APPLICATION_EXPIRY, NODE_EXPIRY, HadoopConf, seconds
from trainmaster.hadoop.http import Http


@dataclass(frozen=True, slots=True)
class Expiry:
    """In seconds."""

    application: float
    """of silence after which the ResourceManager ends an application"""
    node: float
    """of silence after which it counts a NodeManager as lost"""
    assumed: tuple[str, ...] = ()
    """the settings of these that nobody told, so that they are taken to be the release's defaults"""


def assumed(conf: HadoopConf, release: str = "") -> Expiry:
    """What can be known without asking. The default for applications is 900 s from Hadoop 3.4.0 on, 600 s before
    (yarn-default.xml of each); where the release isn't known the shorter one is the safer one."""
    major, minor = _numbers(release)
    application = 900.0 if (major, minor) >= (3, 4) else 600.0
    said = {APPLICATION_EXPIRY: conf.application_expiry, NODE_EXPIRY: conf.node_expiry}
    open_ = tuple(name for name, value in said.items() if value is None)
    return Expiry(conf.application_expiry or application, conf.node_expiry or 600.0, open_)


def _numbers(release: str) -> tuple[int, int]:
    """3.4 of 3.4.2, and 3.1 of a vendor's 3.1.1.7.1.9.0-387."""
    match = re.match(r"(\d+)\.(\d+)", release)
    return (int(match[1]), int(match[2])) if match else (0, 0)


async def find(conf: HadoopConf, http: Http) -> Expiry:
    """What there is to know. Raises UnavailableError when the files leave something open and no ResourceManager answers."""
    if not assumed(conf).assumed:
        return assumed(conf)
    errors = []
    for web in conf.webs:
        try:
            return await _ask(conf, http, web)
        except UnavailableError as error:
            errors.append(str(error))
    raise UnavailableError("; ".join(errors))


async def _ask(conf: HadoopConf, http: Http, web: str) -> Expiry:
    default = assumed(conf, await _release(http, web))
    told = {name: await _setting(http, web, name) for name in default.assumed}
    return Expiry(
        told.get(APPLICATION_EXPIRY) or default.application,
        told.get(NODE_EXPIRY) or default.node,
        tuple(name for name, value in told.items() if value is None),
    )


async def _release(http: Http, web: str) -> str:
    """hadoopVersion of `/ws/v1/cluster/info`, which a standby answers itself; empty where that may not be read."""
    try:
        document = await http.json(f"{web}/ws/v1/cluster/info")
    except RefusedError:
        return ""
    info = document.get("clusterInfo") if isinstance(document, dict) else None
    return str(info.get("hadoopVersion", "")) if isinstance(info, dict) else ""


async def _setting(http: Http, web: str, name: str) -> float | None:
    """One setting as the daemon runs with it, defaults included (org.apache.hadoop.conf.ConfServlet); None where it isn't told.

    Everybody may ask, but for administrators alone where hadoop.security.instrumentation.requires.admin is true.
    """
    try:
        document = await http.json(f"{web}/conf", name=name, format="json")
        return seconds(name, document["property"]["value"])
    except (RefusedError, InvalidError, KeyError, TypeError):
        return None
