"""Rules across fields: an ordered table of small checks, each of which names what is wrong.

Lives here: whatever one field's type can't say. Never here: what only YARN knows (plan/admission.py).
All checks are made, so that a person sees every problem at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set

from trainmaster.api import messages
from trainmaster.api.commands import PLACEHOLDERS, values
from trainmaster.api.deciding import FIRST_WORKER_LEADS, deciding, default_policy
from trainmaster.api.demands import DEMANDS
from trainmaster.api.elastic_rules import elastic_problems
from trainmaster.api.failure_rule_problems import failure_rule_problems
from trainmaster.api.job import (
    CHIEF_ROLES,
    FILE_NAME,
    MAX_REPLICAS,
    PS_ROLE,
    WORKER_ROLE,
    EnvVar,
    FileRef,
    Framework,
    Launcher,
    Scaling,
    Spec,
    SuccessPolicy,
    TrainingJob,
    immutable_fields,
)
from trainmaster.api.order import preparations
from trainmaster.api.order_problems import order_problems, readiness_problems
from trainmaster.api.quantities import format_duration
from trainmaster.api.status import FieldProblem
from trainmaster.api.template_rules import template_problems
from trainmaster.api.variables import holding_paths, wrong_with

GANG_TIMEOUT_BELOW = 600.0
"""seconds after which YARN takes back a container that wasn't started
(yarn.resourcemanager.rm.container-allocation.expiry-interval-ms)"""
PROGRESS_DEADLINE_FROM = 5.0
"""seconds: processes report once a second at most, and those of the largest jobs every few seconds"""
CHECK_TIMEOUT = (1.0, 600.0)
"""seconds, from and to"""
LONGEST_GRACE = 3600.0
"""seconds: nothing takes the place of a process meanwhile, and it holds its container"""
MAX_BYTES = 768 * 1024
"""of a spec as JSON"""
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
        _problem(path, value, messages.CANT_CHANGE.format(before=repr(old[path])))
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
        yield _problem("spec.roles", total, messages.NO_REPLICA)
    if total > MAX_REPLICAS:
        reason = messages.TOO_MANY_REPLICAS.format(total=total, limit=MAX_REPLICAS)
        yield _problem("spec.roles", total, reason)


def _gang_of_what_there_is(spec: Spec) -> Problems:
    wanted, total = spec.gang.min_available, _total(spec)
    if isinstance(wanted, int) and wanted > total:
        reason = messages.GANG_TOO_LARGE.format(wanted=wanted, total=total)
        yield _problem("spec.gang.minAvailable", wanted, reason)


def _gang_timeout(spec: Spec) -> Problems:
    timeout = spec.gang.timeout
    if not 1 <= timeout < GANG_TIMEOUT_BELOW:
        yield _problem("spec.gang.timeout", format_duration(timeout), messages.GANG_TIMEOUT)


def _progress_deadline(spec: Spec) -> Problems:
    deadline = spec.run_policy.progress_deadline
    if deadline is not None and deadline < PROGRESS_DEADLINE_FROM:
        yield _problem(
            "spec.runPolicy.progressDeadline", format_duration(deadline), messages.PROGRESS_DEADLINE
        )


def _check_timeout(spec: Spec) -> Problems:
    timeout = spec.node_check.timeout if spec.node_check else CHECK_TIMEOUT[0]
    if not CHECK_TIMEOUT[0] <= timeout <= CHECK_TIMEOUT[1]:
        yield _problem("spec.nodeCheck.timeout", format_duration(timeout), messages.CHECK_TIMEOUT)


def _backoff(spec: Spec) -> Problems:
    backoff = spec.run_policy.backoff
    if backoff.max < backoff.base:
        reason = messages.BACKOFF_MAX.format(base=format_duration(backoff.base))
        yield _problem("spec.runPolicy.backoff.max", format_duration(backoff.max), reason)


def _ttl_to_delete_by(spec: Spec) -> Problems:
    if spec.run_policy.ttl_deletes_resource and spec.run_policy.ttl_after_finished is None:
        yield _problem("spec.runPolicy.ttlDeletesResource", "true", messages.TTL_TO_DELETE_BY)


def _someone_to_succeed(spec: Spec) -> Problems:
    """A success policy must be able to come true."""
    policy = spec.success_policy
    if spec.framework is Framework.MPI:  # its launcher, whose end decides, is demanded anyway
        return
    if policy is None or deciding(spec, policy) or (policy is not SuccessPolicy.CHIEF and not _total(spec)):
        return  # that nothing runs at all is told already
    wanted = CHIEF_ROLES if spec.framework not in FIRST_WORKER_LEADS else (*CHIEF_ROLES, WORKER_ROLE)
    reason = messages.NOBODY_TO_SUCCEED.format(policy=policy, roles=" or ".join(wanted))
    yield _problem("spec.successPolicy", policy, reason)


def _demands(spec: Spec) -> Problems:
    """What the framework demands of roles. That nothing runs at all is told already."""
    for demand in DEMANDS.get(spec.framework, ()) if _total(spec) else ():
        count = _count(spec, *(demand.roles or spec.roles.keys() - preparations(spec)))
        if not demand.least <= count <= demand.most:
            yield _problem("spec.roles", count, demand.reason.format(count=count))


def _someone_to_serve(spec: Spec) -> Problems:
    tensorflow = spec.framework is Framework.TENSORFLOW
    if tensorflow and _count(spec, PS_ROLE) and not _count(spec, *CHIEF_ROLES, WORKER_ROLE):
        yield _problem("spec.roles", PS_ROLE, messages.NOBODY_TO_SERVE)


def _someone_to_wait_for(spec: Spec) -> Problems:
    """Where no policy is written, somebody's success must be the job's all the same. Other frameworks demand it of roles."""
    if spec.framework is not Framework.TENSORFLOW or spec.success_policy or _count(spec, PS_ROLE):
        return  # beside parameter servers it is told above
    if _total(spec) and not deciding(spec, default_policy(spec)):
        yield _problem("spec.roles", ", ".join(spec.roles), messages.NOBODY_BUT_SIDES)


def _processes(spec: Spec) -> Problems:
    if spec.framework is Framework.PYTORCH:
        return
    if spec.launcher is not Launcher.COMMAND:
        yield _problem("spec.launcher", spec.launcher, messages.ONLY_PYTORCH)
    for name, role in spec.roles.items():
        ranks = spec.framework is Framework.MPI and name == WORKER_ROLE
        if role.processes_per_replica is not None and not ranks:
            where = f"spec.roles.{name}.processesPerReplica"
            yield _problem(where, role.processes_per_replica, messages.ONLY_PYTORCH_AND_MPI)


def _metrics_port(spec: Spec) -> Problems:
    for name, role in spec.roles.items():
        if role.metrics_port is not None and role.metrics_port > role.ports:
            words = messages.METRICS_PORT.format(ports=role.ports)
            yield _problem(f"spec.roles.{name}.metricsPort", role.metrics_port, words)


def _locality(spec: Spec) -> Problems:
    for name, role in spec.roles.items():
        if role.locality and not spec.input_path:
            yield _problem(f"spec.roles.{name}.locality", role.locality, messages.NO_INPUT_TO_BE_NEAR)


def _scaling(spec: Spec) -> Problems:
    if spec.scaling is Scaling.LIVE and spec.framework is not Framework.GENERIC:
        yield _problem("spec.scaling", spec.scaling, messages.NOT_LIVE.format(framework=spec.framework))


def _grace(spec: Spec) -> Problems:
    for name, role in spec.roles.items():
        if role.grace > LONGEST_GRACE:
            where = f"spec.roles.{name}.terminationGracePeriod"
            yield _problem(where, format_duration(role.grace), messages.TOO_LONG_A_GRACE)


def _environment(spec: Spec) -> Problems:
    taken = holding_paths(spec)
    yield from _environment_of("spec.env", spec.env, taken)
    for name, role in spec.roles.items():
        yield from _environment_of(f"spec.roles.{name}.env", role.env, taken)


def _environment_of(path: str, env: Sequence[EnvVar], taken: Set[str]) -> Problems:
    """`taken` are the names that already hold one of the job's paths."""
    seen: set[str] = set()
    for i, variable in enumerate(env):
        twice = [messages.TWICE.format(name=variable.name)] if variable.name in seen else []
        for reason in (*twice, *wrong_with(variable.name, taken)):
            yield _problem(f"{path}[{i}].name", variable.name, reason)
        seen.add(variable.name)
        yield from _value_from(f"{path}[{i}].valueFrom", variable)


def _value_from(path: str, variable: EnvVar) -> Problems:
    places = variable.value_from
    if places is None:
        return
    if "value" in variable.model_fields_set:
        yield _problem(path, "", messages.VALUE_OR_FROM)
    if places.given != 1:
        yield _problem(path, "", messages.ONE_PLACE)
    if places.file is not None and not _URL.fullmatch(places.file):
        yield _problem(f"{path}.file", places.file, messages.NO_URL)


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
            yield _problem(f"{where}.source", file.source, messages.NO_URL)
        if not re.fullmatch(FILE_NAME, file.target):
            yield _problem(f"{where}.name", file.target, messages.NO_FILE_NAME)
        if file.target in seen:
            yield _problem(f"{where}.name", file.target, messages.SAME_FILE_NAME.format(name=file.target))
        seen.add(file.target)


def _placeholders(spec: Spec) -> Problems:
    """A path left out would be replaced by nothing, and the command would do something else than it says."""
    empty = [placeholder for placeholder, value in values(spec).items() if not value]
    for name, role in spec.roles.items():
        for placeholder in empty:
            if placeholder in role.command:
                reason = messages.NO_SUCH_PATH.format(placeholder=placeholder, path=PLACEHOLDERS[placeholder])
                yield _problem(f"spec.roles.{name}.command", role.command, reason)


def _size(spec: Spec) -> Problems:
    """The declaration, its status and what other tools note must together fit into one object of the Kubernetes API."""
    size = len(spec.model_dump_json(by_alias=True, exclude_unset=True).encode())
    if size > MAX_BYTES:
        yield _problem("spec", "", messages.TOO_LARGE.format(size=size, limit=MAX_BYTES))


RULES: tuple[Callable[[Spec], Problems], ...] = (
    _replicas_in_all,
    _gang_of_what_there_is,
    _gang_timeout,
    _progress_deadline,
    _check_timeout,
    _backoff,
    _ttl_to_delete_by,
    _someone_to_succeed,
    _demands,
    _someone_to_serve,
    _someone_to_wait_for,
    _processes,
    _metrics_port,
    _locality,
    order_problems,
    readiness_problems,
    failure_rule_problems,
    _scaling,
    elastic_problems,
    _grace,
    template_problems,
    _environment,
    _files,
    _placeholders,
    _size,
)
"""in the order in which a person reads the declaration's problems"""
