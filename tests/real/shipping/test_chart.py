"""The chart: linted, strict with values, read by the controller's settings, validated, applied, installed by Helm."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from real import tools
from real.shipping import chart
from real.shipping.chart import (
    CHART,
    CRD,
    RELEASE,
    ROOT,
    VALUES,
    Object,
    dumped,
    of_kind,
    rendered,
    settings_of,
)
from real.shipping.schemas import kubeconform
from trainmaster.errors import RefusedError
from trainmaster.local.kubernetes.controlplane import LocalKubernetes
from trainmaster.master.codec import encode
from trainmaster.plan.memory import Memory
from trainmaster.sources.kubernetes.api import SECRETS, Api
from trainmaster.sources.kubernetes.connection import Connection
from trainmaster.sources.kubernetes.installation import Installation
from trainmaster.sources.kubernetes.lease import KubernetesLease
from trainmaster.sources.kubernetes.records import packed

each_values = pytest.mark.parametrize("values", VALUES, ids=lambda path: path.stem)


# --- rendering


@each_values
def test_lint_finds_nothing(values: Path) -> None:
    done = tools.run(
        "helm", "lint", "--strict", str(CHART), "-f", str(values), "--kube-version", chart.KUBE_VERSION
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[WARNING]" not in done.stdout
    assert "0 chart(s) failed" in done.stdout


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("replica=3", "replica"),
        ("webhook.failurePolice=Fail", "failurePolice"),
        ("settings.store=hdfs:///", "store"),
        ("networkPolicy.enabled=true", "hadoopCidrs"),
        ("ingress.enabled=true", "host"),
        ("reports.enabled=true", "url"),
        ("policy[0].users={vision}", "namespace"),
        ("image.digest=latest", "digest"),
        ("serviceAccount.create=false", "serviceAccount"),
        ("listen=127.0.0.1", "listen"),
        ("listen=localhost", "listen"),
        ("listen=::1", "listen"),
        ("listen=$(POD_IP)", "listen"),
        ("ingress.host=Trainmaster_1", "host"),
        ("policy[0].namespace=Vision", "namespace"),
        ("settings.port_last=0", "port_last"),
        ("nameOverride=Train_Master", "nameOverride"),
        ("fullnameOverride=trainmaster.example", "fullnameOverride"),
        ("settings.web_port=9091", "web_port"),
        ("settings.port_first=30000", "settings.port_first (30000) is above settings.port_last (29999)"),
        ("extraEnv[0].name=TRAINMASTER_WEB_PORT", "extraEnv"),
    ],
)
def test_values_that_mean_nothing_are_refused(setting: str, complaint: str) -> None:
    done = tools.run(
        "helm", "template", RELEASE, str(CHART), "--kube-version", chart.KUBE_VERSION, "--set", setting
    )
    assert done.returncode != 0
    assert complaint in done.stderr


@pytest.mark.parametrize("release", ["1st", "team.ml"])
def test_a_release_after_which_no_service_can_be_named_is_refused(release: str) -> None:
    command = ("helm", "template", release, str(CHART), "--kube-version", chart.KUBE_VERSION)
    refused = tools.run(*command)
    assert refused.returncode != 0
    assert "set fullnameOverride" in refused.stderr
    assert tools.run(*command, "--set", "fullnameOverride=trainmaster").returncode == 0


@each_values
def test_the_controller_understands_its_settings(
    values: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = yaml.safe_load(values.read_text())
    settings = settings_of(rendered("ml", values), tmp_path, monkeypatch)
    assert (settings.source, settings.web_port, settings.listen) == (
        "kubernetes",
        9090,
        wanted.get("listen", "0.0.0.0"),
    )
    assert [rule.model_dump(exclude_unset=True) for rule in settings.policy] == [
        {key: tuple(value) if isinstance(value, list) else value for key, value in rule.items()}
        for rule in wanted["policy"]
    ]
    assert settings.kubernetes.namespaces == tuple(wanted.get("watchNamespaces", ()))
    assert settings.public_url.startswith("http")
    named = wanted.get("hadoop", {}).get("caFile")
    assert str(settings.hadoop_ca_file or "") == (named or "")
    assert {name: getattr(settings, name) for name in wanted.get("settings", {})} == wanted.get(
        "settings", {}
    )


@each_values
def test_a_changed_setting_rolls_the_pods(values: Path) -> None:
    before, after = (
        of_kind(rendered("ml", values, "--set", f"settings.admissions={n}"), "Deployment")[0] for n in (3, 4)
    )
    differing = "checksum/config"
    notes = [each["spec"]["template"]["metadata"]["annotations"] for each in (before, after)]
    assert {key for key in notes[0] if notes[0][key] != notes[1][key]} == {differing}


@each_values
def test_every_object_has_the_standard_labels(values: Path) -> None:
    for each in rendered("ml", values):
        labels = each["metadata"]["labels"]
        assert labels["app.kubernetes.io/instance"] == RELEASE
        assert {"name", "version", "component", "part-of", "managed-by"} <= {
            label.removeprefix("app.kubernetes.io/") for label in labels
        }


# --- on the API server


@each_values
def test_kubeconform_finds_nothing(values: Path, schemas: Path) -> None:
    assert kubeconform(schemas, dumped(rendered("ml", values))) == ""


def test_kubeconform_would_find_something(schemas: Path) -> None:
    objects = rendered("ml", VALUES[0])
    [deployment] = of_kind(objects, "Deployment")
    deployment["spec"]["template"]["spec"]["restartPolice"] = "Never"
    assert "restartPolice" in kubeconform(schemas, dumped([deployment]))


@each_values
def test_the_api_server_takes_all_of_it(
    values: Path, home: str, apply: Any, cluster: LocalKubernetes
) -> None:
    objects = rendered(home, values)
    apply(dumped(objects))
    [deployment] = of_kind(objects, "Deployment")
    cluster.kubectl(
        "create",
        "--dry-run=server",
        "--warnings-as-errors",
        "-f",
        "-",
        stdin=dumped([pod_of(deployment, home)]),
    )


def pod_of(deployment: Object, namespace: str) -> Object:
    """As the Deployment's controller would make it."""
    template_ = deployment["spec"]["template"]
    metadata = {**template_["metadata"], "name": "controller", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template_["spec"]}


def test_the_api_server_would_warn_of_more_privileges(home: str, apply: Any) -> None:
    objects = rendered(home, VALUES[0], "--set", "securityContext.allowPrivilegeEscalation=true")
    with pytest.raises(RefusedError, match='violate PodSecurity "restricted'):
        apply(dumped(objects))


def test_several_tools_may_manage_the_definition(cluster: LocalKubernetes) -> None:
    """Server-side apply: equal content is no conflict, if it is in the form in which the API server keeps it."""
    for tool in ("helm", "argocd-controller", "kustomize-controller"):
        manager = f"--field-manager={tool}"
        cluster.kubectl("apply", "--server-side", manager, "--dry-run=server", "-f", str(CRD))


# --- Helm itself


def test_install_upgrade_uninstall(home: str, cluster: LocalKubernetes) -> None:
    values = str(ROOT / "tests/shipping/values/minimal.yaml")
    for command in (["install"], ["upgrade", "--set", "replicas=3"]):
        done = tools.run("helm", *command, RELEASE, str(CHART), "-n", home, "-f", values)
        assert done.returncode == 0, done.stderr
    assert "trainmaster 0.1.0 drives TrainingJobs in all namespaces" in done.stdout
    assert cluster.kubectl("-n", home, "get", "deployment", RELEASE, "-o", "jsonpath={.spec.replicas}") == "3"
    asyncio.run(_as_a_controller_leaves_it(cluster, home))
    [clean] = [line for line in done.stdout.splitlines() if "delete lease,secret" in line]
    done = tools.run("helm", "uninstall", RELEASE, "-n", home)
    assert done.returncode == 0, done.stderr
    assert len(_kept(cluster, home)) == 3
    cluster.kubectl(*shlex.split(clean)[1:])
    assert _kept(cluster, home) == []
    left = cluster.kubectl("get", "deployments,secrets,clusterroles,crds", "-A", "-o", "name").splitlines()
    assert "customresourcedefinition.apiextensions.k8s.io/trainingjobs.trainmaster.io" in left
    assert [name for name in left if RELEASE in name and "customresourcedefinition" not in name] == []


async def _as_a_controller_leaves_it(cluster: LocalKubernetes, home: str) -> None:
    """What NOTES says that an uninstall leaves: a record of the journal, the identity, and the Lease."""
    api = Api(Connection(str(cluster.kubeconfig)), home)

    ours = Installation(api, RELEASE)
    await ours.find()
    await api.create(SECRETS, home, packed(RELEASE, "uid-1", 1, encode(Memory("uid-1", home, "mnist")), "x"))
    await KubernetesLease(api, RELEASE, 10.0, ours.next_epoch).acquire()
    await api.close()


def _kept(cluster: LocalKubernetes, home: str) -> list[str]:
    names = cluster.kubectl("get", "secrets,leases", "-n", home, "-o", "name").splitlines()
    return [name for name in names if f"/{RELEASE}" in name and "helm.release" not in name]
