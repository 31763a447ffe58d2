"""Random jobs, people and accidents: the laws hold at each pass, and what is left alone comes to rest.

`make laws` plays many more of the same schedules; a number replays its own.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from plan import laws, shell
from plan.build import job
from plan.schedules import Schedule, broken, drawn, told
from plan.simulator import Simulator
from thorough import schedules

SCHEDULES = schedules(2080, 240)
"""in all, some 8 ms each; two processes play two parts at one time"""
PARTS, BATCH = 4, 20
"""drawing one number costs Hypothesis a fifth of what it costs to play a schedule, so several are played from each on"""


@pytest.mark.parametrize("part", range(PARTS))
def test_the_laws_hold_whatever_happens(part: int) -> None:
    # Shorter schedules are looked for by schedules.py, which knows what a step is.
    # The same ones each time: new ones are for `make laws`, so that a rare find stops nobody's unrelated change.
    @settings(
        max_examples=SCHEDULES // PARTS // BATCH,
        deadline=None,
        derandomize=True,
        phases=(Phase.explicit, Phase.generate),
    )
    @given(st.integers(part << 32, (part + 1 << 32) - 1))
    def plays(first: int) -> None:
        for seed in range(first, first + BATCH):
            if broken(drawn(seed)):
                pytest.fail(told(seed))

    plays()


def test_the_laws_hold_of_restarts_through_new_containers(monkeypatch: pytest.MonkeyPatch) -> None:
    through_new = replace(shell.LIMITS, in_place=False)
    for module in (shell, laws):
        monkeypatch.setattr(module, "LIMITS", through_new)
    failed = [seed for seed in range(SCHEDULES) if broken(drawn(seed))]
    assert not failed, told(failed[0])


LIFE = (("beat", 0), ("nodes_work", 0)) * 5
"""long enough for a job to run, also when its controller is killed once on the way"""


# --- what hunting has found


def test_what_a_lost_node_ran_is_stopped_though_its_successors_have_ended_since() -> None:
    """Its ResourceManager was restarted meanwhile, and gets the old containers back."""
    wanted = job("PyTorch", {"backoff": {"base": 0}}, worker=1, master=1)
    lost = (("goes_on", 0), ("node_cut", 0), ("waits", 6), ("goes_on", 0))
    forgotten = (("manager_restarts", 0), ("waits", 4), ("preempts", 1))
    Schedule((wanted,), (*lost, *forgotten)).play()


def test_a_grant_that_is_told_again_after_its_process_has_ended_is_not_charged() -> None:
    """The controller died right after starting it, and the first answer to its successor is that with the grant."""
    wanted = job("PyTorch", {"backoff": {"base": 0}}, worker=1, master=1)
    Schedule(
        (wanted,), (("beat", 0), ("wakes", 0), ("preempts", 1), ("crashes", 0), ("nodes_work", 0))
    ).play()


def test_what_was_given_away_before_a_restart_comes_back_with_its_node_and_is_stopped() -> None:
    """The new ResourceManager knows nothing of that, and only a register brings the token to stop it with."""
    wanted = job("PyTorch", {"backoff": {"base": 0}}, worker=1, master=1)
    lost = (("goes_on", 0), ("node_cut", 0), ("preempts", 1), ("goes_on", 0), ("waits", 4), ("goes_on", 0))
    Schedule((wanted,), (*lost, ("manager_restarts", 1), ("goes_on", 0))).play()


@pytest.mark.parametrize("leader", ["the same one", "another one"])
def test_an_order_that_comes_late_leaves_nothing_waiting_for_ever(leader: str) -> None:
    """It was on its way while the restart went on without it, and ends what has begun since."""
    wanted = job("Generic", {"backoff": {"base": 0}}, worker=2, roles={"worker": {"restartScope": "Job"}})
    lost = (("goes_on", 0), ("loses_answers", 12), ("ends_process", 2), ("beat", 0), ("beat", 0))
    dies = (("crashes", 0),) * (leader == "another one")
    world = Schedule((wanted,), (*lost, *dies, *(("goes_on", 0),) * 6, ("arrives", 0))).play()
    assert world.yarn.answers.calls["reinitialise"] > 2
    assert world.memory.charged == 1


GANG = {"worker": {"restartScope": "Job"}}


def test_what_a_node_brings_back_that_was_lost_while_an_earlier_end_of_its_gang_was_judged_is_stopped() -> (
    None
):
    """Nobody but the ResourceManager, which waited for the node no longer, said that those were over."""
    wanted = job("PyTorch", {"backoff": {"base": 10, "max": 40}}, worker=3, roles=GANG)
    ended = (("goes_on", 0), ("ends_process", 23), ("goes_on", 0))
    lost = (("node_cut", 0), ("waits", 6), ("goes_on", 0))
    Schedule((wanted,), (*ended, *lost, ("manager_restarts", 41), ("goes_on", 0))).play()


def test_what_was_preempted_and_whose_node_got_lost_afterwards_is_stopped_when_that_is_back() -> None:
    wanted = job("Generic", {"backoff": {"base": 0}}, worker=2, roles=GANG)
    taken = (("waits", 12), ("preempts", 49), ("crashes", 0), ("node_cut", 0), ("beat", 0))
    Schedule((wanted,), (*taken, ("wakes", 0), ("goes_on", 0), ("manager_restarts", 60), ("beat", 0))).play()


def test_another_leader_hears_of_the_web_how_an_earlier_application_ended_where_the_present_one_runs() -> (
    None
):
    """The present one's token of that node is no good for it."""
    wanted = job("PyTorch", {"backoffLimit": 0, "backoff": {"base": 0}}, worker=3)
    lost = (("goes_on", 0), ("node_cut", 0), ("application_ends", 1), ("node_restarts", 39), ("goes_on", 0))
    Schedule((wanted,), (*lost, ("waits", 1), ("rolls_back", 0), ("goes_on", 0))).play()


def test_a_generation_waits_for_what_an_edit_took_out_of_the_job_as_well() -> None:
    """Its node is cut off, so nobody says that it is over; no replica of the new generation has its identity."""
    before, after = (job("PyTorch", {"backoff": {"base": 0}}, worker=workers) for workers in (2, 1))
    ended = (("goes_on", 0), ("ends_process", 1), ("goes_on", 0))
    lost = (("preempts", 1), ("node_cut", 0), ("goes_on", 0), ("waits", 2))
    Schedule((before, after), (*ended, *lost, ("edits", 1), ("wakes", 0))).play()


def test_what_its_node_has_called_alive_since_it_was_given_away_is_not_over_when_yarn_gives_up_the_node() -> (
    None
):
    """Only the ResourceManager doesn't hear the node. Its web server tells us, after the keys of tokens were rolled."""
    wanted, edited = job("PyTorch", worker=2, ps=1), job("TensorFlow", worker=2)
    cut = (("wakes", 0), ("goes_on", 0), ("node_cut", 9), ("crashes", 0), ("tokens_roll", 0))
    Schedule((wanted, edited), (*cut, ("edits", 1), ("is_away", 3), ("waits", 6))).play()


# --- told to go


@pytest.mark.parametrize("lost", [("loses_answers", 6), ("crashes", 1)], ids=["the answer", "the controller"])
def test_who_was_told_to_go_is_not_told_again_because_nobody_heard_that_it_was(lost: tuple[str, int]) -> None:
    """It may be in the midst of its checkpoint. Its node can be asked whether it was."""
    wanted, paused = (job("Generic", {"suspend": suspend}, grace=60, worker=1) for suspend in (False, True))
    suspended = (("edits", 1), lost) if lost[0] == "crashes" else (lost, ("edits", 1))
    later = (("beat", 0),) * 4
    steps = (*LIFE, ("is_deaf", 0), *suspended, *later, ("takes_turns", 0), ("takes_turns", 0))
    world = Schedule((wanted, paused), steps).play()
    assert world.yarn.answers.calls["terminate"] == 1
    assert world.yarn.answers.calls["web"] > 0


def test_who_may_not_have_been_told_is_told() -> None:
    """The call never arrived, and nobody can tell."""
    wanted, paused = (job("Generic", {"suspend": suspend}, grace=60, worker=1) for suspend in (False, True))
    steps = (
        *LIFE,
        ("is_deaf", 0),
        ("loses_answers", 20),
        ("edits", 1),
        ("takes_turns", 0),
        ("takes_turns", 0),
    )
    world = Schedule((wanted, paused), steps).play()
    assert world.yarn.answers.calls["terminate"] == 2


# --- killed at any step

ACCIDENTS = {
    "nothing": (),
    "an exit": (("ends_process", 1),),
    "a success": (("ends_process", 0),),
    "a preemption": (("preempts", 1),),
    "a node that is cut off": (("node_cut", 0), ("waits", 4), ("node_back", 0)),
    "a lost node": (("node_cut", 0), ("waits", 6), ("waits", 6), ("node_back", 0)),
    "a restart of the ResourceManager": (("manager_restarts", 1),),
    "a restart of a NodeManager": (("node_restarts", 3),),
    "an application that failed": (("application_ends", 1),),
    "an answer that got lost": (("loses_answers", 0), ("ends_process", 1)),
    "a suspension": (("edits", 1), ("goes_on", 0), ("edits", 0)),
}


@pytest.mark.parametrize("accident", ACCIDENTS, ids=str)
@pytest.mark.parametrize("framework", ["Generic", "PyTorch"])
def test_a_controller_killed_at_any_step_ends_in_the_same_place(framework: str, accident: str) -> None:
    policy = {"backoff": {"base": 0}}
    wanted = job(framework, policy, worker=2, roles={"worker": {"restartPolicy": "OnFailure"}})
    paused = job(framework, {**policy, "suspend": True}, worker=2)
    whole = Schedule((wanted, paused), (*LIFE, *ACCIDENTS[accident], *LIFE))
    place = _place(whole.play())
    for at in range(len(whole.steps) + 1):
        kill = ("crashes", at)  # before it writes, and between writing and acting, in turns
        steps = (*whole.steps[:at], kill, *whole.steps[at:])
        assert _place(replace(whole, steps=steps).play()) == place, kill


ORDERED = {
    "data": {},
    "ps": {"readiness": {}, "startAfter": [{"role": "data", "when": "Succeeded"}]},
    "worker": {
        "restartScope": "Job",
        "startAfter": [{"role": "data", "when": "Succeeded"}, {"role": "ps", "when": "Ready"}],
    },
}
IN_ORDER = (*(*LIFE, ("gets_on", 0)) * 3, *LIFE)
"""until the data is there, the server is ready, and all run, also when what was found ready is forgotten once"""


@pytest.mark.parametrize("accident", [*list(ACCIDENTS)[:3], "an application that failed"], ids=str)
def test_a_job_whose_roles_start_in_order_ends_in_the_same_place(accident: str) -> None:
    wanted = job(policy={"backoff": {"base": 0}}, roles=ORDERED, worker=2)
    whole = Schedule((wanted,), (*IN_ORDER, *ACCIDENTS[accident], *IN_ORDER))
    world = whole.play()
    assert [r.done for r in world.memory.replicas][:1] == [True]
    for at in range(len(whole.steps) + 1):
        kill = ("crashes", at)
        killed = replace(whole, steps=(*whole.steps[:at], kill, *whole.steps[at:])).play()
        assert _place(killed) == _place(world), kill


def _place(world: Simulator) -> tuple[object, ...]:
    memory = world.memory
    live = sorted(process.of.number >> 31 for _, process in world.yarn.processes())
    return live, memory.charged, memory.verdict and memory.verdict.reason, [r.done for r in memory.replicas]
