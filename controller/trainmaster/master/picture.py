"""What the fleet shows of itself: one frozen picture per job, kept from its last pass, and one of the fleet.

Metrics and the web read these; nothing here is counted, and nothing decides on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from trainmaster.api.declared import Declared
from trainmaster.api.status import ConditionType, JobStatus
from trainmaster.master.gpus import NO_GPUS, ClusterGpus
from trainmaster.master.reports import Unread
from trainmaster.plan.cluster import Node
from trainmaster.plan.health import CalledBad, Told
from trainmaster.plan.ledger import ShareUse
from trainmaster.plan.memory import Memory
from trainmaster.plan.suspects import Suspect


@dataclass(frozen=True, slots=True)
class Picture:
    """One job after its last pass."""

    declared: Declared
    memory: Memory | None
    """None for a declaration that was refused before anything was remembered"""
    status: JobStatus
    at: float
    """time of the pass, seconds since the epoch"""
    unended: str = ""
    """why an application of it that is to go can't be ended at present; empty when nothing is in the way"""

    @property
    def accepted(self) -> bool:
        """Whether the newest declaration counts."""
        return self.status.is_true(ConditionType.ACCEPTED)


Beat = tuple[float, float]
"""time of a job's last answered heartbeat, and when YARN gave the oldest of the tokens with which its NodeManagers are spoken to;
0 where there is none. Both in seconds since the epoch"""
NO_BEAT: Beat = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class FleetPicture:
    """The whole controller at this moment."""

    jobs: Mapping[str, Picture]
    """by uid, each as its last pass left it: they are never made anew, since of thousands that would hold up the loop"""
    leading: bool
    yarn_up: bool
    store_up: bool
    """whether the store of jobs and journal answered when it was asked last"""
    looked_at: float
    """time of the last complete listing; 0 before the first"""
    expiry: float
    """seconds of silence after which the ResourceManager ends an application"""
    beats: Mapping[str, Beat] = field(default_factory=dict)
    """by uid, of jobs with an application: calm ones heartbeat, and make no passes"""
    gpus: ClusterGpus = NO_GPUS
    """those of the cluster, as the ResourceManager told last"""
    leader: str = ""
    """address of the leader's web server, where another controller leads and told it"""
    trouble: str = ""
    """what keeps the source of jobs from its work, for a person; empty when well"""
    unable: str = ""
    """why requests to the source can't be answered, such as those for verdicts on objects; empty when they can"""
    unforeseen: str = ""
    """which works of the controller fail in a way nobody foresaw, for a person; empty when none does"""
    installation: str = ""
    """the identity of the installation; empty while it isn't known"""
    foreign: Mapping[str, str] = field(default_factory=dict)
    """jobs that are left alone, by where they are declared: the identity of the installation that drives each"""
    reports: Mapping[str, Unread] = field(default_factory=dict)
    """by uid: what processes told of their steps"""
    suspects: Sequence[Suspect] = ()
    """nodes that failed several jobs"""
    called_bad: Sequence[CalledBad] = ()
    """nodes that somebody outside calls bad"""
    nodes_held_back: int = 0
    """nodes that would be left alone by all, were the budget of this hour not spent"""
    node_sources: Mapping[str, Told] = field(default_factory=dict)
    """by name: what those who call nodes bad said so far"""
    cleared: Mapping[str, float] = field(default_factory=dict)
    """by host: when somebody said that it is well again"""
    nodes: Sequence[Node] = ()
    """of the cluster, as at the last look"""
    quotas: Sequence[ShareUse] = ()
    """what of them is held"""
    unshown: Sequence[str] = ()
    """jobs whose status can't be shown at present, with the reasons: what people see of them is old"""

    ticket_left: float | None = None
    """seconds that the controller's own ticket of Kerberos is good for; None where it needs none"""
    ticket_trouble: str = ""
    """why it isn't renewed, though that is due; empty when well"""
    not_proxy: str = ""
    """whom it may not speak for, though it is to, with the cure; empty when nobody is known"""

    @property
    def unended(self) -> list[str]:
        """Applications that can't be ended at present, with the reasons."""
        return [picture.unended for picture in self.jobs.values() if picture.unended]


class Pictured(Protocol):
    """Whatever a picture can be taken of, on its own loop (master/fleet.py)."""

    def picture(self) -> FleetPicture: ...

    def gpu_picture(self) -> FleetPicture: ...

    @property
    def leader(self) -> str: ...


class Identity(Protocol):
    """Whatever adds to a picture who the controller is to the cluster (master/tickets.py)."""

    def shown(self, picture: FleetPicture) -> FleetPicture: ...


class Shown:
    """The picture of a fleet that may not be there yet: the web server starts first, and tells its address."""

    def __init__(self) -> None:
        self.fleet: Pictured | None = None
        self.identity: Identity | None = None
        self._last = FleetPicture({}, leading=False, yarn_up=False, store_up=False, looked_at=0.0, expiry=0.0)

    def picture(self) -> FleetPicture:
        """A new one; on the loop alone, since what it is made of changes between any two steps of another thread. Even
        a list of a dictionary's items isn't made in one go: the collector's callbacks (master/garbage.py) come between."""
        if self.fleet is not None:
            self._last = self.fleet.picture()
        if self.identity is not None:
            self._last = self.identity.shown(self._last)
        return self._last

    def leader(self) -> str:
        """Where the web server of another controller is, which leads; empty where none is known. It costs no picture."""
        return self.fleet.leader if self.fleet is not None else ""

    def gpu_picture(self) -> FleetPicture:
        """A new one of those jobs alone that hold GPUs; on the loop alone as well."""
        return self.fleet.gpu_picture() if self.fleet is not None else self._last

    def last(self) -> FleetPicture:
        """The one taken last, frozen: any thread may read it."""
        return self._last
