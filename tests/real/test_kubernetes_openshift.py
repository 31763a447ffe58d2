"""A controller as clusters with strict rules run it: under a uid that has no name, on a file system that can't be written."""

from __future__ import annotations

import getpass
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from real.cluster import until
from real.controllers import Controller
from real.kubernetes_rooms import KubernetesRoom
from real.reading import trainers
from real.rooms import eager
from trainer.ledger import Ledger
from trainmaster.api.status import ConditionType as C

UID = "1000650000"
"""as OpenShift gives them to a namespace"""


@pytest.fixture(scope="module")
def kind() -> str:
    return "kubernetes"


def confined(scratch: Path) -> list[str]:
    """What starts a program under that uid, without a name and a home, all file systems read-only but for one folder."""
    script = (
        f"mount -t tmpfs scratch {scratch} && mount -o remount,bind,ro / && cd / && "
        f'exec unshare --user --map-user={UID} --map-group=0 env -u USER -u LOGNAME HOME=/ TMPDIR={scratch} "$@"'
    )
    return ["unshare", "--mount", "sh", "-c", script, "sh"]


def test_it_watches_and_drives_jobs_and_says_that_all_is_well(
    room: KubernetesRoom, ledger: Ledger, tmp_path: Path
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    prefix = confined(scratch)
    told = "import os, pwd; print(os.getuid(), os.access('/', os.W_OK)); pwd.getpwuid(os.getuid())"
    tried = subprocess.run([*prefix, sys.executable, "-c", told], capture_output=True, text=True, check=False)
    if shutil.which("unshare") is None or UID not in tried.stdout:
        pytest.skip(f"namespaces can't be made here: {tried.stderr}")
    assert (tried.stdout.split(), "uid not found" in tried.stderr) == ([UID, "False"], True)
    settings = room.settings() | {"TRAINMASTER_USER": getpass.getuser()}
    with Controller(room.folder / "confined.log", settings, prefix) as controller:
        room.drop("mnist", eager(worker=trainers(ledger, steps=0)))
        room.until_true("mnist", C.RUNNING)
        room.edit("mnist", {("spec", "priority"): 2})
        room.until("mnist", lambda status: status.observed_generation == 2)
        until(lambda: requests.get(f"{controller.monitoring}/readyz", timeout=10).json()["well"])
        assert controller.metric("trainmaster_kubernetes_watch_restarts_total") == 0
        assert not re.search("Error|Traceback", controller.words)
        room.delete("mnist")
        until(lambda: not room.names())
