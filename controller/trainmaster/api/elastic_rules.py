"""What is wrong with elastic roles: between their fields, and with what they can't go together with."""

from __future__ import annotations

from collections.abc import Iterator

from trainmaster.api import messages
from trainmaster.api.job import WORKER_ROLE, Framework, Role, Spec
from trainmaster.api.quantities import format_duration
from trainmaster.api.status import FieldProblem

SHORTEST = 1.0
"""seconds of patience, and of a pause before growing"""
ANY_ROLE = (Framework.GENERIC, Framework.CUSTOM)
"""frameworks of which the names of roles mean nothing"""

Problems = Iterator[FieldProblem]


def elastic_problems(spec: Spec) -> Problems:
    """All of them, role by role."""
    for name, role in spec.roles.items():
        if role.elastic:
            where = f"spec.roles.{name}"
            yield from _numbers(where, role)
            yield from _times(f"{where}.elastic", role, spec)
            yield from _framework(f"{where}.elastic", name, spec)
            yield from _beside(f"{where}.elastic", spec)


def _numbers(where: str, role: Role) -> Problems:
    assert role.elastic
    least, most = role.elastic.min, role.elastic.max
    if role.replicas < least:
        yield _problem(f"{where}.replicas", role.replicas, messages.FEWER_THAN_MIN.format(min=least))
    if most is not None and role.replicas > most:
        yield _problem(f"{where}.replicas", role.replicas, messages.MORE_THAN_MAX.format(max=most))


def _times(where: str, role: Role, spec: Spec) -> Problems:
    assert role.elastic
    patience, pause = role.elastic.patience, role.elastic.grow_after
    if not SHORTEST <= patience < spec.gang.timeout:
        yield _problem(f"{where}.patience", format_duration(patience), messages.ELASTIC_PATIENCE)
    if pause < SHORTEST:
        yield _problem(f"{where}.growAfter", format_duration(pause), messages.GROW_AFTER)


def _framework(where: str, name: str, spec: Spec) -> Problems:
    if spec.framework is Framework.CAFFE:
        yield _problem(where, name, messages.ALONE_IS_NOT_ELASTIC)
    elif spec.framework not in ANY_ROLE and name != WORKER_ROLE:
        yield _problem(where, name, messages.NOT_ELASTIC.format(framework=spec.framework))


def _beside(where: str, spec: Spec) -> Problems:
    if spec.gang.min_available != "all":
        yield _problem(where, spec.gang.min_available, messages.ELASTIC_GANG)
    if any(role.start_after for role in spec.roles.values()):
        yield _problem(where, "startAfter", messages.ELASTIC_ORDER)


def _problem(field: str, value: object, reason: str) -> FieldProblem:
    return FieldProblem(field=field, value=str(value), reason=reason)
