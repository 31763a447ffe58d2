"""`python -m dashboards`: writes the JSON of every dashboard, for the chart and for people without Helm, or checks that none
differs.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.controller import controller
from dashboards.fleet import fleet
from dashboards.job import job
from dashboards.team import team

FOLDERS = ("charts/trainmaster/dashboards", "manifests/dashboards")
DASHBOARDS: Mapping[str, Callable[[], Dashboard]] = {
    "controller": controller,
    "fleet": fleet,
    "job": job,
    "team": team,
}


def text_of(dashboard: Dashboard) -> str:
    """The JSON that Grafana reads."""
    return json.dumps(dashboard, cls=JSONEncoder, indent=1, sort_keys=True) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files below --root, or with --check name those that would change; the exit code is 1 if any would."""
    parser = argparse.ArgumentParser(prog="python -m dashboards", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path(), help="root of the repository (default: here)")
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if a file differs")
    chosen = parser.parse_args(arguments)
    differ = {path: text for path, text in _files(chosen.root) if not _is(path, text)}
    for path, text in differ.items():
        print(f"{path} differs from dashboards/" if chosen.check else f"wrote {path}")
        if not chosen.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return int(chosen.check and bool(differ))


def _files(root: Path) -> list[tuple[Path, str]]:
    texts = {name: text_of(make()) for name, make in DASHBOARDS.items()}
    return [(root / folder / f"{name}.json", text) for folder in FOLDERS for name, text in texts.items()]


def _is(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
