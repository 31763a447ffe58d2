"""One live container of a job, as the ResourceManager and its NodeManager tell of it.

Lives here: frozen values only. Never here: what to do about a container (actions.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from trainmaster.plan.cluster import Size
from trainmaster.plan.key import Key


class ContainerState(StrEnum):
    """What is known of one live container."""

    ALLOCATED = "Allocated"
    """granted, and we hold its token: may be started"""
    STARTING = "Starting"
    """the start call is on its way"""
    RUNNING = "Running"
    UNSTARTABLE = "Unstartable"
    """granted and never started, and its token is gone: only good for releasing"""
    UNKNOWN = "Unknown"
    """listed by the ResourceManager, its NodeManager not asked yet"""


IDLE = frozenset({ContainerState.ALLOCATED, ContainerState.UNSTARTABLE})
"""states of a container in which no process of ours can live"""
LIVELY = frozenset({ContainerState.STARTING, ContainerState.RUNNING})
"""states in which one is being started, or is known to run"""


@dataclass(frozen=True, slots=True)
class HeldGpus:
    """GPUs that a NodeManager assigned to one container. Shown, never decided on."""

    minors: tuple[int, ...]
    """minor numbers, rising"""
    percent: int | None = None
    """how busy they were of late on the average, in tens; None where that isn't known"""


@dataclass(frozen=True, slots=True)
class Container:
    """One live container of the application, as the ResourceManager and its NodeManager tell."""

    id: str
    node: str
    http: str
    key: Key | None
    """from the allocation request id; None when its role number is not known"""
    run: int
    size: Size
    state: ContainerState
    told: int = 0
    """number of the process that its NodeManager is being told to start in place of the one in it; 0 for none"""
    process: int = 0
    """number of the process that was seen to have taken another's place in it; 0 for none"""
    refuses: bool = False
    """its NodeManager will never start another process in it"""
    leaving: bool = False
    """its NodeManager has taken on to tell its process to go"""

    @property
    def notes(self) -> dict[str, Any]:
        """What its NodeManager was told of its process, and did: nobody else tells that again."""
        return {name: getattr(self, name) for name in ("told", "process", "refuses", "leaving")}

    @property
    def host(self) -> str:
        return self.node.rpartition(":")[0]
