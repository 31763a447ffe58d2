"""Taking down what the declaration says now: first sight, edits, scaling.

Each field is live, restart or immutable (api/job.py).
"""

from __future__ import annotations

from dataclasses import replace

from trainmaster.api import reasons
from trainmaster.api.job import restart_fields
from trainmaster.frameworks import fixed_world
from trainmaster.plan.case import Case, Change, normal
from trainmaster.plan.memory import Key, Memory, ReplicaMemory
from trainmaster.plan.restart import whole_job


def note(case: Case, memory: Memory) -> Change:
    """The memory with today's declaration in it. Edits after the end change nothing."""
    if memory.verdict or case.declared.deleted:
        return Change(memory)
    known = replace(
        memory,
        document=case.job.model_dump_json(by_alias=True, exclude_unset=True),
        observed_generation=case.declared.generation,
        role_numbers=_numbered(case, memory),
        queued_at=memory.queued_at or case.now,
    )
    return _scaled(case, _edited(case, known))


def _numbered(case: Case, memory: Memory) -> dict[str, int]:
    """Role numbers are part of allocation request ids: given once, never reused."""
    numbers = dict(memory.role_numbers)
    for name in case.job.spec.roles:
        numbers.setdefault(name, len(numbers))
    return numbers


def _edited(case: Case, memory: Memory) -> Change:
    fields = restart_fields(case.job)
    if fields == memory.applied:
        return Change(memory)
    applied = replace(memory, applied=fields)
    if not memory.applied or memory.closing_since:
        return Change(applied)
    if not any(r.bound or r.done for r in memory.replicas):
        # Nothing runs: raised runs are enough to make grants of the old size strays.
        return Change(replace(applied, replicas=tuple(replace(r, run=r.run + 1) for r in memory.replicas)))
    said = "the declaration was edited"
    return Change(whole_job(applied, case.now, said), (normal(reasons.SPEC_CHANGED, f"Restarting: {said}"),))


def _scaled(case: Case, change: Change) -> Change:
    """Replicas as wanted: new ones go on above every run that was ever used, so that no old container is taken for theirs."""
    memory = change.memory
    wanted = [Key(name, i) for name, role in case.job.spec.roles.items() for i in range(role.replicas)]
    old = {r.key: r for r in memory.replicas}
    if list(old) == wanted:
        return change
    kept = set(wanted)
    dropped = [r for key, r in old.items() if key not in kept]
    retired = max([memory.retired_run, *(r.run for r in dropped)])
    replicas = tuple(old.get(key) or ReplicaMemory(key, run=retired + 1) for key in wanted)
    scaled = replace(memory, replicas=replicas, retired_run=retired)
    same = old.keys() == kept  # the roles only stand in another order
    if not old or same or not fixed_world(case.job) or memory.gathering or memory.closing_since:
        return change.then(scaled)
    said = "the number of replicas was edited, and all of them count their peers"
    return change.then(whole_job(scaled, case.now, said), normal(reasons.SPEC_CHANGED, f"Restarting: {said}"))
