"""Metrics: the numbers come from the picture, names follow Prometheus' conventions, the docs list all."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from observe.documented import differences
from observe.pictures import NOW, fleet, picture, refused, remembers, replica, role
from trainmaster.api.status import ResourceStatus
from trainmaster.hadoop.calls import Outcome, Wire
from trainmaster.master.lives import MOST_QUEUES, Lives
from trainmaster.master.measures import Measures
from trainmaster.master.names import OTHER
from trainmaster.master.picture import FleetPicture
from trainmaster.master.reports import Unread
from trainmaster.observe.gpus.bill import Bill
from trainmaster.observe.gpus.exposition import GpuCollector
from trainmaster.observe.gpus.values import GpuPicture
from trainmaster.observe.metrics import make_registry
from trainmaster.observe.stalls import Stalls
from trainmaster.observe.traces.exporter import Exporter
from trainmaster.observe.use.exposition import UseCollector
from trainmaster.plan.health import CalledBad, Told, garbled
from trainmaster.plan.ledger import ShareUse
from trainmaster.plan.memory import Key, ReplicaMemory
from trainmaster.plan.spent import Ledger
from trainmaster.plan.suspects import ONE_OWNER, Suspect
from trainmaster.settings import Traces
from trainmaster.sources.kubernetes.counts import Counts

NOT_BASE = re.compile(r"_(milliseconds|ms|minutes|hours|days|kilobytes|mb|mib|percent)(_|$)")
SHOWN = (
    remembers(picture("mnist"), restarts=3, charged=2),
    picture("bert", "Succeeded"),
    picture("late"),
    refused(),
)


def registry_of(shown: FleetPicture, now: float = NOW) -> CollectorRegistry:
    registry = make_registry(lambda: shown, lambda: now)
    registry.register(Stalls())
    Measures(registry, kubeflow=True)
    Bill(registry)
    registry.register(GpuCollector(lambda: shown, GpuPicture))
    registry.register(UseCollector(lambda: shown, dict))
    Exporter(Traces(), registry, "1.0")
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
    assert 'trainmaster_held_gpus{job_name="mnist",job_namespace="vision",queue="gpu",user="alice"}' in text
    assert 'trainmaster_job_expiry_seconds{job_name="mnist",job_namespace="vision"} 600.0' in text
    assert 'job_name="bert"' not in text
    assert 'job_name="broken"' not in text


def test_a_live_job_has_as_many_series_as_the_docs_say() -> None:
    """7, and 2 more for each role."""

    def series(shown: FleetPicture) -> int:
        return sum(len(family.samples) for family in registry_of(shown).collect())

    none, one = fleet(picture("a")), fleet(picture("a"), picture("b"))
    ended = fleet(picture("a"), picture("b", "Failed"))
    assert series(one) - series(none) == 7 + 2 * 2
    assert series(ended) - series(none) == 1, "the state of one more job, and nothing by its name"


def test_what_became_of_a_live_jobs_time_is_told_up_to_now() -> None:
    ledger = Ledger(
        {"Training": (0.0, 60.0, 120.0), "Queued": (30.0, 0.0, 0.0)}, {"Training": (0, 2, 4)}, at=NOW - 10
    )
    shown = fleet(remembers(picture(), ledger=ledger), remembers(picture("late", "Failed"), ledger=ledger))
    registry = registry_of(shown)
    labels = {"job_namespace": "vision", "job_name": "mnist"}
    assert value(registry, "trainmaster_job_spent_seconds", **labels, **{"class": "Training"}) == 80
    assert value(registry, "trainmaster_job_spent_seconds", **labels, **{"class": "Queued"}) == 30
    assert value(registry, "trainmaster_job_goodput_ratio", **labels) == 1
    over = {"job_namespace": "vision", "job_name": "late"}
    assert value(registry, "trainmaster_job_goodput_ratio", **over) is None


def test_running_replicas_are_told_apart_from_wanted_ones() -> None:
    registry = registry_of(fleet(picture(roles={"worker": role(4, 3)})))
    labels = {"job_namespace": "vision", "job_name": "mnist", "role": "worker"}
    assert value(registry, "trainmaster_replicas_wanted", **labels) == 4
    assert value(registry, "trainmaster_replicas_running", **labels) == 3


def test_expiry_is_that_of_the_application_silent_longest() -> None:
    beats = {"uid-mnist": (NOW, 0.0), "uid-late": (NOW - 60, 0.0)}
    shown = fleet(*SHOWN, beats=beats)
    assert value(registry_of(shown, NOW + 5), "trainmaster_application_expiry_seconds") == 535


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


@pytest.mark.parametrize("left", [None, 0.0, 100.0])
def test_the_life_of_the_ticket_is_told_where_there_is_to_be_one(left: float | None) -> None:
    shown = registry_of(fleet(ticket_left=left))
    assert value(shown, "trainmaster_kerberos_ticket_remaining_seconds") == left
    assert value(registry_of(fleet(ticket_trouble="no KDC")), "trainmaster_trouble") == 1


def test_a_standby_says_nothing_of_a_yarn_that_it_does_not_ask() -> None:
    assert value(registry_of(fleet(leading=False, yarn_up=False)), "trainmaster_yarn_up") is None


def test_measures_count_what_they_are_told() -> None:
    registry = CollectorRegistry()
    measures = Measures(registry)
    measures.heartbeat(0.02)
    measures.journal_write(0.004)
    measures.pass_done(0.001)
    measures.pass_failed()
    measures.event(warning=True, reason="OutOfMemory")
    assert value(registry, "trainmaster_heartbeat_seconds_bucket", le="0.025") == 1
    assert value(registry, "trainmaster_restarts_total", cause="Memory", charged="true") == 0, (
        "from the start"
    )
    calls = {"protocol": "rpc", "target": "scheduler"}
    measures.calls(Wire.SCHEDULER_RPC)(Outcome.UNAVAILABLE)
    assert value(registry, "trainmaster_hadoop_calls_total", result="unavailable", **calls) == 1
    assert value(registry, "trainmaster_hadoop_calls_total", result="ok", **calls) == 0
    assert value(registry, "trainmaster_journal_write_seconds_count") == 1
    assert value(registry, "trainmaster_pass_seconds_count") == 1
    assert value(registry, "trainmaster_pass_failures_total") == 1
    assert value(registry, "trainmaster_events_total", type="Warning", reason="OutOfMemory") == 1


def test_restarts_of_a_job_are_those_that_were_charged_and_the_others() -> None:
    registry = registry_of(fleet(*SHOWN))
    labels = {"job_namespace": "vision", "job_name": "mnist"}
    assert value(registry, "trainmaster_job_restarts_total", charged="true", **labels) == 2
    assert value(registry, "trainmaster_job_restarts_total", charged="false", **labels) == 1


def test_replicas_are_counted_by_state_and_no_state_has_gaps() -> None:
    registry = registry_of(fleet(picture(roles={"worker": role(4, 3)}), picture("ended", "Failed")))
    assert value(registry, "trainmaster_replicas", state="Running") == 3
    assert value(registry, "trainmaster_replicas", state="Waiting") == 1
    assert value(registry, "trainmaster_replicas", state="BackingOff") == 0


def test_what_a_job_holds_is_what_was_granted_to_its_replicas() -> None:
    granted = ResourceStatus(memory_mib=2048, vcores=2, gpus=1)
    replicas = (replica(0, "Running", granted=granted), replica(1, "Allocated", granted=granted))
    roles = {"worker": role(3, 1, replicas=(*replicas, replica(2, "Waiting")))}
    registry = registry_of(fleet(picture(roles=roles)))
    labels = {"job_namespace": "vision", "job_name": "mnist", "queue": "gpu", "user": "alice"}
    assert value(registry, "trainmaster_held_containers", **labels) == 2
    assert value(registry, "trainmaster_held_memory_bytes", **labels) == 2 * 2048 * 1024**2
    assert value(registry, "trainmaster_held_vcores", **labels) == 4
    assert value(registry, "trainmaster_held_gpus", **labels) == 2


def test_the_longest_wait_is_that_of_the_job_which_has_started_nothing_since_it_was_accepted() -> None:
    waits = remembers(picture("waits", "Queued"), queued_at=NOW - 50)
    longer = remembers(picture("longer", "Queued", application=""), queued_at=NOW - 500)
    runs = remembers(picture("runs"), queued_at=NOW - 9000, active_since=NOW - 8000)
    rests = remembers(picture("rests", "Suspended"), queued_at=NOW - 9000, closing_since=NOW - 8000)
    refused = remembers(picture("refused", "Refused", application=""), queued_at=NOW - 9000)
    lost = remembers(picture("lost", "Queued"), queued_at=NOW - 9000, lost_applications=1)
    registry = registry_of(fleet(waits, longer, runs, rests, refused, lost))
    assert value(registry, "trainmaster_longest_wait_seconds", queue="gpu") == 500
    assert value(registry_of(fleet(runs)), "trainmaster_longest_wait_seconds", queue="gpu") is None


def test_gangs_that_are_gathered_are_counted_by_queue() -> None:
    gathers = remembers(picture(), generation=2, started_generation=1, gang_since=NOW - 5)
    registry = registry_of(fleet(gathers, remembers(gathers, gang_since=0.0)))
    assert value(registry, "trainmaster_gangs_waiting", queue="gpu") is None, (
        "one uid, and it waits for its turn"
    )
    assert value(registry_of(fleet(gathers)), "trainmaster_gangs_waiting", queue="gpu") == 1


def test_the_oldest_tokens_tell_whether_yarn_renews_them() -> None:
    old, new = picture("old"), picture("new")
    beats = {"uid-old": (NOW, NOW - 70), "uid-new": (NOW, NOW - 7)}
    application = old.memory and old.memory.application
    assert application
    new = remembers(new, application=replace(application, token_at=NOW - 5))
    registry = registry_of(fleet(old, new, beats=beats))
    assert value(registry, "trainmaster_amrm_token_age_seconds") == 100, "since its submission, at most"
    assert value(registry, "trainmaster_nm_token_age_seconds") == 70
    assert value(registry_of(fleet(new)), "trainmaster_amrm_token_age_seconds") == 5
    assert value(registry_of(fleet()), "trainmaster_amrm_token_age_seconds") is None


def test_the_lag_is_the_age_of_the_newest_picture_of_the_store() -> None:
    name = "trainmaster_source_lag_seconds"
    assert value(registry_of(fleet(), NOW + 7), name) == 7
    assert value(registry_of(fleet(leading=False)), name) is None
    assert value(registry_of(fleet(looked_at=0.0)), name) is None


def test_queues_that_are_heard_of_late_share_one_series() -> None:
    lives = Lives(registry := CollectorRegistry())
    for number in range(MOST_QUEUES + 20):
        lives.finished("Failed", "BackoffLimitExceeded", f"q{number}", "Generic")
        lives.waited(f"q{number}", 1.0)
    labels = {"result": "Failed", "reason": "BackoffLimitExceeded", "framework": "Generic"}
    assert value(registry, "trainmaster_jobs_finished_total", queue=OTHER, **labels) == 20
    assert value(registry, "trainmaster_jobs_finished_total", queue="q0", **labels) == 1
    assert value(registry, "trainmaster_queue_wait_seconds_count", queue=OTHER) == 20


def test_kubeflows_names_are_there_only_where_they_are_wanted() -> None:
    plain, wanted = CollectorRegistry(), CollectorRegistry()
    for registry, kubeflow in ((plain, False), (wanted, True)):
        Measures(registry, kubeflow).created("vision", "TensorFlow")
    name = "training_operator_jobs_created_total"
    assert value(wanted, name, job_namespace="vision", framework="tensorflow") == 1
    assert "training_operator" not in generate_latest(plain).decode()


def test_every_metric_keeps_the_naming_conventions() -> None:
    text = generate_latest(registry_of(fleet(*SHOWN))).decode()
    for family in text_string_to_metric_families(text):
        if family.name.endswith("_created"):
            continue
        assert re.fullmatch(r"(trainmaster|process|training_operator_jobs)_[a-z][a-z0-9_]*", family.name)
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
    assert differences(generate_latest(registry_of(fleet(*SHOWN))).decode()) == []


def test_nodes_that_failed_several_jobs_are_told_with_how_many() -> None:
    registry = registry_of(fleet(suspects=(Suspect("n7", 3, ()), Suspect("n8", 2, (), ONE_OWNER))))
    found = [value(registry, "trainmaster_node_suspect", node=node) for node in ("n7", "n8", "n9")]
    assert found == [3, 2, None]


def test_nodes_that_others_call_bad_are_told_and_who_of_them_answers() -> None:
    called = (CalledBad("n7", "dcgm", "Xid 79", NOW, True), CalledBad("n8", "dcgm", "Xid 79", NOW, False))
    registry = registry_of(
        fleet(called_bad=called, node_sources={"dcgm": Told(), "gpud": garbled("no JSON")})
    )
    bad = [
        value(registry, "trainmaster_node_called_bad", node=node, source="dcgm")
        for node in ("n7", "n8", "n9")
    ]
    assert bad == [1, 0, None]
    up = [value(registry, "trainmaster_node_health_up", source=name) for name in ("dcgm", "gpud")]
    assert up == [1, 0]


def test_quotas_are_told_with_what_is_held_and_the_narrower_of_two() -> None:
    uses = (
        ShareUse("namespace a", "gpus", 8, 6, 2),
        ShareUse("namespace a", "gpus", 16, 6, 0),
        ShareUse("user u", "memory", 2048, 1024, 0),
    )
    registry = registry_of(fleet(quotas=uses))
    names = ("allowed", "held", "waiting_jobs")
    told = [
        [value(registry, f"trainmaster_quota_{name}", quota=quota, kind=kind) for name in names]
        for quota, kind in (("namespace a", "gpus"), ("user u", "memory"))
    ]
    assert told == [[8, 6, 2], [2 * 2**30, 2**30, 0]]
    assert generate_latest(registry).decode().count('trainmaster_quota_held{kind="gpus"') == 1


def test_what_is_left_to_others_and_what_cannot_be_ended_is_told() -> None:
    registry = registry_of(fleet(foreign={"vision/a": "theirs", "vision/b": "theirs"}))
    assert value(registry, "trainmaster_foreign_jobs") == 2
    assert value(registry, "trainmaster_unended_applications") == 0


ROWS = [
    ["worker", 0, 1, 1, 40, 100, 10.0, 11.0, 2.0, 2.0, 60, {"loss": 0.5}],
    ["worker", 1, 1, 1, 41, 100, 10.0, 12.0, 1.0, 1.0, 60, {"loss": 0.4}],
    ["worker", 1, 7, 1, 99, 100, 10.0, 99.0, 1.0, 1.0, 60, {"loss": 0.1}],
]


def reporting(name: str, rows: list[list[object]], state: str = "Running") -> FleetPicture:
    bound = tuple(ReplicaMemory(Key("worker", i), container=f"c{i}", host="n1") for i in range(2))
    shown = remembers(picture(name, state), replicas=bound)
    line = json.dumps({"job": f"uid-{name}", "begun": 1, "rows": rows}).encode()
    return fleet(shown, reports={f"uid-{name}": Unread(line, 1000.0), "uid-gone": Unread(line, 0.0)})


def test_what_trainings_report_is_told_of_the_processes_that_run_now() -> None:
    registry = registry_of(reporting("mnist", ROWS[:2]))
    labels = {"job_namespace": "vision", "job_name": "mnist"}
    assert value(registry, "trainmaster_job_step", **labels) == 41
    assert value(registry, "trainmaster_job_steps_planned", **labels) == 100
    assert value(registry, "trainmaster_job_steps_per_second", **labels) == 1.0
    assert value(registry, "trainmaster_job_report_timestamp_seconds", **labels) == 1012.0
    assert value(registry, "trainmaster_job_stragglers", **labels) == 1
    assert registry.get_sample_value("trainmaster_job_metric", {**labels, "name": "loss"}) == 0.4
    of_before = registry_of(reporting("mnist", ROWS[2:]))
    assert value(of_before, "trainmaster_job_step", **labels) is None


def test_a_job_that_reports_has_as_many_series_more_as_the_docs_say() -> None:
    """5, and one for each of its metrics; none once it is over."""

    def series(shown: FleetPicture) -> int:
        return sum(len(family.samples) for family in registry_of(shown).collect())

    assert series(reporting("mnist", ROWS)) - series(reporting("mnist", [])) == 5 + 1
    assert series(reporting("mnist", ROWS, "Failed")) - series(reporting("mnist", [], "Failed")) == 0
