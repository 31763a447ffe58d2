"""What GitOps tools make of our objects and we of theirs: kstatus, sync by sync, and the samples in manifests/gitops.

Argo CD's view of the same stages is in tests/shipping/test_argocd.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from real import tools
from real.shipping.chart import ROOT, Object, dumped, parsed, rendered
from real.shipping.schemas import kubeconform
from shipping.lives import STAGES, Stage
from trainmaster.local.kubernetes.controlplane import LocalKubernetes

GITOPS = ROOT / "manifests/gitops"
JOB = ROOT / "examples/generic-hello/job.yaml"
SAMPLES = sorted(GITOPS.glob("*/*.yaml"))
UNKNOWN = ("HelmRelease",)
"""kinds whose definition can't be had from the module proxy: Flux's helm-controller isn't there"""


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_flux_says_what_a_user_expects(stage: Stage) -> None:
    assert tools.kstatus(stage.made())[0] == stage.kstatus


def test_flux_waits_for_a_job_that_no_controller_has_seen(
    kubernetes: LocalKubernetes, namespace: str
) -> None:
    job = sync(kubernetes, namespace, JOB.read_text())
    assert job["status"] == {"observedGeneration": -1}
    assert tools.kstatus(job)[0] == "InProgress"


def test_applying_the_same_file_again_changes_nothing(kubernetes: LocalKubernetes, namespace: str) -> None:
    new, again, once_more = (sync(kubernetes, namespace, JOB.read_text()) for _ in range(3))
    assert again == once_more
    # The API server stores the status of a new object, a default, at the first write that follows.
    for each in (new, again):
        del each["metadata"]["resourceVersion"]
    assert new == again


def sync(kubernetes: LocalKubernetes, namespace: str, text: str) -> Object:
    """What Argo CD and Flux do with a file: server-side apply."""
    command = ("apply", "--server-side", "-n", namespace, "-o", "json", "-f", "-")
    applied: Object = json.loads(kubernetes.kubectl(*command, stdin=text))
    return applied


# --- samples


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_samples_are_what_their_own_definitions_say(
    sample: Path, schemas: Path, cluster: LocalKubernetes, apply: Any, namespace: str
) -> None:
    objects = [each for each in parsed(sample.read_text()) if each["kind"] not in UNKNOWN]
    assert kubeconform(schemas, dumped(objects)) == ""
    for each in objects:
        each["metadata"]["namespace"] = namespace
    apply(dumped(objects))


@pytest.mark.parametrize(("sample", "kind"), [("argocd", "Application"), ("flux", "HelmRelease")])
def test_the_values_of_the_samples_are_the_charts(sample: str, kind: str, tmp_path: Path) -> None:
    [release] = [e for e in parsed((GITOPS / sample / "controller.yaml").read_text()) if e["kind"] == kind]
    spec = release["spec"]
    values = spec["source"]["helm"]["valuesObject"] if kind == "Application" else spec["values"]
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    assert {each["kind"] for each in rendered("trainmaster", file)} >= {"Deployment", "ClusterRole"}
    chart = spec["source"]["path"] if kind == "Application" else spec["chart"]["spec"]["chart"]
    assert (ROOT / chart / "Chart.yaml").exists()


def test_the_health_check_goes_into_an_existing_config_map(
    kubernetes: LocalKubernetes, namespace: str
) -> None:
    patch = yaml.safe_load((GITOPS / "argocd/argocd-cm.yaml").read_text())
    patch["metadata"]["namespace"] = namespace
    kubernetes.kubectl(
        "-n", namespace, "create", "configmap", "argocd-cm", "--from-literal=url=https://argocd.example.com"
    )
    kubernetes.kubectl("-n", namespace, "patch", "configmap", "argocd-cm", "-p", json.dumps(patch))
    found = json.loads(kubernetes.kubectl("-n", namespace, "get", "configmap", "argocd-cm", "-o", "json"))
    assert found["data"] == {"url": "https://argocd.example.com", **patch["data"]}
