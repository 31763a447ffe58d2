"""What may happen to whole controllers, their jobs and the simulated YARN, and the laws that are looked at on the way.

Lives here: a cluster, a folder of jobs, accidents drawn by chance. Who leads, and how a run goes, is in world.py.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TypeVar

from master.folder import Folder
from master.office import job
from trainmaster.api.job import TrainingJob
from trainmaster.hadoop.containers import NmState
from trainmaster.hadoop.values import Resource
from trainmaster.master.codec import decode
from trainmaster.master.identity import RUN_BITS
from trainmaster.master.launch import NAME
from trainmaster.plan.classify import CHARGED
from trainmaster.plan.memory import Memory
from trainmaster.plan.restart import INFRA_FREE
from yarn.nodemanager import NodeManager, Process
from yarn.queues import Queue
from yarn.resourcemanager import Options
from yarn.wires import Yarn

HOSTS = ("n1", "n2", "n3")
GIB = 1024
QUEUES = {"root.a": 4, "root.b": 9}
"""GiB that each may use"""
WAITS = (0.05, 0.3, 1.0, 3.0, 10.0, 40.0, 100.0, 700.0)
CODES = (0, 0, 1, 137, 42, 143)
EXPIRY = 600.0
WAITS_THERE = ""
"""of what only waits: it was told of no peers"""
T = TypeVar("T")
CALLS = ("allocate", "start", "stop", "register", "statuses", "submit", "finish")


class Quiet(Folder):
    """A folder that is listed now and then: news in it are no part of what is looked for here."""

    async def changed(self, most: float) -> None:
        await asyncio.sleep(max(most, 2.0))


@dataclass
class Accidents:
    """One cluster, one folder of jobs, and all that may happen."""

    chance: random.Random
    folder: Folder = field(default_factory=Quiet)
    faults: set[str] = field(default_factory=set)
    """containers whose ends were their programs' doing"""
    memories: dict[str, Memory] = field(default_factory=dict)
    charged: set[str] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    """what happened, for a person"""

    def __post_init__(self) -> None:
        nodes = [NodeManager(host, Resource(5 * GIB, 64)) for host in HOSTS]
        queues = [Queue(name, Resource(most * GIB, 64)) for name, most in QUEUES.items()]
        options = Options(self.chance.choice(("3.4.2", "3.4.2", "3.3.6")), node_expiry=EXPIRY)
        self.yarn = Yarn(
            *nodes, queues=queues, options=options, configured=Resource(5 * GIB, 64), off_switch=2
        )
        self._watch_starts()
        self._watch_writes()

    # --- laws

    def _watch_starts(self) -> None:
        for name in ("start", "reinitialise"):
            setattr(self.yarn, name, self._watched(getattr(self.yarn, name)))

    def _watched(self, call: Callable[..., T]) -> Callable[..., T]:
        def watched(*args: object) -> T:
            try:
                return call(*args)
            finally:
                try:
                    self.one_process_of_each_identity()
                    self.one_generation_at_a_time()
                except AssertionError as error:
                    self.broken.append(str(error))

        return watched

    def one_process_of_each_identity(self) -> None:
        alike: dict[tuple[str, int], list[tuple[NodeManager, Process]]] = {}
        for nm, process in self.yarn.processes():
            alike.setdefault(self._identity(process), []).append((nm, process))
        for who, found in alike.items():
            for nm, process in found:
                process.excused |= process.of.lost or nm.silent_for >= EXPIRY
            seen = [process.of.id for _, process in found if not process.excused]
            assert len(seen) < 2, f"{seen} have the same identity {who}"

    def one_generation_at_a_time(self) -> None:
        """Nothing is begun beside what was told of other peers: it could read a checkpoint that the other still writes."""
        told: dict[str, set[str]] = {}
        for nm, process in self.yarn.processes():
            if not (process.excused or process.of.lost or nm.silent_for >= EXPIRY):
                told.setdefault(self._identity(process)[0], set()).add(_generation(process))
        for uid, generations in told.items():
            assert len(generations - {WAITS_THERE}) < 2, f"{uid}: {generations} run at one time"

    def all_are_of_one_generation(self) -> None:
        """What was told to run in the place of each knows of the same peers; looked at when nothing is under way."""
        for uid, memory in self.memories.items():
            whole = not memory.gathering and not any(r.reinitialising for r in memory.replicas)
            bound = {r.container for r in memory.replicas}
            told = {_generation(p) for _, p in self.yarn.processes() if p.of.id in bound}
            assert not whole or told <= {str(memory.generation)}, f"{uid}: {told}, not {memory.generation}"

    def _identity(self, process: Process) -> tuple[str, int]:
        known = self.yarn.applications[process.of.application]
        uid = next(tag for tag in known.tags if tag.startswith("uid:"))
        return uid, process.of.number >> RUN_BITS

    def _watch_writes(self) -> None:
        write, remove = self.folder.journal.write, self.folder.journal.remove

        async def watched(uid: str, record: bytes) -> None:
            await write(uid, record)
            try:
                self._written(uid, decode(record))
            except AssertionError as error:  # the controller goes on after whatever nobody foresaw
                self.broken.append(str(error))

        async def removed(uid: str) -> None:
            await remove(uid)
            self.memories.pop(uid, None)

        self.folder.journal.write, self.folder.journal.remove = watched, removed  # type: ignore[method-assign]

    def _written(self, uid: str, after: Memory) -> None:
        """An end is charged once, and only the program's own; a verdict stays; what is counted never falls."""
        before = self.memories.get(uid) or Memory(uid, "", "")
        self.memories[uid] = after
        assert before.verdict in (None, after.verdict), f"{before.verdict} became {after.verdict}"
        for name in ("generation", "charged", "restarts", "lost_applications"):
            assert getattr(after, name) >= getattr(before, name), name
        old = {r.key: r for r in before.replicas}
        for replica in after.replicas:
            known, last = old.get(replica.key), replica.last_exit
            if last is None or last.cause not in CHARGED or (known and known.last_exit == last):
                continue
            assert last.container not in self.charged, f"{last} was charged twice"
            self.charged.add(last.container)
            often = known is not None and len(known.infra_ends) >= INFRA_FREE
            assert often or last.container in self.faults, f"{last} was charged"

    def nobody_waits_without_a_reason(self) -> None:
        for uid, status in self.folder.shown.items():
            assert all(c.reason and c.message for c in status.conditions), uid
            told = [c for c in status.conditions if c.status == "True"]
            assert told, f"{uid} says nothing of itself: {status.state}"

    # --- what happens

    def put(self, uid: str) -> None:
        self.folder.put(uid, self._job())

    def _job(self, suspend: bool = False) -> TrainingJob:
        chance = self.chance
        roles = {"worker": chance.randint(1, 3)} | ({"chief": 1} if chance.random() < 0.3 else {})
        details = {
            role: {
                "restartPolicy": chance.choice(("OnFailure", "OnFailure", "ExitCode", "Never")),
                "restartScope": chance.choice((None, "Replica", "Job")),
                "resources": {"memory": "1Gi"},
                "terminationGracePeriod": chance.choice((0, 0, 5)),
            }
            for role in roles
        }
        policy = {
            "backoffLimit": chance.choice((50, 50, 2)),
            "backoff": {"base": chance.choice((0, 10)), "max": 40},
        }
        return job(
            framework=chance.choice(("Generic", "TensorFlow", "PyTorch")),
            policy={**policy, "suspend": suspend},
            roles=details,
            spec={"queue": chance.choice(tuple(QUEUES))},
            **roles,
        )

    def edits(self) -> None:
        """It is suspended, resumed, given another size, or deleted."""
        uid = self.chance.choice(sorted(self.folder.jobs) or [""])
        declared = self.folder.jobs.get(uid)
        if declared is None or declared.job is None:
            return
        spec, policy = declared.job.spec, declared.job.spec.run_policy
        what = self.chance.randrange(4)
        if what == 0:
            self.folder.jobs[uid] = replace(declared, deleted=True)
            return
        paused = policy.model_copy(update={"suspend": not policy.suspend})
        larger = spec.roles["worker"].model_copy(update={"replicas": self.chance.randint(1, 3)})
        changes = {"run_policy": paused} if what < 3 else {"roles": {**spec.roles, "worker": larger}}
        edited = declared.job.model_copy(update={"spec": spec.model_copy(update=changes)})
        self.folder.jobs[uid] = replace(declared, job=edited, generation=declared.generation + 1)

    def adds(self) -> None:
        if len(self.folder.jobs) < 6:
            self.put(f"later-{len(self.said)}")

    def _running(self) -> list[Process]:
        return [p for _, p in self.yarn.processes() if p.state is NmState.RUNNING]

    def exits(self) -> None:
        if running := self._running():
            process = self.chance.choice(running)
            self.faults.add(process.of.id)
            self.yarn.exits(process.of.id, self.chance.choice(CODES))

    def deafens(self) -> None:
        """A process takes longer to go than it may, or never goes by itself."""
        if running := self._running():
            self.chance.choice(running).deaf = True

    def preempts(self) -> None:
        live = [id_ for known in self.yarn.applications.values() for id_ in known.live]
        if live:
            self.yarn.preempt(self.chance.choice(live))

    def node_cut(self) -> None:
        us, rm = self.chance.choice(((True, True), (True, True), (True, False), (False, True)))
        self.yarn.cut(self.chance.choice(HOSTS), us, rm)

    def node_back(self) -> None:
        self.yarn.mend(self.chance.choice(HOSTS))

    def node_restarts(self) -> None:
        self.yarn.restart_node(self.chance.choice(HOSTS), recovery=self.chance.random() < 0.8)

    def launch_fails(self) -> None:
        self.yarn.by_host[self.chance.choice(HOSTS)].launch_fails.append((-1000, "it never ran"))

    def manager_restarts(self) -> None:
        self.yarn.restart()

    def manager_away(self) -> None:
        self.yarn.catch_up()
        self.yarn.away.symmetric_difference_update({"rm"})

    def application_ends(self) -> None:
        for known in list(self.yarn.applications.values()):
            if not known.state.over and self.chance.random() < 0.3:
                self.yarn.fail(known)

    def loses_answers(self) -> None:
        method = self.chance.choice((*CALLS, "terminate", "reinitialise", "reinitialise"))
        answers = self.yarn.answers
        answers.arrive()
        late = (answers.late,) * (method == "reinitialise")
        fault = self.chance.choice((answers.lost, answers.unheard, *late))
        fault[method] = 1

    def tokens_roll(self) -> None:
        self.yarn.roll_node_tokens() if self.chance.random() < 0.5 else self.yarn.roll_master_tokens()

    def store_away(self) -> None:
        self.folder.journal.down = not self.folder.journal.down


def _generation(process: Process) -> str:
    """As its script tells it (master/launch.py)."""
    parts = process.launch.environment.items()
    told = sorted((name, part) for name, part in parts if name.startswith(NAME))
    return _told(tuple(told)) if told else WAITS_THERE


@lru_cache(1000)
def _told(environment: tuple[tuple[str, str], ...]) -> str:
    packed = "".join(part for name, part in environment)
    found = re.search(
        r"^export TRAINMASTER_GENERATION=(\d+)$",
        gzip.decompress(base64.b64decode(packed)).decode(),
        re.MULTILINE,
    )
    assert found
    return found[1]
