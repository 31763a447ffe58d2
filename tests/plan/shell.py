"""The simulator's shell: one job's controller, as small as it can be: see, decide, write, adopt, act.

How it speaks with YARN is in conversation.py, and what happens around it in simulator.py. It may die before the write, or between
write and act.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from types import SimpleNamespace
from typing import Any, Protocol, cast

from plan.build import BIG, declared, size_of
from plan.conversation import Conversation, done
from trainmaster.api.history import EndedRun, file_of
from trainmaster.api.job import TrainingJob
from trainmaster.errors import DeniedError, NotDoneError, RefusedError, TrainmasterError, UnavailableError
from trainmaster.hadoop.containers import LaunchContext
from trainmaster.hadoop.nodeweb import by_web
from trainmaster.hadoop.refusals import says_nothing_of_the_job
from trainmaster.hadoop.values import FinalStatus, Resource
from trainmaster.master.anew import Anew
from trainmaster.master.desk import Desk
from trainmaster.master.dismissal import Dismissal
from trainmaster.master.doing import START_PATIENCE
from trainmaster.master.launch import GRACE, ORDER, order_of
from trainmaster.master.stopping import STOP_PATIENCE
from trainmaster.plan.cluster import Cluster, Node
from trainmaster.plan.decide import begun, decide, raised
from trainmaster.plan.gentle import leaving
from trainmaster.plan.history import own_applications
from trainmaster.plan.memory import Key, Memory
from trainmaster.plan.progress import Reports
from trainmaster.plan.values import (
    AppState,
    Container,
    End,
    File,
    Finish,
    Forget,
    Kill,
    Limits,
    Open,
    Park,
    Plan,
    Reinitialise,
    Release,
    RemoveDeclaration,
    Seen,
    Start,
    Stop,
    Terminate,
)
from yarn.nodemanager import NodeManager
from yarn.resourcemanager import Options
from yarn.wires import Logs, Nodes, Rm, Yarn

HOSTS = ("a", "b", "c")
LIMITS = Limits(port_first=20000, port_last=20019, node_expiry=600.0, history=True)
"""few ports, so that they are met twice"""


class Laws(Protocol):
    """What is checked on the way."""

    def decided(self, world: Shell, plan: Plan) -> None: ...

    def written(self, world: Shell, before: Memory, after: Memory) -> None: ...


@dataclass
class Shell(Conversation):
    """What a controller knows of one job, and the YARN that it speaks to."""

    jobs: tuple[TrainingJob, ...]
    """the declaration and its later edits"""
    laws: Laws
    version: str = "3.4.2"
    now: float = 50_000.0
    may_ask: bool = True
    suspects: frozenset[str] = frozenset()
    """hosts that have failed other jobs as well"""
    cleared: Mapping[str, float] = field(default_factory=dict)
    """by host: when somebody said that it is well again"""
    epoch: int = 1
    journal: Memory | None = None
    forgotten: bool = False
    plan: Plan | None = None
    """of the last pass"""
    seen: Seen = field(default_factory=Seen)
    """in the last pass"""
    looked_at: tuple[object, ...] = ()
    """what others said when the last pass was made"""
    fresh: bool = False
    """whether the application has not been registered with yet"""
    unsure: dict[str, float] = field(default_factory=dict)
    """containers whose start got no answer, and since when"""
    faults: set[str] = field(default_factory=set)
    """containers whose ends were the user's program's doing"""
    launches: dict[tuple[str, int], LaunchContext] = field(default_factory=dict)
    """what is to take a process's place, by container and number"""
    writes: int = 0
    ready: dict[Key, tuple[int, int]] = field(default_factory=dict)
    """what the reports door has heard of processes that are ready"""
    stopping: dict[str, float] = field(default_factory=dict)
    """those that are being stopped, and since when"""
    files: dict[str, EndedRun] = field(default_factory=dict)
    """the history, by path"""
    filed: frozenset[int] = frozenset()
    """runs that this controller knows to be there"""
    history_away: bool = False
    unreadable: bool = False
    """whether an older controller led once, which couldn't read what was remembered of the declaration"""
    to_file: list[EndedRun] = field(default_factory=list)
    """what this controller tries to file for as long as it lives"""
    over: frozenset[int] = frozenset()
    """runs of which it was written that they are over"""

    def __post_init__(self) -> None:
        big = Resource(BIG.memory, BIG.vcores, BIG.gpus)
        nodes = [NodeManager(host, big, port=45454) for host in HOSTS]
        self.yarn = Yarn(*nodes, clock=lambda: self.now, options=Options(self.version), by_hand=True)
        self.rm = Rm(self.yarn)
        self.declared = declared(self.jobs[0])
        self.memory = begun(self.declared)
        self._begins()
        self.cycle()

    def _begins(self) -> None:
        self.hears_nothing()
        self.unsure, self.stopping, self.launches, self.ready = {}, {}, {}, {}
        self.filed = frozenset()
        self.to_file.clear()
        untold = [one.container for one in leaving(self.memory) if not one.told]
        desk = cast("Desk", SimpleNamespace(nodes=Nodes(self.yarn), logs=Logs(self.yarn)))
        self.dismissal = Dismissal(desk, self.sight, untold, lambda: self.now)

    # --- a pass

    def _pending(self) -> bool:
        """As the master's own: something was seen, a time has come, or somebody outside has changed something."""
        wake = self.plan.wake_at if self.plan else None
        return (
            self.sight.changed or self.looked_at != self._outside() or (wake is not None and self.now >= wake)
        )

    def _outside(self) -> tuple[object, ...]:
        nodes = self._cluster().nodes if self.memory.gathering else ()
        return self.declared, self.may_ask, self.suspects, self.cleared, nodes

    def _look(self) -> Seen:
        return Seen(
            application=self.sight.state,
            application_words=self.sight.words,
            containers=self.sight.seen,
            ends=self.sight.ends,
            cluster=self._cluster(),
            may_ask=self.may_ask,
            suspects=self.suspects,
            cleared=self.cleared,
            refused_asks=self._refused(),
            reports=Reports(self.now, ready=dict(self.ready)),
            filed=self.filed,
        )

    def _cluster(self) -> Cluster:
        nodes = tuple(
            Node(
                report.host, report.rack, size_of(report.total) - size_of(report.used), size_of(report.total)
            )
            for report in self.yarn.rm.tracking.usable()
        )
        return Cluster(largest=BIG, nodes=nodes)

    def _refused(self) -> Mapping[Any, str]:
        heart = self.heart
        return {heart.wanted[n].key: words for n, words in heart.refused.items()} if heart else {}

    def cycle(self, crash: str = "") -> None:
        """One pass, if there is reason for one; `crash` says whether the controller dies before the write or before it acts."""
        if self.forgotten or not (crash or self._pending()):
            return
        self.sight.changed, self.looked_at = False, self._outside()
        seen = self.seen = self._look()
        plan = decide(self.declared, self.memory, seen, self.now, LIMITS)
        self.laws.decided(self, plan)
        if crash == "before":
            self.dies()
            return
        if plan.memory != self.memory and (self.journal or plan.memory.application or plan.memory.verdict):
            self.laws.written(self, self.memory, plan.memory)
            self._note_ends(self.memory, plan.memory)
            self.journal = plan.memory
            self.writes += 1
        self.memory = plan.memory
        self.sight.judged(seen.ends)
        if crash == "after":
            self.dies()
            return
        self.plan = plan
        self.sight.keep_asking(plan.memory)
        if self.heart and self.sight.state is AppState.REGISTERED:
            self.heart.want(plan.asks, plan.avoid)
        for action in plan.actions:
            self.act(action)

    def _note_ends(self, before: Memory, after: Memory) -> None:
        """A run is over once that is written."""
        if after.finished and not before.finished:
            self.over |= {after.rerun}
        if len(after.past_runs) and after.past_runs[-1:] != before.past_runs[-1:]:
            self.over |= {after.past_runs[-1].number}

    def dies(self) -> None:
        """A new controller takes over with what was written; what the old one only knew is lost."""
        self.epoch += 1
        self.memory = raised(self.journal or begun(self.declared), self.epoch)
        self._begins()

    # --- actions

    def act(self, action: object) -> None:
        try:
            self._do(action)
        except UnavailableError:
            return  # a later pass asks for it again

    def _do(self, action: object) -> None:
        match action:
            case Open():
                self.sight.say(AppState.OPENING)
            case Start(container, _, environment):
                order = {ORDER: str(order_of(self.memory, 1)), GRACE: str(action.grace)}
                self._start(container, LaunchContext("train", {**order, **environment}))
            case Park(container, process):
                self._anew_as(container, process, "wait", {})
            case Reinitialise(container, _, process, environment):
                self._anew_as(container, process, "train", {GRACE: str(action.grace), **environment})
            case Terminate() | Stop():
                self._go(action)
            case Release(container):
                self._release(container)
            case Finish() | Kill():
                self._end(action)
            case File() | Forget() | RemoveDeclaration():
                self._leave(action)

    def files_what_waits(self) -> None:
        """A file that is there stays as it is, whoever writes it again."""
        if self.to_file and not self.history_away:
            for run in self.to_file:
                self.files.setdefault(file_of(run).path, run)
            self.filed |= {run.run for run in self.to_file}
            self.to_file.clear()
            self.sight.changed = True

    def _leave(self, action: File | Forget | RemoveDeclaration) -> None:
        match action:
            case File(run):
                self.to_file.append(run)
            case Forget():
                self._forget()
            case RemoveDeclaration():
                self.declared = replace(self.declared, deleted=True)

    def _forget(self) -> None:
        assert not self.to_file, "it is forgotten before its file is there"
        if own_applications(self.memory) and not self.memory.verdict:
            self.over |= {self.memory.rerun}
        self.forgotten = True

    def _anew_as(self, container: str, process: int, command: str, environment: Mapping[str, str]) -> None:
        self.sight.mark(container, told=process)
        ordered = {ORDER: str(order_of(self.memory, process)), **environment}
        self.launches[container, process] = LaunchContext(command, ordered)

    def _end(self, action: Finish | Kill) -> None:
        try:
            if isinstance(action, Kill):
                done(self.rm.kill(action.application, ""))
            elif self.heart:
                status = FinalStatus.SUCCEEDED if action.succeeded else FinalStatus.FAILED
                done(self.heart.master.finish(status, action.message, ""))
        except RefusedError:
            application = self.memory.application
            report = done(self.rm.report(application.id)) if application else None
            if report and not report.state.over:
                return  # a later pass tells it again
        self.heart = None
        self.sight.say(AppState.CLOSED)

    def _start(self, id_: str, launch: LaunchContext) -> None:
        if self.sight.awaits_token(id_):
            return None
        container, token = self.sight.containers[id_], self.sight.container_tokens.get(id_)
        nm = self.sight.tokens.of(id_, container.node)
        self.sight.starting(id_)
        if nm is None or token is None:
            self._failed(id_, -1000)
            return None
        try:
            self.yarn.start(container.node, nm, token, launch)
            self.sight.container_tokens.pop(id_, None)
        except NotDoneError:
            self._failed(id_, -1000)
        except UnavailableError:
            self.unsure[id_] = self.now
        except DeniedError as error:
            if says_nothing_of_the_job(error):
                return self._failed(id_, -1000)
            self.sight.tokens.refused(container.node, nm)
            self.sight.not_started(id_)
        except RefusedError as error:
            self._failed(id_, -1000 if says_nothing_of_the_job(error) else -1)

    def _failed(self, id_: str, code: int, certain: bool = True) -> None:
        self._release(id_)
        self.sight.ended(End(id_, code, "", self.now, certain))

    def _go(self, action: Terminate | Stop) -> None:
        if isinstance(action, Terminate):
            return self._terminate(action.container, action.node)
        self.sight.mark(action.container, told=0)
        return self._stop(action.container, action.node)

    def _terminate(self, id_: str, node: str) -> None:
        """A step of the product's own."""
        done(self.dismissal.tried(Terminate(id_, node)))

    def _stop(self, id_: str, node: str) -> None:
        nm = self.sight.tokens.of(id_, node)
        if self.now - self.stopping.setdefault(id_, self.now) > STOP_PATIENCE:
            self._release(id_)
        elif nm is not None:
            self._stop_at(node, nm, id_)

    def _stop_at(self, node: str, nm: bytes, id_: str) -> None:
        try:
            answer = self.yarn.stop(node, nm, [id_])
        except DeniedError:
            self.sight.tokens.refused(node, nm)
            return
        if isinstance(answer[id_], RefusedError):
            self._release(id_)

    def _release(self, id_: str) -> None:
        if self.sight.given_back(id_):
            self.releases.add(id_)

    def confirms(self) -> None:
        """NodeManagers are asked for all of which it isn't known whether they run."""
        self.files_what_waits()
        self._go_on_anew()
        asked: dict[tuple[str, bytes], list[str]] = {}
        for id_, node in self.sight.unconfirmed().items():
            if self.replayed and id_ not in self.sight.containers:
                continue  # how it ended the next answer may tell
            if nm := self.sight.tokens.of(id_, node):
                asked.setdefault((node, nm), []).append(id_)
        for (node, nm), ids in asked.items():
            self._confirm(node, nm, ids)
        if not self.replayed:
            for container in list(self.sight.unreached()):
                self._ask_web(container.id, container.node, container.http)
        for id_, since in list(self.unsure.items()):
            if self.now - since > START_PATIENCE and id_ in self.sight.containers:
                del self.unsure[id_]
                self._failed(id_, -1000, certain=False)

    def _go_on_anew(self) -> None:
        for container in (*self.sight.containers.values(), *self.sight.missing.values()):
            if container.told:
                self._anew(container)

    def _anew(self, container: Container) -> None:
        """A step of the product's own."""
        desk = cast("Desk", SimpleNamespace(nodes=Nodes(self.yarn)))
        anew = Anew(desk, self.sight, _at_once, lambda: self.now)
        launch = self.launches.get((container.id, container.told))
        with contextlib.suppress(TrainmasterError):
            if launch is None or done(anew.advanced(container.id, container.told, partial(_built, launch))):
                self.launches.pop((container.id, container.told), None)

    def _ask_web(self, id_: str, node: str, http: str) -> None:
        """Where no token of ours is good, the web server tells what is over."""
        try:
            over = self.yarn.over(http, id_)
        except TrainmasterError:
            self.sight.unheard((id_,))
        else:
            self.sight.confirmed(by_web(id_, over), {id_: node}, self.now)

    def _confirm(self, node: str, nm: bytes, ids: list[str]) -> None:
        try:
            answer = self.yarn.statuses(node, nm, ids)
        except DeniedError:
            self.sight.tokens.refused(node, nm)
            self.sight.unheard(ids)
            return
        except TrainmasterError:
            self.sight.unheard(ids)
            return
        for id_ in self.unsure.keys() & (answer.unknown | answer.known.keys()):
            del self.unsure[id_]
            if id_ in answer.unknown:
                self._failed(id_, -1000)
        self.sight.confirmed(answer, dict.fromkeys(ids, node), self.now)


async def _built(launch: LaunchContext) -> LaunchContext:
    return launch


async def _at_once() -> None:
    """Whoever acts here leads."""
