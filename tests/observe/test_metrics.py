"""Metrics: the numbers come from the picture, names follow Prometheus' conventions, the docs list all."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from observe.pictures import NOW, fleet, picture, refused, role
from trainmaster.master.measures import Measures
from trainmaster.master.picture import FleetPicture
from trainmaster.observe.gpus.bill import Bill
from trainmaster.observe.gpus.exposition import GpuCollector
from trainmaster.observe.gpus.values import GpuPicture
from trainmaster.observe.metrics import make_registry
from trainmaster.observe.stalls import Stalls
from trainmaster.plan.ends import Cause, LastExit
from trainmaster.plan.memory import Key, Memory, ReplicaMemory
from trainmaster.sources.kubernetes.counts import Counts

DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"
NOT_BASE = re.compile(r"_(milliseconds|ms|minutes|hours|days|kilobytes|mb|mib|percent)(_|$)")
SHOWN = (
    picture("mnist", restarts=3),
    picture("bert", "Succeeded"),
    picture("late", last_beat=NOW - 60),
    refused(),
)


def registry_of(shown: FleetPicture, now: float = NOW) -> CollectorRegistry:
    registry = make_registry(lambda: shown, lambda: now)
    registry.register(Stalls())
    Measures(registry)
    Bill(registry)
    registry.register(GpuCollector(lambda: shown, GpuPicture))
    Counts(registry)
    return registry


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, labels)


def test_jobs_are_counted_by_state_queue_and_framework() -> None:
    registry = registry_of(fleet(*SHOWN))
    assert value(registry, "trainmaster_jobs", state="Running", queue="gpu", framework="TensorFlow") == 2
    assert value(registry, "trainmaster_jobs", state="Succeeded", queue="gpu", framework="TensorFlow") == 1
    assert value(registry, "trainmaster_jobs", state="Refused", queue="", framework="") == 1


def test_per_job_series_exist_only_for_live_jobs() -> None:
    text = generate_latest(registry_of(fleet(*SHOWN))).decode()
    assert 'trainmaster_replicas_wanted{job_name="mnist",job_namespace="vision",role="worker"} 2.0' in text
    assert 'trainmaster_job_restarts_total{job_name="mnist",job_namespace="vision"} 3.0' in text
    assert 'job_name="bert"' not in text
    assert 'job_name="broken"' not in text


def test_running_replicas_are_told_apart_from_wanted_ones() -> None:
    registry = registry_of(fleet(picture(roles={"worker": role(4, 3)})))
    labels = {"job_namespace": "vision", "job_name": "mnist", "role": "worker"}
    assert value(registry, "trainmaster_replicas_wanted", **labels) == 4
    assert value(registry, "trainmaster_replicas_running", **labels) == 3


def test_expiry_is_that_of_the_application_silent_longest() -> None:
    assert value(registry_of(fleet(*SHOWN), NOW + 5), "trainmaster_application_expiry_seconds") == 535


def test_the_limit_of_silence_is_the_clusters_own() -> None:
    name = "trainmaster_application_expiry_limit_seconds"
    assert value(registry_of(fleet(expiry=900.0)), name) == 900
    assert value(registry_of(fleet(leading=False)), name) is None, "a standby hasn't asked"


def test_expiry_is_absent_while_no_application_runs() -> None:
    assert value(registry_of(fleet(refused())), "trainmaster_application_expiry_seconds") is None


@pytest.mark.parametrize(
    ("metric", "field"),
    [
        ("trainmaster_yarn_up", "yarn_up"),
        ("trainmaster_store_up", "store_up"),
        ("trainmaster_leader", "leading"),
    ],
)
@pytest.mark.parametrize("holds", [True, False])
def test_states_of_the_controller_are_one_or_zero(metric: str, field: str, holds: bool) -> None:
    assert value(registry_of(fleet(**{field: holds})), metric) == float(holds)


def test_a_standby_says_nothing_of_a_yarn_that_it_does_not_ask() -> None:
    assert value(registry_of(fleet(leading=False, yarn_up=False)), "trainmaster_yarn_up") is None


def test_measures_count_what_they_are_told() -> None:
    registry = CollectorRegistry()
    measures = Measures(registry)
    measures.heartbeat(0.02)
    measures.restart("Memory")
    measures.started(1.3)
    measures.journal_write(0.004)
    measures.pass_done(0.001)
    measures.pass_failed()
    measures.event(warning=True, reason="OutOfMemory")
    assert value(registry, "trainmaster_heartbeat_seconds_bucket", le="0.025") == 1
    assert value(registry, "trainmaster_restarts_total", cause="Memory") == 1
    assert value(registry, "trainmaster_restarts_total", cause="Infrastructure") == 0
    assert value(registry, "trainmaster_submit_to_running_seconds_sum") == 1.3
    assert value(registry, "trainmaster_journal_write_seconds_count") == 1
    assert value(registry, "trainmaster_pass_seconds_count") == 1
    assert value(registry, "trainmaster_pass_failures_total") == 1
    assert value(registry, "trainmaster_events_total", type="Warning", reason="OutOfMemory") == 1


def test_restarts_are_counted_by_cause_charged_or_not() -> None:
    measures = Measures(registry := CollectorRegistry())
    calm, ended = replica_memory("worker", 0), replica_memory("worker", 1, "Memory", restarts=1)
    moved = replica_memory("ps", 0, "Infrastructure", replacements=2)
    before = Memory(
        "u", "vision", "mnist", replicas=(calm, replica_memory("worker", 1), replace(moved, replacements=1))
    )
    after = replace(before, replicas=(calm, ended, moved))
    measures.restarted(before, after)
    measures.restarted(after, after)
    assert value(registry, "trainmaster_restarts_total", cause="Memory") == 1
    assert value(registry, "trainmaster_restarts_total", cause="Infrastructure") == 1
    assert value(registry, "trainmaster_restarts_total", cause="Retryable") == 0


def replica_memory(role_: str, index: int, cause: str = "", **counts: int) -> ReplicaMemory:
    end = LastExit("c", "node1", "node1:8042", 1, Cause(cause), "why", NOW, 1) if cause else None
    return ReplicaMemory(Key(role_, index), last_exit=end, **counts)


def test_every_metric_keeps_the_naming_conventions() -> None:
    text = generate_latest(registry_of(fleet(*SHOWN))).decode()
    for family in text_string_to_metric_families(text):
        if family.name.endswith("_created"):
            continue
        assert re.fullmatch(r"(trainmaster|process)_[a-z][a-z0-9_]*", family.name)
        assert re.fullmatch(r"[A-Z0-9].*\.", family.documentation), family.name
        assert not NOT_BASE.search(family.name)
        assert family.type in {"gauge", "counter", "histogram"}
        if family.type == "counter":
            assert all(s.name.endswith(("_total", "_created")) for s in family.samples), family.name
        if family.type == "histogram":
            assert family.name.endswith("_seconds")
        if family.type == "gauge":
            assert not family.name.endswith("_total")


def test_the_docs_list_exactly_the_metrics_that_exist() -> None:
    families = registry_of(fleet()).collect()
    exist = {f.name + ("_total" if f.type == "counter" else "") for f in families}
    assert set(re.findall(r"^\| `([a-z_]+)`", DOCS.read_text(), re.MULTILINE)) == exist


def test_what_is_left_to_others_and_what_cannot_be_ended_is_told() -> None:
    registry = registry_of(fleet(foreign={"vision/a": "theirs", "vision/b": "theirs"}))
    assert value(registry, "trainmaster_foreign_jobs") == 2
    assert value(registry, "trainmaster_unended_applications") == 0
