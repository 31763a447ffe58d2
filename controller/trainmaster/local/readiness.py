"""Whether a local Hadoop really works.

Asks the daemons themselves, over REST and JMX. Never here: starting or waiting.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests

from trainmaster.local.services import Addresses, Node

_TIMEOUT = 5.0
_FILE_SYSTEM = "Hadoop:service=NameNode,name=FSNamesystemState"


class Probe:
    """Questions to the daemons of one cluster; each answers what is still awaited, None for nothing."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses
        self._web = requests.Session()
        self._web.trust_env = False  # a proxy for the web outside has no business on loopback

    def __enter__(self) -> Probe:
        return self

    def __exit__(self, *error: object) -> None:
        self._web.close()

    def namenode(self) -> str | None:
        """Out of safe mode, with a DataNode
        (org.apache.hadoop.hdfs.server.namenode.metrics.FSNamesystemMBean).
        """
        answer = self._get(self._addresses.namenode_web, f"/jmx?qry={_FILE_SYSTEM}")
        beans = answer.get("beans") if answer else None
        if not beans:
            return "the NameNode's answer"
        if beans[0]["FSState"] != "Operational":
            return "the NameNode to leave safe mode"
        return None if beans[0]["NumLiveDataNodes"] > 0 else "a DataNode to register"

    def resourcemanager(self) -> str | None:
        """Started and active (Cluster Information API of the ResourceManager)."""
        answer = self._get(self._addresses.rm_web, "/ws/v1/cluster/info")
        info = answer.get("clusterInfo", {}) if answer else {}
        ready = info.get("state") == "STARTED" and info.get("haState") == "ACTIVE"
        return None if ready else "the ResourceManager's answer"

    def nodemanager(self, node: Node, since: float) -> str | None:
        """Healthy by its own word, and running by the ResourceManager's, said of the process started at
        `since`.

        `since` is in seconds since the epoch. A ResourceManager goes on calling a killed node RUNNING until
        it expires, so that the word of the process before doesn't count.
        """
        own = self._get(node.web, "/ws/v1/node/info")
        if not own or not own["nodeInfo"]["nodeHealthy"]:
            return f"the answer of NodeManager {node.rpc}"
        seen = self._registered().get(node.rpc)
        if not seen or seen["state"] != "RUNNING" or seen["lastHealthUpdate"] < since * 1000:
            return f"NodeManager {node.rpc} to register"
        return None

    def _registered(self) -> Mapping[str, Any]:
        """The ResourceManager's nodes by name (Cluster Nodes API); none when it doesn't answer."""
        answer = self._get(self._addresses.rm_web, "/ws/v1/cluster/nodes") or {}
        nodes = (answer.get("nodes") or {}).get("node") or []
        return {node["id"]: node for node in nodes}

    def _get(self, address: str, path: str) -> dict[str, Any] | None:
        """The JSON that is served there, None while nobody serves it."""
        try:
            response = self._web.get(f"http://{address}{path}", timeout=_TIMEOUT)
            response.raise_for_status()
            answer = response.json()
        except requests.RequestException:
            return None  # down, starting, or not yet speaking JSON
        return answer if isinstance(answer, dict) else None
