"""The plain manifests, for people without Helm: made of the chart, built by kustomize, taken by a real API server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from real.shipping import chart
from real.shipping.chart import PLAIN, ROOT, dumped, of_kind, parsed
from real.shipping.schemas import kubeconform
from trainmaster.local.kubernetes.controlplane import LocalKubernetes


def test_the_plain_manifests_are_made_of_the_chart() -> None:
    assert PLAIN.read_text() == chart.plain_manifests(), "make manifests"


@pytest.mark.parametrize("folder", ["base", "example"])
def test_kustomize_and_the_api_server_take_the_plain_manifests(
    folder: str, schemas: Path, apply: Any, cluster: LocalKubernetes
) -> None:
    text = cluster.kubectl("kustomize", str(ROOT / "manifests" / folder))
    assert kubeconform(schemas, text) == ""
    objects = parsed(text)
    [definition] = of_kind(objects, "CustomResourceDefinition")
    cluster.define(dumped([definition]))
    apply(dumped([each for each in objects if each is not definition]))
