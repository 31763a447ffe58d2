"""Where people read what a container wrote. Never here: whether anything is left there."""

from __future__ import annotations

from trainmaster.plan.ends import LastExit


def log_url(last: LastExit | None, scheme: str) -> str:
    """The log of an ended container at its NodeManager; empty where its web address isn't known."""
    return container_log(scheme, last.http, last.container) if last and last.http else ""


def container_log(scheme: str, http: str, container: str) -> str:
    """`http` is host:port of the NodeManager's web server."""
    return f"{scheme}://{http}/ws/v1/node/containers/{container}/logs"
