"""The local control plane, for real: killed in parts, held to its own rules, and gone without a trace."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from real.cluster import ended, until, up
from trainmaster.errors import RefusedError
from trainmaster.local import processes
from trainmaster.local.cluster import LocalHadoop
from trainmaster.local.kubernetes.audit import AuditLog, Call
from trainmaster.local.kubernetes.commands import DAEMONS
from trainmaster.local.kubernetes.controlplane import LocalKubernetes
from trainmaster.local.kubernetes.options import KubernetesOptions
from trainmaster.local.kubernetes.programs import control_plane
from trainmaster.local.services import daemons

JOB = {
    "apiVersion": "trainmaster.io/v1alpha1",
    "kind": "TrainingJob",
    "metadata": {"name": "some"},
    "spec": {"roles": {"worker": {"replicas": 1, "command": "true"}}},
}


def get(kubernetes: LocalKubernetes, namespace: str, *what: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(kubernetes.kubectl("get", "-n", namespace, "-o", "json", *what))
    return answer


def apply(kubernetes: LocalKubernetes, namespace: str, thing: dict[str, Any]) -> None:
    kubernetes.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(thing))


def of_folder(folder: Path) -> list[processes.Process]:
    return processes.with_environment(f"TRAINMASTER_LOCAL={folder}\0".encode())


def pids(kubernetes: LocalKubernetes) -> dict[str, int | None]:
    return {daemon.name: daemon.pid for daemon in kubernetes.status()}


def test_every_daemon_works_after_up(kubernetes: LocalKubernetes) -> None:
    assert [daemon.name for daemon in kubernetes.status()] == list(DAEMONS)
    assert all(daemon.ready for daemon in kubernetes.status())


def test_the_api_server_is_of_the_pinned_version(kubernetes: LocalKubernetes) -> None:
    versions = json.loads(kubernetes.kubectl("version", "-o", "json"))
    pinned = f"v{control_plane().required('k8s.io/kubernetes')}"
    assert versions["serverVersion"]["gitVersion"] == versions["clientVersion"]["gitVersion"] == pinned


def test_kubectl_knows_our_kinds(kubernetes: LocalKubernetes, namespace: str) -> None:
    apply(kubernetes, namespace, JOB)
    assert (
        kubernetes.kubectl("get", "tj", "-n", namespace, "-o", "name") == "trainingjob.trainmaster.io/some\n"
    )


def test_a_second_up_changes_nothing(kubernetes: LocalKubernetes) -> None:
    before, url = pids(kubernetes), kubernetes.url
    kubernetes.up()
    assert (pids(kubernetes), kubernetes.url) == (before, url)


@pytest.mark.parametrize("daemon", ["etcd", "kube-apiserver"])
def test_objects_and_url_survive_a_kill(kubernetes: LocalKubernetes, namespace: str, daemon: str) -> None:
    before, url = pids(kubernetes), kubernetes.url
    kubernetes.kubectl("create", "configmap", "kept", "-n", namespace, "--from-literal=a=b")
    kubernetes.kill(daemon)
    assert pids(kubernetes)[daemon] is None
    kubernetes.start(daemon)
    kubernetes.wait_ready()
    assert get(kubernetes, namespace, "configmap", "kept")["data"] == {"a": "b"}
    assert kubernetes.url == url
    assert {name for name, pid in pids(kubernetes).items() if pid != before[name]} == {daemon}


def test_what_was_owned_goes_with_its_owner(kubernetes: LocalKubernetes, namespace: str) -> None:
    kubernetes.kubectl("create", "configmap", "owner", "-n", namespace)
    uid = get(kubernetes, namespace, "configmap", "owner")["metadata"]["uid"]
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}
    metadata = {"name": "owned", "ownerReferences": [reference]}
    apply(kubernetes, namespace, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    kubernetes.kubectl("delete", "configmap", "owner", "-n", namespace)
    until(lambda: names(kubernetes, namespace).isdisjoint({"owner", "owned"}))


def names(kubernetes: LocalKubernetes, namespace: str) -> set[str]:
    return {item["metadata"]["name"] for item in get(kubernetes, namespace, "configmaps")["items"]}


def test_a_namespace_goes_with_all_that_is_in_it(kubernetes: LocalKubernetes, namespace: str) -> None:
    apply(kubernetes, namespace, JOB)
    kubernetes.kubectl("delete", "namespace", namespace, "--timeout=240s")
    assert not kubernetes.kubectl("get", "namespace", namespace, "--ignore-not-found")


def as_account(kubernetes: LocalKubernetes, kubeconfig: Path) -> Callable[..., str]:
    return lambda *words: kubernetes.kubectl("--kubeconfig", str(kubeconfig), *words)


def test_a_service_account_may_do_what_rbac_says_and_no_more(
    kubernetes: LocalKubernetes, namespace: str
) -> None:
    kubernetes.kubectl("create", "serviceaccount", "reader", "-n", namespace)
    kubeconfig = kubernetes.kubeconfig_for(namespace, "reader")
    ask = as_account(kubernetes, kubeconfig)
    with pytest.raises(RefusedError, match=f'"system:serviceaccount:{namespace}:reader" cannot list'):
        ask("get", "trainingjobs")
    for kind, *what in (
        ("role", "--verb=list", "--resource=trainingjobs"),
        ("rolebinding", "--role=reader", f"--serviceaccount={namespace}:reader"),
    ):
        kubernetes.kubectl("create", kind, "reader", *what, "-n", namespace)
    assert until(lambda: allowed(lambda: ask("get", "trainingjobs", "-o", "name") == ""))
    with pytest.raises(RefusedError, match="cannot list resource"):
        ask("get", "secrets")
    assert kubeconfig.stat().st_mode & 0o777 == 0o600


def allowed(ask: Callable[[], bool]) -> bool:
    """RBAC learns of a new role within some milliseconds."""
    try:
        return ask()
    except RefusedError:
        return False


def test_nobody_gets_in_without_a_name(kubernetes: LocalKubernetes) -> None:
    answer = requests.get(f"{kubernetes.url}/version", verify=str(kubernetes.ca), timeout=10)
    assert answer.status_code == requests.codes.unauthorized


def test_every_write_is_in_the_audit_log(kubernetes: LocalKubernetes, namespace: str) -> None:
    log = AuditLog(kubernetes.audit_log)
    kubernetes.kubectl("create", "configmap", "one", "-n", namespace)
    kubernetes.kubectl("delete", "configmap", "one", "-n", namespace)
    made: list[Call] = []
    wanted = [Call(verb, "configmaps", namespace, "admin") for verb in ("create", "delete")]

    def ours(call: Call) -> bool:
        """A new namespace gets objects of the controller manager as well, sooner or later."""
        return call.write and call.namespace == namespace and call.user == "admin"

    until(lambda: made.extend(filter(ours, log.new())) or made == wanted)


def test_down_leaves_no_process_and_up_finds_the_objects(tmp_path: Path) -> None:
    plane = LocalKubernetes(tmp_path / "plane", KubernetesOptions(apiserver=("--v=1",)))
    with up(plane):
        plane.kubectl("create", "configmap", "kept")
        plane.down()
        assert of_folder(plane.folder) == []
        plane.up()
        assert "kept" in names(plane, "default")
        plane.down(purge=True)
    assert not plane.folder.exists()


def test_the_command_line_has_hadoop_and_kubernetes_up_and_down(tmp_path: Path) -> None:
    folder = tmp_path / "local"
    with ended(LocalHadoop(folder)), ended(LocalKubernetes(folder / "kubernetes")):
        assert "Kubernetes is up: https://127.0.0.1:" in local(folder, "up", "--kubernetes")
        assert re.findall(r"^\S+", local(folder, "status"), re.MULTILINE) == [*daemons(1), *DAEMONS]
        assert 'export TRAINMASTER_POLICY=\'[{"namespace": "*", "users": ["' in local(folder, "env")
        assert "trainingjobs.trainmaster.io" in local(folder, "kubectl", "get", "crd", "-o", "name")
        local(folder, "down", "--purge")
        assert of_folder(folder) + of_folder(folder / "kubernetes") == []
    assert not folder.exists()


def local(folder: Path, command: str, *words: str) -> str:
    program = [sys.executable, "-m", "trainmaster", "local", command, "--dir", str(folder), *words]
    done = subprocess.run(program, capture_output=True, text=True, check=False, timeout=400)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_killed_test_run_leaves_no_process(tmp_path: Path) -> None:
    folder = tmp_path / "plane"
    script = (
        "import os; from pathlib import Path; from real.cluster import up\n"
        "from trainmaster.local.kubernetes.controlplane import LocalKubernetes\n"
        f"with up(LocalKubernetes(Path({str(folder)!r}))): os.kill(os.getpid(), 9)"
    )
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], env=environ, check=False, timeout=240)
    assert done.returncode == -9
    until(lambda: not of_folder(folder))
