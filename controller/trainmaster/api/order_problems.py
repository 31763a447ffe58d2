"""What is wrong with startAfter and readiness: roles that there aren't, circles, and what would never come true.

Lives here: rules between roles, with the field that is to blame. Never here: when a role starts (plan/order.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from trainmaster.api import messages
from trainmaster.api.deciding import SIDES, ranked
from trainmaster.api.job import Role, Spec
from trainmaster.api.order import preparations, stages
from trainmaster.api.start_order import StartAfter
from trainmaster.api.status import FieldProblem
from trainmaster.api.words import Framework, RestartPolicy, When

Problems = Iterator[FieldProblem]


def order_problems(spec: Spec) -> Problems:
    """All that is wrong with startAfter; whether stages fit together is asked once each of them is sound."""
    found = [problem for name, role in spec.roles.items() for problem in _of_role(spec, name, role)]
    yield from found or _circles(spec) or _of_stages(spec)


def readiness_problems(spec: Spec) -> Problems:
    """All that is wrong with readiness."""
    for name, role in spec.roles.items():
        ready, path = role.readiness, f"spec.roles.{name}.readiness"
        if ready is None:
            continue
        if ready.port is not None and ready.http_get is not None:
            yield FieldProblem(field=path, value="", reason=messages.PORT_OR_HTTP)
        asked = {"port": ready.port, "httpGet.port": ready.http_get.port if ready.http_get else None}
        for field, port in asked.items():
            if port is not None and port > role.ports:
                words = messages.READINESS_PORT.format(ports=role.ports)
                yield FieldProblem(field=f"{path}.{field}", value=str(port), reason=words)


def _of_role(spec: Spec, name: str, role: Role) -> Problems:
    seen: set[str] = set()
    for i, after in enumerate(role.start_after):
        path = f"spec.roles.{name}.startAfter[{i}]"
        if after.role in seen:
            words = messages.TWICE.format(name=after.role)
            yield FieldProblem(field=f"{path}.role", value=after.role, reason=words)
        seen.add(after.role)
        if after.role == name:
            yield FieldProblem(field=f"{path}.role", value=name, reason=messages.AFTER_ITSELF)
        elif after.role not in spec.roles:
            yield FieldProblem(field=f"{path}.role", value=after.role, reason=messages.NO_ROLE_TO_FOLLOW)
        elif reason := _never(spec, after):
            words = reason.format(role=after.role)
            yield FieldProblem(field=f"{path}.when", value=after.when.value, reason=words)


def _never(spec: Spec, after: StartAfter) -> str:
    """Why a role never comes to what is waited for; empty when it may."""
    role = spec.roles[after.role]
    if after.when is When.READY and role.readiness is None:
        return messages.NEVER_READY
    if after.when is not When.SUCCEEDED:
        return ""
    if after.role in SIDES.get(spec.framework, ()):
        return messages.NEVER_ENDS
    return messages.ALWAYS_AGAIN if role.restart_policy is RestartPolicy.ALWAYS else ""


def _circles(spec: Spec) -> list[FieldProblem]:
    """The first circle that is found; where it is mended, there may be others."""
    free: set[str] = set()
    while (
        new := {name for name, role in spec.roles.items() if {a.role for a in role.start_after} <= free}
        - free
    ):
        free |= new
    stuck = [name for name in spec.roles if name not in free]
    if not stuck:
        return []
    way = [stuck[0]]
    while len(way) == len(set(way)):
        way.append(next(a.role for a in spec.roles[way[-1]].start_after if a.role not in free))
    circle = way[way.index(way[-1]) :]
    said = " and ".join(f"{later} waits for {earlier}" for later, earlier in pairwise(circle))
    words = messages.ROUND_IN_CIRCLES.format(circle=said)
    return [FieldProblem(field=f"spec.roles.{circle[0]}.startAfter", value=circle[1], reason=words)]


def _of_stages(spec: Spec) -> Problems:
    numbers, before = stages(spec), preparations(spec)
    last = max(numbers.values(), default=0)
    for name, number in numbers.items():
        if number < last and name not in before:
            later, earlier = _awaiting(spec, number)
            words = messages.BESIDE_A_PREPARATION.format(later=later, earlier=earlier)
            yield FieldProblem(field=f"spec.roles.{name}.startAfter", value="", reason=words)
    yield from _world(spec)


def _awaiting(spec: Spec, stage: int) -> tuple[str, str]:
    """A role that waits for one of this stage to succeed, and that one."""
    numbers = stages(spec)
    return next(
        (name, a.role)
        for name, role in spec.roles.items()
        for a in role.start_after
        if a.when is When.SUCCEEDED and numbers[a.role] == stage
    )


def _world(spec: Spec) -> Problems:
    """All but those of Generic are told at their start who the others are."""
    numbers = stages(spec)
    roles = (*ranked(spec), *(role for role in spec.roles if role in SIDES.get(spec.framework, ())))
    if spec.framework is not Framework.GENERIC and len({numbers[role] for role in roles}) > 1:
        words = messages.WORLD_APART.format(framework=spec.framework, roles=" and ".join(roles))
        yield FieldProblem(field="spec.roles", value=", ".join(roles), reason=words)
