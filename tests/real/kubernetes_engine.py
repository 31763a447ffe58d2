"""The Kubernetes source by itself, with exactly the rights that are shipped, and an engine that only looks and lets go."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from trainmaster.api.declared import Declared
from trainmaster.api.job import API_VERSION, KIND
from trainmaster.api.status import (
    Condition,
    ConditionType,
    JobStatus,
    ReplicaState,
    ReplicaStatus,
    RoleStatus,
)
from trainmaster.errors import TrainmasterError
from trainmaster.local.kubernetes.controlplane import LocalKubernetes
from trainmaster.master.beats import Beats
from trainmaster.settings import Kubernetes as KubernetesSettings
from trainmaster.settings import PolicyRule, Settings
from trainmaster.sources.kubernetes.rights import Right, Where, needed
from trainmaster.sources.kubernetes.source import KubernetesSource

ACCOUNT = "trainmaster"
LEASE = 60.0
"""seconds: on no machine is a test so slow that it loses its lease; where one is to run out, the clock is put forward"""
RENEWED = 1.0
"""seconds between renewals"""
"""seconds"""
Object = dict[str, Any]


async def until(met: Callable[[], Any], timeout: float = 120) -> Any:
    """Wait until `met` returns something true, and return it."""
    async with asyncio.timeout(timeout):
        while not (answer := met()):
            await asyncio.sleep(0.05)
        return answer


def job(name: str, namespace: str, **metadata: Any) -> Object:
    spec = {"roles": {"worker": {"command": "python train.py"}}}
    names = {"name": name, "namespace": namespace}
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": names | metadata, "spec": spec}


def status(state: ConditionType = ConditionType.RUNNING, **fields: Any) -> JobStatus:
    """One in that state. It has numbers, lists and maps, as real ones have."""
    condition = Condition(
        type=state,
        status="True",
        reason="Tested",
        message="so that it shows",
        last_transition_time="2026-01-02T03:04:05Z",
    )
    replica = ReplicaStatus(index=0, state=ReplicaState.RUNNING, ports=(20000,))
    roles = {"worker": RoleStatus(wanted=1, running=1, replicas=(replica,)), "ps": RoleStatus(wanted=0)}
    return JobStatus(conditions=(condition,), state=state.value, roles=roles, running_time=12.0, **fields)


class Clock:
    """The monotonic clock of the sources, which can be put forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


class Place:
    """Namespaces of jobs and one of the controller's own in a real cluster, whose administrator the test is."""

    def __init__(self, kubernetes: LocalKubernetes, count: int = 1) -> None:
        self.kubernetes = kubernetes
        self.clock = Clock()
        number = uuid.uuid4().hex[:8]
        self.own = f"own-{number}"
        self.namespaces = tuple(f"jobs-{number}-{letter}" for letter in "abcdef"[:count])
        self.namespace = self.namespaces[0]
        spaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": n}} for n in self._all]
        account = {"name": ACCOUNT, "namespace": self.own}
        self.apply(*spaces, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
        self.grant(self.namespaces)
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": account}
        # As if a controller had left: a new installation waits for the lease's duration once.
        self.apply(lease)
        self.kubeconfig = kubernetes.kubeconfig_for(self.own, ACCOUNT)

    @property
    def _all(self) -> tuple[str, ...]:
        return (*self.namespaces, self.own)

    def grant(self, namespaces: Iterable[str]) -> None:
        """Exactly the rights of a controller of these namespaces."""
        rights = needed(KubernetesSettings(namespace=self.own, namespaces=self.namespaces))
        for where, names in ((Where.OWN, (self.own,)), (Where.JOBS, tuple(namespaces))):
            for name in names:
                self.apply(*self._role(name, [right for right in rights if right.where is where]))

    def _role(self, namespace: str, rights: Iterable[Right]) -> Iterable[Object]:
        metadata = {"name": ACCOUNT, "namespace": namespace}
        rbac = "rbac.authorization.k8s.io"
        yield {
            "apiVersion": f"{rbac}/v1",
            "kind": "Role",
            "metadata": metadata,
            "rules": [right.rule for right in rights],
        }
        yield {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": ACCOUNT},
            "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": self.own}],
        }

    def source(self, kubeconfig: Path | None = None, **kubernetes: Any) -> KubernetesSource:
        scope = {"namespace": self.own, "namespaces": self.namespaces} | kubernetes
        settings = Settings(
            source="kubernetes",
            kubernetes=KubernetesSettings(**scope),
            lease_duration=LEASE,
            policy=(PolicyRule(namespace="*", users=("alice",)),),
        )
        return KubernetesSource(settings, str(kubeconfig or self.kubeconfig), self.clock)

    # --- as a person with kubectl

    def apply(self, *objects: Object) -> None:
        self.kubernetes.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(objects))

    def declare(self, name: str, namespace: str = "", **metadata: Any) -> None:
        self.apply(job(name, namespace or self.namespace, **metadata))

    def kubectl(self, *arguments: str) -> str:
        return self.kubernetes.kubectl("-n", self.namespace, *arguments)

    def patch(self, name: str, fields: Object) -> None:
        self.kubectl("patch", "tj", name, "--type=merge", "-p", json.dumps(fields))

    def delete(self, name: str) -> None:
        self.kubectl("delete", "tj", name, "--wait=false")

    def delete_by_force(self, name: str) -> None:
        """Whatever holds it."""
        self.delete(name)
        self.patch(name, {"metadata": {"finalizers": None}})

    def names(self) -> list[str]:
        found = self.kubectl("get", "tj", "-o", "jsonpath={.items[*].metadata.name}")
        return found.split()

    def object(self, name: str) -> Object:
        found: Object = json.loads(self.kubectl("get", "tj", name, "-o", "json"))
        return found

    def state(self, name: str) -> str:
        """What its status shows; empty before somebody wrote it."""
        return str(self.object(name).get("status", {}).get("state", ""))

    def metadata(self, name: str) -> Object:
        found: Object = self.object(name)["metadata"]
        return found

    def close(self) -> None:
        """Nobody is there any more to let the objects go."""
        for namespace in self.namespaces:
            found = json.loads(self.kubernetes.kubectl("get", "tj", "-n", namespace, "-o", "json"))["items"]
            for name in (each["metadata"]["name"] for each in found if "finalizers" in each["metadata"]):
                loose = '{"metadata":{"finalizers":null}}'
                self.kubernetes.kubectl("patch", "tj", name, "-n", namespace, "--type=merge", "-p", loose)
        self.kubernetes.kubectl("delete", "namespace", *self._all, "--wait=false", "--ignore-not-found")


class Engine:
    """What the fleet does with a source: leads if it can, looks when there is news, and lets go of what is deleted."""

    def __init__(self, source: KubernetesSource, *, lets_go: bool = True) -> None:
        self.source = source
        self.lets_go = lets_go
        self.known: Mapping[str, tuple[str, str]] = {}
        """what its journal has"""
        self.picture: Mapping[str, Declared] = {}
        self.gone: list[str] = []
        """uids that were let go"""
        self.complaint = ""
        """why the last look failed; empty when it didn't"""
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Engine:
        self._tasks = [asyncio.create_task(work) for work in (self.source.run(Beats()), self._lead())]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.source.lease.release()
        await self.source.close()

    async def step_down(self) -> None:
        """Lead no more, and go on standing by."""
        leading = self._tasks.pop()
        leading.cancel()
        await asyncio.gather(leading, return_exceptions=True)
        await self.source.lease.release()

    async def told(
        self, name: str, met: Callable[[Declared], Any] = lambda declared: declared.job
    ) -> Declared:
        """The declaration of that name as soon as it is told so."""

        def found() -> Declared | None:
            named = [each for each in self.picture.values() if each.name == name and met(each)]
            return named[0] if named else None

        try:
            declared: Declared = await until(found)
        except TimeoutError as error:
            raise AssertionError(f"{name} wasn't told so: {self.complaint}; {dict(self.picture)}") from error
        return declared

    def names(self) -> set[str]:
        return {declared.name for declared in self.picture.values()}

    async def _lead(self) -> None:
        while not await self.source.lease.acquire():
            await asyncio.sleep(0.2)
        await self.source.identify()
        self.source.adopt(self.known)
        async with asyncio.TaskGroup() as works:
            works.create_task(self._renew())
            works.create_task(self._look_for_ever())

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEWED)
            await self.source.lease.acquire()

    async def _look_for_ever(self) -> None:
        while True:
            try:
                self.picture = await self.source.look()
                self.complaint = ""
                if self.lets_go:
                    await self._let_go()
            except TrainmasterError as error:
                self.complaint = str(error)
            await self.source.changed(0.5)

    async def _let_go(self) -> None:
        for declared in self.picture.values():
            if declared.deleted:
                await self.source.gone(declared)
                self.gone.append(declared.uid)
