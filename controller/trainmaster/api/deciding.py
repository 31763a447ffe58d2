"""Whose ends decide a job: asked by the rules that admit it and by the engine that judges it, so that both say the same. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Set

from trainmaster.api.job import CHIEF_ROLES, PS_ROLE, WORKER_ROLE, Framework, Spec, SuccessPolicy
from trainmaster.api.order import preparations

MPI_LAUNCHER = "launcher"
"""the role of an MPI job that runs mpirun"""
SIDES: Mapping[Framework, Set[str]] = {
    Framework.TENSORFLOW: frozenset({PS_ROLE, "evaluator"}),
    Framework.MXNET: frozenset({"scheduler", "server"}),
    Framework.MPI: frozenset({WORKER_ROLE}),
}
"""roles that never end by themselves, or whose end says nothing about the training"""
FIRST_WORKER_LEADS = frozenset({Framework.TENSORFLOW})
"""without a chief or master, worker 0 is the chief"""


def leading(spec: Spec) -> tuple[str, ...]:
    """The roles of the chief or master; without one, of the worker whose first replica leads."""
    if spec.framework is Framework.MPI:
        return _present(spec, (MPI_LAUNCHER,))
    leads = _last(spec, CHIEF_ROLES)
    return leads or (_last(spec, (WORKER_ROLE,)) if spec.framework in FIRST_WORKER_LEADS else ())


def working(spec: Spec) -> tuple[str, ...]:
    """Chief or master count as workers, for they train too; without any, every role but the side roles."""
    sides = SIDES.get(spec.framework, frozenset())
    others = tuple(role for role in _last(spec, tuple(spec.roles)) if role not in sides)
    return tuple(role for role in _last(spec, (*CHIEF_ROLES, WORKER_ROLE)) if role not in sides) or others


def ranked(spec: Spec) -> tuple[str, ...]:
    """The roles that are counted by rank, the lead first; a job that names none of these counts all that aren't preparations."""
    return _present(spec, (*CHIEF_ROLES, WORKER_ROLE)) or _last(spec, tuple(spec.roles))


def apart(spec: Spec) -> frozenset[str]:
    """Preparations that have no rank: the framework knows nothing of them, nor they of it."""
    return preparations(spec) - frozenset(ranked(spec))


def deciding(spec: Spec, policy: SuccessPolicy) -> tuple[str, ...]:
    """The roles whose ends this policy asks about; empty where it can't come true."""
    return leading(spec) if policy is SuccessPolicy.CHIEF else working(spec)


def default_policy(spec: Spec) -> SuccessPolicy:
    return SuccessPolicy.CHIEF if leading(spec) else SuccessPolicy.ALL_WORKERS


def _last(spec: Spec, names: tuple[str, ...]) -> tuple[str, ...]:
    """The same without those that others wait for to succeed: the end of a step on the way isn't the job's."""
    before = preparations(spec)
    return tuple(name for name in _present(spec, names) if name not in before)


def _present(spec: Spec, names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of `names` with at least one replica, in the order of `names`."""
    return tuple(name for name in names if name in spec.roles and spec.roles[name].replicas > 0)
