"""The Lease on a real API server: who leads when leaders die, leave, lose it, or the API server is away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import pytest

from trainmaster.local.kubernetes.controlplane import LocalKubernetes
from trainmaster.settings import Kubernetes
from trainmaster.sources.kubernetes.api import LEASES, Api
from trainmaster.sources.kubernetes.lease import KubernetesLease

NAME = "trainmaster"
DURATION = 4.0


@pytest.fixture
async def api(kubernetes: LocalKubernetes, namespace: str) -> AsyncIterator[Api]:
    made = Api.connect(Kubernetes(namespace=namespace), str(kubernetes.kubeconfig))
    yield made
    await made.close()


class Clock:
    """The clock of one process, which stands still until it is told that time went by: no slow machine costs a lead."""

    def __init__(self) -> None:
        self.ahead = 1000.0

    def __call__(self) -> float:
        return self.ahead


async def next_epoch(above: int) -> int:
    return above + 1


def contender(api: Api, clock: Callable[[], float]) -> KubernetesLease:
    return KubernetesLease(api, NAME, DURATION, next_epoch, clock)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def leader(api: Api, clock: Clock) -> KubernetesLease:
    """It leads, as the second who ever looked: a fresh Lease is nobody's."""
    lease = contender(api, clock)
    await lease.acquire()
    await lease.acquire()
    clock.ahead += DURATION
    assert await lease.acquire()
    return lease


@pytest.fixture
async def standby(api: Api, clock: Clock, leader: KubernetesLease) -> KubernetesLease:
    lease = contender(api, clock)
    assert not await lease.acquire()
    return lease


async def lease_of(api: Api) -> dict[str, object]:
    return dict((await api.get(LEASES, api.namespace, NAME))["spec"])


async def test_the_lease_is_one_that_people_know(
    leader: KubernetesLease, kubernetes: LocalKubernetes, api: Api
) -> None:
    shown = json.loads(kubernetes.kubectl("get", "lease", NAME, "-n", api.namespace, "-o", "json"))["spec"]
    assert shown["holderIdentity"] == leader.holder
    assert shown["leaseDurationSeconds"] == 4
    assert shown["leaseTransitions"] == 1
    assert shown["renewTime"] >= shown["acquireTime"]


async def test_a_dead_leader_is_followed(
    leader: KubernetesLease, standby: KubernetesLease, clock: Clock
) -> None:
    clock.ahead += DURATION
    assert await standby.acquire()
    assert standby.epoch == 2
    assert not await leader.acquire()
    assert leader.superseded


async def test_a_leader_that_renews_is_not_followed(
    leader: KubernetesLease, standby: KubernetesLease, clock: Clock
) -> None:
    for _ in range(8):
        clock.ahead += DURATION / 4
        assert await leader.acquire()
        assert not await standby.acquire()


async def test_a_leader_that_leaves_is_followed_at_once(
    leader: KubernetesLease, standby: KubernetesLease, api: Api
) -> None:
    await leader.release()
    assert (await lease_of(api))["leaseTransitions"] == 1
    assert await standby.acquire()
    assert standby.epoch == 2


async def test_a_lease_that_somebody_deleted_is_not_put_back_by_a_renewal(
    leader: KubernetesLease, standby: KubernetesLease, api: Api, clock: Clock
) -> None:
    await api.delete(LEASES, api.namespace, NAME)
    assert not await standby.acquire()
    assert not await standby.acquire()
    assert not await leader.acquire()
    assert leader.superseded
    assert (await lease_of(api))["holderIdentity"] == "nobody"
    assert not await leader.acquire()
    clock.ahead += DURATION
    assert await leader.acquire()
    assert leader.epoch == 2
    assert not await standby.acquire()


async def test_a_lease_that_somebody_emptied_is_one_that_was_given_up(
    leader: KubernetesLease, standby: KubernetesLease, kubernetes: LocalKubernetes, api: Api, clock: Clock
) -> None:
    clock.ahead += DURATION
    patch = json.dumps({"spec": {"holderIdentity": None}})
    kubernetes.kubectl("patch", "lease", NAME, "-n", api.namespace, "--type=merge", "-p", patch)
    assert await standby.acquire()
    assert not await leader.acquire()


async def test_a_word_written_on_the_lease_disturbs_nobody(
    leader: KubernetesLease, standby: KubernetesLease, kubernetes: LocalKubernetes, api: Api
) -> None:
    kubernetes.kubectl("annotate", "lease", NAME, "-n", api.namespace, "note=seen")
    assert await leader.acquire()
    assert not await standby.acquire()
    assert leader.epoch == 1


async def test_of_many_that_try_at_once_one_leads(api: Api, clock: Clock) -> None:
    many = [contender(api, clock) for _ in range(8)]
    for _ in range(2):
        await asyncio.gather(*(each.acquire() for each in many))
    clock.ahead += DURATION
    assert sum(await asyncio.gather(*(each.acquire() for each in many))) == 1


async def test_an_outage_of_the_api_server_costs_no_lead(
    leader: KubernetesLease, standby: KubernetesLease, kubernetes: LocalKubernetes, clock: Clock
) -> None:
    kubernetes.kill("kube-apiserver")
    try:
        clock.ahead += 3600
        assert not await leader.acquire()
        assert not leader.superseded
        assert not await standby.acquire()
    finally:
        kubernetes.start("kube-apiserver")
        kubernetes.wait_ready(90)
    assert await leader.acquire()
    assert leader.epoch == 1
    assert not await standby.acquire()


async def test_a_standby_leads_without_help_after_a_crash(leader: KubernetesLease, api: Api) -> None:
    """By the real clock, looking as often as the controller does."""
    standby = contender(api, asyncio.get_running_loop().time)
    async with asyncio.timeout(60):
        while not await standby.acquire():
            await asyncio.sleep(0.5)
    assert standby.epoch == 2
