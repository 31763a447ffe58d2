"""Whether a local control plane really works.

Asks the daemons themselves. Never here: starting or waiting.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any

from trainmaster.local.kubernetes.commands import CONTROLLERS
from trainmaster.local.services import LOOPBACK

_TIMEOUT = 5.0


class Probe:
    """Questions to the daemons of one control plane; each answers what is still awaited, None for nothing."""

    def __init__(self, pki: Path, ports: Mapping[str, int]) -> None:
        self._ports = ports
        self._context = ssl.create_default_context(cafile=pki / "ca.crt")
        self._context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
        self._context.sslsocket_class = _ClosingSocket

    def waiting_for(self, daemon: str) -> str | None:
        ask = {
            "etcd": self.etcd,
            "kube-apiserver": self.apiserver,
            "kube-controller-manager": self.controller_manager,
        }
        return ask[daemon]()

    def etcd(self) -> str | None:
        """Serving reads, and so with a leader (etcd, "Monitoring etcd", /readyz)."""
        plain = HTTPConnection(LOOPBACK, self._ports["etcd.client"], timeout=_TIMEOUT)
        return None if _answer(plain, "/readyz") else "etcd's answer"

    def apiserver(self) -> str | None:
        """Ready by its own word (Kubernetes API health endpoints)."""
        return None if self._ask("kube-apiserver", "/readyz") else "the API server's answer"

    def controller_manager(self) -> str | None:
        """All controllers running by its own word, and their first work done: the ServiceAccount of a namespace.

        It lists each controller once that runs (kube-controller-manager, /healthz?verbose).
        """
        said = self._ask("kube-controller-manager", "/healthz?verbose")
        if not all(f"[+]{controller} ok" in said for controller in CONTROLLERS):
            return "the controller manager's answer"
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        return None if self._ask("kube-apiserver", account) else "the default ServiceAccount"

    def _ask(self, daemon: str, path: str) -> str:
        port = self._ports[f"{daemon}.https"]
        return _answer(HTTPSConnection(LOOPBACK, port, timeout=_TIMEOUT, context=self._context), path)


def _answer(connection: HTTPConnection, path: str) -> str:
    """What is served there; empty while nobody serves it, or says that it isn't well."""
    with closing(connection):
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            text = response.read().decode()
        except (OSError, HTTPException):
            return ""  # down, or starting
    return text if response.status == 200 else ""


class _ClosingSocket(ssl.SSLSocket):
    """Closes itself when a server that is starting resets it before the handshake; CPython's leaves that to chance."""

    def recv(self, *arguments: Any) -> bytes:
        try:
            return super().recv(*arguments)
        except ConnectionResetError:
            self.close()
            raise
