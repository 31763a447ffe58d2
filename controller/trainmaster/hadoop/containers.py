"""What passes between an ApplicationMaster, the scheduler and the NodeManagers: asks, grants, ends, launches.

Lives here: frozen values only, in YARN's own terms; the nouns of applications, queues and nodes are in
values.py. Never here: a protobuf, a socket, a decision. Tokens are secret and kept out of every repr.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from trainmaster.hadoop.values import NodeReport, Resource


@dataclass(frozen=True, slots=True)
class GrantedContainer:
    """A container the scheduler gave us, or one that is still there when we register again."""

    id: str
    node: str
    http: str
    size: Resource
    priority: int
    allocation_request_id: int
    container_token: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Registered:
    """registerApplicationMaster's answer."""

    containers: tuple[GrantedContainer, ...]
    """live ones from before, those that were allocated and never started included. Shortly after a
    ResourceManager's restart it lists none, until their NodeManagers came back: not listed is not gone."""
    nm_tokens: Mapping[str, bytes] = field(repr=False)
    """by node, for the containers above"""
    largest: Resource
    queue: str
    """where it is, which a rule of YARN's may have chosen (queue mappings)"""
    counts_vcores: bool = True
    """whether the scheduler heeds virtual cores: the default resource calculator looks at memory alone"""


@dataclass(frozen=True, slots=True)
class ResourceAsk:
    """One line of the ask table: an absolute number of containers per (priority, allocation_request_id,
    where)."""

    priority: int
    size: Resource
    count: int
    allocation_request_id: int
    where: str = "*"
    """a host, a rack, or `*`. A host's line needs its rack's and the `*` line beside it (ResourceRequest)."""
    relax_locality: bool = True
    label: str | None = None
    """node_label_expression; only heeded on the `*` line"""


@dataclass(frozen=True, slots=True)
class AllocateCall:
    """One heartbeat. `response_id` is that of the last answer; sending the one before it again replays the
    last answer."""

    response_id: int
    progress: float = 0.0
    asks: tuple[ResourceAsk, ...] = ()
    releases: tuple[str, ...] = ()
    avoid: tuple[str, ...] = ()
    """hosts to put on the application's blacklist"""
    unavoid: tuple[str, ...] = ()
    """hosts to take off it"""
    tracking_url: str = ""
    """a new tracking URL; empty keeps the present one"""

    @property
    def bare(self) -> AllocateCall:
        """The same with nothing but its number; itself where it has nothing else."""
        says = self.asks or self.releases or self.avoid or self.unavoid or self.tracking_url or self.progress
        return AllocateCall(self.response_id) if says else self


@dataclass(frozen=True, slots=True)
class CompletedContainer:
    """One end. `exit` below 0 is YARN's own word (ContainerExitStatus), 128+n a signal."""

    id: str
    exit: int
    diagnostics: str


@dataclass(frozen=True, slots=True)
class Allocated:
    """A heartbeat's answer. What it says of ends is said once: the next call with its `response_id`
    acknowledges it."""

    response_id: int
    allocated: tuple[GrantedContainer, ...] = ()
    completed: tuple[CompletedContainer, ...] = ()
    nm_tokens: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """by node; given once per node and application"""
    am_rm_token: bytes | None = field(default=None, repr=False)
    """a rolled token: journal it, then ApplicationMaster.replace_token"""
    updated_nodes: tuple[NodeReport, ...] = ()
    """nodes that became usable or unusable since the last answer"""


class ResourceKind(StrEnum):
    """LocalResourceType: how a NodeManager lays a file into the work folder."""

    FILE = "FILE"
    ARCHIVE = "ARCHIVE"
    """unpacked into a folder of that name"""


@dataclass(frozen=True, slots=True)
class LocalResource:
    """A file that the NodeManager brings into the container's work folder, kept for the application."""

    url: str
    size: int
    """bytes, as the file system says"""
    timestamp: int
    """modification time in milliseconds, exactly as the file system says: another value is refused as
    changed"""
    kind: ResourceKind = ResourceKind.FILE


@dataclass(frozen=True, slots=True)
class LaunchContext:
    """What to start in a container. Environment values and the command go out as they are; escaping is the
    caller's."""

    command: str
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    resources: Mapping[str, LocalResource] = field(default_factory=dict)
    """by the name in the work folder"""
    tokens: bytes | None = field(default=None, repr=False)
    """Credentials in Hadoop's token storage format, for the process and for bringing its files"""
    view_acl: str = ""
    """`users groups` that may read its logs; empty for nobody but the owner"""
    modify_acl: str = ""


class NmState(StrEnum):
    NEW = "NEW"
    """taken on by the NodeManager; its process is not started yet (files are being brought)"""
    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"


@dataclass(frozen=True, slots=True)
class NmStatus:
    """A container as its NodeManager sees it."""

    id: str
    state: NmState
    exit: int | None
    """None while it is not complete, or where the NodeManager has forgotten it"""
    diagnostics: str

    @property
    def reinitialised(self) -> str:
        """When its process was last taken out to be started anew, in the NodeManager's own stamp; empty if it never was.

        The stamp stands before the words from the moment in which the old process is to go (ContainerImpl.addDiagnostics), so
        another one than before, together with RUNNING, means that the new process has begun.
        """
        stamps = _REINITIALISED.findall(self.diagnostics)
        return stamps[-1] if stamps else ""


_REINITIALISED = re.compile(r"\[([^\[\]]*)\]Container will be Re-initialized")
"""ContainerImpl.ReInitializeContainerTransition"""


class Reinitialising(StrEnum):
    """A NodeManager's answer to being told to start a container's process anew."""

    ACCEPTED = "Accepted"
    """it will: the old process is ended, then the new one is started"""
    BUSY = "Busy"
    """not now: it is being started or re-initialised, or an earlier re-initialising has locked it"""
    OVER = "Over"
    """never: it has ended, is being stopped, or isn't known there"""


@dataclass(frozen=True, slots=True)
class NmStatuses:
    """getContainerStatuses of one NodeManager. Each id asked for is in exactly one of the three."""

    known: Mapping[str, NmStatus]
    unknown: frozenset[str]
    """the NodeManager answered that it doesn't handle them: never started there, or long forgotten"""
    refused: Mapping[str, str]
    """it would not say, with its words: nothing is known"""
