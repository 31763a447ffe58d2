"""Somebody who types `trainmaster ...`: each command a process of its own, at whichever door the room has."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from real.kubernetes_rooms import KubernetesRoom
from real.rooms import FolderRoom, Room


@dataclass(frozen=True, slots=True)
class Ran:
    """What one command did."""

    code: int
    out: str
    err: str


class Person:
    """Types commands; what they say can be read with `pytest -s`."""

    def __init__(self, room: Room | None, folder: Path, **environ: str) -> None:
        """Without a room, what `environ` says leads to the jobs."""
        self._environ = {name: value for name, value in os.environ.items() if not _is_ours(name)}
        self._environ |= {"COLUMNS": "120", **(_way_to(room, folder) if room else {}), **environ}

    def __call__(self, *words: str, stdin: str = "") -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "trainmaster", *words],
            env=self._environ,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        sys.stdout.write(
            f"\n$ trainmaster {' '.join(words)}  ({done.returncode})\n{done.stdout}{done.stderr}\n"
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def ok(self, *words: str, stdin: str = "") -> str:
        """What a command prints that goes well, and has nothing to add on standard error."""
        ran = self(*words, stdin=stdin)
        assert (ran.code, ran.err) == (0, "")
        return ran.out


def as_controller(room: Room, *words: str) -> str:
    """What a command prints with the variables of the room's controllers: whoever runs them asks so."""
    command, environ = [sys.executable, "-m", "trainmaster", *words], os.environ | room.settings()
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=120)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def _is_ours(name: str) -> bool:
    return name.startswith("TRAINMASTER_") or name == "KUBECONFIG"


def _way_to(room: Room, folder: Path) -> Mapping[str, str]:
    if isinstance(room, FolderRoom):
        return {"TRAINMASTER_STORE": room.url}
    assert isinstance(room, KubernetesRoom)
    kubeconfig = with_namespace(room.kubernetes.kubeconfig, room.namespace, folder / "kubeconfig")
    return {"KUBECONFIG": str(kubeconfig), "TRAINMASTER_SOURCE": "kubernetes"}


def with_namespace(kubeconfig: Path, namespace: str, target: Path) -> Path:
    """The same, with a namespace in its context: what a person who works in one namespace has."""
    content = yaml.safe_load(kubeconfig.read_text())
    for context in content["contexts"]:
        context["context"]["namespace"] = namespace
    target.write_text(yaml.safe_dump(content))
    return target
