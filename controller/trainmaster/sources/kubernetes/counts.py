"""What the Kubernetes source counts for /metrics: calls, watches begun anew, and what webhooks answered.

Never here: a number that decisions read.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter

REVIEWS = ("validate", "mutate")
OUTCOMES = ("allowed", "refused", "failed")
NO_ANSWER = "none"


class Counts:
    """Of one controller. Without a registry nobody sees them."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self._calls = Counter(
            "trainmaster_kubernetes_calls",
            "Calls of the API server, by its answer.",
            ["verb", "resource", "code"],
            registry=registry,
        )
        self._watches = Counter(
            "trainmaster_kubernetes_watch_restarts",
            "Times that the watch on TrainingJobs ended and was begun anew.",
            registry=registry,
        )
        self._reviews = Counter(
            "trainmaster_webhook_reviews",
            "Reviews asked of the admission webhooks, by what was answered.",
            ["webhook", "outcome"],
            registry=registry,
        )
        for webhook in REVIEWS:  # present from the start, so that the first one is an increase
            for outcome in OUTCOMES:
                self._reviews.labels(webhook, outcome)

    def called(self, verb: str, resource: str, code: str) -> None:
        """A call got an answer of that HTTP status, or (NO_ANSWER) none at all."""
        self._calls.labels(verb, resource, code).inc()

    def watched_anew(self) -> None:
        """The watch ended, and is begun anew."""
        self._watches.inc()

    def reviewed(self, webhook: str, outcome: str) -> None:
        """One review is answered."""
        self._reviews.labels(webhook, outcome).inc()
