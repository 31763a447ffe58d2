"""The listed containers of one application, with what is asked of them at each heartbeat worked out as they change.

A job may have thousands, and nearly always nothing has changed since the heartbeat before. Never here: what a change means.
"""

from __future__ import annotations

from trainmaster.plan.values import Container, ContainerState

UNSURE = frozenset({ContainerState.UNKNOWN, ContainerState.STARTING})


class Listed(dict[str, Container]):
    """By id. Changed by these two methods alone."""

    def __init__(self) -> None:
        super().__init__()
        self.unsure: dict[str, None] = {}
        """those of which the next answer of their NodeManagers will tell whether they run"""
        self.version = 0
        """another one after each change"""

    def __setitem__(self, id_: str, container: Container) -> None:
        super().__setitem__(id_, container)
        self.version += 1
        if container.state in UNSURE:
            self.unsure[id_] = None
        else:
            self.unsure.pop(id_, None)

    def __delitem__(self, id_: str) -> None:
        super().__delitem__(id_)
        self.version += 1
        self.unsure.pop(id_, None)
