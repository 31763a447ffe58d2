"""Other projects' programs that check ours: Helm, kubeconform, Prometheus' promtool, and Flux's view of an object's health.

`python -m real.tools` builds them, and the local control plane, beforehand.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainmaster.local.golang import Module, built
from trainmaster.local.kubernetes.programs import control_plane
from trainmaster.local.options import cache_folder

_FOLDER = Path(__file__).parents[2] / "tools/go"


def module() -> Module:
    """The Go module of helm, kubeconform, promtool and kstatus."""
    listed = Module("tools", _FOLDER)
    return Module(
        "tools",
        _FOLDER,
        packages=("tool", "./kstatus"),  # `tool` stands for those that go.mod lists
        tags=("remove_all_sd",),  # promtool without the clients of every cloud
        variables={
            "helm.sh/helm/v4/internal/version.version": f"v{listed.required('helm.sh/helm/v4')}",
            "github.com/prometheus/common/version.Version": listed.required(
                "github.com/prometheus/prometheus"
            ),
        },
    )


def program(name: str) -> Path:
    """helm, kubeconform, promtool or kstatus, built first if need be."""
    [folder] = built([module()], cache_folder(), print)
    return folder / name


def run(name: str, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """What one of them says, and its exit code, which is the caller's to judge."""
    command = [str(program(name)), *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=120)


def kstatus(thing: Mapping[str, Any]) -> tuple[str, str]:
    """Status and message of an object, by the rules that Flux waits by."""
    done = run("kstatus", stdin=json.dumps(thing))
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    return answer["status"], answer["message"]


if __name__ == "__main__":
    built([control_plane(), module()], cache_folder(), print)
