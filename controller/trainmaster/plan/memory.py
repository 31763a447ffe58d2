"""What the controller remembers of one job: the journal's record. Small, and enough to take the job up again.

Whatever can't be repeated harmlessly rests on something that stands here, written. YARN says what is alive; this says what we
decided about it. Status is made from this and from what is seen, and is never read back.
Times are seconds since the epoch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trainmaster.api.checkpoint_status import CheckpointStatus, SavedModelStatus
from trainmaster.api.history import EndedRun
from trainmaster.api.progress_status import ProgressStatus
from trainmaster.plan.amounts import Account
from trainmaster.plan.ends import End, GpuFault, Hang, LastExit, Life, Survivor
from trainmaster.plan.key import Key
from trainmaster.plan.phase import Since
from trainmaster.plan.spent import Ledger
from trainmaster.plan.verdict import KeptLog, PastRun, Verdict
from trainmaster.plan.wanted import Wanted

if TYPE_CHECKING:
    from dataclasses import replace as replace  # noqa: PLC0414 - the one below, with the types of its arguments


__all__ = ["Hang", "KeptLog", "Key", "PastRun", "Verdict"]

UNCOUNTED = 4_102_444_800.0
"""`Survivor.until` while no time counts (the year 2100): it is said to live, or YARN is away and nobody waits for a node"""


@dataclass(frozen=True, slots=True)
class Failure:
    """The newest failure of a job: its first cause. What its peers' processes die of within a moment is the same failure."""

    first: Key
    at: float
    said: str
    """the sentence of the first cause alone"""
    until: float
    """end of its backoff, which its peers wait for as well"""
    followers: tuple[Key, ...] = ()
    within: float = 0.0
    """seconds between the first end and the last of those that followed it"""
    charged: bool = True
    """whether the first end was charged"""


@dataclass(frozen=True, slots=True)
class Root:
    """What a process of the job failed of last, where trying again helps only if something else changes."""

    fingerprint: str
    """the same for the same failure"""
    host: str
    at: float
    ran: float
    """seconds for which the process had lived"""
    elsewhere: bool = False
    """whether it may go well on another node"""


@dataclass(frozen=True, slots=True)
class Avoided:
    """A node that the job asks nothing of for a while: something failed there that lies at the node."""

    host: str
    until: float
    times: int = 1
    """failures of this kind on it, as long as they count"""
    cause: str = ""
    """what the last one was judged to be"""
    at: float = 0.0
    """when that was; 0 in records from before it was kept"""


@dataclass(frozen=True, slots=True)
class ReplicaMemory:
    """One replica. Bound means: a container was chosen for it and written down, and may now be told to start."""

    key: Key
    run: int = 1
    """rises with each new container wanted; it goes into the allocation request id, so an older container is recognised"""
    container: str = ""
    node: str = ""
    """host:port of the NodeManager's RPC; empty while unbound"""
    http: str = ""
    ports: tuple[int, ...] = ()
    """kept when unbound, so that a replacement on the same host answers at the same address"""
    bound_at: float = 0.0
    process: int = 1
    """number of the process in its container, or of the one that is to take its place: each that starts there has another"""
    reinitialising: bool = False
    """that one is to take the place of one that only waits, and it isn't known yet that it has"""
    done: bool = False
    """ended with success, and stays so"""
    told_steps: tuple[int, int] = (0, 0)
    """run and generation of the newest process of it that reported steps, where there is a progressDeadline"""
    ready: tuple[int, int] = (0, 0)
    """the same of the newest process of it that was found ready"""
    restarts: int = 0
    """charged restarts"""
    replacements: int = 0
    """uncharged ones"""
    infra_ends: tuple[float, ...] = ()
    """times of infrastructure ends, newest last; only those of the last ten minutes are kept"""
    excused_ends: tuple[float, ...] = ()
    """the same of ends that a rule of the job charges to nobody"""
    port_clashes: int = 0
    avoid: tuple[str, ...] = ()
    """hosts where it could not be started, newest last"""
    host: str = ""
    """where it runs, or ran last: asked for first"""
    waits_since: float = 0.0
    """when it lost its container; 0 when it never had one"""
    not_before: float = 0.0
    """end of its backoff"""
    last_exit: LastExit | None = None
    previous: str = ""
    """the container before this one: its late end is shown, not judged"""
    previous_http: str = ""
    survivors: tuple[Survivor, ...] = ()
    """earlier containers of this replica of which nobody has said yet that they are over"""
    unseen_since: float = field(default=0.0, compare=False)
    """since when a bound container is not listed (after a ResourceManager restart); 0 while it is"""

    @property
    def bound(self) -> bool:
        return bool(self.container)


@dataclass(frozen=True, slots=True)
class ApplicationMemory:
    """One YARN application of ours. Journalled: the id before submitting, the token before registering."""

    id: str
    token: str = field(default="", repr=False)
    """secret: base64 of the AMRM token's protobuf (hadoop.common.TokenProto)"""
    user: str = ""
    queue: str = ""
    priority: int = 0
    """as YARN was last told"""
    submitted_at: float = 0.0
    orphan: bool = False
    """its record was lost: only its id is known, from what had been shown of it"""
    recorded: bool = False
    """what is left of its record names it: it is ours, whatever its tags say"""
    hdfs_token: str = field(default="", repr=False)
    """secret: base64 of the token of HDFS that it was submitted with, likewise; empty where none is needed"""
    token_at: float = 0.0
    """when YARN gave the present token; 0 in records from before that was kept"""
    report_token: str = field(default="", repr=False)
    """secret: with it the job's processes report their steps. Made with the id, so that it costs no write, and kept, so that
    those that run go on to report to whoever leads next"""
    view_acl: str = ""
    """who may look at it beside its user, in YARN's words, as it was submitted"""
    modify_acl: str = ""
    """who may end it, likewise"""


@dataclass(frozen=True)  # without slots: `replace` copies it as one
class Memory:
    """Everything remembered of one job."""

    uid: str
    namespace: str
    name: str
    epoch: int = 0
    """of the leader that wrote this; one with a lower number is fenced"""
    document: str = ""
    """the last good declaration, as JSON: what runs goes on by it while the file is broken"""
    applied: str = ""
    """its restart fields as the user wrote them (api.job.restart_fields), of what runs or is asked for"""
    begun_with: Mapping[str, str] = field(default_factory=dict)
    """its immutable fields by path (api.job.immutable_fields), as they were when the application was opened"""
    observed_generation: int = 0
    application: ApplicationMemory | None = None
    earlier_applications: tuple[str, ...] = ()
    """of all runs, the newest last; the last 100"""
    began_after: str = ""
    """the last of them when this run began; empty where there was none, and in records from before it was kept"""
    lost_applications: int = 0
    """how often YARN lost the application and it was submitted anew, uncharged"""
    open_not_before: float = 0.0
    """a refused submission (queue full) is tried again then"""
    role_numbers: Mapping[str, int] = field(default_factory=dict)
    """never reused, also when a role leaves the job"""
    generation: int = 1
    """rises with each job-wide restart"""
    started_generation: int = 0
    """the newest generation that was bound; lower than `generation` while a gang is gathered"""
    stage: int = 0
    """of the roles that run or are gathered (api/order.py)"""
    wanted: Mapping[str, Wanted] = field(default_factory=dict)
    """by elastic role, once another number was wanted than the declared one"""
    replicas: tuple[ReplicaMemory, ...] = ()
    retired_run: int = 0
    """highest run of replicas that were scaled away: those that come back go on above it"""
    retired_survivors: tuple[tuple[Key, Survivor], ...] = ()
    """containers of replicas that were scaled away, which may still live: neither those that come back nor a later generation
    start beside them"""
    given_up: tuple[str, ...] = ()
    """hosts on which something of this application was given up without a word: it may come back with them"""
    avoided: tuple[Avoided, ...] = ()
    """nodes that failed it, the newest last"""
    gpu_faults: tuple[GpuFault, ...] = ()
    """the free ones of the last day, the newest last"""
    charged: int = 0
    """restarts charged to backoffLimit"""
    restarts: int = 0
    """all restarts, charged or not, job-wide ones counted once"""
    restart_cause: str = ""
    """the sentence shown while Restarting"""
    failure: Failure | None = None
    root: Root | None = None
    pending_ends: tuple[End, ...] = ()
    """heard, and not judged yet (pending.py)"""
    lives: tuple[Life, ...] = ()
    """processes that are over, by when that was known, newest last; the last 100. Shown, and never decided on (past.py)"""
    hang: Hang | None = None
    gang_not_before: float = 0.0
    gang_timeouts: int = 0
    queued_at: float = 0.0
    """when it was accepted; start of pendingDeadline"""
    active_since: float = 0.0
    """first start since the last resume: start of activeDeadline"""
    suspended: bool = False
    closing_since: float = 0.0
    """when the end, suspension or deletion began; 0 while the job is wanted"""
    deleted_at: float = 0.0
    """when it was heeded that the declaration is deleted, of a run that came to no other end"""
    verdict: Verdict | None = None
    closed_at: float = 0.0
    """when YARN had been told of the verdict, and nothing lived any more"""
    rerun: int = 0
    """runPolicy.rerun as it was heeded last: the number of this run"""
    past_runs: tuple[PastRun, ...] = ()
    """oldest first; a few"""
    expired: bool = False
    """ttlAfterFinished has passed: only this tombstone is left"""

    checkpoint: CheckpointStatus | None = None
    saved_model: SavedModelStatus | None = None
    """the newest that were found; written down, for once all is over nobody looks for them again"""
    # Below: seen times, worth keeping but not worth a write of their own; they ride along with the next one.
    started_at: float = field(default=0.0, compare=False)
    """when all of it ran for the first time since the last resume"""
    gang_since: float = field(default=0.0, compare=False)
    """since when the present gang is asked for; 0 when none is"""
    short_since: float = field(default=0.0, compare=False)
    """since when something of elastic roles is missing, seen without a gap; 0 while nothing is, or nobody looks"""
    room_since: float = field(default=0.0, compare=False)
    """since when there is room for more of an elastic role; 0 while there is none, or nobody looks"""
    watched_since: float = field(default=0.0, compare=False)
    """since when it has been seen without a gap whether processes make steps; 0 while nobody looks"""
    progress: ProgressStatus | None = field(default=None, compare=False)
    """as it was shown last: once all is over nobody tells it again"""
    slow: tuple[Key, ...] = field(default=(), compare=False)
    """stragglers that people have been told of"""
    account: Account = field(default_factory=Account, compare=False)
    """what this run held so far (account.py)"""
    ledger: Ledger = field(default_factory=Ledger, compare=False)
    """what it made of that time (time_ledger.py)"""
    phases: tuple[Since, ...] = field(default=(), compare=False)
    """what this run has been at so far, the present phase last (phases.py)"""
    filed: int = field(default=-1, compare=False)
    """number of the newest run that is known to be in the history"""
    unfiled: tuple[EndedRun, ...] = field(default=(), compare=False)
    """earlier runs, or one that expired, that aren't known to be there (history.py)"""
    since: Mapping[str, tuple[str, float]] = field(default_factory=dict, compare=False)
    """condition type -> (status, time of its last change)"""

    def replica(self, key: Key) -> ReplicaMemory | None:
        return next((r for r in self.replicas if r.key == key), None)

    @property
    def leaving(self) -> Iterator[tuple[Key, Survivor]]:
        """All containers that were let go and may live, those of replicas that were scaled away last."""
        yield from ((r.key, one) for r in self.replicas for one in r.survivors)
        yield from self.retired_survivors

    @property
    def gathering(self) -> bool:
        """Whether a whole gang is to be gathered before anything starts."""
        return self.started_generation < self.generation

    @property
    def finished(self) -> bool:
        return self.closed_at > 0 and self.verdict is not None


if not TYPE_CHECKING:

    def replace(value: object, **changes: Any) -> object:
        """As that of dataclasses. A memory is replaced several times in each pass, and its forty fields one by one would take a
        seventh of the pass."""
        if type(value) is not Memory:
            return dataclasses.replace(value, **changes)
        made = object.__new__(Memory)
        made.__dict__.update(value.__dict__, **changes)
        if len(made.__dict__) > len(value.__dict__):
            raise TypeError(f"a memory has none of {changes.keys() - value.__dict__.keys()}")
        return made


def changed(memory: Memory, **fields: Any) -> Memory:
    """The memory with these fields (none with seen times); itself where nothing differs, so comparing it costs nothing."""
    differs = any(getattr(memory, name) != value for name, value in fields.items())
    return replace(memory, **fields) if differs else memory
