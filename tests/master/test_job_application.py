"""What becomes of a job when its application goes another way than ours."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

from master.office import Office, container, job
from master.virtual import virtual
from trainmaster.api import reasons
from trainmaster.api.status import ConditionType, FieldProblem
from trainmaster.errors import DeniedError, RefusedError, UnavailableError
from trainmaster.hadoop.refusals import INVALID_TOKEN
from trainmaster.hadoop.values import ApplicationState, FinalStatus
from trainmaster.plan.memory import Memory
from trainmaster.plan.values import AppState
from yarn.wires import Rm


@virtual
async def test_asks_survive_a_restart_of_the_resourcemanager() -> None:
    async with Office() as office:
        master = office.drive(job(worker=2, policy={"backoff": {"base": "0s"}}))
        await office.running(2)
        office.yarn.away.add("rm")
        office.yarn.exits(container(master), 1)
        await asyncio.sleep(5)
        office.yarn.restart()
        office.yarn.away.clear()
        await office.running(2)
        assert master.memory.charged == 1


@virtual
async def test_a_new_application_is_asked_for_its_token_alone() -> None:
    async with Office() as office:
        office.drive(job(worker=1))
        await office.running(1)
        assert (office.yarn.calls["submit"], office.yarn.calls["report"]) == (1, 1)


@virtual
async def test_a_rolled_token_is_written_once_and_brings_no_haste() -> None:
    async with Office() as office:
        master = office.drive(job(worker=1))
        await office.running(1)
        office.yarn.roll_master_tokens()
        office.store.fail = 2
        calls, writes = office.yarn.calls["allocate"], office.store.writes
        await asyncio.sleep(100)
        assert office.yarn.calls["replaced"] == 1
        assert office.store.writes - writes == 3
        assert office.yarn.calls["allocate"] - calls < 250
        assert master.contact.sight.state is AppState.REGISTERED


@virtual
async def test_a_user_whom_yarn_does_not_let_in_is_tried_with_patience() -> None:
    async with Office() as office:
        kind = "org.apache.hadoop.security.authorize.AuthorizationException"
        office.yarn.refuse["new"] = DeniedError(kind, "c is not allowed to impersonate u")
        master = office.drive(job(worker=1))
        await asyncio.sleep(60)
        assert 8 < office.yarn.calls["new"] < 20
        assert "impersonate" in master.contact.sight.words
        office.yarn.refuse.clear()
        await office.running(1)


@virtual
async def test_an_application_that_yarn_forgot_before_it_had_a_token_is_submitted_again() -> None:
    async with Office() as office:
        real, lost = office.yarn.answers.called, []

        def called(method: str, side: str = "rm") -> None:
            real(method, side)
            if method == "report" and office.yarn.applications and not lost:
                lost.append(office.yarn.applications.popitem())

        office.yarn.answers.called = called
        office.drive(job(worker=1))
        await office.running(1)
        assert office.yarn.calls["submit"] == 2


@virtual
async def test_an_application_that_nobody_registered_in_time_is_submitted_anew() -> None:
    """The store was away for so long that its token could not be written down: no fault of the job, nor YARN's refusal."""
    async with Office() as office:
        real = office.yarn.answers.called

        def called(method: str, side: str = "rm") -> None:
            real(method, side)
            office.store.down = office.store.down or (method == "submit" and not office.yarn.applications)

        office.yarn.answers.called = called
        master = office.drive(job(worker=1))
        await asyncio.sleep(600)
        assert not office.yarn.only.registered
        office.yarn.fail(office.yarn.only)
        office.store.down = False
        await office.running(1)
        assert len(office.yarn.applications) == 2
        assert master.memory.lost_applications == 1
        assert master.memory.charged == 0


@virtual
async def test_an_application_that_the_scheduler_did_not_take_is_refused() -> None:
    async with Office() as office:
        office.yarn.stop_queue("default")
        master = office.drive(job(worker=1))
        await office.until(lambda: master.memory.finished)
        assert master.memory.verdict.reason == reasons.SUBMISSION_REFUSED
        assert office.yarn.calls["submit"] == 1


@virtual
async def test_a_java_exception_of_an_unknown_kind_says_nothing() -> None:
    async with Office() as office:
        master = office.drive(job(worker=1))
        await office.running(1)
        for method in ("allocate", "finish"):
            office.yarn.refuse[method] = RefusedError("java.lang.NullPointerException", "null")
        before = office.yarn.calls["allocate"]
        await asyncio.sleep(100)
        assert office.yarn.calls["allocate"] - before < 200
        del office.yarn.refuse["allocate"]
        office.yarn.exits(container(master), 0)
        await asyncio.sleep(60)
        assert 10 < office.yarn.calls["finish"] < 80
        del office.yarn.refuse["finish"]
        await office.until(lambda: master.memory.finished)
        assert master.memory.restarts == 0


@virtual
async def test_a_lost_application_is_submitted_anew_and_nothing_of_the_old_is_given_back_to_the_new() -> None:
    async with Office() as office:
        master = office.drive(job(worker=2))
        await office.running(2)
        old = office.yarn.only
        master.contact.releases.add(next(iter(old.live)))
        office.yarn.fail(old)
        await office.until(lambda: len(office.yarn.applications) == 2)
        new = next(a for a in office.yarn.applications.values() if a is not old)
        await office.until(lambda: len(new.live) == 2 and set(office.yarn.running()) == new.live.keys())
        await asyncio.sleep(2)
        assert master.memory.restarts == 1
        assert not master.contact.sight.missing
        assert not any(application.strange_releases for application in office.yarn.applications.values())


@virtual
async def test_after_the_end_the_token_is_refused_and_that_means_nothing() -> None:
    async with Office() as office:
        master = office.drive(job(worker=1))
        await office.running(1)
        office.yarn.exits(container(master), 0)
        await office.until(lambda: office.yarn.calls["finish"])
        office.yarn.refuse["allocate"] = DeniedError(INVALID_TOKEN, "not found in cache")
        await office.until(lambda: master.memory.finished, within=5)
        assert master.memory.verdict.succeeded
        assert len(office.yarn.applications) == 1


@virtual
async def test_an_application_whose_record_was_lost_is_ended_and_nothing_is_begun_anew() -> None:
    async with Office() as office:
        lost = await loses_its_record(office)
        master = office.drive(job(worker=2), lost_application=lost)
        await office.until(lambda: master.memory.finished)
        assert office.yarn.only.state is ApplicationState.KILLED
        assert master.memory.verdict.reason == reasons.TOKEN_LOST
        assert f"{lost}, which nobody can speak for: it was ended" in master.memory.verdict.message
        assert office.store.memory().finished


@virtual
async def test_a_status_that_names_the_application_of_another_job_ends_nothing() -> None:
    async with Office() as office:
        lost = await loses_its_record(office)
        master = office.drive(job(worker=2), uid="another", lost_application=lost)
        await office.until(lambda: master.memory.finished)
        assert master.memory.verdict.reason == reasons.TOKEN_LOST
        assert f"nothing was ended: {lost} is another job's" in master.memory.verdict.message
        assert office.yarn.only.state is ApplicationState.RUNNING
        assert not office.yarn.calls["kill"]


@virtual
async def test_a_job_whose_record_was_lost_is_not_begun_anew_though_yarn_forgot_its_application_too() -> None:
    async with Office() as office:
        master = office.drive(job(worker=1), lost_application="application_1_4711")
        await office.until(lambda: master.memory.finished)
        assert master.memory.verdict.reason == reasons.TOKEN_LOST
        assert not office.yarn.applications
        assert not office.yarn.calls["submit"]


@virtual
async def test_a_job_whose_record_was_lost_is_not_begun_anew_by_a_resume_either() -> None:
    async with Office() as office:
        lost = await loses_its_record(office)
        master = office.drive(job(worker=2, policy={"suspend": True}), lost_application=lost)
        await office.until(lambda: master.memory.finished)
        told = master.memory.verdict
        master.declare(replace(master.declared, job=job(worker=2)))
        await asyncio.sleep(60)
        assert master.memory.verdict == told
        assert told.reason == reasons.TOKEN_LOST
        assert office.yarn.only.state is ApplicationState.KILLED


@virtual
async def test_a_lost_application_is_ended_before_a_declaration_that_cannot_be_read_is_forgotten() -> None:
    async with Office() as office:
        lost = await loses_its_record(office)
        office.yarn.away.add("rm")
        master = office.drive(None, lost_application=lost, deleted=True)
        await asyncio.sleep(60)
        assert not master.over
        assert office.shown["uid"].application_id == lost
        office.yarn.away.clear()
        await office.until(lambda: master.over)
        assert office.yarn.only.state is ApplicationState.KILLED


@virtual
async def test_a_lost_application_is_ended_as_whom_it_runs_as_though_nobody_could_say_now_who_that_is() -> (
    None
):
    """The policy lets nobody run in its namespace any more: then the namespace stands for no user."""
    async with Office() as office:
        lost = await loses_its_record(office)
        office.desk.policy = lambda _declared, _job: "no rule of the policy is for namespace default"
        asked: list[str] = []
        office.desk.managers.clear()
        office.desk.manager = lambda user: asked.append(user) or Rm(office.yarn, user)  # type: ignore[method-assign]
        master = office.drive(job(worker=2), lost_application=lost, owner="")
        await office.until(lambda: master.memory.finished)
        assert office.yarn.only.state is ApplicationState.KILLED
        assert "" not in asked
        assert asked[-1] == "u"


@virtual
async def test_an_application_that_another_installation_speaks_for_goes_on() -> None:
    async with Office() as office:
        office.desk.installation = "theirs"
        lost = await loses_its_record(office)
        office.desk.installation = "ours"
        master = office.drive(job(worker=2), lost_application=lost)
        await asyncio.sleep(120)
        assert office.yarn.only.state is ApplicationState.RUNNING
        assert not office.yarn.calls["kill"]
        said = office.shown["uid"].condition(ConditionType.ACCEPTED)
        assert said.reason == reasons.TOKEN_LOST
        assert "begun by the controllers of installation theirs" in said.message
        assert [e.reason for e in office.events].count(reasons.CANNOT_END) == 1
        assert master.shown.unended.startswith(f"{lost} can't be ended")
        office.yarn.clients.kill(lost, "by hand")
        await office.until(lambda: master.memory.finished)
        assert master.memory.verdict.reason == reasons.TOKEN_LOST
        assert not master.shown.unended


@virtual
async def test_an_application_without_the_name_of_an_installation_is_not_ended_either() -> None:
    async with Office() as office:
        office.desk.installation = ""
        lost = await loses_its_record(office)
        office.desk.installation = "ours"
        office.drive(job(worker=2), lost_application=lost)
        await asyncio.sleep(60)
        assert office.yarn.only.state is ApplicationState.RUNNING


@virtual
async def test_what_the_rest_of_a_record_names_is_ended_whatever_its_tags_say() -> None:
    async with Office() as office:
        office.desk.installation = "before the move"
        lost = await loses_its_record(office)
        office.desk.installation = "ours"
        master = office.drive(None, lost_application=lost, recorded=True, deleted=True)
        await office.until(lambda: master.over)
        assert office.yarn.only.state is ApplicationState.KILLED


@virtual
async def test_what_cannot_be_ended_is_said_in_status_event_and_count_and_heals() -> None:
    async with Office() as office:
        lost = await loses_its_record(office)
        office.yarn.refuse["kill"] = DeniedError(
            "org.apache.hadoop.security.AccessControlException", "not yours"
        )
        master = office.drive(job(worker=2), lost_application=lost, deleted=True)
        await asyncio.sleep(120)
        assert not master.over
        said = office.shown["uid"].condition(ConditionType.ACCEPTED)
        assert (said.status, said.message.endswith("not yours")) == ("False", True)
        assert [e.reason for e in office.events].count(reasons.CANNOT_END) == 1
        del office.yarn.refuse["kill"]
        await office.until(lambda: master.over)
        assert office.yarn.only.state is ApplicationState.KILLED


async def loses_its_record(office: Office) -> str:
    """The id of the application of a job that ran, and of which the journal then knows nothing."""
    before = office.drive(job(worker=2))
    await office.running(2)
    office.tasks[0].cancel()
    office.store.records.clear()
    assert before.memory.application is not None
    return before.memory.application.id


@virtual
async def test_a_priority_that_yarn_refuses_is_told_once_and_said_once() -> None:
    async with Office() as office:
        heard: list[str] = []
        office.desk.publish = lambda _declared, _status, events: heard.extend(e.reason for e in events)
        master = office.drive(job(worker=1))
        await office.running(1)
        kind = "org.apache.hadoop.yarn.exceptions.YarnException"
        office.yarn.refuse["priority"] = RefusedError(kind, "u may not have priority 9 in queue default")
        wanted = job(worker=1, spec={"priority": 9})
        master.declare(replace(master.declared, job=wanted, generation=2))
        await asyncio.sleep(600)
        assert office.yarn.calls["priority"] == 1
        assert heard.count(reasons.PRIORITY_REFUSED) == 1
        office.yarn.refuse.clear()
        master.declare(replace(master.declared, job=job(worker=1, spec={"priority": 3}), generation=3))
        await asyncio.sleep(5)
        assert office.yarn.only.priority == 3


@virtual
async def test_a_priority_is_told_again_until_yarn_can_be_asked() -> None:
    async with Office() as office:
        master = office.drive(job(worker=1))
        await office.running(1)
        office.yarn.refuse["priority"] = UnavailableError("away")
        master.declare(replace(master.declared, job=job(worker=1, spec={"priority": 3}), generation=2))
        await asyncio.sleep(10)
        assert office.yarn.calls["priority"] > 5
        office.yarn.refuse.clear()
        await asyncio.sleep(5)
        assert office.yarn.only.priority == 3


# --- a declaration that can't be read


async def _of_a_newer_version(office: Office) -> Memory:
    """A job of two workers was begun by a newer version of the controller, which has stopped."""
    master = office.drive(job(worker=2))
    await office.running(2)
    office.tasks.pop().cancel()
    await master.close()
    memory = office.store.memory()
    document = json.loads(memory.document)
    document["spec"]["elastic"] = {"min": 1}
    return replace(memory, document=json.dumps(document))


PROBLEM = FieldProblem(field="spec.elastic", value="", reason="no such field", line=3)


@virtual
async def test_a_job_whose_declaration_can_not_be_read_is_kept_alive_and_its_ends_are_written_down() -> None:
    async with Office() as office:
        memory = await _of_a_newer_version(office)
        registers = office.yarn.calls["register"]
        master = office.drive(None, memory, problems=(PROBLEM,))
        await office.until(lambda: office.yarn.calls["register"] == registers + 1)
        beats = office.yarn.calls["allocate"]
        await asyncio.sleep(100)
        assert office.yarn.calls["allocate"] - beats > 50
        assert office.shown["uid"].state == "Running"
        assert "line 3: spec.elastic" in office.shown["uid"].conditions[0].message
        office.yarn.exits(container(master), 1)
        await asyncio.sleep(10)
        assert [end.code for end in office.store.memory().pending_ends] == [1]
        assert master.memory.charged == 0
        assert len(office.yarn.running()) == 1
        assert len(office.yarn.only.acknowledged) == 1


@virtual
async def test_a_job_whose_declaration_can_not_be_read_is_ended_by_its_deletion() -> None:
    async with Office() as office:
        memory = await _of_a_newer_version(office)
        office.drive(None, memory, problems=(PROBLEM,), deleted=True)
        await office.until(lambda: office.went == ["uid"])
        assert office.yarn.running() == []
        assert office.yarn.only.state is ApplicationState.FINISHED
        assert office.yarn.only.finals == [FinalStatus.KILLED]


@virtual
async def test_an_application_that_yarn_forgot_meanwhile_is_submitted_anew() -> None:
    """A ResourceManager keeps a number of applications that are over: of older ones it says that there never were any."""
    async with Office() as office:
        first = office.drive(job(worker=2))
        await office.running(2)
        office.tasks.pop().cancel()
        await first.close()
        office.yarn.applications.clear()
        master = office.drive(job(worker=2), office.store.memory())
        await office.running(2)
        assert master.memory.lost_applications == 1
        assert master.memory.charged == 0
        assert master.memory.restart_cause.startswith("YARN lost the application")
