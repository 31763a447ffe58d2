"""A YARN with teeth for the shell's tests: applications, the scheduler's numbers and replays, one node, tokens.

It refuses what the real one refuses, and keeps an account of what was acknowledged. Never here: an assertion of a law.
"""

from __future__ import annotations

import itertools
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from trainmaster.errors import RefusedError, TrainmasterError, UnavailableError
from trainmaster.hadoop import refusals
from trainmaster.hadoop.containers import (
    AllocateCall,
    Allocated,
    CompletedContainer,
    GrantedContainer,
    LaunchContext,
    NmState,
    NmStatus,
    NmStatuses,
    Registered,
)
from trainmaster.hadoop.values import (
    ApplicationReport,
    ApplicationState,
    FinalStatus,
    NewApplication,
    Resource,
    Submission,
)

NODE = "n1:1"
LARGE = Resource(1 << 30, 1 << 20, 8)


@dataclass
class Application:
    """One application, its table of asks, and what its next answers will say."""

    id: str
    state: ApplicationState = ApplicationState.NEW
    tags: frozenset[str] = frozenset()
    accepted: bool = False
    """whether the scheduler took it: then there is an attempt"""
    registered: bool = False
    number: int = 0
    last: Allocated = field(default_factory=lambda: Allocated(0))
    table: dict[int, tuple[int, Resource]] = field(default_factory=dict)
    live: dict[str, GrantedContainer] = field(default_factory=dict)
    ends: list[CompletedContainer] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    """containers whose ends were told in an answer that was followed by another call"""
    finals: list[FinalStatus] = field(default_factory=list)


class Yarn:
    """The cluster. `away` names what can't be asked: rm, nm; or the queue, which then takes no applications."""

    def __init__(self) -> None:
        self.applications: dict[str, Application] = {}
        self.calls: Counter[str] = Counter()
        self.answers_lost = 0
        self.started: dict[str, None] = {}
        """in the order of their starts"""
        self.exited: dict[str, int] = {}
        """a NodeManager knows for ten minutes how its containers ended (NodeStatusUpdaterImpl)"""
        self.launches: dict[str, LaunchContext] = {}
        self.away: set[str] = set()
        self.refuse: dict[str, TrainmasterError] = {}
        """method -> what it answers instead"""
        self.rolled: bytes | None = None
        self.beats: deque[AllocateCall] = deque(maxlen=1000)
        self._ids = itertools.count(1)

    def called(self, method: str, side: str = "rm") -> None:
        self.calls[method] += 1
        if side in self.away:
            raise UnavailableError(f"{side} is away")
        if method in self.refuse:
            raise self.refuse[method]

    @property
    def only(self) -> Application:
        (application,) = self.applications.values()
        return application

    def exits(self, container: str, code: int) -> None:
        """The process of a container ends."""
        for application in self.applications.values():
            if application.live.pop(container, None):
                self.exited[container] = code
                application.ends.append(CompletedContainer(container, code, f"exit {code}"))

    def running(self) -> list[str]:
        return [id_ for a in self.applications.values() for id_ in a.live if id_ in self.started]

    def restart(self) -> None:
        """The ResourceManager, with recovery on: it forgets asks and grants that were not started."""
        for application in self.applications.values():
            application.registered, application.number, application.table = False, 0, {}
            application.last = Allocated(0)
            application.live = {i: c for i, c in application.live.items() if i in self.started}


class Rm:
    """ApplicationClientProtocol, as one user."""

    def __init__(self, yarn: Yarn) -> None:
        self.yarn = yarn

    async def new_application(self) -> NewApplication:
        self.yarn.called("new")
        return NewApplication(f"application_1_{next(self.yarn._ids):04d}", LARGE)

    async def submit(self, submission: Submission) -> None:
        self.yarn.called("submit")
        known = self.yarn.applications.setdefault(submission.id, Application(submission.id))
        known.tags = frozenset(submission.tags)
        known.accepted = "queue" not in self.yarn.away
        known.state = ApplicationState.ACCEPTED if known.accepted else ApplicationState.FAILED

    async def report(self, application: str) -> ApplicationReport | None:
        self.yarn.called("report")
        known = self.yarn.applications.get(application)
        if known is None:
            return None
        token = None if known.registered or known.state.over else application.encode()
        final, attempt = FinalStatus.UNDEFINED, f"appattempt_{application}_1" if known.accepted else ""
        return ApplicationReport(
            application,
            "job",
            "u",
            "q",
            "",
            known.state,
            final,
            "words",
            "",
            0,
            0,
            0,
            0,
            attempt,
            token,
            known.tags,
        )

    async def kill(self, application: str, _words: str) -> bool:
        self.yarn.called("kill")
        self.yarn.applications[application].state = ApplicationState.KILLED
        return True

    async def update_priority(self, _application: str, priority: int) -> int:
        self.yarn.called("priority")
        return priority

    async def close(self) -> None:
        return None


class Master:
    """ApplicationMasterProtocol, with the token of one application."""

    def __init__(self, yarn: Yarn, token: bytes) -> None:
        self.yarn, self.id = yarn, token.decode().partition("/")[0]
        self.closed = False

    @property
    def app(self) -> Application:
        known = self.yarn.applications.get(self.id)
        if known is None or known.state.over:
            raise RefusedError(refusals.ATTEMPT_NOT_FOUND, "it is over")
        return known

    async def register(self, _host: str, _port: int, _url: str) -> Registered:
        self.yarn.called("register")
        app = self.app
        app.registered, app.number, app.state = True, 0, ApplicationState.RUNNING
        app.last = replace(app.last, response_id=0)
        return Registered(tuple(app.live.values()), {NODE: self.id.encode()}, LARGE, "q")

    async def allocate(self, call: AllocateCall) -> Allocated:
        self.yarn.called("allocate")
        app = self.app
        self.yarn.beats.append(call)
        if not app.registered:
            raise RefusedError(refusals.NOT_REGISTERED, "register first")
        if call.response_id + 1 == app.number or (call.response_id == -1 and app.number == 0):
            return app.last
        if call.response_id != app.number:
            raise RefusedError(refusals.WRONG_RESPONSE_ID, f"{call.response_id}, not {app.number}")
        if any(not id_.startswith(f"container_{self.id}_") for id_ in call.releases):
            raise RefusedError(refusals.INVALID_RELEASE, "not yours")
        app.acknowledged += [end.id for end in app.last.completed]
        app.number += 1
        app.last = self._answer(app, call)
        return app.last

    def _answer(self, app: Application, call: AllocateCall) -> Allocated:
        for id_ in call.releases:
            self.yarn.exits(id_, -100)
        app.table |= {a.allocation_request_id: (a.count, a.size) for a in call.asks if a.where == "*"}
        granted = []
        for number, (count, size) in app.table.items():
            if count:
                id_ = f"container_{self.id}_{next(self.yarn._ids):06d}"
                granted.append(GrantedContainer(id_, NODE, "n1:2", size, 1, number, id_.encode()))
        app.table = {number: (0, size) for number, (_, size) in app.table.items()}
        app.live |= {each.id: each for each in granted}
        ends, app.ends = tuple(app.ends), []
        tokens = {NODE: self.id.encode()} if granted else {}
        return Allocated(app.number, tuple(granted), ends, tokens, self.yarn.rolled)

    async def finish(self, status: FinalStatus, _words: str, _url: str = "") -> bool:
        self.yarn.called("finish")
        self.app.finals.append(status)
        self.app.live.clear()
        self.app.state = ApplicationState.FINISHED
        return True

    def replace_token(self, _token: bytes) -> None:
        self.yarn.calls["replaced"] += 1

    async def close(self) -> None:
        self.closed = True


class Nodes:
    """ContainerManagementProtocol of the one node."""

    def __init__(self, yarn: Yarn) -> None:
        self.yarn = yarn

    def _live(self, id_: str) -> bool:
        return any(id_ in app.live for app in self.yarn.applications.values())

    async def start(self, _node: str, _nm: bytes, token: bytes, launch: LaunchContext) -> None:
        self.yarn.called("start", "nm")
        id_ = token.decode()
        if not self._live(id_):
            raise RefusedError(refusals.YARN_EXCEPTION, f"{id_} was given back")
        self.yarn.started[id_] = None
        self.yarn.launches[id_] = launch
        if self.yarn.answers_lost:
            self.yarn.answers_lost -= 1
            raise UnavailableError("the connection broke before the answer came")

    async def statuses(self, _node: str, _nm: bytes, ids: Sequence[str]) -> NmStatuses:
        self.yarn.called("statuses", "nm")
        known = {i for i in ids if i in self.yarn.started and self._live(i)}
        running = {i: NmStatus(i, NmState.RUNNING, None, "") for i in known}
        exited = {i: self.yarn.exited[i] for i in ids if i in self.yarn.started and i in self.yarn.exited}
        over = {i: NmStatus(i, NmState.COMPLETE, code, "") for i, code in exited.items()}
        return NmStatuses(running | over, frozenset(ids) - known - over.keys(), {})

    async def stop(self, _node: str, _nm: bytes, ids: Sequence[str]) -> dict[str, TrainmasterError | None]:
        self.yarn.called("stop", "nm")
        unknown = RefusedError(refusals.YARN_EXCEPTION, "is not handled by this NodeManager")
        said = {i: None if i in self.yarn.started else unknown for i in ids}
        for id_ in (i for i, no in said.items() if no is None):
            self.yarn.exits(id_, -105)
        return said

    async def close(self) -> None:
        return None
