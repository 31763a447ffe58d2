"""When a role's processes begin: after which other roles, and when those count as ready. As dependsOn of a JobSet, by role.

Lives here: the models. Never here: what is wrong between roles (order_problems.py), and in which stages they run (order.py).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from trainmaster.api.base import Model, RoleName
from trainmaster.api.words import When

HTTP_PATH = r"^/[!-~]*$"

PortPlace = Annotated[int, Field(strict=True, ge=1, le=16)]


class StartAfter(Model):
    """Another role that is waited for, all replicas of it."""

    role: RoleName
    """The role that is waited for."""
    when: When
    """What it must have come to."""


class HttpGet(Model):
    """A request that a process answers once it is ready."""

    path: Annotated[str, Field(pattern=HTTP_PATH, max_length=1024)] = "/"
    """Path that is asked for, such as /healthz."""
    port: PortPlace = 1
    """Which of the replica's own ports answers, from 1."""


class Readiness(Model):
    """How a process shows that it is ready: it is tried twice a second beside the process until it holds. Without fields, its
    first port must take connections."""

    port: PortPlace | None = None
    """Which of the replica's own ports, from 1, must take connections. Left out: the first."""
    http_get: HttpGet | None = None
    """What must be answered with a code of 200 to 399, instead of a port alone."""
