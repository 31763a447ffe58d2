"""Whether a local Hadoop really works.

Asks the daemons themselves, over REST and JMX. Never here: starting or waiting.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import requests

from trainmaster.hadoop.kerberos.negotiation import Negotiate
from trainmaster.local.options import Options
from trainmaster.local.services import Addresses

_TIMEOUT = 5.0


class Probe:
    """Questions to the daemons of one cluster; each answers what is still awaited, None for nothing."""

    def __init__(self, addresses: Addresses, options: Options) -> None:
        self._addresses = addresses
        self._yarn, self._hdfs = options.yarn_scheme, options.hdfs_scheme
        self._web = requests.Session()
        self._web.trust_env = False  # a proxy for the web outside has no business on loopback
        self._web.verify = options.ca_file or True
        self._web.auth = Negotiate() if options.kerberos else None

    def __enter__(self) -> Probe:
        return self

    def __exit__(self, *error: object) -> None:
        self._web.close()

    def namenode(self) -> str | None:
        """Out of safe mode, with a DataNode
        (org.apache.hadoop.hdfs.server.namenode.metrics.FSNamesystemMBean).
        """
        state = self._bean(self._addresses.namenode_web, "Hadoop:service=NameNode,name=FSNamesystemState")
        if not state:
            return "the NameNode's answer"
        if state.get("FSState") != "Operational":
            return "the NameNode to leave safe mode"
        return None if state.get("NumLiveDataNodes", 0) > 0 else "a DataNode to register"

    def resourcemanager(self) -> str | None:
        """Started and active (Cluster Information API of the ResourceManager)."""
        answer = self._get(f"{self._yarn}://{self._addresses.rm_web}/ws/v1/cluster/info")
        info = answer.get("clusterInfo", {}) if answer else {}
        ready = info.get("state") == "STARTED" and info.get("haState") == "ACTIVE"
        return None if ready else "the ResourceManager's answer"

    def datanode(self) -> str | None:
        """In touch with the NameNode (org.apache.hadoop.hdfs.server.datanode.DataNodeMXBean,
        BPServiceActorInfo).
        """
        info = self._bean(self._addresses.datanode_web, "Hadoop:service=DataNode,name=DataNodeInfo")
        actors = json.loads(info.get("BPServiceActorInfo", "[]"))
        ready = any(actor["ActorState"] == "RUNNING" and actor["BlockPoolID"] for actor in actors)
        return None if ready else "the DataNode to register"

    def logserver(self) -> str | None:
        """It serves what NodeManagers redirect to (AHSWebServices)."""
        answer = self._get(f"{self._yarn}://{self._addresses.log_server}/ws/v1/applicationhistory/about")
        return None if answer else "the log server's answer"

    def nodemanager(self, number: int, since: float) -> str | None:
        """Healthy by its own word, and running by the ResourceManager's, said of the process started at
        `since`.

        `since` is in seconds since the epoch. A ResourceManager goes on calling a killed node RUNNING until
        it expires, so that its word about the process before doesn't count.
        """
        node = self._addresses.nodes[number - 1]
        own = self._get(f"{self._yarn}://{node.web}/ws/v1/node/info")
        if not own or not own["nodeInfo"]["nodeHealthy"]:
            return f"the answer of NodeManager {node.rpc}"
        seen = self._registered().get(node.rpc)
        if not seen or seen["state"] != "RUNNING" or seen["lastHealthUpdate"] < since * 1000:
            return f"NodeManager {node.rpc} to register"
        return None

    def _registered(self) -> Mapping[str, Any]:
        """The ResourceManager's nodes by name (Cluster Nodes API); none when it doesn't answer."""
        answer = self._get(f"{self._yarn}://{self._addresses.rm_web}/ws/v1/cluster/nodes") or {}
        nodes = (answer.get("nodes") or {}).get("node") or []
        return {node["id"]: node for node in nodes}

    def _bean(self, address: str, name: str) -> dict[str, Any]:
        """One bean of a daemon's JMX (org.apache.hadoop.jmx.JMXJsonServlet).

        Empty while it isn't there; a daemon that is just starting leaves out the values it can't tell yet.
        """
        answer = self._get(f"{self._hdfs}://{address}/jmx?qry={name}") or {}
        beans: list[dict[str, Any]] = answer.get("beans") or [{}]
        return beans[0]

    def _get(self, url: str) -> dict[str, Any] | None:
        """The JSON that is served there, None while nobody serves it."""
        try:
            response = self._web.get(url, timeout=_TIMEOUT)
            response.raise_for_status()
            answer = response.json()
        except requests.RequestException:
            return None  # down, starting, or not yet speaking JSON
        return answer if isinstance(answer, dict) else None
