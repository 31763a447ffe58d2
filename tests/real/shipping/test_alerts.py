"""The alerts, by Prometheus' own judgement: rules that it understands, and that fire when they should and only then."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from real import tools
from real.shipping.chart import ROOT, of_kind, rendered

CASES = ROOT / "tests/shipping/alerts.yaml"


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The PrometheusRule of a release as a file of Prometheus."""
    [rule] = of_kind(rendered("ml", ROOT / "tests/shipping/values/everything.yaml"), "PrometheusRule")
    file = tmp_path_factory.mktemp("alerts") / "rules.yaml"
    file.write_text(yaml.safe_dump(rule["spec"]))
    return file


def test_prometheus_understands_the_rules(rules: Path) -> None:
    done = tools.run("promtool", "check", "rules", "--lint=all", "--lint-fatal", str(rules))
    assert done.returncode == 0, done.stdout + done.stderr


def test_they_fire_when_they_should_and_only_then(rules: Path) -> None:
    cases = yaml.safe_load(CASES.read_text())
    names = {
        rule["alert"] for group in yaml.safe_load(rules.read_text())["groups"] for rule in group["rules"]
    }
    fires = {
        each["alertname"] for test in cases["tests"] for each in test["alert_rule_test"] if each["exp_alerts"]
    }
    assert fires == names
    file = rules.with_name("cases.yaml")
    file.write_text(yaml.safe_dump({**cases, "rule_files": [str(rules)]}))
    done = tools.run("promtool", "test", "rules", str(file))
    assert done.returncode == 0, done.stdout + done.stderr


def test_looks_that_are_seldom_by_the_settings_are_no_reason_for_an_alert() -> None:
    values = ROOT / "tests/shipping/values/everything.yaml"
    [rule] = of_kind(rendered("ml", values, "--set", "settings.look_interval=600"), "PrometheusRule")
    exprs = {each["alert"]: each["expr"] for group in rule["spec"]["groups"] for each in group["rules"]}
    assert exprs["TrainmasterSourceLag"].endswith("> 660")
    assert exprs["TrainmasterListingOld"].endswith("> 1200")
