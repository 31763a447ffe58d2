"""The journal on a real API server: durable, fenced, and whole whatever the network, people and old leaders do."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Iterator

import pytest

from real.faults import FaultyApi, about, cut, lost, slow, throttled, writes
from trainmaster.errors import FencedError, RefusedError, UnavailableError
from trainmaster.local.kubernetes.controlplane import LocalKubernetes
from trainmaster.master.codec import encode
from trainmaster.plan.memory import Memory
from trainmaster.settings import Kubernetes
from trainmaster.sources.kubernetes.api import SECRETS, Api
from trainmaster.sources.kubernetes.journal import KubernetesJournal
from trainmaster.sources.kubernetes.records import secret_name, unpacked

UID = "0b1f3a52-6d0c-4a4e-9a3f-5e7d9c1b2a33"
NAME = "trainmaster"


class Lead:
    """A lease as the test says."""

    superseded = False

    def __init__(self, epoch: int) -> None:
        self.epoch, self.leads = epoch, True

    def held(self) -> bool:
        return self.leads


def record(text: str, uid: str = UID) -> bytes:
    return encode(Memory(uid, "vision", "mnist", document=text))


@pytest.fixture
async def api(kubernetes: LocalKubernetes, namespace: str) -> AsyncIterator[Api]:
    made = Api.connect(Kubernetes(namespace=namespace), str(kubernetes.kubeconfig))
    yield made
    await made.close()


@pytest.fixture
def proxy(kubernetes: LocalKubernetes) -> Iterator[FaultyApi]:
    with FaultyApi(kubernetes) as made:
        yield made


@pytest.fixture
async def proxied(kubernetes: LocalKubernetes, namespace: str, proxy: FaultyApi) -> AsyncIterator[Api]:
    """The same server, through the proxy."""
    kubernetes.kubectl("create", "serviceaccount", "any", "-n", namespace)
    binding = ("create", "clusterrolebinding", namespace, "--clusterrole=cluster-admin")
    kubernetes.kubectl(*binding, f"--serviceaccount={namespace}:any")
    path = proxy.kubeconfig(kubernetes.kubeconfig_for(namespace, "any"))
    made = Api.connect(Kubernetes(namespace=namespace), str(path))
    yield made
    await made.close()
    kubernetes.kubectl("delete", "clusterrolebinding", namespace)


@pytest.fixture
def journal(api: Api) -> KubernetesJournal:
    return KubernetesJournal(api, NAME, Lead(1))


async def stored(api: Api) -> bytes:
    return unpacked(await api.get(SECRETS, api.namespace, secret_name(NAME, UID)))


async def test_what_is_written_is_loaded(
    journal: KubernetesJournal, kubernetes: LocalKubernetes, api: Api
) -> None:
    for number in range(3):
        await journal.write(UID, record(str(number)))
    await journal.write("u2", record("other", "u2"))
    found = json.loads(
        kubernetes.kubectl("get", "secret", secret_name(NAME, UID), "-n", api.namespace, "-o", "json")
    )
    assert found["type"] == "trainmaster.io/journal"
    assert found["metadata"]["annotations"]["trainmaster.io/name"] == "mnist"
    assert await journal.names() == {UID: ("vision", "mnist"), "u2": ("vision", "mnist")}
    assert await journal.newest_epoch() == 1
    again = KubernetesJournal(api, NAME, Lead(2))
    assert await again.load() == {UID: record("2"), "u2": record("other", "u2")}
    await again.remove(UID)
    await again.remove(UID)
    assert list(await again.load()) == ["u2"]


async def test_more_records_than_a_page(journal: KubernetesJournal) -> None:
    await asyncio.gather(*(journal.write(f"u{n}", record(str(n), f"u{n}")) for n in range(230)))
    assert await journal.load() == {f"u{n}": record(str(n), f"u{n}") for n in range(230)}
    assert len(await journal.names()) == 230


async def test_a_record_as_large_as_a_secret_holds(journal: KubernetesJournal) -> None:
    big = random.Random(3).randbytes(1_000_000)
    await journal.write(UID, big)
    assert await journal.load() == {UID: big}


async def test_a_record_that_somebody_deleted_is_written_anew(journal: KubernetesJournal, api: Api) -> None:
    await journal.write(UID, record("1"))
    await api.delete(SECRETS, api.namespace, secret_name(NAME, UID))
    await journal.write(UID, record("2"))
    assert await stored(api) == record("2")
    await api.delete(SECRETS, api.namespace, secret_name(NAME, UID))
    await journal.remove(UID)


async def test_a_word_that_somebody_wrote_on_it_disturbs_nothing(
    journal: KubernetesJournal, kubernetes: LocalKubernetes, api: Api
) -> None:
    await journal.write(UID, record("1"))
    kubernetes.kubectl("annotate", "secret", secret_name(NAME, UID), "-n", api.namespace, "note=kept")
    await journal.write(UID, record("2"))
    kubernetes.kubectl("annotate", "secret", secret_name(NAME, UID), "-n", api.namespace, "note=kept")
    await journal.remove(UID)
    assert await journal.load() == {}


# --- an old leader's writes


async def test_a_stalled_write_of_an_old_leader_replaces_no_newer_record(
    proxied: Api, api: Api, proxy: FaultyApi
) -> None:
    """Its write is held in the proxy while the new leader writes, and reaches the API server after that."""
    old, new = KubernetesJournal(proxied, NAME, Lead(1)), KubernetesJournal(api, NAME, Lead(2))
    await old.write(UID, record("1"))
    with proxy.doing(slow(2.0), lambda request: request.method == "PUT") as met:
        stalled = asyncio.ensure_future(old.write(UID, record("stalled")))
        while not met:
            await asyncio.sleep(0.01)
        assert await new.load() == {UID: record("1")}
        await new.write(UID, record("new"))
        with pytest.raises(FencedError):
            await stalled
    assert await stored(api) == record("new")


async def test_a_stalled_write_that_comes_first_is_replaced(proxied: Api, api: Api, proxy: FaultyApi) -> None:
    lead = Lead(1)
    old, new = KubernetesJournal(proxied, NAME, lead), KubernetesJournal(api, NAME, Lead(2))
    await old.write(UID, record("1"))
    with proxy.doing(slow(1.0), lambda request: request.method == "PUT") as met:
        stalled = asyncio.ensure_future(old.write(UID, record("stalled")))
        while not met:
            await asyncio.sleep(0.01)
        await new.load()
        lead.leads = False
        with pytest.raises(FencedError):
            await stalled
    assert await stored(api) == record("stalled")
    await new.write(UID, record("new"))
    assert await stored(api) == record("new")


# --- what the network does


@pytest.mark.parametrize("fault", [lost, cut])
async def test_a_write_without_an_answer_is_mended_by_the_next(
    proxied: Api, proxy: FaultyApi, fault: object
) -> None:
    journal = KubernetesJournal(proxied, NAME, Lead(1))
    for text in ("new", "changed"):
        with proxy.doing(fault, writes), pytest.raises(UnavailableError):
            await journal.write(UID, record(text))
        await journal.write(UID, record(f"{text} again"))
        assert await stored(proxied) == record(f"{text} again")
    with proxy.doing(fault, writes), pytest.raises(UnavailableError):
        await journal.remove(UID)
    await journal.remove(UID)
    assert await journal.load() == {}


async def test_answers_that_take_ten_seconds_are_waited_for(proxied: Api, proxy: FaultyApi) -> None:
    journal = KubernetesJournal(proxied, NAME, Lead(1))
    with proxy.doing(slow(10.0)):
        await journal.write(UID, record("slow"))
        assert await journal.load() == {UID: record("slow")}


async def test_a_throttled_write_waits_and_is_written(proxied: Api, proxy: FaultyApi) -> None:
    journal = KubernetesJournal(proxied, NAME, Lead(1))
    with proxy.doing(throttled(1), about("secrets")) as met:
        writing = asyncio.ensure_future(journal.write(UID, record("1")))
        while len(met) < 2:
            await asyncio.sleep(0.01)
    await writing
    assert await stored(proxied) == record("1")


async def test_while_the_api_server_is_away_nothing_is_known_and_then_all_is(
    journal: KubernetesJournal, kubernetes: LocalKubernetes
) -> None:
    await journal.write(UID, record("1"))
    kubernetes.kill("kube-apiserver")
    try:
        with pytest.raises(UnavailableError):
            await journal.write(UID, record("2"))
        with pytest.raises(UnavailableError):
            await journal.load()
    finally:
        kubernetes.start("kube-apiserver")
        kubernetes.wait_ready(90)
    await journal.write(UID, record("3"))
    assert await journal.load() == {UID: record("3")}


async def test_a_namespace_that_is_being_deleted_takes_no_new_record(
    journal: KubernetesJournal, kubernetes: LocalKubernetes, api: Api
) -> None:
    kubernetes.kubectl("delete", "namespace", api.namespace)
    with pytest.raises(RefusedError) as caught:
        await journal.write(UID, record("1"))
    assert api.namespace in str(caught.value)
