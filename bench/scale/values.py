"""What the stand-in keeps: nodes, containers, applications. Values only; what becomes of them is cluster.py's."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum, auto

from trainmaster.hadoop.proto.yarn_scheduler_pb2 import AllocateResponseProto


@dataclass(slots=True)
class Size:
    """MiB and cores."""

    memory: int
    vcores: int

    def fits(self, room: Size) -> bool:
        return self.memory <= room.memory and self.vcores <= room.vcores

    def take(self, size: Size) -> None:
        self.memory -= size.memory
        self.vcores -= size.vcores

    def give_back(self, size: Size) -> None:
        self.memory += size.memory
        self.vcores += size.vcores

    def copy(self) -> Size:
        return replace(self)


class Step(Enum):
    """Where a container is in its life."""

    GRANTED = auto()
    STARTED = auto()
    ENDED = auto()


@dataclass(eq=False, slots=True)
class Node:
    host: str
    rack: str
    total: Size
    free: Size
    containers: dict[tuple[int, int], Container] = field(default_factory=dict)
    """live, by application and number"""


Line = tuple[int, int]
"""(priority, allocation request id)"""


@dataclass(eq=False, slots=True)
class Container:
    number: int
    application: Application
    node: Node
    size: Size
    line: Line
    """what it was asked for under"""
    step: Step = Step.GRANTED
    started_at: float = 0.0
    """monotonic"""
    exit: int = 0
    diagnostics: str = ""


@dataclass(slots=True)
class Ask:
    """What stands asked for under one line."""

    size: Size
    count: int = 0
    places: dict[str, int] = field(default_factory=dict)
    """hosts and racks, with the number wanted there"""


@dataclass(eq=False, slots=True)
class Application:
    number: int
    user: str
    name: str = ""
    queue: str = ""
    type: str = ""
    tags: tuple[str, ...] = ()
    priority: int = 0
    submitted_at: float = 0.0
    """monotonic"""
    registered: bool = False
    over: str = ""
    """its final status, of one that has ended"""
    diagnostics: str = ""
    asks: dict[Line, Ask] = field(default_factory=dict)
    avoided: set[str] = field(default_factory=set)
    containers: dict[int, Container] = field(default_factory=dict)
    """live, by number"""
    made: int = 0
    """containers so far"""
    grants: list[Container] = field(default_factory=list)
    """not told yet"""
    ends: list[Container] = field(default_factory=list)
    """not told yet"""
    tokens: set[str] = field(default_factory=set)
    """hosts whose NM token was handed out"""
    last: AllocateResponseProto = field(default_factory=AllocateResponseProto)
    """the last answer: repeated to whoever asks for it again"""
