"""Kubeconfig files: which server, whom to trust, who we are. Texts only, and where they are kept.

They hold keys and tokens, so that only their owner may read them.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path

import yaml

from trainmaster.local.files import write

_NAME = "trainmaster-local"


def with_certificate(url: str, pki: Path, name: str) -> str:
    """The text for somebody with a client certificate of that name."""
    return _text(
        url,
        pki,
        {
            "client-certificate-data": _data(pki / f"{name}.crt"),
            "client-key-data": _data(pki / f"{name}.key"),
        },
    )


def with_token(url: str, pki: Path, token: str, namespace: str) -> str:
    """The text for somebody with a bearer token, such as a ServiceAccount, to whom `namespace` is the default."""
    return _text(url, pki, {"token": token}, namespace)


def save(path: Path, text: str) -> Path:
    write(path, text, mode=0o600)
    return path


def _text(url: str, pki: Path, user: Mapping[str, str], namespace: str = "default") -> str:
    context = {"cluster": _NAME, "user": _NAME, "namespace": namespace}
    cluster = {"server": url, "certificate-authority-data": _data(pki / "ca.crt")}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": _NAME, "cluster": cluster}],
            "users": [{"name": _NAME, "user": dict(user)}],
            "contexts": [{"name": _NAME, "context": context}],
            "current-context": _NAME,
        },
        sort_keys=False,
    )


def _data(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
