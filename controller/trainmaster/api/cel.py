"""The rules across fields in CEL, so that the API server refuses at once what rules.py refuses, with the same sentence.

Lives here: each rule with the place in the schema where it stands. Never here: a rule that rules.py doesn't have, since
jobs in HDFS and on Kubernetes obey the same ones. A few things CEL can't say within its budget, or at all: they are left to
rules.py, and tests/real/test_crd_rules.py names them.
https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from trainmaster.api import messages
from trainmaster.api.base import RESERVED_ENV, ROLE_NAME
from trainmaster.api.cel_forms import forms, is_duration
from trainmaster.api.cel_rule import Place, Rule, text
from trainmaster.api.commands import PLACEHOLDERS
from trainmaster.api.deciding import SIDES
from trainmaster.api.demands import DEMANDS, Demand
from trainmaster.api.elastic_rules import ANY_ROLE
from trainmaster.api.failure_rule_problems import YARNS_OWN
from trainmaster.api.job import CHIEF_ROLES, MAX_REPLICAS, WORKER_ROLE, Framework, Scaling
from trainmaster.api.rules import CHECK_TIMEOUT, GANG_TIMEOUT_BELOW, LONGEST_GRACE, PROGRESS_DEADLINE_FROM
from trainmaster.api.variables import BASHS_OWN, PATH_ENV
from trainmaster.api.words import FailureAction


def _replicas(*names: str) -> str:
    """Replicas of these roles together; of all roles when none is named."""
    chosen = f".filter(role, role in {json.dumps(names)})" if names else ""
    return f"self.roles{chosen}.map(role, self.roles[role].replicas).sum()"


def _is(framework: Framework) -> str:
    return f"has(self.framework) && self.framework == '{framework.value}'"


def _milliseconds(duration: str) -> str:
    """What quantities.parse_duration makes of it: a number of seconds, or a text that Go reads too but for its days."""
    days, rest = f"{duration}.split('d')[0]", f"{duration}.split('d')[1]"
    cases = (
        (f"type({duration}) == int", f"{duration} * 1000"),
        (f"{duration}.matches('^[0-9.]+$')", f"int(double({duration}) * 1000.0)"),
        (
            f"{duration}.contains('d')",
            f"int(double({days}) * 86400000.0) + duration('0s' + {rest}).getMilliseconds()",
        ),
    )
    choice = "".join(f"{case} ? {value} : " for case, value in cases)
    return f"({choice}duration({duration}).getMilliseconds())"


ROLES: Place = ("spec", "roles")
SPEC: Place = ("spec",)
TIMEOUT: Place = ("spec", "gang", "timeout")
BACKOFF: Place = ("spec", "runPolicy", "backoff")
LISTS: tuple[Place, ...] = (SPEC, ("spec", "roles", "<name>"))
"""where lists of variables and files stand"""


def rules() -> Iterator[Rule]:
    """All rules, in the order in which a person reads the declaration's problems."""
    yield Rule(
        (),
        "oldSelf.hasValue() || self.metadata.name.size() <= 63",
        messages.JOB_NAME_TOO_LONG,
        new_only=True,
    )
    yield from _immutable()
    yield from forms()
    yield from _of_roles()
    yield from _of_policies()
    yield from _of_grace()
    yield from _of_elastic()
    yield from _of_success()
    yield from _of_frameworks()
    yield from _of_processes()
    yield from _of_locality()
    yield from _of_order()
    yield from _of_failure_rules()
    yield from _of_template()
    yield from _of_env()
    yield from _of_files()
    yield from _of_commands()


def _immutable() -> Iterator[Rule]:
    old = "(has(oldSelf.user) ? \"'\" + oldSelf.user + \"'\" : 'left out')"
    same = "has(self.user) == has(oldSelf.user) && (!has(self.user) || self.user == oldSelf.user)"
    before = {"before": '"\'" + oldSelf + "\'"'}
    yield Rule(
        (*SPEC, "queue"), "self == oldSelf", messages.CANT_CHANGE, before, reason="FieldValueForbidden"
    )
    yield Rule(SPEC, same, messages.CANT_CHANGE, {"before": old}, ".user", "FieldValueForbidden")


def _of_roles() -> Iterator[Rule]:
    total = "self.map(role, self[role].replicas).sum()"
    named = f"self.all(role, role.size() <= 32 && role.matches('{ROLE_NAME}'))"
    numbers = {"total": total, "limit": f"'{MAX_REPLICAS}'"}
    yield Rule(ROLES, named, messages.ROLE_NAME)
    yield Rule(ROLES, f"{total} >= 1", messages.NO_REPLICA)
    yield Rule(ROLES, f"{total} <= {MAX_REPLICAS}", messages.TOO_MANY_REPLICAS, numbers)


def _of_policies() -> Iterator[Rule]:
    wanted = "self.gang.minAvailable"
    fits = f"type({wanted}) == string || {wanted} <= {_replicas()}"
    numbers = {"wanted": wanted, "total": _replicas()}
    yield Rule(SPEC, fits, messages.GANG_TOO_LARGE, numbers, ".gang.minAvailable")
    timeout, limit = _milliseconds("self"), int(GANG_TIMEOUT_BELOW * 1000)
    short = f"!({is_duration('self')}) || {timeout} >= 1000 && {timeout} < {limit}"
    yield Rule(TIMEOUT, short, messages.GANG_TIMEOUT)
    patient = f"!({is_duration('self')}) || {timeout} >= {int(PROGRESS_DEADLINE_FROM * 1000)}"
    yield Rule((*SPEC, "runPolicy", "progressDeadline"), patient, messages.PROGRESS_DEADLINE)
    shortest, most = (int(seconds * 1000) for seconds in CHECK_TIMEOUT)
    checks = f"!({is_duration('self')}) || {timeout} >= {shortest} && {timeout} <= {most}"
    yield Rule((*SPEC, "nodeCheck", "timeout"), checks, messages.CHECK_TIMEOUT)
    longest, base = _milliseconds("self.max"), _milliseconds("self.base")
    known = f"has(self.base) && has(self.max) && ({is_duration('self.base')}) && ({is_duration('self.max')})"
    grows = f"!({known}) || {longest} >= {base}"
    yield Rule(BACKOFF, grows, messages.BACKOFF_MAX, {"base": "self.base"}, ".max")
    timed = "!has(self.ttlDeletesResource) || !self.ttlDeletesResource || has(self.ttlAfterFinished)"
    yield Rule((*SPEC, "runPolicy"), timed, messages.TTL_TO_DELETE_BY, path=".ttlDeletesResource")


def _of_grace() -> Iterator[Rule]:
    short = f"!({is_duration('self')}) || {_milliseconds('self')} <= {int(LONGEST_GRACE * 1000)}"
    yield Rule((*ROLES, "<name>", "terminationGracePeriod"), short, messages.TOO_LONG_A_GRACE)


def _of_elastic() -> Iterator[Rule]:
    """That patience is below gang.timeout is left to elastic_rules.py: a role doesn't see the gang."""
    role: Place = (*ROLES, "<name>")
    for bound, holds, message in (
        ("min", "self.replicas >= self.elastic.min", messages.FEWER_THAN_MIN),
        ("max", "!has(self.elastic.max) || self.replicas <= self.elastic.max", messages.MORE_THAN_MAX),
    ):
        values = {bound: f"string(self.elastic.{bound})"}
        yield Rule(role, f"!has(self.elastic) || {holds}", message, values, ".replicas")
    paused = f"!({is_duration('self')}) || {_milliseconds('self')} >= 1000"
    yield Rule((*role, "elastic", "growAfter"), paused, messages.GROW_AFTER)
    some = "self.roles.exists(role, has(self.roles[role].elastic))"
    whole = f"!{some} || type(self.gang.minAvailable) == string"
    yield Rule(SPEC, whole, messages.ELASTIC_GANG, path=".roles")
    unordered = f"!{some} || !self.roles.exists(role, has(self.roles[role].startAfter))"
    yield Rule(SPEC, unordered, messages.ELASTIC_ORDER, path=".roles")
    workers = f"self.roles.all(role, !has(self.roles[role].elastic) || role == '{WORKER_ROLE}')"
    any_, caffe = " || ".join(_is(each) for each in ANY_ROLE), _is(Framework.CAFFE)
    generic = f"!has(self.framework) || {any_} || {caffe}"
    values = {"framework": "self.framework"}
    yield Rule(SPEC, f"{generic} || {workers}", messages.NOT_ELASTIC, values, ".roles")
    yield Rule(SPEC, f"!({caffe}) || !{some}", messages.ALONE_IS_NOT_ELASTIC, path=".roles")


def _of_success() -> Iterator[Rule]:
    chief = "has(self.successPolicy) && self.successPolicy == 'Chief'"
    worker = "has(self.successPolicy) && self.successPolicy != 'Chief'"
    either, tensorflow = (*CHIEF_ROLES, WORKER_ROLE), _is(Framework.TENSORFLOW)
    mpi = _is(Framework.MPI)  # whose launcher is demanded anyway
    cases = (
        (f"{chief} && ({tensorflow})", f"{_replicas(*either)} > 0", either),
        (f"{chief} && !({tensorflow}) && !({mpi})", f"{_replicas(*CHIEF_ROLES)} > 0", CHIEF_ROLES),
        (f"{worker} && ({tensorflow})", f"{_replicas()} == 0 || {_trains()}", either),
    )
    for when, so, roles in cases:
        values = {"policy": "self.successPolicy", "roles": text(" or ".join(roles))}
        met = f"!({when}) || {so}"
        yield Rule(SPEC, met, messages.NOBODY_TO_SUCCEED, values, ".successPolicy")


def _trains() -> str:
    """Whether somebody of a TensorFlow job does, beside parameter servers and evaluators."""
    sides = json.dumps(sorted(SIDES[Framework.TENSORFLOW]))
    return f"self.roles.exists(role, !(role in {sides}) && self.roles[role].replicas > 0)"


def _of_frameworks() -> Iterator[Rule]:
    for framework, demands in DEMANDS.items():
        for demand in demands:
            yield _demanded(framework, demand)
    told = f"has(self.successPolicy) || {_replicas()} == 0 || {_replicas('ps')} > 0"
    unless = f"!({_is(Framework.TENSORFLOW)})"
    yield Rule(SPEC, f"{unless} || {told} || {_trains()}", messages.NOBODY_BUT_SIDES, path=".roles")
    served = f"{_replicas('ps')} == 0 || {_replicas(*CHIEF_ROLES, WORKER_ROLE)} > 0"
    yield Rule(SPEC, f"{unless} || {served}", messages.NOBODY_TO_SERVE, path=".roles")
    generic = f"!has(self.framework) || self.framework == '{Framework.GENERIC.value}'"
    calm = f"!has(self.scaling) || self.scaling != '{Scaling.LIVE.value}' || {generic}"
    yield Rule(SPEC, calm, messages.NOT_LIVE, {"framework": "self.framework"}, ".scaling")


def _demanded(framework: Framework, demand: Demand) -> Rule:
    """A job without any replica is told so, and nothing else."""
    count = _replicas(*demand.roles)
    least = f"{count} >= {demand.least} && " if demand.least else ""
    most = f"{count} <= {demand.most}" if demand.most < MAX_REPLICAS else "true"
    values = {"count": count} if "{count}" in demand.reason else {}
    # Preparations don't count where any role does; which are, CEL has no budget for.
    ordered = "" if demand.roles else " || self.roles.exists(role, has(self.roles[role].startAfter))"
    met = f"!({_is(framework)}) || {_replicas()} == 0{ordered} || {least}{most}"
    return Rule(SPEC, met, demand.reason, values, ".roles")


def _of_processes() -> Iterator[Rule]:
    pytorch = _is(Framework.PYTORCH)
    once = "!has(self.launcher) || self.launcher == 'Command'"
    mpi = f"({_is(Framework.MPI)}) && role == '{WORKER_ROLE}'"
    alone = f"self.roles.all(role, !has(self.roles[role].processesPerReplica) || ({mpi}))"
    yield Rule(SPEC, f"({pytorch}) || {once}", messages.ONLY_PYTORCH, path=".launcher")
    yield Rule(SPEC, f"({pytorch}) || {alone}", messages.ONLY_PYTORCH_AND_MPI, path=".roles")
    ports = "(has(self.ports) ? self.ports : 1)"
    one = f"!has(self.metricsPort) || self.metricsPort <= {ports}"
    yield Rule((*ROLES, "<name>"), one, messages.METRICS_PORT, {"ports": f"string({ports})"}, ".metricsPort")


def _of_locality() -> Iterator[Rule]:
    near = "self.roles.exists(role, has(self.roles[role].locality))"
    yield Rule(SPEC, f"{_is_given('inputPath')} || !{near}", messages.NO_INPUT_TO_BE_NEAR, path=".roles")


def _of_order() -> Iterator[Rule]:
    """Circles, and which stages fit together, are left to order_problems.py: CEL knows no loops."""
    role: Place = (*ROLES, "<name>")
    either = "!has(self.port) || !has(self.httpGet)"
    yield Rule((*role, "readiness"), either, messages.PORT_OR_HTTP)
    ports = "(has(self.ports) ? self.ports : 1)"
    for field_ in ("port", "httpGet.port"):
        asked = f"self.readiness.{field_}"
        given = f"has(self.readiness) && has({asked.removesuffix('.port')}) && has({asked})"
        met = f"!({given}) || {asked} <= {ports}"
        values = {"ports": f"string({ports})"}
        yield Rule(role, met, messages.READINESS_PORT, values, f".readiness.{field_}")
    for met, reason in (
        ("it.role != role", messages.AFTER_ITSELF),
        ("it.role in self", messages.NO_ROLE_TO_FOLLOW),
    ):
        each = f"self[role].startAfter.all(it, {met})"
        yield Rule(ROLES, f"self.all(role, !has(self[role].startAfter) || {each})", reason)


def _of_failure_rules() -> Iterator[Rule]:
    """Which of them are never reached is left to failure_rule_problems.py: CEL has no budget for it."""
    place: Place = (*SPEC, "failureRules", "[]")
    fails = f"self.action == '{FailureAction.FAIL_JOB.value}'"
    for field_ in ("charged", "avoidNode"):
        yield Rule(place, f"!({fails}) || !has(self.{field_})", messages.NO_RESTART, path=f".{field_}")
    charged = f"self.action != '{FailureAction.IGNORE.value}' || !has(self.charged) || !self.charged"
    yield Rule(place, charged, messages.IGNORED_AND_CHARGED, path=".charged")
    own = json.dumps([cause.value for cause in YARNS_OWN])
    worded = f"has(self.causes) && (has(self.exitCodes) || has(self.stderr)) && self.causes.exists(it, it in {own})"
    yield Rule(place, f"!({worded})", messages.NO_WORDS, path=".causes")
    known = "has(rule.roles) && rule.roles.exists(role, !(role in self.roles))"
    yield Rule(
        SPEC,
        f"!has(self.failureRules) || !self.failureRules.exists(rule, {known})",
        messages.NO_ROLE_FOR_RULE,
        path=".failureRules",
    )


def _of_template() -> Iterator[Rule]:
    """What its placeholders say is left to template_rules.py: CEL has no budget for it."""
    custom, given = _is(Framework.CUSTOM), "has(self.template) && size(self.template) > 0"
    yield Rule(SPEC, f"!({custom}) || {given}", messages.NO_TEMPLATE, path=".template")
    yield Rule(SPEC, f"({custom}) || !({given})", messages.ONLY_CUSTOM, path=".template")


def _of_env() -> Iterator[Rule]:
    for place in (*((*place, "env") for place in LISTS), (*SPEC, "template")):
        name = (*place, "[]", "name")
        yield Rule(name, f"!self.startsWith('{RESERVED_ENV}')", messages.RESERVED)
        yield Rule(name, f"!(self in {json.dumps(BASHS_OWN)})", messages.BASHS_OWN, {"name": "self"})
    for place in LISTS:
        variable = (*place, "env", "[]")
        yield Rule(
            variable, "!has(self.valueFrom) || !has(self.value)", messages.VALUE_OR_FROM, path=".valueFrom"
        )
        one = "[has(self.secretKeyRef), has(self.configMapKeyRef), has(self.file)].exists_one(it, it)"
        yield Rule((*variable, "valueFrom"), one, messages.ONE_PLACE)
    for (name_, path), field_ in zip(PATH_ENV.items(), PLACEHOLDERS.values(), strict=True):
        values = {"name": f"'{name_}'", "path": f"'{path}'"}
        for list_ in ("env", "template"):
            none = _none_named("self", list_, name_)
            yield Rule(SPEC, f"!({_is_given(field_)}) || {none}", messages.HOLDS_A_PATH, values, f".{list_}")
        none = f"self.roles.all(role, {_none_named('self.roles[role]', 'env', name_)})"
        yield Rule(SPEC, f"!({_is_given(field_)}) || {none}", messages.HOLDS_A_PATH, values, ".roles")


def _none_named(of: str, variables: str, name: str) -> str:
    return f"(!has({of}.{variables}) || !{of}.{variables}.exists(it, it.name == '{name}'))"


def _is_given(field_: str) -> str:
    """Whether a path is told: savedModelPath is checkpointPath where that one is left out."""
    given = f"has(self.{field_}) && self.{field_} != ''"
    return (
        f"{given} || has(self.checkpointPath) && self.checkpointPath != ''"
        if field_ == "savedModelPath"
        else given
    )


def _of_files() -> Iterator[Rule]:
    for place in LISTS:  # short expressions, for a rule's estimated cost is its length by that of the text
        file = (*place, "files", "[]")
        yield Rule((*file, "source"), r"self.matches('^\\w[\\w+.-]*://.+$')", messages.NO_URL)
        named = r"has(self.name) || self.source.matches('(^|/)\\w[\\w.-]*$')"
        yield Rule(file, named, messages.NO_FILE_NAME, path=".name")


def _of_commands() -> Iterator[Rule]:
    for placeholder, field_ in PLACEHOLDERS.items():
        values = {"placeholder": f"'{placeholder}'", "path": f"'{field_}'"}
        none = f"self.roles.all(role, !self.roles[role].command.contains('{placeholder}'))"
        yield Rule(SPEC, f"{_is_given(field_)} || {none}", messages.NO_SUCH_PATH, values, ".roles")
