"""Real clusters for tests: short expiry times, and an end that comes even when the test run itself is killed."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from trainmaster.hadoop.kerberos.negotiation import Negotiate
from trainmaster.local import processes
from trainmaster.local.cluster import LocalHadoop
from trainmaster.local.daemons import Daemons
from trainmaster.local.options import Options

SHORT = Options(nodes=2, gpus=1, am_expiry=30, nm_expiry=15, allocation_expiry=20)
"""two nodes of one GPU each, on which lost things are found in seconds; but a ResourceManager takes half a minute to start on a
busy machine"""
_GUARD = Path(__file__).with_name("guard.py")


@contextmanager
def running(folder: Path, options: Options = SHORT) -> Iterator[LocalHadoop]:
    """A cluster that is up, and surely down afterwards."""
    hadoop = LocalHadoop(folder, options)
    with up(hadoop):
        yield hadoop


def of_its_own(name: str, options: Options) -> Any:
    """A fixture for one file: a cluster in place of that of the other files, in the environment of all that it starts."""

    @pytest.fixture(scope="module", name="hadoop")
    def hadoop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHadoop]:
        with (
            pytest.MonkeyPatch.context() as patch,
            running(tmp_path_factory.mktemp(name), options) as cluster,
        ):
            for variable, value in cluster.environment.items():
                patch.setenv(variable, value)
            yield cluster

    return hadoop


@contextmanager
def up(cluster: Daemons[Any]) -> Iterator[None]:
    """Have daemons up, and surely down afterwards."""
    with ended(cluster):
        cluster.up()
        yield


@contextmanager
def ended(cluster: Daemons[Any]) -> Iterator[None]:
    """Whoever starts daemons in that folder: afterwards they are down."""
    who = (str(cluster.folder), type(cluster).__module__, type(cluster).__name__)
    command = [sys.executable, str(_GUARD), str(os.getpid()), *who]
    guard = processes.spawn(command, os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}, Path(os.devnull))
    try:
        yield
    finally:
        cluster.down()
        processes.end([guard], grace=0)


@contextmanager
def frozen(hadoop: LocalHadoop, *nodes: str) -> Iterator[None]:
    """Meanwhile these NodeManagers neither hear nor say anything."""
    for node in nodes:
        hadoop.kill(node, signal.SIGSTOP)
    try:
        yield
    finally:
        for node in nodes:
            hadoop.kill(node, signal.SIGCONT)


def node_of(hadoop: LocalHadoop, host: str) -> str:
    number = next(i for i, n in enumerate(hadoop.addresses.nodes, 1) if n.rpc.startswith(f"{host}:"))
    return f"nodemanager-{number}"


def until(
    met: Callable[[], Any],
    timeout: float = 120,
    pause: float = 0.05,
    instead: Callable[[], object] | None = None,
) -> Any:
    """Wait until `met` returns something true, and return it; `instead` tells what there was when time was up."""
    deadline = time.monotonic() + timeout
    while not (answer := met()):
        assert time.monotonic() < deadline, f"not within {timeout:g} s: {instead() if instead else met}"
        time.sleep(pause)
    return answer


class Rest:
    """The ResourceManager's REST interface, as a person with curl would use it."""

    def __init__(self, hadoop: LocalHadoop) -> None:
        self._base = f"{hadoop.options.yarn_scheme}://{hadoop.addresses.rm_web}/ws/v1/cluster"
        self._ca = hadoop.options.ca_file or None
        self._auth = Negotiate()

    def nodes(self) -> list[dict[str, Any]]:
        answer: dict[str, Any] = self._get("nodes")
        return list(answer["nodes"]["node"])

    def application(self, number: str) -> dict[str, Any]:
        answer: dict[str, Any] = self._get(f"apps/{number}")
        return dict(answer["app"])

    def applications(self) -> list[dict[str, Any]]:
        return list((self._get("apps")["apps"] or {}).get("app", ()))

    def live(self) -> set[str]:
        """Names of the applications that are not over."""
        states = {"states": "NEW,NEW_SAVING,SUBMITTED,ACCEPTED,RUNNING"}
        answer = self._get("apps", **states)
        return {app["name"] for app in (answer["apps"] or {}).get("app", ())}

    def kill(self, application: str) -> None:
        """End an application, as an administrator of YARN would."""
        url = f"{self._base}/apps/{application}/state"
        requests.put(url, json={"state": "KILLED"}, timeout=10, verify=self._ca, auth=self._auth)

    def _get(self, path: str, **parameters: str) -> dict[str, Any]:
        at = f"{self._base}/{path}"
        answer = requests.get(at, params=parameters, timeout=10, verify=self._ca, auth=self._auth)
        return dict(answer.json())

    def submit(self, command: str) -> str:
        """Run a command as the only container of an application of a user that isn't us; the application's id."""
        user = {"user.name": "tester"}
        new = requests.post(f"{self._base}/apps/new-application", params=user, timeout=10).json()[
            "application-id"
        ]
        body = {
            "application-id": new,
            "application-name": "test",
            "queue": "default",
            "max-app-attempts": 1,
            "resource": {"memory": 128, "vCores": 1},
            "am-container-spec": {"commands": {"command": command}},
        }
        requests.post(f"{self._base}/apps", params=user, json=body, timeout=10).raise_for_status()
        return str(new)
