"""The order in which roles start, as sentences: what waits for what, what it is told, and what is never done twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from plan.build import BIG, THROUGH_NEW, World, cluster, job, key
from trainmaster.api.job import TrainingJob
from trainmaster.plan.cluster import Size
from trainmaster.plan.memory import Memory
from trainmaster.plan.progress import Reports
from trainmaster.plan.values import AppState, Limits, Reinitialise, Start


def after(**roles: str) -> dict[str, Any]:
    return {"startAfter": [{"role": role, "when": when} for role, when in roles.items()]}


def prepared(framework: str = "Generic", **more: Any) -> TrainingJob:
    """Data, and then workers that restart together."""
    roles = {"worker": {**after(data="Succeeded"), "restartScope": "Job", **more.pop("worker", {})}}
    policy = {"backoff": {"base": 0}, **more.pop("policy", {})}
    return job(framework, policy, roles={"data": {}, **roles}, worker=2, **more)


def served(when: str = "Running", **more: Any) -> TrainingJob:
    """Workers that need parameter servers."""
    roles = {"ps": {"readiness": {}}, "worker": after(ps=when)}
    return job(policy={"backoff": {"base": 0}}, roles=roles, ps=2, worker=2, **more)


def begins(world: World) -> set[str]:
    return {str(a.key) for a in world.plan.actions if isinstance(a, Start | Reinitialise)}


def ready(world: World, *names: str, until: float = 1.0) -> World:
    told = {key(name): (world.replica(name).run, world.memory.generation) for name in names}
    return world.sees(reports=Reports(until, ready={**world.seen.reports.ready, **told}))


# --- preparations


def test_containers_for_the_training_are_asked_for_once_the_data_is_there() -> None:
    world = World(prepared()).registers()
    assert world.asked == {"data-0"}
    world.grants("data-0").starts("data-0")
    assert world.asked == set()
    assert world.shown("worker-0").state == "Waiting"
    assert world.status.roles["worker"].waits_for == "until data has succeeded: 0 of 1 have"
    assert world.condition("Running").message == (
        "1 of 1 processes run; worker waits until data has succeeded: 0 of 1 have"
    )
    world.ends("data-0", 0)
    assert world.asked == {"worker-0", "worker-1"}
    assert world.status.roles["worker"].waits_for == ""
    assert world.is_true("Queued")
    assert "StageSucceeded" in world.heard
    assert world.memory.restarts == 0


def test_the_training_is_a_gang_of_its_own() -> None:
    world = World(prepared()).runs().ends("data-0", 0)
    world.grants("worker-0")
    assert begins(world) == set()
    world.grants("worker-1")
    assert begins(world) == {"worker-0", "worker-1"}
    world.starts("worker-0", "worker-1").all_end({"worker-0": 0, "worker-1": 0})
    assert world.is_true("Succeeded")


def test_what_is_gone_is_not_told_to_the_training() -> None:
    world = World(prepared()).runs().ends("data-0", 0)
    world.grants("worker-0", "worker-1")
    assert {"data"} & {str(a.environment["TRAINMASTER_CLUSTER"]) for a in world.told(Start)} == set()
    assert all('"data"' not in a.environment["TRAINMASTER_CLUSTER"] for a in world.told(Start))


@pytest.mark.parametrize("limits", [Limits(first_cause_wait=0), THROUGH_NEW], ids=["in place", "through new"])
def test_a_restart_of_the_training_does_not_prepare_again(limits: Limits) -> None:
    world = World(prepared(), limits=limits).runs().ends("data-0", 0)
    world.runs().ends("worker-1", 3).obeys()
    assert world.memory.charged == 1
    assert world.replica("data-0").done
    assert "data-0" not in world.asked
    assert world.shown("data-0").state == "Succeeded"


@pytest.mark.parametrize("data", ["Job", "Replica"])
def test_a_lost_application_and_a_resume_do_not_prepare_again(data: str) -> None:
    ordered = job(roles={"data": {"restartScope": data}, "worker": after(data="Succeeded")}, worker=1)
    world = World(ordered).runs().ends("data-0", 0).runs()
    world.says(AppState.LOST).sees(application=AppState.NONE, containers={}).registers()
    assert world.asked == {"worker-0"}
    paused = ordered.model_copy(
        update={
            "spec": ordered.spec.model_copy(
                update={"run_policy": ordered.spec.run_policy.model_copy(update={"suspend": True})}
            )
        }
    )
    world.declares(paused).closes()
    assert world.is_true("Suspended")
    world.declares(ordered).registers()
    assert world.asked == {"worker-0"}


def test_a_failed_preparation_is_judged_as_any_failure() -> None:
    world = World(prepared(policy={"backoffLimit": 1})).runs()
    world.ends("data-0", 3)
    assert world.asked == {"data-0"}
    assert world.memory.charged == 1
    world.runs().ends("data-0", 3)
    assert world.is_true("Failed")
    assert "data-0 ended on a" in world.condition("Failed").message


def test_another_run_prepares_again() -> None:
    world = World(prepared()).runs().ends("data-0", 0).runs().all_end({"worker-0": 0, "worker-1": 0}).closes()
    world.declares(prepared(policy={"rerun": 1})).registers()
    assert world.asked == {"data-0"}


@pytest.mark.parametrize(
    ("edit", "asked"),
    [
        ({"worker": {"command": "train more"}}, {"worker-0", "worker-1"}),
        ({"spec": {"env": [{"name": "A", "value": "1"}]}}, {"data-0"}),
        ({"data": 2}, {"data-0", "data-1"}),
    ],
    ids=["of the training", "of all", "of the number"],
)
def test_an_edit_prepares_again_what_it_is_about(edit: dict[str, Any], asked: set[str]) -> None:
    world = World(prepared(), limits=THROUGH_NEW).runs().ends("data-0", 0).runs()
    world.declares(prepared(**edit)).obeys()
    assert world.asked == asked


def two_first(extra: bool = True, suspend: bool = False, **commands: str) -> TrainingJob:
    """Data and a vocabulary, then pairs made of the vocabulary, then the training. `extra` is one more preparation of it."""
    waits = {"data": "Succeeded", "pairs": "Succeeded", **({"extra": "Succeeded"} if extra else {})}
    roles: dict[str, Any] = {
        "data": {},
        "words": {},
        "pairs": after(words="Succeeded"),
        "worker": after(**waits),
    }
    roles |= {"extra": {}} if extra else {}
    for name, command in commands.items():
        roles[name] = {**roles[name], "command": command}
    return job(policy={"backoff": {"base": 0}, "suspend": suspend}, roles=roles)


def in_training(job: TrainingJob) -> World:
    world = World(job, limits=THROUGH_NEW).runs()
    for _ in range(2):
        world.all_end({name: 0 for name in world.names if world.replica(name).bound}).runs()
    assert world.memory.stage == 2
    return world


def runs_anew(world: World) -> list[set[str]]:
    """What is asked for in each stage until the training runs."""
    asked = [world.asked]
    while "worker-0" not in world.asked:
        names = world.asked
        assert names, "something waits for what nobody asks for"
        world.runs().all_end(dict.fromkeys(names, 0))
        asked.append(world.asked)
    return asked


@pytest.mark.parametrize("paused", [False, True])
@pytest.mark.parametrize(
    ("edited", "asked"),
    [
        ("data", [{"data-0"}, {"worker-0"}]),
        ("words", [{"words-0"}, {"pairs-0"}, {"worker-0"}]),
        ("pairs", [{"pairs-0"}, {"worker-0"}]),
        ("worker", [{"worker-0"}]),
    ],
)
def test_an_edit_does_over_what_it_is_about_and_what_comes_after_that(
    edited: str, asked: list[set[str]], paused: bool
) -> None:
    world, other = in_training(two_first()), two_first(**{edited: "other"})
    if paused:
        world.declares(two_first(suspend=True)).obeys().closes()
        world.declares(two_first(suspend=True, **{edited: "other"})).declares(other).registers()
    else:
        world.declares(other).obeys()
    assert runs_anew(world) == asked


def test_another_preparation_that_is_added_or_taken_out_does_no_other_over() -> None:
    world = in_training(two_first(extra=False)).declares(two_first()).obeys()
    assert runs_anew(world) == [{"extra-0"}, {"worker-0"}]
    world = in_training(two_first()).declares(two_first(extra=False)).obeys()
    assert runs_anew(world) == [{"worker-0"}]


def test_what_has_succeeded_beside_one_that_still_prepares_is_not_done_over_for_an_edit_of_a_third() -> None:
    world = World(two_first(), limits=THROUGH_NEW).runs().ends("data-0", 0)
    world.declares(two_first(worker="other")).obeys()
    assert world.asked == {"words-0", "extra-0"}


def test_another_number_of_a_preparation_does_no_other_over_and_says_why() -> None:
    roles = {"data": {}, "words": {}, "worker": after(data="Succeeded", words="Succeeded")}
    world = (
        World(job(roles=roles, spec={"scaling": "Live"})).runs().all_end({"data-0": 0, "words-0": 0}).runs()
    )
    world.declares(job(roles=roles, spec={"scaling": "Live"}, data=2)).obeys()
    assert world.asked == {"data-0", "data-1"}
    assert "told the old one" not in world.memory.restart_cause
    assert "data" in world.memory.restart_cause


def test_what_is_waited_for_while_it_runs_is_done_over_with_who_waits() -> None:
    roles: dict[str, Any] = {"cache": {}, "data": after(cache="Running")}
    roles |= {"worker": after(data="Succeeded", cache="Succeeded")}
    world = World(job(roles=roles)).runs().starts()
    world.grants(*world.asked).starts().all_end({"cache-0": 0, "data-0": 0}).runs()
    assert world.memory.stage == 1
    roles["data"] = {**roles["data"], "command": "other"}
    world.declares(job(roles=roles)).obeys()
    assert world.asked == {"cache-0", "data-0"}


def test_an_edit_that_prepares_anew_gives_the_containers_of_the_training_back() -> None:
    """Though what they are told is all that was edited: a job holds nothing for a later stage."""
    world = World(prepared()).runs().ends("data-0", 0).runs()
    world.declares(prepared(spec={"env": [{"name": "A", "value": "1"}]})).obeys()
    assert world.asked == {"data-0"}


def test_what_must_be_had_at_one_time_is_that_of_one_stage() -> None:
    """Both together would be too much, and are never wanted together."""
    large = {"resources": {"memory": "40Gi"}}
    roles = {"data": large, "worker": {**large, **after(data="Succeeded")}}
    one = cluster("a", size=BIG, queue_maximum=Size(50_000, 64, 8))
    world = World(job(roles=roles, worker=1)).sees(cluster=one)
    assert world.is_true("Accepted"), world.condition("Accepted").message
    world.registers()
    assert world.asked == {"data-0"}
    assert world.condition("Queued").reason == "GatheringContainers"


@pytest.mark.parametrize(
    "framework", ["TensorFlow", "PyTorch", "XGBoost", "JAX", "Horovod", "Custom", "Generic", "MXNet"]
)
def test_a_preparation_is_told_nothing_of_the_frameworks_world(framework: str) -> None:
    more: dict[str, Any] = {"scheduler": 1, "server": 1} if framework == "MXNet" else {}
    spec = {"template": [{"name": "FIRST", "value": "{{first worker address}}"}]}
    roles = {name: after(data="Succeeded") for name in more}
    world = World(
        job(
            framework,
            roles={"data": {}, "worker": after(data="Succeeded"), **roles},
            worker=2,
            spec=spec if framework == "Custom" else {},
            **more,
        )
    ).registers()
    world.grants("data-0")
    (start,) = world.told(Start)
    assert start.command == "train data"
    assert [name for name in start.environment if not name.startswith("TRAINMASTER_")] == []
    world.starts("data-0").ends("data-0", 0)
    world.grants(*world.asked)
    others = {n for a in world.told(Start) for n in a.environment if not n.startswith("TRAINMASTER_")}
    assert bool(others) == (framework != "Generic")


# --- roles that serve others


def test_all_containers_come_together_and_the_servers_begin_first() -> None:
    world = World(served()).registers()
    assert world.asked == {"ps-0", "ps-1", "worker-0", "worker-1"}
    world.grants("ps-0", "ps-1", "worker-0", "worker-1")
    assert begins(world) == {"ps-0", "ps-1"}
    assert world.condition("Starting").message == (
        "4 of 4 processes are being started; worker waits until ps runs: 0 of 2 do"
    )
    world.starts("ps-0")
    assert "worker-0" not in begins(world)
    assert world.shown("worker-0").state == "Allocated"
    assert world.status.roles["worker"].waits_for == "until ps runs: 1 of 2 do"
    world.starts("ps-1")
    assert begins(world) == {"worker-0", "worker-1"}


def test_nobody_begins_before_all_are_ready() -> None:
    world = World(served("Ready")).registers().grants("ps-0", "ps-1", "worker-0", "worker-1")
    world.starts("ps-0", "ps-1")
    assert begins(world) == set()
    assert world.status.roles["worker"].waits_for == (
        "until ps is ready: 0 of 2 are;"
        " readiness is told to the reports door, and this controller has none open"
    )
    ready(world, "ps-0")
    assert world.status.roles["worker"].waits_for == "until ps is ready: 1 of 2 are"
    ready(world, "ps-1")
    assert begins(world) == {"worker-0", "worker-1"}
    assert world.writes[-1].replica(key("ps-1")).ready == (1, 1)


def test_a_door_that_takes_no_plain_http_hears_of_nobody_who_is_ready_and_that_is_told() -> None:
    world = World(served("Ready")).registers().grants("ps-0", "ps-1", "worker-0", "worker-1")
    world.starts("ps-0", "ps-1").sees(reports=Reports(1.0, plain=False))
    assert world.status.roles["worker"].waits_for == (
        "until ps is ready: 0 of 2 are; readiness is told by plain HTTP, and reports.url begins with https"
    )


def test_a_server_that_comes_back_stops_no_worker_and_holds_back_one_that_comes_back_too() -> None:
    world = World(served("Ready")).registers().grants("ps-0", "ps-1", "worker-0", "worker-1")
    ready(world.starts("ps-0", "ps-1"), "ps-0", "ps-1").starts()
    world.ends("ps-0", 3)
    assert world.told_names == []
    world.ends("worker-1", 3)
    world.grants("worker-1")
    assert begins(world) == set()
    world.grants("ps-0").starts("ps-0")
    assert begins(world) == set(), "it runs, and another process of it was ready"
    ready(world, "ps-0")
    assert begins(world) == {"worker-1"}


def test_a_generation_begins_in_order_again() -> None:
    gang = {"restartScope": "Job"}
    roles = {"ps": {"readiness": {}, **gang}, "worker": {**after(ps="Running"), **gang}}
    world = World(job(policy={"backoff": {"base": 0}}, roles=roles, ps=1, worker=1)).registers()
    world.grants("ps-0", "worker-0").starts("ps-0").starts("worker-0")
    world.ends("worker-0", 3).obeys()
    assert world.asked == {"ps-0", "worker-0"}, "none is kept, since it would wait in its container"
    world.grants("ps-0", "worker-0")
    assert begins(world) == {"ps-0"}


def test_a_smaller_gang_is_none_where_all_of_a_role_are_waited_for() -> None:
    """What has containers and waits for what has none would wait with them for ever."""
    world = World(served(gang={"minAvailable": 2})).registers().grants("worker-0", "worker-1", "ps-0")
    assert begins(world) == set()
    assert not any(r.bound for r in world.memory.replicas)


def test_what_was_found_ready_is_known_to_the_next_leader() -> None:
    world = World(served("Ready")).registers().grants("ps-0", "ps-1", "worker-0", "worker-1")
    ready(world.starts("ps-0", "ps-1"), "ps-0", "ps-1")
    known: Memory = world.memory
    other = World(world.job)
    other.memory = known
    other.sees(application=AppState.REGISTERED, containers=world.seen.containers, reports=Reports())
    assert begins(other) == {"worker-0", "worker-1"}
    assert replace(known, epoch=2).replica(key("ps-0")).ready == (1, 1)
