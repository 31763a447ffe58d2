"""The programs that judge our manifests do judge: each lets pass what is right, and refuses what isn't."""

from __future__ import annotations

from pathlib import Path

import pytest

from real import tools

RULES = "groups: [{name: some, rules: [{alert: Some, expr: '%s'}]}]"
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: some}\n"


def test_helm_is_the_pinned_one() -> None:
    said = tools.run("helm", "version", "--template", "{{.Version}}").stdout
    assert said == f"v{tools.module().required('helm.sh/helm/v4')}"


@pytest.mark.parametrize(("expression", "code"), [("up == 0", 0), ("up ==", 1)])
def test_promtool_reads_expressions(tmp_path: Path, expression: str, code: int) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES % expression)
    assert tools.run("promtool", "check", "rules", str(rules)).returncode == code


@pytest.mark.parametrize(("metric", "code"), [("some_total 1\n", 0), ("# TYPE some counter\nsome 1\n", 3)])
def test_promtool_reads_metrics(metric: str, code: int) -> None:
    assert (
        tools.run("promtool", "check", "metrics", stdin=f"# HELP some_total Some.\n{metric}").returncode
        == code
    )


@pytest.mark.parametrize(("field", "code"), [("data: {a: b}", 0), ("data: 7", 1)])
def test_kubeconform_compares_with_a_schema(tmp_path: Path, field: str, code: int) -> None:
    (tmp_path / "configmap.json").write_text('{"type": "object", "properties": {"data": {"type": "object"}}}')
    location = f"{tmp_path}/{{{{.ResourceKind}}}}.json"
    done = tools.run("kubeconform", "-schema-location", location, stdin=CONFIG_MAP + field)
    assert (done.returncode, "data" in done.stdout) == (code, code == 1)


def test_kstatus_says_what_flux_would_wait_for() -> None:
    thing = {"apiVersion": "example.org/v1", "kind": "Some", "metadata": {"name": "x", "generation": 2}}
    ready = {"type": "Ready", "status": "True", "reason": "Fine", "message": "all well"}
    assert tools.kstatus({**thing, "status": {"observedGeneration": 1}})[0] == "InProgress"
    assert (
        tools.kstatus({**thing, "status": {"observedGeneration": 2, "conditions": [ready]}})[0] == "Current"
    )
    stalled = {"type": "Stalled", "status": "True", "reason": "Broken", "message": "will not work"}
    status = {"observedGeneration": 2, "conditions": [stalled]}
    assert tools.kstatus({**thing, "status": status}) == ("Failed", "will not work")
