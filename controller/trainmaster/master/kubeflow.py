"""Five counters under the names of Kubeflow's training-operator, for dashboards that read those; off unless a setting says so.

Names and labels as in its pkg/common/metrics.go (1.9): `job_namespace`, and `framework` in small letters. Never here: when a
job counts as one of them.
"""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter

from trainmaster.master.names import Names

_TEXTS: Mapping[str, str] = {
    "created": "Jobs that were declared.",
    "deleted": "Jobs that were deleted.",
    "successful": "Jobs that succeeded.",
    "failed": "Jobs that failed.",
    "restarted": "Restarts of jobs.",
}
MOST_NAMESPACES = 1000
"""that have series of their own; those heard of later share one"""


class Kubeflow:
    """Counts, where it is `wanted`."""

    def __init__(self, registry: CollectorRegistry, wanted: bool) -> None:
        self._namespaces = Names(MOST_NAMESPACES)
        self._counters: dict[str, Counter] = {}
        if wanted:
            self._counters = {name: _counter(name, text, registry) for name, text in _TEXTS.items()}

    def count(self, what: str, namespace: str, framework: str, number: int = 1) -> None:
        """`what` is one of created, deleted, successful, failed, restarted."""
        if counter := self._counters.get(what):
            counter.labels(self._namespaces.of(namespace), framework.lower()).inc(number)


def _counter(name: str, text: str, registry: CollectorRegistry) -> Counter:
    labels = ["job_namespace", "framework"]
    return Counter(f"training_operator_jobs_{name}", text, labels, registry=registry)
