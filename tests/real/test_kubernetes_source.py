"""The Kubernetes source on a real API server: what it tells of objects, and what it writes to them."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from real.faults import FaultyApi, about, conflict, cut, half, slow, throttled, writes
from real.kubernetes_engine import LEASE, Engine, Place, status, until
from trainmaster.api.declared import Declared
from trainmaster.api.status import (
    ConditionType,
    JobStatus,
)
from trainmaster.errors import FencedError
from trainmaster.local.kubernetes.controlplane import LocalKubernetes
from trainmaster.plan.values import Event
from trainmaster.sources.kubernetes.objects import FINALIZER
from trainmaster.sources.kubernetes.resources import TRAININGJOBS

OTHER = "example.com/other"


@pytest.fixture
def place(kubernetes: LocalKubernetes) -> Iterator[Place]:
    made = Place(kubernetes)
    yield made
    made.close()


@pytest.fixture
def places(kubernetes: LocalKubernetes) -> Iterator[Place]:
    """Three namespaces of jobs."""
    made = Place(kubernetes, count=3)
    yield made
    made.close()


# --- looking


async def test_an_object_is_told_from_its_creation_to_its_end(place: Place) -> None:
    async with Engine(place.source()) as engine:
        place.declare("mnist")
        declared = await engine.told("mnist")
        assert (declared.source, declared.owner) == ("kubernetes", "alice")
        assert (declared.path, declared.generation) == (f"{place.namespace}/mnist", 1)
        assert place.metadata("mnist")["finalizers"] == [FINALIZER]
        place.patch("mnist", {"spec": {"priority": 3}})
        edited = await engine.told("mnist", lambda each: each.generation == 2)
        assert edited.job
        assert edited.job.spec.priority == 3
        place.delete("mnist")
        await until(lambda: engine.gone == [declared.uid])
        await until(lambda: place.names() == [])
        assert not engine.picture


async def test_what_was_there_before_is_told_and_the_deletion_of_what_was_never_told_is_not(
    place: Place,
) -> None:
    place.declare("held", finalizers=[FINALIZER])
    place.declare("loose")
    place.declare("going", finalizers=[FINALIZER])
    place.delete("going")
    async with Engine(place.source()) as engine:
        await engine.told("held")
        await engine.told("loose")
        await until(lambda: set(place.names()) == {"held", "loose"})


async def test_finalizers_of_others_stay(place: Place) -> None:
    place.declare("mnist", finalizers=[OTHER])
    async with Engine(place.source()) as engine:
        await engine.told("mnist")
        assert place.metadata("mnist")["finalizers"] == [OTHER, FINALIZER]
        place.delete("mnist")
        await until(lambda: engine.gone)
        assert place.metadata("mnist")["finalizers"] == [OTHER]
        await until(lambda: not engine.picture)
        place.patch("mnist", {"metadata": {"finalizers": None}})
        await until(lambda: place.names() == [])
        assert len(engine.gone) == 1


async def test_a_finalizer_that_somebody_took_off_is_put_on_again(place: Place) -> None:
    async with Engine(place.source()) as engine:
        place.declare("mnist")
        await engine.told("mnist")
        place.patch("mnist", {"metadata": {"finalizers": None}})
        await until(lambda: place.metadata("mnist").get("finalizers") == [FINALIZER])
        assert engine.names() == {"mnist"}


async def test_an_object_that_was_removed_by_force_is_told_and_its_name_waits(place: Place) -> None:
    async with Engine(place.source(), lets_go=False) as engine:
        place.declare("mnist")
        old = await engine.told("mnist")
        place.delete_by_force("mnist")
        await engine.told("mnist", lambda each: each.deleted)
        place.declare("mnist")
        new = await engine.told("mnist", lambda each: each.uid != old.uid)
        assert old.uid in new.duplicate_of
        await engine.source.publish(old, status())
        assert place.state("mnist") == ""
        await engine.source.gone(old)
        after = await engine.told("mnist", lambda each: each.uid == new.uid and not each.duplicate_of)
        assert after.job == old.job


async def test_only_the_named_namespaces_are_looked_at(places: Place) -> None:
    first, second, foreign = places.namespaces
    for namespace in places.namespaces:
        places.declare(f"in-{namespace[-1]}", namespace)
    async with Engine(places.source(namespaces=(first, second))) as engine:
        await engine.told("in-a")
        await engine.told("in-b")
        places.declare("late", foreign)
        places.declare("later", second)
        await engine.told("later")
        assert engine.names() == {"in-a", "in-b", "later"}


async def test_a_namespace_without_rights_hides_no_other_and_is_named(places: Place) -> None:
    place, kubernetes = places, places.kubernetes
    open_, closed, _ = place.namespaces
    kubernetes.kubectl("delete", "rolebinding", "trainmaster", "-n", closed)
    place.declare("mine", open_)
    place.declare("theirs", closed)
    async with Engine(place.source()) as engine:
        await engine.told("mine")
        missing = f"lacks the right to list trainingjobs of trainmaster.io in namespace {closed}"
        await until(lambda: missing in engine.source.trouble)
        place.grant((closed,))
        await engine.told("theirs")
        await until(lambda: engine.source.trouble == "")
        place.declare("more", open_)
        place.declare("more-theirs", closed)
        await engine.told("more")
        await engine.told("more-theirs")


# --- showing


async def test_a_status_that_somebody_edits_is_seen_and_shown_again_with_the_conditions_of_others(
    place: Place,
) -> None:
    async with Engine(place.source()) as engine:
        place.declare("mnist")
        declared = await engine.told("mnist")
        await engine.source.publish(declared, status())
        assert not engine.source.astray()
        theirs = {"type": "Approved", "status": "True", "reason": "Reviewed", "message": "Fine."}
        theirs["lastTransitionTime"] = "2026-01-01T00:00:00Z"
        shown = place.object("mnist")["status"]
        edited = {
            "state": "Succeeded",
            "completionTime": "2026-01-01T00:00:00Z",
            "conditions": [*shown["conditions"], {**theirs, "type": "Failed"}, theirs],
        }
        place.kubectl(
            *("patch", "tj", "mnist", "--subresource=status", "--type=merge"),
            *("-p", json.dumps({"status": edited})),
        )
        await until(engine.source.astray)
        await engine.source.publish(declared, status())
        after = place.object("mnist")["status"]
        assert [each["type"] for each in after["conditions"]] == ["Running", "Approved"]
        assert (after["state"], "completionTime" in after) == ("Running", False)
        assert not engine.source.astray()


async def test_a_status_is_written_once_and_only_when_it_differs(place: Place) -> None:
    async with Engine(place.source()) as engine:
        place.declare("mnist")
        declared = await engine.told("mnist")
        await engine.source.publish(declared, status())
        shown = place.object("mnist")
        assert JobStatus.model_validate(shown["status"]) == status()
        await engine.source.publish(declared, status())
        assert place.metadata("mnist")["resourceVersion"] == shown["metadata"]["resourceVersion"]
        await engine.source.publish(declared, status(ConditionType.SUCCEEDED))
        after = place.object("mnist")["status"]
        assert [condition["type"] for condition in after["conditions"]] == ["Succeeded"]
    async with Engine(place.source()) as next_leader:
        version = place.metadata("mnist")["resourceVersion"]
        await next_leader.told("mnist")
        await next_leader.source.publish(declared, status(ConditionType.SUCCEEDED))
        assert place.metadata("mnist")["resourceVersion"] == version


async def test_a_status_of_an_object_that_has_changed_or_gone_is_no_error(place: Place) -> None:
    async with Engine(place.source()) as engine:
        for name in ("edited", "gone", "replaced"):
            place.declare(name)
        edited, gone, replaced = [await engine.told(name) for name in ("edited", "gone", "replaced")]
        place.kubectl("label", "tj", "edited", "new=label")
        await engine.source.publish(edited, status())
        place.delete_by_force("gone")
        await engine.source.publish(gone, status())
        place.delete_by_force("replaced")
        place.declare("replaced")
        await engine.source.publish(replaced, status())
        assert place.state("edited") == "Running"
        assert place.state("replaced") == ""


async def test_nothing_is_written_without_the_lease(place: Place) -> None:
    async with Engine(place.source()) as engine:
        place.declare("mnist")
        declared = await engine.told("mnist")
        await engine.step_down()
        with pytest.raises(FencedError):
            await engine.source.publish(declared, status())
        with pytest.raises(FencedError):
            await engine.source.gone(declared)
        with pytest.raises(FencedError):
            await engine.source.remove(declared)
        with pytest.raises(FencedError):
            await engine.source.tell(declared, [Event(False, "Tested", "so that it shows")])
        assert place.state("mnist") == ""


async def test_an_object_is_removed_on_the_jobs_own_wish_and_no_other_of_its_name(place: Place) -> None:
    async with Engine(place.source(), lets_go=False) as engine:
        place.declare("mnist")
        old = await engine.told("mnist")
        await engine.source.remove(old)
        await engine.told("mnist", lambda each: each.deleted)
        await engine.source.gone(old)
        await until(lambda: place.names() == [])
        place.declare("mnist")
        new = await engine.told("mnist", lambda each: each.uid != old.uid)
        await engine.source.remove(old)
        assert "deletionTimestamp" not in place.metadata("mnist")
        assert new.job


async def test_events_are_shown_by_kubectl_and_counted(place: Place) -> None:
    running = Event(warning=False, reason="AllRunning", message="all replicas run")
    failed = Event(warning=True, reason="PermanentExit", message="worker-0 ended with 1")
    async with Engine(place.source()) as engine:
        place.declare("mnist")
        declared = await engine.told("mnist")
        await engine.source.tell(declared, [running, failed])
        for _ in range(2):
            await engine.source.tell(declared, [failed])
        described = place.kubectl("describe", "tj", "mnist")
        assert "all replicas run" in described
        lines = place.kubectl("events", "--for=trainingjob/mnist").splitlines()[1:]
        assert len(lines) == 2
        [counted] = [line for line in lines if "PermanentExit" in line]
        assert "x3" in counted
        assert "Warning" in counted
        ours = await asyncio.to_thread(_told_by_us, "mnist", place.namespace)
        assert [line for line in ours if "worker-0 ended with 1 (3 times)" in line]
        assert [line for line in ours if "AllRunning" in line and "all replicas run" in line]
        place.kubectl("patch", "tj", "mnist", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
        place.kubectl("delete", "tj", "mnist", "--ignore-not-found")
        assert len(await asyncio.to_thread(_told_by_us, "mnist", place.namespace)) == 3  # with the header


def _told_by_us(name: str, namespace: str) -> list[str]:
    command = [sys.executable, "-m", "trainmaster", "events", name, "-n", namespace]
    environ = os.environ | {"TRAINMASTER_SOURCE": "kubernetes"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


async def test_a_flood_of_events_is_cut(place: Place) -> None:
    async with Engine(place.source()) as engine:
        place.declare("mnist")
        declared = await engine.told("mnist")
        flood = [Event(True, "PermanentExit", f"worker-{number} ended with 1") for number in range(100)]
        await engine.source.tell(declared, flood)
        shown = place.kubectl("events", "--for=trainingjob/mnist").splitlines()[1:]
        assert 20 <= len(shown) < 40


async def test_a_namespace_is_deleted_with_its_jobs(place: Place) -> None:
    """With rights of the whole cluster: those in the namespace go with it, before its jobs do."""
    source = place.source(place.kubernetes.kubeconfig)
    async with Engine(source, lets_go=False) as engine:
        place.declare("mnist")
        declared = await engine.told("mnist")
        place.kubernetes.kubectl("delete", "namespace", place.namespace, "--wait=false")
        told = await engine.told("mnist", lambda each: each.deleted)
        await engine.source.publish(told, status())
        await engine.source.tell(told, [Event(False, "Deleting", "so that it shows")])
        await engine.source.gone(declared)
        there = ("get", "namespace", place.namespace, "--ignore-not-found", "-o", "name")
        await until(lambda: place.kubernetes.kubectl(*there) == "")
        await engine.source.tell(told, [Event(False, "Deleting", "so that it shows")])


# --- leading


async def test_a_job_of_the_journal_whose_object_went_is_told_as_deleted(place: Place) -> None:
    engine = Engine(place.source(), lets_go=False)
    engine.known = {"0b6fc7a4-0000-4000-8000-000000000000": (place.namespace, "went")}
    async with engine:
        told = await engine.told("went", lambda each: each.deleted)
        await engine.source.gone(told)
        await until(lambda: not engine.picture)


async def test_a_job_that_ended_never_runs_again_though_the_journal_lost_it(place: Place) -> None:
    async with Engine(place.source()) as engine:
        place.declare("ended")
        declared = await engine.told("ended")
        await engine.source.publish(
            declared, status(ConditionType.FINISHED, application_id="application_1_0001")
        )
    place.declare("fresh")
    async with Engine(place.source()) as next_leader:
        await next_leader.told("fresh")
        assert next_leader.names() == {"fresh"}
        assert place.state("ended") == "Finished"
        place.delete("ended")
        await until(lambda: next_leader.gone == [declared.uid])
        await until(lambda: place.names() == ["fresh"])


async def test_an_application_that_the_journal_lost_is_told(place: Place) -> None:
    async with Engine(place.source()) as engine:
        place.declare("mnist")
        declared = await engine.told("mnist")
        await engine.source.publish(declared, status(application_id="application_1_0001"))
        assert declared.lost_application == ""
    async with Engine(place.source()) as next_leader:
        assert (await next_leader.told("mnist")).lost_application == "application_1_0001"


async def test_a_standby_knows_the_jobs_already(place: Place) -> None:
    async with Engine(place.source()) as leader:
        place.declare("mnist")
        declared = await leader.told("mnist")
        standby = Engine(place.source())
        standby.known = {declared.uid: (place.namespace, "mnist")}
        async with standby:
            await until(lambda: standby.source._book.seen(declared.uid))
            assert not standby.picture
            await leader.step_down()
            assert (await standby.told("mnist")).uid == declared.uid


# --- trouble


async def test_an_api_server_that_was_killed_is_followed_again(place: Place) -> None:
    place.declare("before")
    async with Engine(place.source()) as engine:
        before = await engine.told("before")
        place.kubernetes.kill("kube-apiserver")
        place.clock.ahead += LEASE
        await until(lambda: engine.complaint)
        assert engine.picture[before.uid] == before
        place.kubernetes.start("kube-apiserver")
        await asyncio.to_thread(place.kubernetes.wait_ready)
        place.declare("after")
        place.delete("before")
        await engine.told("after")
        await until(lambda: engine.gone == [before.uid])
        assert engine.complaint == ""


async def test_a_deletion_in_a_history_that_has_expired_is_found(place: Place) -> None:
    """The watch can't go on (410): the API server has forgotten what happened while nobody listened."""
    with FaultyApi(place.kubernetes) as proxy:
        async with Engine(place.source(proxy.kubeconfig(place.kubeconfig)), lets_go=False) as engine:
            place.declare("kept")
            place.declare("went")
            await engine.told("kept")
            went = await engine.told("went")
            with proxy.doing(cut):
                proxy.hang_up()
                place.delete_by_force("went")
                place.declare("new")
                _compact(place.kubernetes)
                place.kubernetes.kill("kube-apiserver")
                place.kubernetes.start("kube-apiserver")
                await asyncio.to_thread(place.kubernetes.wait_ready)
            await engine.told("new")
            told = await engine.told("went", lambda each: each.deleted)
            assert told.uid == went.uid
            assert not (await engine.told("kept")).deleted


def _compact(kubernetes: LocalKubernetes) -> None:
    """Let etcd forget all history (etcd's JSON gateway, KV.Range and KV.Compact)."""
    answer = requests.post(f"{kubernetes.etcd_url}/v3/kv/range", json={"key": "Lw=="}, timeout=10).json()
    revision = {"revision": answer["header"]["revision"], "physical": True}
    requests.post(f"{kubernetes.etcd_url}/v3/kv/compaction", json=revision, timeout=30).raise_for_status()


@pytest.mark.parametrize(
    ("fault", "to"),
    [(conflict, half(writes)), (throttled(1), half(writes)), (slow(2.0), about(TRAININGJOBS.plural))],
    ids=["conflicts", "throttling", "slowness"],
)
async def test_writes_get_through(fault: Any, to: Any, place: Place) -> None:
    with FaultyApi(place.kubernetes) as proxy:
        async with Engine(place.source(proxy.kubeconfig(place.kubeconfig))) as engine:
            place.declare("before")
            declared = await engine.told("before")
            with proxy.doing(fault, to) as met:
                place.declare("mnist")
                await engine.told("mnist")
                await _published(engine, declared)
                place.delete("mnist")
                await until(lambda: len(engine.gone) == 1)
            assert met
            assert place.state("before") == "Running"


async def _published(engine: Engine, declared: Declared) -> None:
    """As the fleet does it: again until it is shown."""
    while True:
        try:
            return await engine.source.publish(declared, status())
        except FencedError:
            await asyncio.sleep(0.2)
