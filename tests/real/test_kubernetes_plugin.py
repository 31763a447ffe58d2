"""`kubectl trainmaster ...`: the command line as kubectl's plugin, with the rights that its user has."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from real.cluster import until
from real.person import Person, with_namespace
from real.served import Served, job
from trainmaster.local.kubernetes.controlplane import LocalKubernetes

SPEC = {"roles": {"worker": {"command": "train"}}}


@pytest.fixture
def served(kubernetes: LocalKubernetes, namespace: str) -> Served:
    return Served(kubernetes, namespace)


@pytest.fixture
def plugins(tmp_path: Path) -> Path:
    """A folder with what an installation puts on the PATH."""
    for name, module, function in (
        ("kubectl-trainmaster", "main", "run"),
        ("kubectl_complete-trainmaster", "completing", "plugin"),
    ):
        script = tmp_path / name
        script.write_text(
            f"#!{sys.executable}\nfrom trainmaster.cli.{module} import {function}\n{function}()\n"
        )
        script.chmod(0o755)
    return tmp_path


def test_kubectl_finds_it_and_its_words(
    kubernetes: LocalKubernetes, served: Served, plugins: Path, namespace: str
) -> None:
    served.create(SPEC, "mnist")
    kubeconfig = with_namespace(kubernetes.kubeconfig, namespace, plugins / "config")
    environ = os.environ | {"PATH": f"{plugins}:{os.environ['PATH']}", "KUBECONFIG": str(kubeconfig)}

    def kubectl(*words: str) -> list[str]:
        command = [str(kubernetes.program("kubectl")), *words]
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout.split()

    assert kubectl("trainmaster", "get", "-o", "name") == ["trainingjob.trainmaster.io/mnist"]
    assert kubectl("__complete", "trainmaster", "describe", "m") == ["mnist", ":4"]


def test_who_may_only_look_is_told_what_he_may_not(
    kubernetes: LocalKubernetes, served: Served, namespace: str, tmp_path: Path
) -> None:
    served.create(SPEC, "mnist")
    served.ok("create", "serviceaccount", "viewer")
    served.ok("create", "role", "viewer", "--verb=get,list", "--resource=trainingjobs.trainmaster.io")
    served.ok("create", "rolebinding", "viewer", "--role=viewer", f"--serviceaccount={namespace}:viewer")
    config = with_namespace(kubernetes.kubeconfig_for(namespace, "viewer"), namespace, tmp_path / "viewer")
    viewer = Person(None, tmp_path, KUBECONFIG=str(config), TRAINMASTER_SOURCE="kubernetes")
    assert "mnist" in viewer.ok("get")
    assert "Declared" in viewer.ok("describe", "mnist")
    text = yaml.safe_dump(job(SPEC, "mnist") | {"spec": SPEC | {"priority": 1}})
    for words, verb in (
        (("suspend", "mnist"), "patch"),
        (("apply", "-f", "-"), "patch"),
        (("delete", "mnist"), "delete"),
        (("get", "-A"), "list"),
        (("events", "mnist"), "list events"),
    ):
        ran = viewer(*words, stdin=text)
        assert (ran.code, ran.out) == (77, "")
        assert f"lacks the right to {verb}" in ran.err
    patches = '[{"op": "add", "path": "/rules/0/verbs/-", "value": "patch"}]'
    served.ok("patch", "role", "viewer", "--type=json", "-p", patches)
    until(lambda: viewer("suspend", "mnist").code == 0)
    ran = viewer("apply", "-f", "-", stdin=yaml.safe_dump(job(SPEC, "other")))
    assert (ran.code, "lacks the right to create trainingjobs" in ran.err) == (77, True)
