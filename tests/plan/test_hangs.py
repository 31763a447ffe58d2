"""progressDeadline: who makes no steps is asked where it stands, then restarted; and nobody else ever is."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from plan.build import THROUGH_NEW, World, job, key
from thorough import schedules
from trainmaster.master.codec import decode, encode
from trainmaster.plan.decide import raised
from trainmaster.plan.hangs import ASK_PATIENCE, COMING_BACK
from trainmaster.plan.memory import Key
from trainmaster.plan.progress import NO_REPORTS, Reported, Reports, progress_of
from trainmaster.plan.stacks import stood_in
from trainmaster.plan.values import AppState, AskStacks, ContainerState, Stop

DEADLINE = 60.0


class Training(World):
    """Whose processes tell their steps."""

    def tells(self, *names: str, step: int = 1, **more: float) -> Training:
        """Each of these has just taken a step."""
        told = dict(self.seen.reports.of)
        for name in names:
            replica = self.replica(name)
            rate = more.get("rate", 0.0)
            told[key(name)] = Reported(
                replica.run, self.memory.generation, step, None, self.now, self.now, rate, rate, 100
            )
        self.sees(reports=Reports(self.now, told))
        return self

    def listens(self, seconds: float) -> Training:
        """So much time passes in which the door hears nothing new."""
        self.now += seconds
        self.sees(reports=Reports(self.now, self.seen.reports.of))
        return self

    def answers(self, stack: str = "wait (train.py, line 3)") -> Training:
        """All that were asked tell where they stand."""
        self.sees(stacks={c: stack for asked in self.told(AskStacks) for c in asked.containers})
        return self


def training(
    scope: str = "Job", deadline: float | None = DEADLINE, worker: int = 3, grace: float = 0, **policy: object
) -> Training:
    wanted = job(
        policy={"backoff": {"base": 0}, "progressDeadline": deadline, **policy},
        roles={"worker": {"restartScope": scope}},
        worker=worker,
        grace=grace,
    )
    told = Training(wanted)
    told.runs()
    return told


def causes(told: World) -> list[str]:
    found = (told.shown(name).last_exit for name in told.names)
    return [last.cause if last else "" for last in found]


def test_who_stops_making_steps_is_asked_and_then_restarted_with_all_and_charged() -> None:
    told = training().tells("worker-0", "worker-1", "worker-2", step=7)
    told.listens(30).tells("worker-0", "worker-2", step=8).listens(DEADLINE - 31)
    assert told.heard.count("Hanging") == 0
    told.listens(1)
    assert told.heard.count("Hanging") == 1
    [asked] = told.told(AskStacks)
    assert len(asked.containers) == 3, "also those that wait for it"
    assert told.memory.charged == 0
    told.answers()
    assert told.memory.charged == 1
    assert told.memory.generation == 2
    assert told.memory.hang is None
    said = "no step for 1m after step 7; it stood in wait (train.py, line 3)"
    assert told.memory.restart_cause == f"worker-1 ended on a: it was stopped, since it hung: {said}"
    assert causes(told)[1] == "Hang"


def test_what_hung_is_stopped_at_once_and_its_peers_have_their_time() -> None:
    """It would take all of it: frozen, it doesn't even hear that it is to go."""
    told = training(grace=30)
    told.limits = THROUGH_NEW
    told.tells("worker-0", "worker-1", "worker-2", step=7).listens(30)
    hung = told.replica("worker-1").container
    told.tells("worker-0", "worker-2", step=8).listens(30).answers()
    assert [s.container for s in told.told(Stop)] == [hung]
    assert [r.survivors[-1].grace_until > told.now for r in told.memory.replicas] == [True, False, True]


def test_alone_it_is_replaced_alone_and_its_process_is_stopped_first() -> None:
    told = training("Replica").tells("worker-0", "worker-1", step=7).listens(30).tells("worker-0", step=8)
    container = told.replica("worker-1").container
    told.listens(30).answers()
    assert [s.container for s in told.told(Stop)] == [container]
    assert told.asked == {"worker-1"}
    assert causes(told) == ["", "Hang", ""]
    told.obeys()
    assert causes(told) == ["", "Hang", ""], "that it was stopped then is no news"
    assert (told.memory.charged, told.replica("worker-1").restarts) == (1, 1)


def test_stacks_are_not_waited_for_for_ever() -> None:
    told = training().tells("worker-0", step=3).listens(DEADLINE)
    assert told.plan.wake_at is not None
    told.listens(ASK_PATIENCE - 0.1)
    assert told.memory.charged == 0
    told.listens(0.1)
    assert told.memory.charged == 1
    assert "it told no stack" in told.memory.restart_cause


def test_who_goes_on_meanwhile_is_left_alone() -> None:
    told = training().tells("worker-0", step=3).listens(DEADLINE)
    told.tells("worker-0", step=4)
    assert told.memory.hang is None
    assert told.memory.charged == 0
    assert [e.message for e in told.events if e.reason == "Hanging"][-1] == "the processes make steps again"
    told.listens(DEADLINE - 1)
    assert told.memory.hang is None


def test_who_ends_by_itself_meanwhile_is_judged_by_its_own_end() -> None:
    told = training("Replica").tells("worker-0", step=3).listens(DEADLINE)
    told.ends("worker-0", 9)
    assert causes(told)[0] == "Retryable"
    assert told.memory.hang is None
    assert told.memory.charged == 1
    told.listens(ASK_PATIENCE)
    assert told.memory.charged == 1


def test_who_never_told_a_step_is_not_watched() -> None:
    told = training().tells("worker-0").listens(30).tells("worker-0", step=2)
    told.listens(DEADLINE - 1)
    assert told.memory.hang is None
    told.listens(1)
    assert [str(k) for k in told.memory.hang.keys] == ["worker-0"] if told.memory.hang else False


def test_without_a_deadline_nothing_is_remembered_and_nobody_is_restarted() -> None:
    told = training(deadline=None)
    writes = len(told.writes)
    told.tells("worker-0", step=3).listens(1e6)
    assert len(told.writes) == writes
    assert told.memory.charged == 0


def test_a_process_is_written_once_when_it_tells_its_first_step() -> None:
    told = training()
    writes = len(told.writes)
    for step in range(1, 20):
        told.now += 1
        told.tells("worker-0", "worker-1", "worker-2", step=step)
    assert len(told.writes) == writes + 1


def test_a_decision_that_comes_late_takes_nobody_for_hung() -> None:
    """The controller slept, or was busy: what the door has heard meanwhile hasn't been told yet."""
    told = training().tells("worker-0", step=3)
    told.later(1e6)
    assert told.memory.hang is None
    assert told.plan.wake_at == told.now + 1.0


@pytest.mark.parametrize("away", ["door", "yarn"])
def test_the_time_in_which_nobody_looked_does_not_count(away: str) -> None:
    told = training().tells("worker-0", step=3).listens(DEADLINE - 1)
    before = told.seen.reports
    if away == "door":
        told.sees(reports=NO_REPORTS)
        told.later(1000)
        told.sees(reports=Reports(told.now, {}))
    else:
        told.says(AppState.AWAY)
        told.later(1000)
        moved = {k: replace(r, moved_at=told.now) for k, r in before.of.items()}
        told.sees(reports=Reports(told.now, moved)).says(AppState.REGISTERED)
    told.listens(DEADLINE + (COMING_BACK if away == "door" else 0) - 1)
    assert told.memory.hang is None
    told.listens(1)
    assert told.memory.hang is not None


def test_a_new_leader_gives_the_whole_deadline_and_finds_who_hung_before_it_came() -> None:
    told = training().tells("worker-0", "worker-1", "worker-2", step=3).listens(DEADLINE - 1)
    told.memory = raised(decode(encode(told.memory)), 2)
    told.now += 500
    told.sees(reports=Reports(told.now, {}))
    told.listens(DEADLINE + COMING_BACK - 1)
    assert told.memory.hang is None
    told.listens(1)
    assert told.memory.hang is not None
    told.answers()
    assert "told nothing to this controller" in told.memory.restart_cause


def test_what_a_process_of_before_told_counts_for_nobody() -> None:
    told = training().tells("worker-0", "worker-1", "worker-2", step=3).ends("worker-1", 9)
    told.obeys()
    told.runs()
    assert told.memory.generation == 2
    told.listens(10 * DEADLINE)
    assert told.memory.hang is None, "the new ones have told nothing yet"


def test_a_budget_that_is_spent_ends_the_job_with_the_hang_as_the_reason() -> None:
    told = training(backoffLimit=0).tells("worker-0", step=3).listens(DEADLINE).answers()
    assert told.memory.verdict
    assert told.memory.verdict.reason == "BackoffLimitExceeded"
    assert "it stood in wait" in told.memory.verdict.message


def test_ends_and_suspension_are_no_hang() -> None:
    told = training().tells("worker-0", step=3)
    told.declares(job(policy={"suspend": True, "progressDeadline": DEADLINE}, worker=3))
    told.listens(DEADLINE * 2)
    assert told.memory.hang is None
    assert told.told(AskStacks) == []


def test_no_false_alarm_in_ten_thousand_trainings_with_checkpoints_and_evaluations_between() -> None:
    """Pauses that the deadline allows, controllers that sleep, die and come back, doors that close: nobody is restarted."""
    runs = schedules(10_000, 1_000)
    quiet = training(worker=1).tells("worker-0", step=0)
    for seed in range(runs):
        _trained(quiet, Random(seed))


def _trained(start: Training, chance: Random) -> None:
    from trainmaster.plan.case import Case
    from trainmaster.plan.hangs import watch

    told, at = start.memory, start.now
    step, moved, opened = 0, at, at
    for _ in range(30):
        pause = chance.choice((0.1, 1.0, 5.0, DEADLINE * 0.5, DEADLINE * 0.98)) * chance.random()
        until, at = at, at + pause
        if chance.random() < 0.1:  # another controller, and with it another door, which has heard nobody
            told, opened = raised(decode(encode(told)), 2), at
        elif chance.random() < 0.1:  # this one sleeps: it decides late, on what it was told before
            told = _looks(start, watch, Case, told, Reports(until, _heard(step, moved)), at)
        of = _heard(step, moved) if moved >= opened else {}
        told = _looks(start, watch, Case, told, Reports(at, of), at)
        step, moved = step + 1, at
        told = _looks(start, watch, Case, told, Reports(at, _heard(step, moved)), at)


def _heard(step: int, moved: float) -> dict[Key, Reported]:
    return {Key("worker", 0): Reported(1, 1, step, None, moved, moved)}


def _looks(start: Training, watch, case, told, reports: Reports, now: float):  # type: ignore[no-untyped-def]
    seen = replace(start.seen, reports=reports)
    change = watch(case(start.declared, start.job, seen, now, start.limits), told)
    assert change.memory.hang is None
    assert change.events == ()
    return change.memory


# --- who is slow, and how far all are


def test_a_straggler_is_named_with_its_node_once() -> None:
    told = (
        training(deadline=None)
        .tells("worker-0", "worker-1", step=50, rate=1.0)
        .tells("worker-2", step=40, rate=0.6)
    )
    told.sees(progress=progress_of(told.memory, told.seen.reports))
    told.later(5)
    assert [e.message for e in told.events if e.reason == "Straggler"] == [
        "worker-2 on a makes 0.6 steps/s, where 1 were made"
    ]
    assert told.status.progress
    [slow] = told.status.progress.stragglers
    assert (slow.role, slow.index, slow.node, slow.steps_per_second) == ("worker", 2, "a", 0.6)


def test_those_who_step_together_are_not_slow_and_the_furthest_speaks_for_the_job() -> None:
    told = (
        training(deadline=None)
        .tells("worker-0", "worker-2", step=50, rate=1.0)
        .tells("worker-1", step=51, rate=0.99)
    )
    found = progress_of(told.memory, told.seen.reports)
    assert found
    assert (found.step, found.stragglers) == (51, ())


def test_who_is_alone_is_compared_with_itself() -> None:
    told = training(deadline=None, worker=1).tells("worker-0", step=50, rate=1.0)
    mine = told.seen.reports.of[Key("worker", 0)]
    slow = Reports(told.now, {Key("worker", 0): replace(mine, rate=0.5)})
    found = progress_of(told.memory, slow)
    assert found
    assert [(s.rate, s.best) for s in found.stragglers] == [(0.5, 1.0)]


def test_the_end_is_estimated_from_the_rate() -> None:
    told = training(deadline=None).tells("worker-0", step=50, rate=2.0)
    report = replace(told.seen.reports.of[Key("worker", 0)], total=150)
    found = progress_of(told.memory, Reports(told.now, {Key("worker", 0): report}))
    assert found
    assert found.ends_at == told.now + 50.0


def test_after_the_end_it_still_shows_how_far_it_was_also_to_the_next_controller() -> None:
    told = training(deadline=None, worker=1).tells("worker-0", step=50)
    told.sees(progress=progress_of(told.memory, told.seen.reports))
    told.ends("worker-0", 0)
    last = {Key("worker", 0): replace(told.seen.reports.of[Key("worker", 0)], step=51)}
    found = progress_of(told.memory, Reports(told.now, last))
    assert found, "what a process told that ended well counts"
    told.sees(progress=found).closes()
    told.memory = decode(encode(told.memory))
    told.sees(progress=None)
    assert told.is_true("Succeeded")
    assert told.status.progress
    assert told.status.progress.step == 51


STACKS = """\
Thread 0x00007fd1 (most recent call first):
  File "/usr/lib/python3.11/threading.py", line 327 in wait

Current thread 0x00007fd2 (most recent call first):
  File "/data/c/train.py", line 12 in all_reduce
  File "/data/c/train.py", line 40 in step
  File "/data/c/train.py", line 77 in main
  File "/data/c/train.py", line 80 in <module>
"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            STACKS,
            "all_reduce (train.py, line 12), called by step (train.py, line 40), called by main (train.py, line 77)",
        ),
        (
            f"noise\n{STACKS}more noise\n",
            "all_reduce (train.py, line 12), called by step (train.py, line 40), called by main (train.py, line 77)",
        ),
        ('Traceback (most recent call last):\n  File "x", line 1, in <module>\n', ""),
        ("Current thread 0x1 (most recent call first):\n  <no Python frame>\n", ""),
        ("", ""),
    ],
)
def test_a_stack_becomes_part_of_a_sentence(text: str, words: str) -> None:
    assert stood_in(text) == words


def test_containers_that_do_not_run_are_not_asked() -> None:
    told = training().tells("worker-0", "worker-1", step=3).turns(ContainerState.UNKNOWN, "worker-2")
    assert isinstance(told, Training)
    told.listens(DEADLINE)
    [asked] = told.told(AskStacks)
    assert told.replica("worker-2").container not in asked.containers
