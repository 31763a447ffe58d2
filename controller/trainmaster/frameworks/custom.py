"""A framework of the user's own: what the job's template says, filled in.

What the engine must know is read off the template: who is named in it is held by all who are told, and a process that
counts or names its peers can't be started before them. Never here: what a placeholder may be (api/template.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from trainmaster.api.job import RestartScope, TrainingJob
from trainmaster.api.template import LISTS, Placeholder, TemplateVariable, fill, placeholders
from trainmaster.frameworks.placed import Placed, in_order, positions
from trainmaster.frameworks.traits import Tell, Traits, by_rank

PEERS = frozenset({"rank", "world", "first", "replicas", *LISTS})
"""what tells a process of the others"""


def environments(job: TrainingJob, placed: Sequence[Placed]) -> Tell:
    ranks = positions(by_rank(job, placed))
    roles = {role: in_order((role,), placed) for role in job.spec.roles}

    def tell(me: Placed) -> Mapping[str, str]:
        value = _values(job, roles, ranks, me)
        return {v.name: fill(v.value, value) for v in job.spec.template if v.is_for(me.role)}

    return tell


def _values(
    job: TrainingJob,
    roles: Mapping[str, Sequence[Placed]],
    ranks: Mapping[tuple[str, int], int],
    me: Placed,
) -> Callable[[Placeholder], str]:
    """What stands for each placeholder in the variables of `me`."""
    own = _own(job, ranks, me)

    def value(asked: Placeholder) -> str:
        if asked.what in own:
            return own[asked.what]
        if asked.what == "replicas":
            return str(job.spec.roles[asked.role].replicas)
        if asked.what == "first":
            return next((_part(asked.part, p) for p in roles[asked.role][:1]), "")
        parts = [_part(_SINGULAR[asked.what], p) for p in roles[asked.role]]
        return json.dumps(parts) if asked.json else ",".join(parts)

    return value


_SINGULAR = {"addresses": "address", "hosts": "host", "ports": "port"}


def _part(part: str, of: Placed) -> str:
    return {"address": of.address, "host": of.host, "port": str(of.ports[0])}[part]


def _own(job: TrainingJob, ranks: Mapping[tuple[str, int], int], me: Placed) -> dict[str, str]:
    return {
        "role": me.role,
        "index": str(me.index),
        "rank": str(ranks.get((me.role, me.index), "")),
        "run": str(me.run),
        "host": me.host,
        "port": str(me.ports[0]),
        "address": me.address,
        "gpus": str(job.spec.roles[me.role].resources.gpus),
        "world": str(len(ranks)),
        "job": job.metadata.name,
        "namespace": job.metadata.namespace,
    }


def _asked(variables: Sequence[TemplateVariable]) -> list[Placeholder]:
    return [asked for v in variables for _, asked in placeholders(v.value) if asked]


def holds(job: TrainingJob, role: str, index: int) -> bool:
    """Whose address the template names, for whomever."""
    named = [asked for asked in _asked(job.spec.template) if asked.role == role]
    return any(a.what in LISTS or (a.what == "first" and index == 0) for a in named)


def scope(job: TrainingJob, role: str) -> RestartScope:
    """A process that is told of its peers, or that they are told of, restarts with them."""
    told = _asked([v for v in job.spec.template if v.is_for(role)])
    peers = any(asked.what in PEERS for asked in told)
    return RestartScope.JOB if peers or holds(job, role, 0) else RestartScope.REPLICA


def longest(job: TrainingJob, host: int) -> int:
    """A quoted address with a port of five digits for each replica that a variable lists."""
    each = host + len('":12345", ')
    return max((_listed(job, variable) * each for variable in job.spec.template), default=0)


def _listed(job: TrainingJob, variable: TemplateVariable) -> int:
    return sum(job.spec.roles[asked.role].replicas for asked in _asked([variable]) if asked.what in LISTS)


TRAITS = Traits(environments, scope, holds, longest=longest, fixed_world=True)
