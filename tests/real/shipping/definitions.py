"""Other projects' custom resource definitions, to try our samples against, from their sources in the Go module proxy.

Each zip is pinned by its checksum, and only the definitions are kept, once per user. Never here: our own.
"""

from __future__ import annotations

import io
import os
import zipfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import requests

from trainmaster.local.files import locked, write
from trainmaster.local.options import cache_folder
from trainmaster.local.toolchain import proxies


@dataclass(frozen=True)
class Published:
    """Definitions in the source of one release."""

    module: str
    version: str
    checksum: str
    """SHA-256 of the zip that a module proxy serves"""
    files: tuple[str, ...]

    @property
    def prefix(self) -> str:
        return f"{self.module}@{self.version}/"


PROMETHEUS_OPERATOR = Published(
    "github.com/prometheus-operator/prometheus-operator",
    "v0.85.0",
    "0bdb88ed823d0f2e86cf909638439b6ad1da744a228172c7411d9987527dc5d1",
    (
        "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
        "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
    ),
)
CERT_MANAGER = Published(
    "github.com/cert-manager/cert-manager",
    "v1.21.2",
    "cfaf1fb53965a5fd60490861387b7dbf34cd40987c878a4f1e247f836eef4782",
    ("deploy/crds/cert-manager.io_certificates.yaml", "deploy/crds/cert-manager.io_issuers.yaml"),
)
ARGO_CD = Published(
    "github.com/argoproj/argo-cd/v3",
    "v3.4.13",
    "ce067c6fbed85f25b2060e0d1420e2a8504708a13f90e310fb0fff8f0bd5a3f9",
    ("manifests/crds/application-crd.yaml",),
)
FLUX_SOURCES = Published(
    "github.com/fluxcd/source-controller",
    "v1.8.5",
    "f5b34a7aaeda81fd7b818287832cceb32155e84940597d5d215fc7dd003548af",
    ("config/crd/bases/source.toolkit.fluxcd.io_gitrepositories.yaml",),
)
FLUX_KUSTOMIZATIONS = Published(
    "github.com/fluxcd/kustomize-controller",
    "v1.7.3",
    "61e2836cecd321d0971d8a3f7ec6689222f1469744e20e88c3b221dceb1bd4f6",
    ("config/crd/bases/kustomize.toolkit.fluxcd.io_kustomizations.yaml",),
)
ALL = (PROMETHEUS_OPERATOR, CERT_MANAGER, ARGO_CD, FLUX_SOURCES, FLUX_KUSTOMIZATIONS)


def definitions(published: Published) -> str:
    """Their YAML. AssertionError when what is fetched isn't what was pinned."""
    kept = cache_folder() / "definitions" / f"{published.checksum[:16]}.yaml"
    with locked(kept.with_suffix(".lock")):
        if not kept.exists():
            write(kept, _unpacked(published, _fetched(published)))
    return kept.read_text()


def _fetched(published: Published) -> bytes:
    proxy = next(iter(proxies(os.environ.get("GOPROXY", ""))))
    answer = requests.get(f"{proxy}/{published.module}/@v/{published.version}.zip", timeout=120)
    answer.raise_for_status()
    found = sha256(answer.content).hexdigest()
    assert found == published.checksum, f"{published.prefix} has the checksum {found}"
    return answer.content


def _unpacked(published: Published, archive: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(archive)) as zipped:
        texts = [zipped.read(str(Path(published.prefix) / name)).decode() for name in published.files]
    return "\n---\n".join(texts)
