"""The local control plane, for real: killed in parts, held to its own rules, and gone without a trace."""

from __future__ import annotations

import json

import pytest

from trainmaster.local.kubernetes.controlplane import LocalKubernetes


def test_kubectl_knows_our_kinds(kubernetes: LocalKubernetes, namespace: str) -> None:
    assert kubernetes.kubectl("get", "tj", "-n", namespace, "-o", "name") == ""


@pytest.mark.parametrize("daemon", ["etcd", "kube-apiserver"])
def test_objects_and_url_survive_a_kill(kubernetes: LocalKubernetes, namespace: str, daemon: str) -> None:
    url = kubernetes.url
    kubernetes.kubectl("create", "configmap", "kept", "-n", namespace, "--from-literal=a=b")
    kubernetes.kill(daemon)
    kubernetes.start(daemon)
    kubernetes.wait_ready()
    found = json.loads(kubernetes.kubectl("get", "configmap", "kept", "-n", namespace, "-o", "json"))
    assert found["data"] == {"a": "b"}
    assert kubernetes.url == url
