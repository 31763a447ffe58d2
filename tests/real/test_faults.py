"""The proxy of faults.py does what the tests that use it rely on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kubernetes import client, config, watch
from urllib3.exceptions import ProtocolError

from real.cluster import until
from real.faults import FaultyApi, about, conflict, cut, expired, lost, slow, throttled, writes
from trainmaster.local.kubernetes.controlplane import LocalKubernetes


@pytest.fixture(scope="module")
def faulty(kubernetes: LocalKubernetes) -> Iterator[FaultyApi]:
    with FaultyApi(kubernetes) as proxy:
        yield proxy


@pytest.fixture
def core(kubernetes: LocalKubernetes, faulty: FaultyApi, namespace: str, tmp_path: Path) -> client.CoreV1Api:
    """A client that may write ConfigMaps in the namespace, and tries nothing again."""
    grant = ("--clusterrole=edit", f"--serviceaccount={namespace}:default", "-n", namespace)
    kubernetes.kubectl("create", "rolebinding", "test", *grant)
    until(lambda: kubernetes.kubectl("get", "serviceaccount", "-n", namespace, "-o", "name"))
    kubeconfig = faulty.kubeconfig(kubernetes.kubeconfig_for(namespace, "default"))
    api = config.new_client_from_config(str(kubeconfig))
    api.rest_client.pool_manager.connection_pool_kw["retries"] = False
    return client.CoreV1Api(api)


def make(core: client.CoreV1Api, namespace: str, name: str) -> None:
    core.create_namespaced_config_map(namespace, {"metadata": {"name": name}})


def names(core: client.CoreV1Api, namespace: str) -> set[str]:
    found = core.list_namespaced_config_map(namespace).items
    return {item.metadata.name for item in found} - {"kube-root-ca.crt"}


def test_without_a_fault_it_is_the_api_server(core: client.CoreV1Api, namespace: str) -> None:
    make(core, namespace, "a")
    assert names(core, namespace) == {"a"}


def test_slow_answers_come(faulty: FaultyApi, core: client.CoreV1Api, namespace: str) -> None:
    started = time.monotonic()
    with faulty.doing(slow(1)):
        make(core, namespace, "late")
    assert time.monotonic() - started > 1
    assert names(core, namespace) == {"late"}


@pytest.mark.parametrize(("fault", "code"), [(throttled(3), 429), (conflict, 409)])
def test_a_refusal_changes_nothing(
    fault: object, code: int, faulty: FaultyApi, core: client.CoreV1Api, namespace: str
) -> None:
    with faulty.doing(fault, writes) as met, pytest.raises(client.ApiException) as refused:
        make(core, namespace, "refused")
    assert refused.value.status == code
    assert len(met) == 1
    assert names(core, namespace) == set()


def test_a_cut_request_is_never_heard_and_a_lost_answer_was(
    faulty: FaultyApi, core: client.CoreV1Api, namespace: str
) -> None:
    with faulty.doing(cut, about("configmaps")), pytest.raises(ProtocolError):
        make(core, namespace, "cut")
    with faulty.doing(lost, about("configmaps")), pytest.raises(ProtocolError):
        make(core, namespace, "lost")
    assert names(core, namespace) == {"lost"}


def test_watches_pass_and_can_be_ended(faulty: FaultyApi, core: client.CoreV1Api, namespace: str) -> None:
    make(core, namespace, "seen")
    watching = watch.Watch().stream(core.list_namespaced_config_map, namespace)
    assert "seen" in {next(watching)["object"].metadata.name for _ in range(2)}
    faulty.hang_up()
    with pytest.raises(ProtocolError):
        next(watching)
    with faulty.doing(expired), pytest.raises(client.ApiException) as over:
        next(watch.Watch().stream(core.list_namespaced_config_map, namespace, resource_version="1"))
    assert over.value.status == 410
