"""Schedules of the laws: jobs and what happens to them, all drawn from one number, which replays it.

Lives here: drawing, playing, and making a schedule that broke a law shorter. Never here: a law.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Any

from plan.build import job
from plan.laws import Laws
from plan.simulator import OPERATIONS, Simulator
from trainmaster.api.job import TrainingJob
from trainmaster.api.rules import check

MOST = 40
"""steps of one schedule"""
POLICIES: dict[str, tuple[Any, ...]] = {
    "backoffLimit": (50, 50, 3, 1, 0),
    "backoff": ({"base": 0, "max": 0}, {"base": 10, "max": 40}),
    "suspend": (False, False, False, False, True),
    "ttlAfterFinished": (None, 0, 30),
    "activeDeadline": (None, None, None, 2000),
    "pendingDeadline": (None, None, None, 1000),
}
DETAILS: dict[str, tuple[Any, ...]] = {
    "restartPolicy": ("Never", "OnFailure", "OnFailure", "Always", "ExitCode"),
    "restartScope": (None, "Replica", "Job"),
    "maxRestarts": (None, None, 0, 2),
    "ports": (1, 2),
    "terminationGracePeriod": (0, 0, 5, 60),
}
RULES: tuple[dict[str, Any], ...] = (
    {"action": "FailJob", "exitCodes": {"operator": "In", "values": [42]}},
    {"action": "FailJob", "causes": ["Memory"]},
    {"action": "RestartJob", "exitCodes": {"operator": "In", "values": [1, 75]}},
    {"action": "RestartJob", "causes": ["Preempted", "NodeLost"]},
    {"action": "Restart", "exitCodes": {"operator": "NotIn", "values": [42]}, "charged": False},
    {
        "action": "Restart",
        "roles": ["worker"],
        "charged": True,
        "exitCodes": {"operator": "In", "values": [143]},
    },
    {"action": "Restart", "causes": ["NeverRan", "Killed"], "avoidNode": True},
    {"action": "Ignore", "causes": ["Killed", "Retryable"]},
    {"action": "Ignore", "roles": ["worker"]},
)
"""failureRules; a schedule's job has some of them in any order"""
ROLES: dict[str, tuple[int, ...]] = {
    "worker": (1, 2, 3),
    "chief": (0, 0, 1),
    "ps": (0, 0, 1, 2),
    "evaluator": (0, 0, 1),
}


@dataclass(frozen=True)
class Schedule:
    """The first job, its later edits, and what happens one after the other."""

    jobs: tuple[TrainingJob, ...]
    steps: tuple[tuple[str, int], ...]
    version: str = "3.4.2"

    def play(self) -> Simulator:
        """Raises AssertionError where a law is broken, or rest never comes."""
        world = Simulator(self.jobs, Laws(), self.version)
        world.goes_on(0)
        for name, number in self.steps:
            world.step(name, number)
        world.calms_down()
        return world


def drawn(seed: int) -> Schedule:
    """The schedule of a number."""
    chance = random.Random(seed)
    order, elastic = random.Random(f"order {seed}"), random.Random(f"elastic {seed}")
    jobs = tuple(_elastic(elastic, _job(chance, order)) for _ in range(chance.randint(1, 3)))
    steps = tuple((chance.choice(OPERATIONS), chance.randrange(80)) for _ in range(chance.randint(0, MOST)))
    if any(role.elastic for one in jobs for role in one.spec.roles.values()):
        # Beside a node that is left alone for good, containers as large as theirs may have no room.
        steps = tuple(step for step in steps if step[0] != "is_suspected")
    return Schedule(jobs, steps, chance.choice(("3.4.2", "3.4.2", "3.3.6")))


def _job(chance: random.Random, order: random.Random) -> TrainingJob:
    roles = {role: count for role, counts in ROLES.items() if (count := chance.choice(counts))}
    made = job(
        framework=chance.choice(("Generic", "TensorFlow", "PyTorch")),
        policy=_one_of_each(chance, POLICIES),
        roles=_ordered(order, {role: _one_of_each(chance, DETAILS) for role in roles}),
        spec=_rules(chance),
        **roles,
    )
    return made if not check(made) else job(worker=2)


def _elastic(chance: random.Random, made: TrainingJob) -> TrainingJob:
    """A third of the jobs, with workers of which a node holds one: so each node that is lost is missing."""
    written = made.spec.model_dump(by_alias=True, exclude_unset=True, mode="json")
    worker = written["roles"].get("worker")
    if worker is None or chance.random() < 2 / 3:
        return made
    worker |= {"resources": {"memory": "40Gi"}, "replicas": chance.choice((2, 3, 3))}
    # The shorter patience is less than grants take here at times.
    worker["elastic"] = {"min": chance.choice((1, 1, 2)), "patience": chance.choice((8, 30)), "growAfter": 10}
    found = TrainingJob.model_validate({"metadata": {"name": "mnist"}, "spec": written})
    return made if check(found) else found


def _rules(chance: random.Random) -> dict[str, Any]:
    """Half of the jobs have none."""
    some = chance.sample(RULES, chance.choice((0, 0, 0, 1, 2, 3)))
    return {"failureRules": some} if some else {}


def _ordered(order: random.Random, roles: dict[str, Any]) -> dict[str, Any]:
    """The same roles, every now and then with one that serves the others, and with preparations before them."""
    if "ps" in roles and order.random() < 0.5:
        when = order.choice(("Running", "Ready"))
        for role, details in roles.items():
            details.update(
                {"readiness": {}} if role == "ps" else {"startAfter": [{"role": "ps", "when": when}]}
            )
    steps = order.choice(((), (), ("data",), ("data", "index")))
    for step in steps[-1:]:
        for details in roles.values():
            details.setdefault("startAfter", []).append({"role": step, "when": "Succeeded"})
    for step, before in zip(steps, (None, *steps), strict=False):
        after = [{"role": before, "when": "Succeeded"}] if before else []
        roles[step] = {"replicas": order.randint(1, 2), "startAfter": after}
    return roles


def _one_of_each(chance: random.Random, choices: dict[str, tuple[Any, ...]]) -> dict[str, Any]:
    return {name: chance.choice(values) for name, values in choices.items()}


def broken(schedule: Schedule) -> str:
    """What law it breaks, in a line; empty when none."""
    try:
        schedule.play()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what was looked for
        return f"{type(error).__name__}: {str(error)[:1000]}"
    return ""


def shortened(schedule: Schedule, tries: int = 200) -> Schedule:
    """A schedule with fewer steps and jobs that breaks a law as well."""
    size = max(1, len(schedule.steps) // 2)
    while size and tries > 0:
        at = 0
        while at < len(schedule.steps) and tries > 0:
            fewer = replace(schedule, steps=(*schedule.steps[:at], *schedule.steps[at + size :]))
            tries -= 1
            if broken(fewer):
                schedule = fewer
            else:
                at += size
        size //= 2
    alone = replace(schedule, jobs=schedule.jobs[:1])
    return alone if broken(alone) else schedule


def told(seed: int) -> str:
    """For a person: what a number's schedule breaks, and the shortest way there that was found."""
    schedule = shortened(drawn(seed))
    written = [j.model_dump(mode="json", by_alias=True, exclude_defaults=True)["spec"] for j in schedule.jobs]
    return f"seed {seed} ({schedule.version}): {broken(schedule)}\njobs: {written}\nsteps: {schedule.steps}"
