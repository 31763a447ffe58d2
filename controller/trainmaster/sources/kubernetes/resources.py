"""The kinds of objects that the controller touches in Kubernetes, and where the API server serves them. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from trainmaster.api.job import GROUP


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of object, as paths and rights name it."""

    group: str
    """empty for Kubernetes' oldest kinds, such as Secrets"""
    version: str
    plural: str

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Where the API server serves it; without a namespace, in all of them or outside of any."""
        root = ("apis", self.group, self.version) if self.group else ("api", self.version)
        scope = ("namespaces", namespace) if namespace else ()
        parts = (*root, *scope, self.plural, name, subresource)
        return "".join(f"/{quote(part, safe='')}" for part in parts if part)


TRAININGJOBS = Resource(GROUP, "v1alpha1", "trainingjobs")
SECRETS = Resource("", "v1", "secrets")
CONFIG_MAPS = Resource("", "v1", "configmaps")
LEASES = Resource("coordination.k8s.io", "v1", "leases")
EVENTS = Resource("events.k8s.io", "v1", "events")
VALIDATING_WEBHOOKS = Resource("admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations")
MUTATING_WEBHOOKS = Resource("admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations")
ACCESS_REVIEWS = Resource("authorization.k8s.io", "v1", "selfsubjectaccessreviews")
WHO_AM_I = Resource("authentication.k8s.io", "v1", "selfsubjectreviews")
