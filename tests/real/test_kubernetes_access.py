"""Who we are to a real API server, what we may do there, and how it is told when we may not."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path

import pytest
import yaml
from kubernetes.config import incluster_config

from trainmaster.errors import DeniedError
from trainmaster.local.kubernetes.controlplane import LocalKubernetes
from trainmaster.settings import Kubernetes, Webhook
from trainmaster.sources.kubernetes import connection
from trainmaster.sources.kubernetes.api import LEASES, SECRETS, TRAININGJOBS, Api
from trainmaster.sources.kubernetes.connection import Connection
from trainmaster.sources.kubernetes.rights import Right, Where, missing_rights, needed

ACCOUNT = "controller"
RBAC = "rbac.authorization.k8s.io"


class Account:
    """A ServiceAccount, its kubeconfig, and what it may do."""

    def __init__(self, kubernetes: LocalKubernetes, namespace: str) -> None:
        self.kubernetes, self.namespace = kubernetes, namespace
        kubernetes.kubectl("create", "serviceaccount", ACCOUNT, "-n", namespace)
        self.kubeconfig = kubernetes.kubeconfig_for(namespace, ACCOUNT)
        self.who = f"system:serviceaccount:{namespace}:{ACCOUNT}"

    def grant(self, rights: Iterable[Right]) -> None:
        """Just these, in its own namespace; for kinds that are in none, in the whole cluster."""
        rights = list(rights)
        own = [right.rule for right in rights if right.where is not Where.CLUSTER]
        everywhere = [right.rule for right in rights if right.where is Where.CLUSTER]
        objects = [*self._role("", own), *self._role("Cluster", everywhere)]
        self.kubernetes.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(objects))

    def _role(self, scope: str, rules: list[object]) -> list[object]:
        place = {} if scope else {"namespace": self.namespace}
        metadata = {"name": self.namespace, **place}
        api = {"apiVersion": f"{RBAC}/v1", "metadata": metadata}
        role = api | {"kind": f"{scope}Role", "rules": rules}
        subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": self.namespace}
        reference = {"apiGroup": RBAC, "kind": f"{scope}Role", "name": self.namespace}
        return [role, api | {"kind": f"{scope}RoleBinding", "roleRef": reference, "subjects": [subject]}]

    def withdraw(self) -> None:
        self.kubernetes.kubectl(
            "delete", "clusterrole,clusterrolebinding", self.namespace, "--ignore-not-found"
        )


@pytest.fixture
def account(kubernetes: LocalKubernetes, namespace: str) -> Account:
    return Account(kubernetes, namespace)


@pytest.fixture
async def api(account: Account) -> AsyncIterator[Api]:
    made = Api.connect(Kubernetes(namespace=account.namespace), str(account.kubeconfig))
    yield made
    await made.close()
    account.withdraw()


def scope(namespace: str) -> Kubernetes:
    """A controller of one namespace that keeps the certificate of its webhooks."""
    return Kubernetes(namespace=namespace, namespaces=(namespace,), webhook=Webhook(port=0))


async def missing(api: Api, settings: Kubernetes, met: Callable[[list[str]], bool]) -> list[str]:
    """The sentences, once they are so: the API server takes a moment to take in what became of roles."""
    for _ in range(100):
        if met(found := await missing_rights(api, settings)):
            break
        await asyncio.sleep(0.1)
    return found


def none(found: list[str]) -> bool:
    return not found


def beginnings(sentences: Iterable[str]) -> set[str]:
    """Who lacks which right, without where and why."""
    return {sentence.split(" of ")[0].split(" in ")[0] for sentence in sentences}


async def test_with_the_whole_table_no_right_is_missing(account: Account, api: Api) -> None:
    account.grant(needed(scope(account.namespace)))
    assert await missing(api, scope(account.namespace), none) == []


async def test_each_right_is_missed_by_itself(account: Account, api: Api) -> None:
    """One rule after the other is taken away: exactly its verbs are told."""
    table = needed(scope(account.namespace))
    for left_out in table:
        account.grant(right for right in table if right is not left_out)
        kind = "/".join(filter(None, (left_out.resource.plural, left_out.subresource)))
        told = {f"{account.who} lacks the right to {verb} {kind}" for verb in left_out.verbs}
        found = await missing(
            api, scope(account.namespace), lambda found, told=told: beginnings(found) == told
        )
        assert beginnings(found) == told
        assert all(sentence.endswith(f"which it needs {left_out.purpose}") for sentence in found)


async def test_a_controller_of_the_whole_cluster_misses_rights_that_it_has_in_one_namespace(
    account: Account, api: Api
) -> None:
    account.grant(needed(scope(account.namespace)))
    settings = Kubernetes(namespace=account.namespace)
    lists = (
        f"{account.who} lacks the right to list trainingjobs of trainmaster.io in the whole cluster, "
        "which it needs to see which jobs are declared"
    )
    found = await missing(api, settings, lambda found: all("whole cluster" in each for each in found))
    assert lists in found
    assert all(" in the whole cluster" in sentence for sentence in found)


async def test_a_refused_call_names_the_right(account: Account, api: Api) -> None:
    with pytest.raises(DeniedError) as caught:
        await api.patch(TRAININGJOBS, account.namespace, "mnist", {"status": {}}, subresource="status")
    assert (
        "lacks the right to patch trainingjobs/status of trainmaster.io named mnist "
        f"in namespace {account.namespace}" in str(caught.value)
    )
    assert account.who in str(caught.value)
    with pytest.raises(DeniedError, match="lacks the right to list secrets in the whole cluster"):
        await api.list(SECRETS)


async def test_a_namespace_that_ends_is_not_told_as_a_missing_right(
    account: Account, api: Api, kubernetes: LocalKubernetes
) -> None:
    account.grant(needed(scope(account.namespace)))
    assert await missing(api, scope(account.namespace), none) == []
    held = {"metadata": {"name": "held", "finalizers": ["trainmaster.io/test"]}, "spec": {}}
    await api.create(LEASES, account.namespace, held)
    kubernetes.kubectl("delete", "namespace", account.namespace, "--wait=false")
    with pytest.raises(DeniedError, match="being terminated") as caught:
        await api.create(SECRETS, account.namespace, {"metadata": {"name": "a"}})
    assert "right" not in str(caught.value)
    patch = '{"metadata": {"finalizers": null}}'
    kubernetes.kubectl("patch", "lease", "held", "-n", account.namespace, "--type=merge", "-p", patch)


# --- credentials


@pytest.fixture
def pod(
    account: Account, kubernetes: LocalKubernetes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The folder of a ServiceAccount as the kubelet mounts it, and the variables of a pod."""
    (tmp_path / "namespace").write_text(account.namespace)
    (tmp_path / "ca.crt").write_bytes(kubernetes.ca.read_bytes())
    renew(account, tmp_path)
    host, port = kubernetes.url.removeprefix("https://").split(":")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
    monkeypatch.setattr(connection, "_POD", tmp_path)
    monkeypatch.setattr(connection, "_RELOAD_PAUSE", 0.0)
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    return tmp_path


def renew(account: Account, folder: Path) -> None:
    token = account.kubernetes.kubectl("create", "token", ACCOUNT, "-n", account.namespace)
    new = folder / "token.new"
    new.write_text(token.strip())
    new.rename(folder / "token")


async def test_a_pod_is_its_service_account_in_its_namespace(account: Account, pod: Path) -> None:
    assert os.environ["KUBECONFIG"]  # which a pod doesn't look at
    account.grant(needed(scope(account.namespace)))
    api = Api(Connection())
    assert await missing(api, scope(account.namespace), none) == []
    assert api.namespace == account.namespace
    assert await api.list(SECRETS, account.namespace) == await api.list(SECRETS, account.namespace)
    with pytest.raises(DeniedError, match=account.who):
        await api.list(SECRETS, "kube-system")
    await api.close()


async def test_a_token_that_is_not_good_any_more_is_read_again(account: Account, pod: Path) -> None:
    """A ServiceAccount that is deleted takes its tokens along; the kubelet brings those of the next one."""
    account.grant(needed(scope(account.namespace)))
    api = Api(Connection())
    assert await missing(api, scope(account.namespace), none) == []
    await api.list(SECRETS, account.namespace)
    account.kubernetes.kubectl("delete", "serviceaccount", ACCOUNT, "-n", account.namespace)
    account.kubernetes.kubectl("create", "serviceaccount", ACCOUNT, "-n", account.namespace)
    with pytest.raises(DeniedError, match="the pod's ServiceAccount are not valid") as caught:
        await until_refused(api)
    assert (pod / "token").read_text() not in str(caught.value)
    renew(account, pod)
    await api.list(SECRETS, account.namespace)
    await api.close()


async def until_refused(api: Api) -> None:
    """The API server remembers for some seconds whose a token is."""
    for _ in range(200):
        await api.list(SECRETS, api.namespace)
        await asyncio.sleep(0.2)
