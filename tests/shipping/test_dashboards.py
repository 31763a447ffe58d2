"""Grafana's dashboards: as dashboards/ makes them, of metrics that exist, and each query within its installation."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.__main__ import DASHBOARDS, FOLDERS, main, text_of
from dashboards.panels import WIDTH, scoped
from observe.documented import documented

ROOT = Path(__file__).parents[2]
NAMES = sorted(DASHBOARDS)
OF_HISTOGRAMS = ("_bucket", "_count", "_sum")
LARGEST = 200_000
"""bytes of one: kubectl apply keeps an object in an annotation of 256 KiB"""


def made(name: str) -> dict[str, Any]:
    return dict(json.loads(text_of(DASHBOARDS[name]())))


def panels(name: str) -> Iterator[dict[str, Any]]:
    return (panel for panel in made(name)["panels"] if panel["type"] != "row")


def queries(name: str) -> Iterator[str]:
    return (target["expr"] for panel in panels(name) for target in panel["targets"])


def test_the_files_are_as_dashboards_makes_them() -> None:
    assert main(["--root", str(ROOT), "--check"]) == 0, "make dashboards"


def test_a_file_that_differs_is_named_and_written_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--root", str(tmp_path)])
    stale = tmp_path / FOLDERS[1] / "job.json"
    stale.write_text("{}\n")
    assert main(["--root", str(tmp_path), "--check"]) == 1
    assert f"{stale} differs" in capsys.readouterr().out
    assert stale.read_text() == "{}\n"
    assert main(["--root", str(tmp_path)]) == 0
    assert json.loads(stale.read_text()) == made("job")


def test_kustomize_ships_every_one() -> None:
    text = (ROOT / "manifests/dashboards/kustomization.yaml").read_text()
    files = [file for each in yaml.safe_load(text)["configMapGenerator"] for file in each["files"]]
    assert sorted(files) == [f"trainmaster-{name}.json={name}.json" for name in NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_every_query_asks_for_metrics_that_exist_by_labels_that_they_have(name: str) -> None:
    known = {family.name: (family.type, labels) for family, labels in documented().items()}
    for expr in queries(name):
        found = re.findall(r"\b((?:trainmaster|process)_\w+)\{([^}]*)\}", expr)
        assert found, expr
        for metric, matchers in found:
            base = next((metric.removesuffix(end) for end in OF_HISTOGRAMS if metric.endswith(end)), metric)
            type_, labels = known[metric] if metric in known else known[base]
            assert (type_ == "histogram") == (metric not in known), expr
            assert set(re.findall(r"(\w+)!?[=~]", matchers)) - {"job"} <= labels, expr


@pytest.mark.parametrize("name", NAMES)
def test_every_query_is_of_the_installation_that_is_chosen(name: str) -> None:
    for expr in queries(name):
        metrics = re.findall(r"\b(?:trainmaster|process)_\w+", expr)
        assert expr.count('job=~"$scrape"') == len(metrics), expr


@pytest.mark.parametrize("name", NAMES)
def test_every_panel_says_what_it_shows_and_has_a_place_of_its_own(name: str) -> None:
    shown = made(name)
    ids = [panel["id"] for panel in shown["panels"]]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in shown["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= WIDTH
        taken |= cells
        assert panel["type"] == "row" or panel["description"].endswith("."), panel["title"]
        assert panel["type"] == "row" or panel["fieldConfig"]["defaults"]["unit"]


@pytest.mark.parametrize("name", NAMES)
def test_an_address_stays_the_same_and_none_is_too_large_for_kubectl(name: str) -> None:
    assert made(name)["uid"] == f"trainmaster-{name}"
    assert len(text_of(DASHBOARDS[name]())) < LARGEST


def test_the_scope_is_added_whatever_labels_a_query_names() -> None:
    assert scoped("sum(trainmaster_jobs)") == 'sum(trainmaster_jobs{job=~"$scrape"})'
    assert scoped('process_open_fds{a="b"} / 2') == 'process_open_fds{job=~"$scrape",a="b"} / 2'
