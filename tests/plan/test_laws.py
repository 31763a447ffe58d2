"""Random jobs, people and accidents: the laws hold at each pass, and what is left alone comes to rest."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plan.build import job
from plan.laws import Laws
from plan.simulator import OPERATIONS, Simulator
from trainmaster.api.job import TrainingJob
from trainmaster.api.rules import check

ROLES = st.fixed_dictionaries(
    {"worker": st.integers(1, 3)},
    optional={"chief": st.just(1), "ps": st.integers(0, 2), "evaluator": st.just(1)},
)
DETAILS = st.fixed_dictionaries(
    {
        "restartPolicy": st.sampled_from(["Never", "OnFailure", "OnFailure", "Always", "ExitCode"]),
        "restartScope": st.sampled_from([None, "Replica", "Job"]),
        "maxRestarts": st.sampled_from([None, None, 0, 2]),
        "ports": st.integers(1, 2),
    }
)
POLICIES = st.fixed_dictionaries(
    {
        "backoffLimit": st.sampled_from([50, 50, 3, 1, 0]),
        "backoff": st.sampled_from([{"base": 0, "max": 0}, {"base": 10, "max": 40}]),
        "suspend": st.sampled_from([False, False, False, False, True]),
        "ttlAfterFinished": st.sampled_from([None, 0, 30]),
        "activeDeadline": st.sampled_from([None, None, None, 2000]),
        "pendingDeadline": st.sampled_from([None, None, None, 1000]),
    }
)


@st.composite
def jobs(draw: st.DrawFn) -> TrainingJob:
    replicas = draw(ROLES)
    made = job(
        framework=draw(st.sampled_from(["Generic", "TensorFlow", "PyTorch"])),
        policy=draw(POLICIES),
        roles={role: draw(DETAILS) for role in replicas},
        **replicas,
    )
    return made if not check(made) else job(worker=2)


STEPS = st.lists(st.tuples(st.sampled_from(OPERATIONS), st.integers(0, 79)), max_size=40)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(jobs(), min_size=1, max_size=3), STEPS)
def test_the_laws_hold_whatever_happens(
    declarations: list[TrainingJob], steps: list[tuple[str, int]]
) -> None:
    world = Simulator(tuple(declarations), Laws())
    world.goes_on(0)
    for name, number in steps:
        world.step(name, number)
    world.calms_down()
