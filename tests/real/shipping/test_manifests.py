"""The plain manifests, for people without Helm: made of the chart, built by kustomize, taken by a real API server."""

from __future__ import annotations

import os
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


def test_the_dashboards_are_the_charts_and_the_api_server_takes_them(
    schemas: Path, apply: Any, cluster: LocalKubernetes
) -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "grafana"}}
    text = cluster.kubectl("kustomize", str(ROOT / "manifests/dashboards"))
    assert kubeconform(schemas, text) == ""
    objects = parsed(text)
    values = ROOT / "tests/shipping/values/everything.yaml"
    shipped = [
        each
        for each in of_kind(chart.rendered("ml", values), "ConfigMap")
        if "dashboard" in str(each["metadata"])
    ]
    assert [each["metadata"]["labels"] for each in objects] == [{"grafana_dashboard": "1"}] * len(objects)
    assert {name: text.strip() for each in objects for name, text in each["data"].items()} == {
        name: text.strip() for each in shipped for name, text in each["data"].items()
    }
    for each in objects:
        each["metadata"]["namespace"] = "grafana"
    apply(dumped([namespace, *objects]))


def test_an_overlay_may_choose_the_namespace(cluster: LocalKubernetes, tmp_path: Path) -> None:
    base = os.path.relpath(ROOT / "manifests/base", tmp_path)
    (tmp_path / "kustomization.yaml").write_text(f"resources: [{base}]\nnamespace: elsewhere\n")
    objects = parsed(cluster.kubectl("kustomize", str(tmp_path)))
    subjects = [s for each in of_kind(objects, "RoleBinding", "ClusterRoleBinding") for s in each["subjects"]]
    services = [
        webhook["clientConfig"]["service"]
        for each in of_kind(objects, "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
        for webhook in each["webhooks"]
    ]
    named = [each["metadata"]["namespace"] for each in objects if "namespace" in each["metadata"]]
    assert {*named, *(each["namespace"] for each in (*subjects, *services))} == {"elsewhere"}
    assert len(subjects) == len(services) == 2
