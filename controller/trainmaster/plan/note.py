"""Taking down what the declaration says now: first sight, edits, scaling.

Each field is live, restart or immutable (api/job.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

from trainmaster.api import reasons
from trainmaster.api.job import RestartScope, immutable_fields, restart_fields
from trainmaster.api.order import done_over, stages
from trainmaster.frameworks import holds_addresses, restarts_when_scaled
from trainmaster.json_text import loads
from trainmaster.plan.case import Case, Change, normal, warning
from trainmaster.plan.ends import Survivor
from trainmaster.plan.in_force import document_of, immutable_problems
from trainmaster.plan.memory import Key, Memory, ReplicaMemory, changed, replace
from trainmaster.plan.restart import let_go, not_yet_over, whole_job
from trainmaster.plan.values import Event

TOLD = frozenset(
    {
        "agents",
        "command",
        "env",
        "inputPath",
        "checkpointPath",
        "savedModelPath",
        "resumeFrom",
        "template",
        "compatibility",
        "readiness",
    }
)
"""fields that only say what a process is told, save where a file holds a variable's value: that is brought to the container"""


def note(case: Case, memory: Memory) -> Change:
    """The memory with today's declaration in it. Edits after the end are seen, and change nothing."""
    if case.declared.deleted:
        return Change(memory)
    if memory.verdict:
        return Change(changed(memory, observed_generation=case.declared.generation))
    opened = case.has_application(memory)
    begun_with = memory.begun_with if opened else immutable_fields(case.job, case.declared.owner)
    known = changed(
        memory,
        document=document_of(case.written),
        begun_with=begun_with,
        observed_generation=case.declared.generation,
        role_numbers=_numbered(case, memory),
        queued_at=memory.queued_at or case.now,
        rerun=max(memory.rerun, case.job.spec.run_policy.rerun),
    )
    resized = known.document == memory.document
    change = _scaled(case, _edited(case, known), resized)
    news = case.declared.generation != memory.observed_generation
    return change.then(change.memory, *_not_taken_in(case, memory)) if news else change


def _not_taken_in(case: Case, memory: Memory) -> Iterator[Event]:
    """What of an edit has no effect, said once when it is first seen."""
    if case.held:
        yield warning(*case.held)
    for problem in immutable_problems(case, memory):
        yield warning(reasons.IMMUTABLE_FIELD, f"{problem}; going on as it was")


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
    applied = replace(memory, applied=fields, root=None)  # what is mended by it may well be what failed
    if not memory.applied and not memory.replicas:  # nothing of it was ever begun, or is left
        return Change(applied)
    again = done_over(case.job.spec, _edited_roles(memory.applied, fields))
    applied = not_yet_over(case, applied, again)
    if not memory.applied or memory.closing_since:
        return Change(applied)
    if not any(r.bound or r.done for r in memory.replicas):
        # Nothing runs: raised runs are enough to make grants of the old size strays.
        return Change(replace(applied, replicas=tuple(replace(r, run=r.run + 1) for r in memory.replicas)))
    said = "the declaration was edited"
    stays = _says_only(memory.applied, fields)
    anew = whole_job(case, applied, said, again=again, in_place=stays, gently=True)
    return Change(anew, (normal(reasons.SPEC_CHANGED, f"Restarting: {said}"),))


def _says_only(before: str, after: str) -> bool:
    """Whether only what processes are told was edited, and nothing of what their containers have."""
    old, new = (loads(text) for text in (before, after))
    mine, others = old.pop("roles"), new.pop("roles")
    if mine.keys() != others.keys():
        return False
    pairs = [(old, new), *((mine[name], others[name]) for name in mine)]
    return all(
        one.get(name) == two.get(name) for one, two in pairs for name in (one.keys() | two.keys()) - TOLD
    ) and all(_value_files(one) == _value_files(two) for one, two in pairs)


def _value_files(fields: Mapping[str, Any]) -> dict[str, str]:
    """By variable, of a job's fields or of a role's: files that hold values."""
    variables = fields.get("env") or ()
    places = {each["name"]: each.get("valueFrom") or {} for each in variables}
    return {name: place["file"] for name, place in places.items() if place.get("file") is not None}


def _edited_roles(before: str, after: str) -> set[str]:
    """The roles of which restart fields were edited: all of them where the job's own were."""
    old, new = (loads(text or "{}") for text in (before, after))
    mine, others = old.pop("roles", {}), new.pop("roles", {})
    same = old == new
    return {name for name in mine.keys() | others.keys() if not same or mine.get(name) != others.get(name)}


def _scaled(case: Case, change: Change, resized: bool) -> Change:
    """Replicas as wanted: new ones go on above every run that was ever used, so that no old container is taken for theirs."""
    memory = change.memory
    wanted = [Key(name, i) for name, role in case.job.spec.roles.items() for i in range(role.replicas)]
    old = {r.key: r for r in memory.replicas}
    if list(old) == wanted:
        return change
    kept = set(wanted)
    dropped = [r for key, r in old.items() if key not in kept]
    retired = max([memory.retired_run, *(r.run for r in dropped)])
    living = _retired_survivors(case, memory, dropped)
    replicas = tuple(old.get(key) or _anew(key, retired + 1, living) for key in wanted)
    left = tuple((key, one) for key, several in living.items() if key not in kept for one in several)
    scaled = replace(memory, replicas=replicas, retired_run=retired, retired_survivors=left)
    if not old or old.keys() == kept:  # the roles only stand in another order
        return change.then(scaled)
    keys = old.keys() ^ kept
    if resized:
        return _resized(case, change, scaled, keys)
    return _restarted(case, change, scaled, {key.role for key in keys})


def _resized(case: Case, change: Change, scaled: Memory, keys: Set[Key]) -> Change:
    """What another wanted number comes to (elastic.py): where none of these can come or go alone, all begin anew, around the
    containers that are there for those who join."""
    roles, rows = {key.role for key in keys}, {r.key for r in scaled.replicas}
    alone = all(case.scope(Key(role, 0)) is not RestartScope.JOB for role in roles)
    known = any(holds_addresses(case.job, key.role, key.index) for key in keys & rows)
    if (alone and not known) or scaled.gathering or scaled.closing_since:
        return change.then(scaled)
    said = f"there are other numbers of {' and '.join(sorted(roles))}, and each process was told the old one"
    anew = whole_job(case, scaled, said, in_place=True, gently=True)
    pairs = zip(scaled.replicas, anew.replicas, strict=True)
    return change.then(replace(anew, replicas=tuple(now if was.bound else was for was, now in pairs)))


def _restarted(case: Case, change: Change, scaled: Memory, roles: Set[str]) -> Change:
    """What another number of replicas of these roles comes to. A preparation is done over, and so is what comes after it."""
    numbers, again = stages(case.job.spec), done_over(case.job.spec, roles)
    prepared = [name for name in sorted(roles) if numbers.get(name, scaled.stage) < scaled.stage]
    memory = not_yet_over(case, scaled, again) if prepared else scaled
    told = restarts_when_scaled(case.job)
    if not (told or prepared) or memory.gathering or memory.closing_since:
        return change.then(memory)
    said = "the number of replicas was edited, and each process was told the old one"
    if not told:
        said = f"the number of replicas of {' and '.join(prepared)} was edited, which others wait for"
    restarted = whole_job(case, memory, said, again=again, in_place=True, gently=True)
    return change.then(restarted, normal(reasons.SPEC_CHANGED, f"Restarting: {said}"))


def _retired_survivors(
    case: Case, memory: Memory, dropped: Iterable[ReplicaMemory]
) -> dict[Key, list[Survivor]]:
    """What may live of replicas that are or were scaled away."""
    gone = (let_go(case, r) for r in dropped)
    found: dict[Key, list[Survivor]] = {}
    for key, one in (*memory.retired_survivors, *((r.key, one) for r in gone for one in r.survivors)):
        found.setdefault(key, []).append(one)
    return found


def _anew(key: Key, run: int, living: Mapping[Key, Iterable[Survivor]]) -> ReplicaMemory:
    """A replica that wasn't there before, or comes back."""
    return ReplicaMemory(key, run=run, survivors=tuple(living.get(key, ())))
