"""Every right that the controller needs in Kubernetes, in one table, and whether it has them.

The roles of the chart and of manifests/ grant exactly this table; a test compares them. Secrets are touched in the controller's
own namespace, and in those alone that a setting names for their jobs' variables; nothing cluster-wide is ever created.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from trainmaster.errors import RefusedError
from trainmaster.settings import Kubernetes
from trainmaster.sources.kubernetes.api import (
    ACCESS_REVIEWS,
    CONFIG_MAPS,
    EVENTS,
    LEASES,
    MUTATING_WEBHOOKS,
    SECRETS,
    TRAININGJOBS,
    VALIDATING_WEBHOOKS,
    WHO_AM_I,
    Api,
    Object,
    Resource,
)
from trainmaster.sources.kubernetes.errors import Call


class Where(StrEnum):
    """In which namespaces a right is needed."""

    OWN = "own"
    """the controller's"""
    JOBS = "jobs"
    """those whose jobs are driven, which may be the whole cluster"""
    VALUES = "values"
    """those whose Secrets and ConfigMaps may be read for their jobs"""
    CLUSTER = "cluster"
    """for kinds that are in no namespace"""


@dataclass(frozen=True, slots=True)
class Right:
    """A rule of a Role or ClusterRole, and why it is there."""

    where: Where
    resource: Resource
    verbs: tuple[str, ...]
    purpose: str
    """what can't be done without it: `to` and a verb"""
    subresource: str = ""
    names: tuple[str, ...] = ()
    """the only objects it is for; empty for all"""

    @property
    def rule(self) -> Object:
        """As RBAC says it (rbac.authorization.k8s.io/v1, PolicyRule)."""
        kind = f"{self.resource.plural}/{self.subresource}" if self.subresource else self.resource.plural
        rule: Object = {
            "apiGroups": [self.resource.group],
            "resources": [kind],
            "verbs": list(self.verbs),
        }
        return rule | {"resourceNames": list(self.names)} if self.names else rule


def needed(settings: Kubernetes) -> tuple[Right, ...]:
    """The table. It depends on the names in the settings, and on who makes the webhooks' certificate."""
    keeps_webhooks = settings.webhook.port is not None and settings.webhook.certificate is None
    values = _VALUES if settings.secret_namespaces else ()
    return (*_own(settings), *_JOBS, *values, *(_webhooks(settings) if keeps_webhooks else ()))


def _own(settings: Kubernetes) -> tuple[Right, ...]:
    lease = "to agree with other controllers on who leads"
    journal = "to keep its journal, and the certificate of its webhooks"
    return (
        Right(Where.OWN, LEASES, ("create",), lease),  # a name can't be asked for here: it isn't there yet
        Right(Where.OWN, LEASES, ("get", "update"), lease, names=(settings.name,)),
        Right(Where.OWN, SECRETS, ("get", "list", "create", "update", "delete"), journal),
    )


_JOBS = (
    Right(Where.JOBS, TRAININGJOBS, ("get", "list", "watch"), "to see which jobs are declared"),
    Right(Where.JOBS, TRAININGJOBS, ("patch",), "to hold a job's deletion until its application has ended"),
    Right(
        Where.JOBS, TRAININGJOBS, ("delete",), "to remove finished jobs that ask for it (ttlDeletesResource)"
    ),
    Right(Where.JOBS, TRAININGJOBS, ("patch",), "to show how jobs do", subresource="status"),
    Right(Where.JOBS, EVENTS, ("create", "patch"), "to tell what happened to jobs"),
)


_VALUES = tuple(
    Right(Where.VALUES, kind, ("get",), "to give processes the values of variables that name one")
    for kind in (SECRETS, CONFIG_MAPS)
)


def _webhooks(settings: Kubernetes) -> tuple[Right, ...]:
    trust = "to make the API server trust the certificate of its webhooks"
    names = (settings.webhook.configuration,)
    return tuple(
        Right(Where.CLUSTER, kind, ("get", "patch"), trust, names=names)
        for kind in (VALIDATING_WEBHOOKS, MUTATING_WEBHOOKS)
    )


async def missing_rights(api: Api, settings: Kubernetes) -> list[str]:
    """One sentence for each right that we lack, as the API server's authorizer judges now; empty when we have all.

    Raises UnavailableError when it can't be asked, DeniedError when we may not even ask.
    """
    who = await _who(api)
    asked = [(right, call) for right in needed(settings) for call in _calls(right, api, settings)]
    allowed = await asyncio.gather(*(_allowed(api, call) for _, call in asked))
    return [
        f"{call.lacked_by(who)}, which it needs {right.purpose}"
        for (right, call), is_allowed in zip(asked, allowed, strict=True)
        if not is_allowed
    ]


def _calls(right: Right, api: Api, settings: Kubernetes) -> Iterator[Call]:
    """Everything that a right allows, one by one."""
    everywhere = ("",)
    spaces = {
        Where.OWN: (api.namespace,),
        Where.JOBS: settings.namespaces or everywhere,
        Where.VALUES: settings.secret_namespaces,
        Where.CLUSTER: everywhere,
    }
    for namespace in spaces[right.where]:
        for verb in right.verbs:
            for name in right.names or ("",):
                yield Call(verb, right.resource, namespace, name, right.subresource)


async def _allowed(api: Api, call: Call) -> bool:
    attributes = {
        "verb": call.verb,
        "group": call.resource.group,
        "version": call.resource.version,
        "resource": call.resource.plural,
        "subresource": call.subresource,
        "namespace": call.namespace,
        "name": call.name,
    }
    answer = await api.create(
        ACCESS_REVIEWS, "", _review(ACCESS_REVIEWS, "SelfSubjectAccessReview", attributes)
    )
    return bool(answer["status"].get("allowed"))


async def _who(api: Api) -> str:
    """The user name that the API server knows us by; whose credentials we show, where it doesn't tell."""
    try:
        answer = await api.create(WHO_AM_I, "", _review(WHO_AM_I, "SelfSubjectReview"))
    except RefusedError:
        return api.connection.who
    return str(answer["status"]["userInfo"]["username"])


def _review(resource: Resource, kind: str, attributes: Object | None = None) -> Object:
    review: Object = {"apiVersion": f"{resource.group}/{resource.version}", "kind": kind}
    return review | {"spec": {"resourceAttributes": attributes}} if attributes else review
