"""A control plane that knows other projects' kinds, and a namespace to release into."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from real.shipping import definitions
from real.shipping.chart import parsed
from real.shipping.schemas import write_schemas
from trainmaster.api.crd import crd_yaml
from trainmaster.local.kubernetes.controlplane import LocalKubernetes

TEAMS = ("team-a", "team-b")
"""the namespaces that the values in tests/shipping watch"""


@pytest.fixture(scope="session")
def cluster(kubernetes: LocalKubernetes) -> LocalKubernetes:
    """A control plane that knows the kinds of all that we have samples for, and two teams."""
    for published in definitions.ALL:
        kubernetes.define(definitions.definitions(published))
    for team in TEAMS:
        kubernetes.kubectl("create", "namespace", team)
    return kubernetes


@pytest.fixture(scope="session")
def schemas(cluster: LocalKubernetes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("schemas")
    texts = [crd_yaml(), *map(definitions.definitions, definitions.ALL)]
    write_schemas(cluster, folder, [each for text in texts for each in parsed(text)])
    return folder


@pytest.fixture
def home(cluster: LocalKubernetes, namespace: str) -> str:
    """A namespace for a release, as strict with pods as Kubernetes can be."""
    cluster.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    return namespace


@pytest.fixture
def apply(cluster: LocalKubernetes) -> Iterator[Any]:
    """Applies objects strictly, and takes them away with the test."""
    applied: list[str] = []

    def strictly(text: str) -> None:
        applied.append(text)
        cluster.kubectl(
            "apply", "--server-side", "--validate=strict", "--warnings-as-errors", "-f", "-", stdin=text
        )

    yield strictly
    for text in applied:
        cluster.kubectl("delete", "--timeout=60s", "--ignore-not-found", "-f", "-", stdin=text)
