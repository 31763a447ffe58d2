"""Rules across fields: an ordered table of small checks, each of which names what is wrong.

Lives here: whatever one field's type can't say. Never here: what only YARN knows (plan/admission.py).
All checks are made, so that a person sees every problem at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set

from trainmaster.api.commands import PLACEHOLDERS, values
from trainmaster.api.job import (
    CHIEF_ROLES,
    FILE_NAME,
    MAX_REPLICAS,
    PS_ROLE,
    WORKER_ROLE,
    EnvVar,
    FileRef,
    Framework,
    Spec,
    SuccessPolicy,
    TrainingJob,
    immutable_fields,
)
from trainmaster.api.quantities import format_duration
from trainmaster.api.status import FieldProblem

GANG_TIMEOUT_BELOW = 600.0
"""seconds after which YARN takes back a container that wasn't started
(yarn.resourcemanager.rm.container-allocation.expiry-interval-ms)"""
RESERVED_ENV = "TRAINMASTER_"
PATH_ENV: Mapping[str, str] = {
    "INPUT_PATH": "spec.inputPath",
    "CHECKPOINT_PATH": "spec.checkpointPath",
    "SAVED_MODEL_PATH": "spec.savedModelPath",
}
"""variables that processes are given -> the field that they hold"""
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://.+")

Problems = Iterator[FieldProblem]


def check(job: TrainingJob) -> tuple[FieldProblem, ...]:
    """Everything that is wrong with a job whose fields are each valid by themselves; empty when nothing is."""
    return tuple(problem for rule in RULES for problem in rule(job.spec))


def immutable_changes(old: Mapping[str, str], job: TrainingJob, owner: str = "") -> tuple[FieldProblem, ...]:
    """What an edit changed of the fields that never change.

    `old` holds what the job was begun with, by path (spec.queue, spec.user); a path that it lacks isn't judged.
    `owner` is who is meant where spec.user is left out.
    """
    return tuple(
        _problem(path, value, f"can't change in the life of a job: it is {old[path]!r} since the start")
        for path, value in immutable_fields(job, owner).items()
        if path in old and old[path] != value
    )


def _problem(field: str, value: object, reason: str) -> FieldProblem:
    return FieldProblem(field=field, value=str(value), reason=reason)


def _total(spec: Spec) -> int:
    return sum(role.replicas for role in spec.roles.values())


def _count(spec: Spec, *names: str) -> int:
    """Replicas of these roles together."""
    return sum(role.replicas for name, role in spec.roles.items() if name in names)


def _replicas_in_all(spec: Spec) -> Problems:
    total = _total(spec)
    if total < 1:
        yield _problem("spec.roles", total, "all roles together have no replica: at least one is needed")
    if total > MAX_REPLICAS:
        reason = f"all roles together have {total} replicas: one job may have {MAX_REPLICAS}"
        yield _problem("spec.roles", total, reason)


def _gang_of_what_there_is(spec: Spec) -> Problems:
    wanted, total = spec.gang.min_available, _total(spec)
    if isinstance(wanted, int) and wanted > total:
        reason = f"{wanted} replicas must be there before the start, and the job has only {total}"
        yield _problem("spec.gang.minAvailable", wanted, reason)


def _gang_timeout(spec: Spec) -> Problems:
    timeout = spec.gang.timeout
    if not 1 <= timeout < GANG_TIMEOUT_BELOW:
        reason = "must be from 1s to under 10m: YARN takes back containers that aren't started in 10 minutes"
        yield _problem("spec.gang.timeout", format_duration(timeout), reason)


def _backoff(spec: Spec) -> Problems:
    backoff = spec.run_policy.backoff
    if backoff.max < backoff.base:
        base, longest = format_duration(backoff.base), format_duration(backoff.max)
        yield _problem("spec.runPolicy.backoff.max", longest, f"is less than base, which is {base}")


def _ttl_to_delete_by(spec: Spec) -> Problems:
    if spec.run_policy.ttl_deletes_resource and spec.run_policy.ttl_after_finished is None:
        yield _problem("spec.runPolicy.ttlDeletesResource", "true", "needs ttlAfterFinished to say when")


def _someone_to_succeed(spec: Spec) -> Problems:
    """A success policy must be able to come true."""
    deciding = _deciding_roles(spec)
    if deciding and not _count(spec, *deciding):
        reason = f"needs a role {' or '.join(deciding)} with at least one replica"
        yield _problem("spec.successPolicy", spec.success_policy, f"{spec.success_policy} {reason}")


def _deciding_roles(spec: Spec) -> tuple[str, ...]:
    match spec.success_policy:
        case SuccessPolicy.ANY_WORKER | SuccessPolicy.ALL_WORKERS:
            return (WORKER_ROLE,)
        case SuccessPolicy.CHIEF if spec.framework is Framework.TENSORFLOW:
            return (*CHIEF_ROLES, WORKER_ROLE)
        case SuccessPolicy.CHIEF:
            return CHIEF_ROLES
        case None:
            return ()


def _tensorflow(spec: Spec) -> Problems:
    if spec.framework is not Framework.TENSORFLOW:
        return
    chiefs = _count(spec, *CHIEF_ROLES)
    if chiefs > 1:
        yield _problem("spec.roles", chiefs, f"a TensorFlow cluster has one chief (or master), not {chiefs}")
    if _count(spec, PS_ROLE) and not _count(spec, *CHIEF_ROLES, WORKER_ROLE):
        yield _problem("spec.roles", PS_ROLE, "parameter servers need a chief, master or worker to serve")


def _pytorch(spec: Spec) -> Problems:
    if spec.framework is not Framework.PYTORCH:
        return
    masters = _count(spec, "master")
    if masters > 1:
        reason = f"PyTorch has one master, which is rank 0, not {masters}"
        yield _problem("spec.roles.master.replicas", masters, reason)
    if not _count(spec, "master", WORKER_ROLE):
        reason = "PyTorch needs a role master or worker with at least one replica"
        yield _problem("spec.roles", ", ".join(spec.roles), reason)


def _environment(spec: Spec) -> Problems:
    told = {name for name, value in zip(PATH_ENV, values(spec).values(), strict=True) if value}
    yield from _environment_of("spec.env", spec.env, told)
    for name, role in spec.roles.items():
        yield from _environment_of(f"spec.roles.{name}.env", role.env, told)


def _environment_of(path: str, env: Sequence[EnvVar], told: Set[str]) -> Problems:
    """`told` are the names that already hold one of the job's paths."""
    seen: set[str] = set()
    for i, variable in enumerate(env):
        where = f"{path}[{i}].name"
        if variable.name in seen:
            yield _problem(where, variable.name, f"{variable.name} stands in this list twice")
        if variable.name.startswith(RESERVED_ENV):
            yield _problem(
                where, variable.name, f"names that begin with {RESERVED_ENV} are the controller's own"
            )
        if variable.name in told:
            yield _problem(where, variable.name, f"{variable.name} already holds {PATH_ENV[variable.name]}")
        seen.add(variable.name)


def _files(spec: Spec) -> Problems:
    yield from _files_of("spec.files", spec.files, frozenset())
    everywhere = frozenset(file.target for file in spec.files)
    for name, role in spec.roles.items():
        yield from _files_of(f"spec.roles.{name}.files", role.files, everywhere)


def _files_of(path: str, files: Sequence[FileRef], taken: frozenset[str]) -> Problems:
    seen = set(taken)
    for i, file in enumerate(files):
        where = f"{path}[{i}]"
        if not _URL.fullmatch(file.source):
            yield _problem(
                f"{where}.source", file.source, "must be a URL with a scheme, such as hdfs:///code/train.py"
            )
        if not re.fullmatch(FILE_NAME, file.target):
            yield _problem(
                f"{where}.name", file.target, "the end of `source` can't be a file's name: give one"
            )
        if file.target in seen:
            yield _problem(
                f"{where}.name", file.target, f"another file is named {file.target} in the same folder"
            )
        seen.add(file.target)


def _placeholders(spec: Spec) -> Problems:
    """A path left out would be replaced by nothing, and the command would do something else than it says."""
    empty = [placeholder for placeholder, value in values(spec).items() if not value]
    for name, role in spec.roles.items():
        for placeholder in empty:
            if placeholder in role.command:
                reason = f"names {placeholder}, and spec.{PLACEHOLDERS[placeholder]} isn't given"
                yield _problem(f"spec.roles.{name}.command", role.command, reason)


RULES: tuple[Callable[[Spec], Problems], ...] = (
    _replicas_in_all,
    _gang_of_what_there_is,
    _gang_timeout,
    _backoff,
    _ttl_to_delete_by,
    _someone_to_succeed,
    _tensorflow,
    _pytorch,
    _environment,
    _files,
    _placeholders,
)
"""in the order in which a person reads the declaration's problems"""
