"""The chart as Helm renders it, and manifests/base/trainmaster.yaml, which is made of it.

`python -m real.chart` (`make manifests`) writes that file. Never here: what must be in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from real import tools
from trainmaster.settings import Settings

ROOT = Path(__file__).parents[3]
CHART = ROOT / "charts/trainmaster"
CRD = CHART / "crds/trainingjobs.yaml"
PLAIN = ROOT / "manifests/base/trainmaster.yaml"
VALUES = sorted((ROOT / "tests/shipping/values").glob("*.yaml"))
RELEASE = "trainmaster"
KUBE_VERSION = "1.36.0"
"""whose capabilities are assumed where no API server is asked"""
OF_HELM = re.compile(r"# Source: |\s*(helm\.sh/chart|app\.kubernetes\.io/managed-by): ")
HEADER = "# Made from charts/trainmaster and values.yaml by `make manifests`; edits go there.\n"

Object = dict[str, Any]


def template(namespace: str, *arguments: str) -> str:
    """All objects of a release but the CRD, as YAML. AssertionError with Helm's complaint when it refuses the values."""
    command = ["template", RELEASE, str(CHART), "-n", namespace, "--kube-version", KUBE_VERSION, *arguments]
    done = tools.run("helm", *command)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rendered(namespace: str, values: Path, *arguments: str) -> list[Object]:
    """The same, as values."""
    return parsed(template(namespace, "-f", str(values), *arguments))


def parsed(text: str) -> list[Object]:
    return [document for document in yaml.safe_load_all(text) if document]


def dumped(objects: Iterable[Object]) -> str:
    return yaml.safe_dump_all(objects, sort_keys=False, width=130)


def of_kind(objects: Iterable[Object], *kinds: str) -> list[Object]:
    return [each for each in objects if each["kind"] in kinds]


def settings_of(objects: list[Object], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """As the controller in the pod would read them."""
    [config] = [each for each in of_kind(objects, "ConfigMap") if "config.yaml" in each["data"]]
    file = folder / "config.yaml"
    file.write_text(config["data"]["config.yaml"])
    monkeypatch.setenv("TRAINMASTER_CONFIG", str(file))
    return Settings()


def plain_manifests() -> str:
    """The text of PLAIN: the chart's, without what is said of Helm."""
    lines = template("trainmaster", "-f", str(PLAIN.with_name("values.yaml"))).splitlines()
    return HEADER + "\n".join(line for line in lines if not OF_HELM.match(line)) + "\n"


if __name__ == "__main__":
    PLAIN.write_text(plain_manifests())
