"""How many replicas of an elastic role are wanted now: between what the spec says and the replicas that are remembered.

Lives here: the remembered value, and the declaration with these numbers in it, which all of plan/ and frameworks/ goes by. Never
here: when a number changes (shrinking.py, growing.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace as with_fields

from trainmaster.api.job import Role, TrainingJob
from trainmaster.api.once import once_each

MOST = 0.9
"""of gang.timeout that missing replicas are waited for, when more patience was learnt"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Of one role: a decision, when it was made, and why."""

    number: int = 0
    """replicas; 0 for as many as are declared"""
    at: float = 0.0
    """when the number was changed last, or growing was given up"""
    said: str = ""
    """why it is not what is declared, as a sentence for people; empty where it is"""
    asking: int = 0
    """replicas that it is to grow to: containers are asked for, and none of the new ones has started. 0 while it isn't growing"""
    asking_since: float = 0.0
    grew: bool = False
    """whether the last change was to more"""
    vain: int = 0
    """times in a row that it soon fell again after it had grown"""
    patience: float = 0.0
    """seconds that missing ones are waited for at least, since less was too little here; 0 where it wasn't"""


Numbers = Mapping[str, Wanted]
"""by role; none for a role of which everything that is declared is wanted, and always was"""


def patience(job: TrainingJob, name: str, wanted: Numbers) -> float:
    """Seconds that missing ones of an elastic role are waited for: as declared, or longer where that was too little here.
    What was learnt stays below gang.timeout, at which everything would be given back."""
    elastic, learnt = job.spec.roles[name].elastic, wanted.get(name, Wanted()).patience
    assert elastic
    return max(elastic.patience, min(learnt, MOST * job.spec.gang.timeout))


def all_had_in(seconds: float, job: TrainingJob, wanted: Numbers) -> Numbers:
    """The same once all of a gang was granted in this time. What was learnt of slow grants is forgotten where it was short."""
    prompt = {
        name: with_fields(one, patience=0.0)
        for name, one in wanted.items()
        if one.patience
        and (role := elastic_roles(job).get(name))
        and role.elastic
        and not one.number
        and seconds < role.elastic.patience
    }
    return {**wanted, **prompt} if prompt else wanted


def as_wanted(job: TrainingJob, wanted: Numbers) -> TrainingJob:
    """The declaration with the numbers that are wanted now; itself where those are the declared ones."""
    if not wanted:
        return job
    less = {
        name: one.number
        for name, one in wanted.items()
        if (role := elastic_roles(job).get(name)) and 0 < one.number < role.replicas
    }
    return _with(job, less) if less else job


@once_each
def elastic_roles(job: TrainingJob) -> Mapping[str, Role]:
    """Those that may have fewer replicas than are declared."""
    return {name: role for name, role in job.spec.roles.items() if role.elastic}


def _with(job: TrainingJob, numbers: Mapping[str, int]) -> TrainingJob:
    """Each version of a job is made once, so that what is worked out of it is known by its identity."""
    versions, key = _versions(job), tuple(sorted(numbers.items()))
    if key not in versions:
        roles = {
            name: _fewer(role, numbers[name]) if name in numbers else role
            for name, role in job.spec.roles.items()
        }
        spec = job.spec.model_copy(update={"roles": roles})
        versions[key] = job.model_copy(update={"spec": spec})
    return versions[key]


def _fewer(role: Role, number: int) -> Role:
    """What is told to processes as the most that there may be stays what was declared."""
    assert role.elastic
    elastic = role.elastic.model_copy(update={"max": role.elastic.max or role.replicas})
    return role.model_copy(update={"replicas": number, "elastic": elastic})


@once_each
def _versions(_job: TrainingJob) -> dict[tuple[tuple[str, int], ...], TrainingJob]:
    return {}
