"""What the chart's files say without Helm: they agree with each other, with the package and with the documents."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from shipping.judge import takes
from trainmaster.settings import Settings

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts/trainmaster"
OWN_VALUES = {
    "source",
    "kubernetes",
    "user",
    "HADOOP_CONF_DIR",
    "hadoop",
    "hadoop_ca_file",
    "kerberos",
    "policy",
    "quotas",
    "log_format",
} | {
    "access",
    "listen",
    "web_port",
    "metrics_port",
    "reports",
    "public_url",
    "advertise",
}
"""settings that have a value of their own in the chart, or that it decides"""
OF_FOLDERS = {"store", "state", "deletion_grace", "namespaces"}
"""settings of the source folder"""

Schema = dict[str, Any]


def schema() -> Schema:
    read: Schema = json.loads((CHART / "values.schema.json").read_text())
    return read


def groups(node: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Each object of the schema whose fields are named, with its path."""
    if "properties" in node:
        yield path, node
        for name, below in node["properties"].items():
            yield from groups(below, f"{path}.{name}" if path else name)


def values_at(path: str) -> dict[str, Any]:
    found = yaml.safe_load((CHART / "values.yaml").read_text())
    for name in path.split(".") if path else ():
        found = found[name]
    return dict(found)


def test_chart_image_and_package_are_of_one_version() -> None:
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    image = re.search(r"^ARG VERSION=(.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert image
    assert {chart["version"], chart["appVersion"], image[1]} == {package}


def test_the_schema_knows_every_value_and_no_other() -> None:
    for path, group in groups(schema()):
        known = group["properties"].keys() - {"global"}
        if path in ("settings", "resources", "webhook.namespaceSelector", "webhook.certManager.issuerRef"):
            assert values_at(path).keys() <= known
        elif path.startswith("settings."):
            assert known == Settings().model_dump()[path.removeprefix("settings.")].keys()
        else:
            assert values_at(path).keys() == known, path


def test_an_unknown_value_is_refused_at_every_level() -> None:
    assert [path for path, group in groups(schema()) if group.get("additionalProperties") is not False] == []


def test_free_settings_are_those_that_have_no_value_of_their_own() -> None:
    known = {field.validation_alias or name for name, field in Settings.model_fields.items()}
    assert schema()["properties"]["settings"]["properties"].keys() == known - OWN_VALUES - OF_FOLDERS


SAMPLES: list[Any] = [
    -1, 0, 0.5, 1, 4.9, 5, 60, 60.5, 65_535, 65_536, 10**6, True, False, "", "x", "Ours", "None", "/tmp", "tmp/", "/a b",
    "text", [], ["x"], ["hdfs://other:8020"], ["hdfs://"], [1], {}, {"nodes": "Ours"}, {"nodes": "Mine"}, {"poll_interval": 4},
    {"poll_interval": 5}, {"visible_devices": "no"}, {"x": 1},
]  # fmt: skip


@pytest.mark.parametrize("name", schema()["properties"]["settings"]["properties"])
def test_what_the_schema_takes_of_a_setting_the_controller_takes_too(name: str) -> None:
    """So no hook has to ask the program: it says no to nothing but what it reads in the cluster."""
    judged = {
        repr(value): takes(schema()["properties"]["settings"]["properties"][name], value) for value in SAMPLES
    }
    assert set(judged.values()) == {True, False}
    for value in SAMPLES:
        if judged[repr(value)]:
            Settings.model_validate({"port_first": 1, "port_last": 65_535} | {name: value})


def test_every_value_is_described_above_it() -> None:
    lines = (CHART / "values.yaml").read_text().splitlines()
    root = yaml.compose("\n".join(lines))
    assert list(_undescribed(root, schema(), lines)) == []


def _undescribed(node: Any, below: Schema, lines: list[str]) -> Iterator[str]:
    for key, value in node.value:
        inner = below["properties"][key.value]
        if "properties" in inner and value.value and not value.flow_style:
            if not lines[key.start_mark.line - 1].strip().startswith("# -- "):
                yield from _undescribed(value, inner, lines)
        elif not lines[key.start_mark.line - 1].strip().startswith("#"):
            yield key.value


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    rules = (CHART / "templates/prometheusrule.yaml").read_text()
    alerts = re.findall(r"alert: (\w+)", rules)
    assert alerts
    assert alerts == re.findall(r"^## (\w+)$", (ROOT / "docs/alerts.md").read_text(), re.MULTILINE)
    assert re.findall(r"runbook_url: .*#(\w+)", rules) == [alert.lower() for alert in alerts]


def test_alerts_go_by_metrics_that_exist() -> None:
    named = set(re.findall(r"\btrainmaster_\w+", (CHART / "templates/prometheusrule.yaml").read_text()))
    known = set(re.findall(r"^\| `(\w+)`", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE))
    assert named
    assert named <= known
