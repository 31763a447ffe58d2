"""What one master sees of its application: containers, tokens, ends. It takes in answers and never guesses.

Lives here: the one mutable picture of a job, changed only by what YARN and its NodeManagers said. Never here: a call, a
decision. Ends stay until the pass that judged them was written down (`judged`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from trainmaster.hadoop.containers import Allocated, GrantedContainer, NmState, NmStatuses, Registered
from trainmaster.master.identity import read_request_id
from trainmaster.plan.memory import Memory
from trainmaster.plan.values import AppState, Container, ContainerState, End, Size

NOT_KNOWN = -9999
"""our own word for an end whose exit status nobody can tell any more; classified as unknown"""

OVER = frozenset({AppState.LOST, AppState.KILLED, AppState.CLOSED})


class Sight:
    """The picture of one application."""

    def __init__(self) -> None:
        self.state = AppState.NONE
        self.words = ""
        self.containers: dict[str, Container] = {}
        self.missing: dict[str, Container] = {}
        """live when last heard of, and not listed since a register: not seen, which isn't gone"""
        self._ends: dict[str, End] = {}
        self._missing_since = 0.0
        self.container_tokens: dict[str, bytes] = {}
        self.nm_tokens: dict[str, bytes] = {}
        self.changed = True
        """whether something was seen since the last pass"""

    @property
    def ends(self) -> tuple[End, ...]:
        """Pulled, and not judged yet."""
        return tuple(self._ends.values())

    def say(self, state: AppState, words: str = "") -> None:
        if (state, words) != (self.state, self.words):
            self.state, self.words, self.changed = state, words, True
        if state in OVER:
            self._all_missing()
        if state is AppState.CLOSED:
            self.missing.clear()

    def _all_missing(self) -> None:
        """The application is over: YARN ends what still runs of it, and only the NodeManagers tell when that is done."""
        for container in list(self.containers.values()):
            self._unlist(container)

    def give_up_missing(self, now: float, patience: float) -> None:
        """A node that told nothing for as long as YARN waits for one won't tell any more."""
        if not self.missing:
            self._missing_since = now
        elif now - self._missing_since > patience:
            self.missing.clear()

    def anew(self) -> None:
        """A new application: what an earlier one ran is over with it, and its tokens are no good any more."""
        self.missing.clear()
        self.nm_tokens.clear()

    def registered(self, answer: Registered, roles: Mapping[str, int]) -> None:
        """Take in a register's answer: nothing that runs is confirmed any more, until its NodeManager is asked."""
        self.nm_tokens.update(answer.nm_tokens)
        listed = {granted.id for granted in answer.containers}
        for container in list(self.containers.values()):
            if container.id not in listed:
                self._unlist(container)
            elif container.state in (ContainerState.RUNNING, ContainerState.STARTING):
                self._set(container.id, ContainerState.UNKNOWN)
        for granted in answer.containers:
            self.missing.pop(granted.id, None)
            if granted.id not in self.containers:
                self._add(granted, roles, ContainerState.UNKNOWN)
        self.say(AppState.REGISTERED)

    def expect(self, bound: Iterable[Container]) -> None:
        """These were bound when the journal was written; where they aren't listed, their NodeManagers are to be asked."""
        for container in bound:
            if container.id not in self.containers:
                self.missing[container.id] = container

    def _unlist(self, container: Container) -> None:
        """A restarted ResourceManager has forgotten grants that were not started; what runs is only not seen."""
        self.drop(container.id)
        if container.state not in (ContainerState.ALLOCATED, ContainerState.UNSTARTABLE):
            self.missing[container.id] = replace(container, state=ContainerState.UNKNOWN)

    def allocated(self, answer: Allocated, roles: Mapping[str, int], now: float) -> None:
        """Take in a heartbeat's answer."""
        self.nm_tokens.update(answer.nm_tokens)
        for granted in answer.allocated:
            if granted.id not in self.containers:
                self.container_tokens[granted.id] = granted.container_token
                self._add(granted, roles, ContainerState.ALLOCATED)
        for done in answer.completed:
            self.ended(End(done.id, done.exit, done.diagnostics, now))

    def ended(self, end: End) -> None:
        """A container is over; told more than once, it counts once."""
        self.drop(end.container)
        if end.container not in self._ends:
            self._ends[end.container] = end
            self.changed = True

    def judged(self, ends: Iterable[End]) -> None:
        """These ends were judged, and the judgement is written down."""
        for end in ends:
            self._ends.pop(end.container, None)

    def confirmed(self, answer: NmStatuses, asked: Mapping[str, str], now: float) -> None:
        """Take in what a NodeManager says of the containers asked for (id -> node)."""
        for id_, status in answer.known.items():
            if id_ not in self.containers and id_ not in self.missing:
                continue  # its end was heard while the NodeManager was asked
            if status.state is NmState.COMPLETE:
                code = NOT_KNOWN if status.exit is None else status.exit
                self.ended(End(id_, code, status.diagnostics, now))
                continue
            if id_ in self.missing:
                self.containers[id_] = self.missing.pop(id_)
                self.changed = True
            self._set(
                id_, ContainerState.RUNNING if status.state is NmState.RUNNING else ContainerState.STARTING
            )
        for id_ in answer.unknown & asked.keys():
            self._not_there(id_, now)

    def _not_there(self, id_: str, now: float) -> None:
        """Its NodeManager doesn't know it. Listed, it was never started; not listed either, it has ended some time ago."""
        if id_ in self.missing:
            self.ended(End(id_, NOT_KNOWN, "neither YARN nor its node knows it any more", now))
        elif id_ in self.containers and self.containers[id_].state is ContainerState.UNKNOWN:
            self._set(id_, ContainerState.UNSTARTABLE)

    def starting(self, id_: str) -> None:
        self._set(id_, ContainerState.STARTING)

    def drop(self, id_: str) -> None:
        if self.containers.pop(id_, None):
            self.changed = True
        self.missing.pop(id_, None)
        self.container_tokens.pop(id_, None)

    def unconfirmed(self) -> dict[str, str]:
        """id -> node of the containers that a NodeManager should be asked about."""
        ask = (ContainerState.UNKNOWN, ContainerState.STARTING)
        listed = {c.id: c.node for c in self.containers.values() if c.state in ask}
        return listed | {c.id: c.node for c in self.missing.values()}

    def strays(self, memory: Memory) -> bool:
        """Whether containers live that no replica is bound to: they are being held for a gang, given back or stopped."""
        bound = {r.container for r in memory.replicas}
        return not self.containers.keys() <= bound

    def _add(self, granted: GrantedContainer, roles: Mapping[str, int], state: ContainerState) -> None:
        key, run = read_request_id(granted.allocation_request_id, roles)
        size = Size(granted.size.memory, granted.size.vcores, granted.size.gpus)
        self.containers[granted.id] = Container(granted.id, granted.node, granted.http, key, run, size, state)
        self.changed = True

    def _set(self, id_: str, state: ContainerState) -> None:
        container = self.containers.get(id_)
        if container and container.state is not state:
            self.containers[id_] = replace(container, state=state)
            self.changed = True
