"""The chart's roles are the controller's table of rights: no less by its own judgement, and no more by the API server's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from real.cluster import until
from real.shipping.chart import ROOT, VALUES, Object, dumped, of_kind, rendered, settings_of
from trainmaster.local.kubernetes.controlplane import LocalKubernetes
from trainmaster.settings import Kubernetes
from trainmaster.sources.kubernetes import rights
from trainmaster.sources.kubernetes.api import Api

TEAMS = ("team-a", "team-b")
JOBS = "trainingjobs.trainmaster.io"
LEASES = "leases.coordination.k8s.io"
each_values = pytest.mark.parametrize("values", VALUES, ids=lambda path: path.stem)


@each_values
def test_the_roles_are_exactly_the_table_of_rights(
    values: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = rendered("ml", values)
    settings = settings_of(objects, tmp_path, monkeypatch).kubernetes
    spaces = {
        rights.Where.OWN: ("ml",),
        rights.Where.JOBS: settings.namespaces or ("*",),
        rights.Where.VALUES: settings.secret_namespaces,
        rights.Where.CLUSTER: ("*",),
    }
    needed = {
        (space, *right)
        for each in rights.needed(settings)
        for space in spaces[each.where]
        for right in single(each.rule)
    }
    assert granted(objects) == needed


def granted(objects: list[Object]) -> set[tuple[str, ...]]:
    """Every single right that the account is bound to, by namespace; * for all of them."""
    [account] = of_kind(objects, "ServiceAccount")
    who = {"kind": "ServiceAccount", "name": account["metadata"]["name"], "namespace": "ml"}
    roles = {
        key(each): each["rules"] for each in of_kind(objects, "Role", "ClusterRole") if not for_people(each)
    }
    bindings = of_kind(objects, "RoleBinding", "ClusterRoleBinding")
    assert [each["subjects"] for each in bindings] == [[who]] * len(roles)
    bound = {(space_of(each), each["roleRef"]["name"]) for each in bindings}
    assert bound == roles.keys()
    return {(space, *right) for space, name in bound for rule in roles[space, name] for right in single(rule)}


def for_people(role: Object) -> bool:
    """Whether it is a part of the cluster's own roles: then it is bound to nobody by itself."""
    return any("/aggregate-to-" in label for label in role["metadata"]["labels"])


PEOPLE = {
    "view": [("list", JOBS)],
    "edit": [("list", JOBS), ("create", JOBS), ("delete", JOBS), ("patch", f"{JOBS}/scale")],
    "admin": [("list", JOBS), ("create", JOBS), ("delete", JOBS), ("patch", f"{JOBS}/scale")],
}


@pytest.mark.parametrize("role", PEOPLE)
def test_whoever_edits_a_namespace_declares_jobs_in_it_and_shows_nothing_of_them(
    role: str, home: str, apply: Any, cluster: LocalKubernetes
) -> None:
    apply(dumped(rendered(home, ROOT / "tests/shipping/values/minimal.yaml")))
    who = f"{role}-of-team-a"
    cluster.kubectl("create", "rolebinding", who, "-n", "team-a", f"--clusterrole={role}", f"--user={who}")
    more = [("create", JOBS), ("delete", JOBS), ("patch", f"{JOBS}/scale")]
    asked = [(verb, kind, "team-a") for verb, kind in (("list", JOBS), *more)]
    expected = [(verb, kind, "team-a") for verb, kind in PEOPLE[role]]
    until(lambda: allowed(cluster, who, asked) == expected)
    no = [("patch", f"{JOBS}/status", "team-a"), ("list", JOBS, "team-b"), ("create", JOBS, "team-b")]
    assert allowed(cluster, who, no) == []


def key(role: Object) -> tuple[str, str]:
    return space_of(role), role["metadata"]["name"]


def space_of(each: Object) -> str:
    return str(each["metadata"].get("namespace", "*"))


def single(rule: Object) -> Iterator[tuple[str, ...]]:
    for group in rule["apiGroups"]:
        for resource in rule["resources"]:
            for verb in rule["verbs"]:
                for name in rule.get("resourceNames", ("",)):
                    yield group, resource, verb, name


@pytest.mark.parametrize("name", ["minimal", "namespaced", "cert-manager"])
async def test_its_account_lacks_no_right(
    name: str,
    home: str,
    apply: Any,
    cluster: LocalKubernetes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    objects = rendered(home, ROOT / f"tests/shipping/values/{name}.yaml")
    apply(dumped(objects))
    settings = settings_of(objects, tmp_path, monkeypatch).kubernetes
    assert await missing(cluster.kubeconfig_for(home, account_of(objects)), settings) == []


async def test_its_account_would_hear_of_a_right_that_it_lacks(
    home: str, apply: Any, cluster: LocalKubernetes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = rendered(home, VALUES[0])
    apply(dumped([each for each in objects if each["kind"] != "RoleBinding"]))
    settings = settings_of(objects, tmp_path, monkeypatch).kubernetes
    assert await missing(cluster.kubeconfig_for(home, account_of(objects)), settings)


@each_values
def test_its_account_may_not_do_more(values: Path, home: str, apply: Any, cluster: LocalKubernetes) -> None:
    objects = rendered(home, values)
    apply(dumped(objects))
    opened = yaml.safe_load(values.read_text()).get("secretNamespaces", ())
    secrets = [
        (verb, kind, space)
        for verb in ("get", "list", "watch", "create")
        for kind in ("secrets", "configmaps")
        for space in ("default", *TEAMS)
        if verb != "get" or space not in opened
    ]
    more = [
        *secrets,
        ("create", JOBS, "team-a"),
        ("update", JOBS, "team-a"),
        ("get", "pods", home),
        ("patch", "deployments.apps", home),
        ("update", LEASES, home, "another"),
        ("patch", "validatingwebhookconfigurations.admissionregistration.k8s.io", "", "another"),
        ("create", "validatingwebhookconfigurations.admissionregistration.k8s.io"),
        ("create", "clusterrolebindings.rbac.authorization.k8s.io"),
        ("impersonate", "users"),
    ]
    who = f"system:serviceaccount:{home}:{account_of(objects)}"
    assert allowed(cluster, who, more) == []
    own = [("list", JOBS, "team-a"), ("update", LEASES, home, lease_of(objects))]
    own += [("get", kind, space) for kind in ("secrets", "configmaps") for space in opened]
    assert allowed(cluster, who, own) == own
    watched = yaml.safe_load(values.read_text()).get("watchNamespaces")
    elsewhere = ("list", JOBS, "default")
    assert allowed(cluster, who, [elsewhere]) == ([] if watched else [elsewhere])


def lease_of(objects: list[Object]) -> str:
    [deployment] = of_kind(objects, "Deployment")
    return str(deployment["metadata"]["name"])


def allowed(cluster: LocalKubernetes, who: str, asked: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Those of (verb, plural.group, namespace, name) that the API server's authorizer allows."""
    text = dumped([review(who, *each) for each in asked])
    lines = 'jsonpath={.status.allowed}{"\\n"}'
    answers = cluster.kubectl("create", "-f", "-", "-o", lines, stdin=text).split()
    verdicts = [{"true": True, "false": False}[answer] for answer in answers]
    return [each for each, yes in zip(asked, verdicts, strict=True) if yes]


def review(who: str, verb: str, kind: str, namespace: str = "", name: str = "") -> Object:
    whole, _, part = kind.partition("/")
    resource, _, group = whole.partition(".")
    wanted = {"verb": verb, "resource": resource, "group": group, "namespace": namespace, "name": name}
    wanted |= {"subresource": part} if part else {}
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": who, "resourceAttributes": wanted},
    }


def account_of(objects: list[Object]) -> str:
    [account] = of_kind(objects, "ServiceAccount")
    return str(account["metadata"]["name"])


async def missing(kubeconfig: Path, settings: Kubernetes) -> list[str]:
    api = Api.connect(settings, str(kubeconfig))
    try:
        return await rights.missing_rights(api, settings)
    finally:
        await api.close()
