"""Which runs are to be filed in the history, when a job may be forgotten, and what stands in a record."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from math import inf, nan
from typing import Any

import pytest

from plan.build import World, job
from trainmaster.api.history import MOST_BYTES, EndedRun, FileName, decode, encode, file_of, read_name
from trainmaster.api.job import TrainingJob
from trainmaster.api.status import MAX_EARLIER
from trainmaster.errors import InvalidError
from trainmaster.master.codec import decode as decode_memory
from trainmaster.master.codec import encode as encode_memory
from trainmaster.plan.decide import raised
from trainmaster.plan.ends import Cause, LastExit
from trainmaster.plan.history import MOST_UNFILED, ended_run, own_applications
from trainmaster.plan.memory import Key, ReplicaMemory
from trainmaster.plan.values import AppState, File, Forget, Limits, Open

NO_TIMES = ("garbage", "2026-11-27", "2026-11-27T10:00:00")
"""the last of them is of no zone"""
FILING = Limits(first_cause_wait=0, history=True)


def wanted(rerun: int = 0, **policy: Any) -> TrainingJob:
    return job(worker=2, policy={"backoffLimit": 0, "rerun": rerun, **policy})


def running(limits: Limits = FILING, **policy: Any) -> World:
    return World(wanted(**policy), limits=limits).runs()


def failed(limits: Limits = FILING, **policy: Any) -> World:
    world = running(limits, **policy).later(10).ends("worker-1", 3)
    return world.obeys().closes()


def filed(world: World) -> list[tuple[int, str]]:
    return [(each.run.run, each.run.state) for each in world.told(File)]


def test_a_run_is_filed_once_its_end_is_remembered_and_until_its_file_is_there() -> None:
    world = running().ends("worker-1", 3)
    assert world.memory.verdict
    assert not filed(world)
    world.obeys().closes()
    assert filed(world) == [(0, "Failed")]
    assert filed(world.later(1000)) == [(0, "Failed")]
    assert not filed(world.sees(filed={0}))
    assert not filed(world.later(1000))


def test_a_suspended_run_that_is_deleted_ended_when_that_was_heeded_whoever_files_it() -> None:
    """Not when it was suspended: that may be in a month that was paid for already, or that isn't kept any more."""
    world = running().later(10).declares(wanted(suspend=True)).obeys().closes().later(40 * 86_400).deletes()
    [run] = [each.run for each in world.told(File)]
    assert run.ended_at == datetime.fromtimestamp(world.now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    world.memory = raised(decode_memory(encode_memory(world.writes[-1])), 2)
    assert [each.run.ended_at for each in world.later(1000).told(File)] == [run.ended_at]


@pytest.mark.parametrize("suspend", [False, True])
def test_a_deletion_that_was_taken_back_leaves_no_trace_of_itself(suspend: bool) -> None:
    """A folder's file may come back while what ran is still being ended."""
    world = running().later(10).declares(wanted(suspend=suspend)).deletes().later(10)
    world.declared = replace(world.declared, deleted=False)
    world.later(10).obeys().closes().later(1000).deletes().obeys().closes()
    [run] = [each.run for each in world.told(File)]
    assert run.ended_at == datetime.fromtimestamp(world.now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def run_many_times(world: World, times: int) -> World:
    for number in range(1, times + 1):
        world.declares(wanted(number)).runs().later(10).ends("worker-1", 3).obeys().closes()
        world.sees(filed={number})
    return world


def test_each_of_many_runs_is_told_with_what_it_held_and_with_its_own_application() -> None:
    """Of the runs before only the last ten are remembered."""
    world = run_many_times(failed().sees(filed={0}), 14)
    world.declares(wanted(15)).runs().later(10).ends("worker-1", 3).obeys().closes()
    [run] = [each.run for each in world.told(File)]
    assert run.held
    assert run.held.vcore_seconds == 20
    assert run.applications == ("application_1_0016",)
    assert [past.applications for past in world.memory.past_runs][-1] == ("application_1_0015",)


def test_a_run_after_one_that_was_suspended_many_times_is_told_with_what_it_held() -> None:
    world = running()
    for _ in range(25):
        world.declares(wanted(suspend=True)).obeys().closes().declares(wanted()).runs()
    world.ends("worker-1", 3).obeys().closes().sees(filed={0})
    world.declares(wanted(1)).runs().later(10).ends("worker-1", 3).obeys().closes()
    [run] = [each.run for each in world.told(File)]
    assert run.held
    assert run.applications == ("application_1_0027",)


def test_a_run_that_never_began_is_not_filed_after_many_others_either() -> None:
    world = run_many_times(failed().sees(filed={0}), 14)
    world.declares(wanted(15)).deletes()
    assert not filed(world)
    assert world.told(Forget)


def test_the_applications_that_are_remembered_are_bounded_and_the_runs_own_stay_so() -> None:
    world = running()
    for _ in range(MAX_EARLIER + 10):
        world.declares(wanted(suspend=True)).obeys().closes().declares(wanted()).runs()
    assert len(world.memory.earlier_applications) == MAX_EARLIER
    assert len(own_applications(world.memory)) == MAX_EARLIER + 1
    world.ends("worker-1", 3).obeys().closes().sees(filed={0}).declares(wanted(1))
    assert own_applications(world.memory) == ()
    assert len(world.memory.earlier_applications) == MAX_EARLIER


def test_a_run_that_an_older_controller_began_is_told_by_the_runs_before_it() -> None:
    world = run_many_times(failed().sees(filed={0}), 3)
    world.memory = replace(world.memory, began_after="")
    assert own_applications(world.memory) == ("application_1_0004",)


def test_no_write_is_made_to_remember_that_it_was_filed() -> None:
    world = failed()
    writes = len(world.writes)
    world.sees(filed={0}).later(10)
    assert len(world.writes) == writes


def test_without_a_history_nothing_is_filed_and_nothing_waits_for_it() -> None:
    world = failed(Limits(first_cause_wait=0))
    assert not filed(world)
    world.deletes()
    assert world.told(Forget)
    assert not world.memory.unfiled


def test_who_takes_over_files_what_is_not_known_to_be_filed() -> None:
    world = failed()
    world.memory = decode_memory(encode_memory(world.writes[-1]))
    assert filed(world.later(1)) == [(0, "Failed")]


def test_a_deleted_job_is_forgotten_once_its_run_is_filed() -> None:
    world = failed().deletes()
    assert filed(world) == [(0, "Failed")]
    assert not world.told(Forget)
    world.sees(filed={0})
    assert world.told(Forget)


def test_a_job_that_is_deleted_while_it_runs_leaves_its_run() -> None:
    world = running().later(10).deletes().obeys()
    assert not filed(world)
    world.closes()
    assert filed(world) == [(0, "Deleted")]
    (file,) = world.told(File)
    assert (file.run.user, file.run.queue, file.run.applications) == (
        "alice",
        "default",
        ("application_1_0001",),
    )
    assert file.run.held
    assert file.run.held.vcore_seconds == 20
    assert not world.told(Forget)
    assert world.sees(filed={0}).told(Forget)


def test_a_job_that_never_began_leaves_nothing() -> None:
    world = World(wanted(), limits=FILING).deletes()
    assert not filed(world)
    assert world.told(Forget)


def test_a_run_again_does_not_wait_for_the_file_of_the_one_before() -> None:
    world = failed().declares(wanted(1))
    assert world.told(Open)
    assert filed(world) == [(0, "Failed")]
    world.runs()
    assert filed(world) == [(0, "Failed")]
    assert not filed(world.sees(filed={0}))


def test_a_run_again_that_is_wanted_when_the_first_ends_leaves_both() -> None:
    world = running().later(10).ends("worker-1", 3).declares(wanted(1))
    world.obeys().closes()
    assert world.memory.rerun == 1
    (file,) = world.told(File)
    assert (file.run.run, file.run.state, file.run.held and file.run.held.vcore_seconds) == (0, "Failed", 20)


def test_runs_that_wait_for_the_history_are_bounded() -> None:
    world = failed()
    for rerun in range(1, MOST_UNFILED + 5):
        world.declares(wanted(rerun)).runs().ends("worker-0", 3)
        world.obeys().closes()
    assert len(world.memory.unfiled) == MOST_UNFILED
    assert len(encode_memory(world.memory)) < 64 * 1024


def test_what_expired_is_still_filed_as_it_was() -> None:
    world = failed(ttlAfterFinished="60s")
    (before,) = world.told(File)
    world.later(100)
    assert world.memory.expired
    assert world.told(File) == [before]
    assert not filed(world.sees(filed={0}))


def test_a_declaration_that_is_removed_after_its_time_waits_with_being_forgotten() -> None:
    world = failed(ttlAfterFinished="0s", ttlDeletesResource=True)
    assert filed(world) == [(0, "Failed")]
    assert not world.deletes().told(Forget)
    assert world.sees(filed={0}).told(Forget)


def test_a_suspended_run_is_not_over() -> None:
    world = running().declares(wanted(suspend=True)).obeys().closes()
    assert not filed(world)
    assert filed(world.deletes()) == [(0, "Deleted")]


def test_a_job_whose_declaration_broke_is_filed_as_well() -> None:
    world = running().breaks().ends("worker-1", 3).ends("worker-0", 3)
    world.declares(wanted()).closes()
    assert filed(world) == [(0, "Failed")]


# --- the record


def record(world: World) -> EndedRun:
    (file,) = world.told(File)
    return file.run


def test_a_record_tells_who_where_when_and_how() -> None:
    world = failed()
    run = record(world)
    assert (run.uid, run.namespace, run.name, run.user) == ("u-1", "default", "mnist", "alice")
    assert (run.queue, run.framework, run.replicas) == ("default", "Generic", {"worker": 2})
    assert (run.reason, run.seconds) == ("BackoffLimitExceeded", 10)
    assert [(end.role, end.index, end.code) for end in run.ends] == [("worker", 1, 3), ("worker", 0, -105)]
    assert run.ends[0].log_url == "http://a:8042/ws/v1/node/containers/c2/logs"
    assert {c.type for c in run.conditions if c.status == "True"} >= {"Failed", "Finished"}
    assert len(run.spec_digest) == 64


def test_it_is_read_as_it_was_written() -> None:
    run = record(failed())
    assert decode(encode(run)) == run
    assert encode(run).startswith(b'{"version":1,')


def test_equal_declarations_have_equal_digests_and_others_not() -> None:
    assert record(failed()).spec_digest == record(failed()).spec_digest
    assert record(failed()).spec_digest != record(failed(activeDeadline="9h")).spec_digest


@pytest.mark.parametrize("length", [0, 1, 40, 400])
def test_half_a_file_is_told(length: int) -> None:
    with pytest.raises(InvalidError, match="cut off"):
        decode(encode(record(failed()))[:length])


@pytest.mark.parametrize(
    "data",
    [b"{}\n", b'{"version":1}\n', b'{"endedAt":"soon","uid":"u","namespace":"n","name":"j","state":"x"}\n'],
)
def test_what_is_no_record_is_told(data: bytes) -> None:
    with pytest.raises(InvalidError, match="can't be read"):
        decode(data)


def test_a_newer_version_is_told_and_a_newer_field_is_read_over() -> None:
    whole = encode(record(failed()))
    with pytest.raises(InvalidError, match="version 2"):
        decode(whole.replace(b'"version":1', b'"version":2'))
    assert decode(whole.replace(b'"version":1', b'"version":1,"mood":"fine"')) == decode(whole)


def test_a_large_job_leaves_a_small_record() -> None:
    words = "💥" * 5000
    last = LastExit("c" * 80, "n" * 250, "n:8042", 1, Cause.PERMANENT, words, 1.0, 1)
    memory = replace(
        failed().memory, replicas=tuple(ReplicaMemory(Key("worker", i), last_exit=last) for i in range(5000))
    )
    run = ended_run(memory, FILING)
    assert len(run.ends) == 20
    assert len(encode(run)) < MOST_BYTES / 2


# --- its file's name


def test_the_name_is_made_of_what_stays() -> None:
    run = record(failed())
    name = file_of(run)
    assert name.path == "1970-01/01/19700101T024650Z,default,mnist,u-1,0.json"
    assert read_name(name.path.rpartition("/")[2]) == name


def test_names_are_in_the_order_of_their_times() -> None:
    times = [datetime(2026, month, day, tzinfo=UTC) for month in (1, 2, 11) for day in (1, 9, 28)]
    paths = [FileName(at, "team", "job", "u", 0).path for at in times]
    assert paths == sorted(paths)


@pytest.mark.parametrize("word", ["../..", "a/b", "a,b", "", "A" * 300, "\n"])
def test_hostile_names_lead_nowhere(word: str) -> None:
    run = record(failed()).model_copy(update={"namespace": word, "name": word, "uid": word})
    path = file_of(run).path
    assert path.count("/") == 2
    assert ".." not in path
    assert read_name(path.rpartition("/")[2]) is not None


@pytest.mark.parametrize(
    "name", ["", "x.json", "20261301T000000Z,a,b,c,0.json", ".20260101T000000Z,a,b,c,0.json"]
)
def test_other_files_are_no_records(name: str) -> None:
    assert read_name(name) is None


def test_an_application_that_yarn_ended_leaves_a_run_too() -> None:
    world = running().says(AppState.KILLED, "by somebody").later(1)
    assert filed(world) == [(0, "Failed")]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *((name, said) for name in ("startedAt", "queuedAt", "closedAt", "endedAt") for said in NO_TIMES),
        *(
            ("held", {name: said})
            for name in ("gpuSeconds", "memoryMibSeconds")
            for said in (-5, nan, inf, -inf)
        ),
        ("restarts", -1),
        ("chargedRestarts", -1),
        ("run", -1),
    ],
)
def test_a_record_that_can_not_be_meant_is_none(field: str, value: object) -> None:
    """Whoever adds it up, or shows it, need not look for that himself."""
    document = json.loads(encode(record(failed())))
    with pytest.raises(InvalidError, match=field):
        decode(f"{json.dumps({**document, field: value})}\n".encode())


def test_a_record_without_times_but_that_of_its_end_is_one() -> None:
    document = json.loads(encode(record(failed())))
    for name in ("startedAt", "queuedAt", "closedAt"):
        document[name] = ""
    assert decode(f"{json.dumps(document)}\n".encode()).seconds == 0
