"""The table of docs/metrics.md as values, and an exposition as the same, so that the two can be compared both ways."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"
_ROW = re.compile(r"^\| `([a-z0-9_]+)` \| (gauge|counter|histogram) \| ([a-z_, ]*)\|", re.MULTILINE)
_OF_BUCKETS = {"le"}


@dataclass(frozen=True, order=True)
class Family:
    """One metric: its name as its samples have it (with _total), and its type."""

    name: str
    type: str


def documented() -> dict[Family, frozenset[str]]:
    """Every row, with the names of its labels."""
    rows = _ROW.findall(DOCS.read_text())
    return {Family(name, type_): frozenset(labels.replace(",", " ").split()) for name, type_, labels in rows}


def exposed(text: str) -> dict[Family, set[frozenset[str]]]:
    """Every family of an answer of /metrics, with the sets of label names that its samples have; none for one without samples."""
    found: dict[Family, set[frozenset[str]]] = {}
    for family in text_string_to_metric_families(text):
        name = family.name + ("_total" if family.type == "counter" else "")
        labels = {frozenset(sample.labels) - _OF_BUCKETS for sample in family.samples}
        found[Family(name, family.type)] = labels
    return found


def differences(text: str, *without: str) -> list[str]:
    """What the table and an exposition say differently; `without`: beginnings of names that this controller hasn't."""
    rows = {family: labels for family, labels in documented().items() if not family.name.startswith(without)}
    real = exposed(text)
    missing = [f"{family} is in the table alone" for family in sorted(rows.keys() - real.keys())]
    unsaid = [f"{family} is served alone" for family in sorted(real.keys() - rows.keys())]
    labels = [
        f"{family.name} has the labels {sorted(had)}, not {sorted(rows[family])}"
        for family in sorted(rows.keys() & real.keys())
        for had in real[family]
        if had != rows[family]
    ]
    return [*missing, *unsaid, *labels]
