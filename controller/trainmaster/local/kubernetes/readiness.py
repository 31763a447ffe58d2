"""Whether a local control plane really works.

Asks the daemons themselves. Never here: starting or waiting.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import requests

from trainmaster.local.kubernetes.commands import etcd_url
from trainmaster.local.services import LOOPBACK

_TIMEOUT = 5.0


class Probe:
    """Questions to the daemons of one control plane; each answers what is still awaited, None for nothing."""

    def __init__(self, pki: Path, ports: Mapping[str, int]) -> None:
        self._ports = ports
        self._web = requests.Session()
        self._web.trust_env = False  # a proxy for the web outside has no business on loopback
        self._web.verify = str(pki / "ca.crt")
        self._web.cert = (str(pki / "admin.crt"), str(pki / "admin.key"))

    def __enter__(self) -> Probe:
        return self

    def __exit__(self, *error: object) -> None:
        self._web.close()

    def waiting_for(self, daemon: str) -> str | None:
        ask = {
            "etcd": self.etcd,
            "kube-apiserver": self.apiserver,
            "kube-controller-manager": self.controller_manager,
        }
        return ask[daemon]()

    def etcd(self) -> str | None:
        """Serving reads, and so with a leader (etcd, "Monitoring etcd", /readyz)."""
        return None if self._good(f"{etcd_url(self._ports)}/readyz") else "etcd's answer"

    def apiserver(self) -> str | None:
        """Ready by its own word (Kubernetes API health endpoints)."""
        return None if self._good(self._at("kube-apiserver", "/readyz")) else "the API server's answer"

    def controller_manager(self) -> str | None:
        """Healthy by its own word, and its first work done: the ServiceAccount that each namespace gets."""
        if not self._good(self._at("kube-controller-manager", "/healthz")):
            return "the controller manager's answer"
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        return None if self._good(self._at("kube-apiserver", account)) else "the default ServiceAccount"

    def _at(self, daemon: str, path: str) -> str:
        return f"https://{LOOPBACK}:{self._ports[f'{daemon}.https']}{path}"

    def _good(self, url: str) -> bool:
        try:
            return self._web.get(url, timeout=_TIMEOUT).ok
        except requests.RequestException:
            return False  # down, or starting
