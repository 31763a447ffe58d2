"""What one master sees of its application: containers, tokens, ends. It takes in answers and never guesses.

Lives here: the one mutable picture of a job, changed only by what YARN and its NodeManagers said. Never here: a call, a
decision. Ends stay until the pass that judged them was written down (`judged`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from math import inf
from typing import Any

from trainmaster.hadoop.containers import Allocated, GrantedContainer, NmState, NmStatuses, Registered
from trainmaster.master.identity import read_request_id
from trainmaster.master.listed import Listed
from trainmaster.master.living import LISTED, is_over
from trainmaster.master.missing import Missing
from trainmaster.master.node_news import NodeNews
from trainmaster.master.promises import Promises
from trainmaster.master.tokens import NodeTokens
from trainmaster.plan.classify import NOT_KNOWN, NOT_THERE
from trainmaster.plan.last_words import shortened
from trainmaster.plan.memory import Memory
from trainmaster.plan.values import IDLE, AppState, Container, ContainerState, End, Size

STEP = 500
"""containers of which an answer is taken in at once: a few milliseconds' work"""
OVER = frozenset({AppState.LOST, AppState.KILLED, AppState.CLOSED})


class Sight:
    """The picture of one application."""

    def __init__(self) -> None:
        self.state = AppState.NONE
        self.words, self.denied = "", False
        self.queue = ""
        """where YARN has put the application: a rule of its own may choose another queue (queue mappings)"""
        self.containers = Listed()
        self.missing = Missing()
        self._ends: dict[str, End] = {}
        self.container_tokens: dict[str, bytes] = {}
        self.tokens = NodeTokens()
        self.nodes = NodeNews()
        self._to_confirm: set[str] = set()
        """running ones that their NodeManagers are to be asked about once more"""
        self.promises = Promises()
        self.stacks: dict[str, str] = {}
        """by container: where its process stood when it was asked (stacks.py)"""
        self.changed = True
        """whether something was seen since the last pass"""
        self._strays: tuple[object, object, int, float] = (None, None, 0, inf)
        self._lacks: tuple[int, int, bool] = (0, 0, False)
        """what was worked out last, and of what"""

    @property
    def seen(self) -> dict[str, Container]:
        """What lives: all that is listed, and what isn't as soon as its NodeManager says that it runs."""
        return self.containers | self.missing.running

    def lives(self, id_: str) -> bool:
        """Whether it isn't known to be over."""
        return id_ in self.containers or id_ in self.missing

    @property
    def worth_listing(self) -> bool:
        """Whether something is missing that a register may list."""
        return self.missing.worth_listing(self.tokens)

    @property
    def ends(self) -> tuple[End, ...]:
        """Pulled, and not judged yet."""
        return tuple(self._ends.values())

    def say(self, state: AppState, words: str = "", *, denied: bool = False) -> None:
        if (state, words, denied) != (self.state, self.words, self.denied):
            self.state, self.words, self.denied, self.changed = state, words, denied, True
        if state in OVER:
            self._all_missing()

    def _all_missing(self) -> None:
        """The application is over: YARN ends what still runs of it, and only the NodeManagers tell when that is done."""
        for container in list(self.containers.values()):
            self._unlist(container)

    def manager_restarted(self) -> None:
        """Another ResourceManager knows nothing of what this one gave away."""
        self.missing.believe()

    def anew(self) -> None:
        """A new application: its tokens are others. What an earlier one ran can be asked about with the old ones only."""
        self.tokens.anew(self.missing.nodes)

    def registered(self, answer: Registered, roles: Mapping[str, int], now: float) -> None:
        """Take in a register's answer: of nothing that runs it is sure any more that it does, until its NodeManager is asked."""
        self.tokens.learn(answer.nm_tokens, now)
        listed = {granted.id for granted in answer.containers}
        for container in list(self.containers.values()):
            if container.id not in listed:
                self._unlist(container)
            elif container.state is ContainerState.STARTING:
                self._set(container.id, ContainerState.UNKNOWN)
            elif container.state is ContainerState.RUNNING:
                self._to_confirm.add(container.id)
        for granted in answer.containers:
            self._list(granted, roles)
        self.tokens.tried({c.id: c.node for c in self.containers.values()})
        self.changed = True
        self.say(AppState.REGISTERED)

    def _list(self, granted: GrantedContainer, roles: Mapping[str, int]) -> None:
        """What its NodeManager has called running while it wasn't listed stays so, and is asked about once more."""
        known = self.missing.pop(granted.id, None)
        if granted.id in self.containers:
            return
        runs = known is not None and known.state is ContainerState.RUNNING
        self._add(granted, roles, ContainerState.RUNNING if runs else ContainerState.UNKNOWN)
        if known:
            self.mark(granted.id, **known.notes)
        if runs:
            self._to_confirm.add(granted.id)

    def keep_asking(self, memory: Memory) -> None:
        """Of what isn't listed, their NodeManagers are asked for just what memory says may live."""
        self.missing.keep(memory, self.containers, {e.container for e in self._ends.values() if e.certain})
        self.promises.keep(self.lives)
        self.tokens.keep(self.missing.keys(), self.missing.of_earlier(memory.application))

    def _unlist(self, container: Container) -> None:
        """A restarted ResourceManager has forgotten grants that were not started; what runs is only not seen."""
        self.drop(container.id)
        if container.state not in IDLE:
            self.missing.put(container)

    def allocated(
        self, answer: Allocated, roles: Mapping[str, int], now: float, replay: bool = False
    ) -> Iterator[None]:
        """Take in a heartbeat's answer, in steps: of thousands of containers they'd hold up everybody's heartbeats at once.

        One that is replayed after a register brings no grants: those that still stand were listed by the register.
        """
        self.tokens.learn(answer.nm_tokens, now)
        if answer.updated_nodes:
            for id_ in self.missing.lost_with(self.nodes.heard(answer.updated_nodes)):
                self.ended(End(id_, -100, "its node was lost", now))
        for number, granted in enumerate(() if replay else answer.allocated, 1):
            if granted.id not in self.containers:
                self.container_tokens[granted.id] = granted.container_token
                self._add(granted, roles, ContainerState.ALLOCATED)
            if number % STEP == 0:
                yield
        for number, done in enumerate(answer.completed, 1):
            known = self.containers.get(done.id) or self.missing.get(done.id)
            certain = is_over(done.exit, known, self.nodes.lost)
            words = self.nodes.words(known.node) if known else ""
            self.ended(End(done.id, done.exit, shortened(done.diagnostics), now, certain, words))
            if number % STEP == 0:
                yield

    def ended(self, end: End) -> None:
        """A container is over, or was given away; told more than once, it counts once."""
        container = self.containers.get(end.container) or self.missing.get(end.container)
        self.drop(end.container)
        if container and not end.certain:
            self.missing.doubt(container)
        known = self._ends.get(end.container)
        if known is None or (end.certain and not known.certain):
            self._ends[end.container] = replace(known, certain=True) if known else end
            self.changed = True

    def judged(self, ends: Iterable[End]) -> None:
        """These ends were judged, and the judgement is written down."""
        for end in ends:
            self._ends.pop(end.container, None)

    def unreached(self) -> Iterator[Container]:
        """Containers of earlier runs that only their nodes' web servers can be asked about, for want of a token."""
        return self.missing.unreached(self.tokens)

    def confirmed(self, answer: NmStatuses, asked: Mapping[str, str], now: float) -> None:
        """Take in what a NodeManager says of the containers asked for (id -> node)."""
        self._to_confirm.difference_update(asked)
        for id_, status in answer.known.items():
            if id_ not in self.containers and id_ not in self.missing:
                continue  # its end was heard while the NodeManager was asked
            if status.state is NmState.COMPLETE:
                code = NOT_KNOWN if status.exit is None else status.exit
                self.ended(End(id_, code, shortened(status.diagnostics), now))
                continue
            self.missing.lives(id_)
            self._set(
                id_, ContainerState.RUNNING if status.state is NmState.RUNNING else ContainerState.STARTING
            )
        for id_ in answer.unknown & asked.keys():
            self._not_there(id_, now)

    def unheard(self, ids: Iterable[str]) -> None:
        """Their NodeManager can't be asked: that one of an earlier run lived when it could be counts no more."""
        for id_ in ids:
            if self.missing.survives(id_):
                self._set(id_, ContainerState.UNKNOWN)

    def _not_there(self, id_: str, now: float) -> None:
        """Its NodeManager doesn't know it. Listed, it was never started; not listed either, both have lost it."""
        if id_ in self.missing:
            self.ended(End(id_, NOT_THERE, "", now))
        elif id_ in self.containers and self.containers[id_].state in LISTED:
            self._set(id_, ContainerState.UNSTARTABLE)

    def starting(self, id_: str) -> None:
        """It is being told to start, as was decided: that is no news which another decision would have to be made on."""
        if container := self.containers.get(id_):
            self.containers[id_] = replace(container, state=ContainerState.STARTING)

    def mark(self, id_: str, **anew: Any) -> None:
        """Note of a container what its NodeManager was told of the process in it: some of Container's `notes`."""
        for known in (self.containers, self.missing):
            container = known.get(id_)
            if container and any(getattr(container, name) != value for name, value in anew.items()):
                known[id_], self.changed = replace(container, **anew), True

    def given_back(self, id_: str) -> bool:
        """It is to be released, so nothing may be started in it any more; whether it is there at all."""
        self.container_tokens.pop(id_, None)
        container = self.containers.get(id_)
        if container and container.state is ContainerState.ALLOCATED:
            self._set(id_, ContainerState.UNSTARTABLE)
        return container is not None

    def not_started(self, id_: str) -> None:
        """Its NodeManager has not let us in: it may be tried again, with another token."""
        if id_ in self.container_tokens:
            self._set(id_, ContainerState.ALLOCATED)

    def lacks_token(self) -> bool:
        """Whether a register is worth while: some listed container can't be spoken of to its node."""
        containers, tokens, lacks = self._lacks
        if (containers, tokens) != (self.containers.version, self.tokens.version):
            lacks = self.tokens.lacking({c.id: c.node for c in self.containers.values()})
            self._lacks = self.containers.version, self.tokens.version, lacks
        return lacks

    def awaits_token(self, id_: str) -> bool:
        """Whether a grant can't be started yet, since its node's token is still to come."""
        container = self.containers.get(id_)
        return container is not None and self.tokens.to_come(id_, container.node)

    def drop(self, id_: str) -> None:
        if id_ in self.containers:
            del self.containers[id_]
            self.changed = True
        self.missing.pop(id_, None)
        self.container_tokens.pop(id_, None)
        self._to_confirm.discard(id_)

    def unconfirmed(self) -> dict[str, str]:
        """id -> node of the containers that a NodeManager should be asked about."""
        if not (self.containers.unsure or self._to_confirm or self.missing):
            return {}
        ids = dict.fromkeys((*self.containers.unsure, *sorted(self._to_confirm)))
        listed = {id_: self.containers[id_].node for id_ in ids if id_ in self.containers}
        return listed | self.missing.nodes

    @property
    def unsure(self) -> bool:
        """Whether the next answer of a NodeManager will tell of a listed container whether it runs."""
        return bool(self.containers.unsure)

    def strays_from(self, memory: Memory) -> float:
        """When containers are listed that no replica is bound to: they are being held for a gang, given back or stopped. Those
        that have time to end in, and a gang's that waits for those, count from its end on; infinity where there are none."""
        replicas, retired, version, since = self._strays
        same = replicas is memory.replicas and retired is memory.retired_survivors
        if not same or version != self.containers.version:
            since = self._from(memory)
            self._strays = memory.replicas, memory.retired_survivors, self.containers.version, since
        return since

    def _from(self, memory: Memory) -> float:
        strays = self.containers.keys() - {r.container for r in memory.replicas}
        times = {one.container: one.grace_until for _, one in memory.leaving} if strays else {}
        held = min(times.values(), default=0.0) if memory.gathering else 0.0
        granted = (id_ for id_ in strays if self.containers[id_].state is ContainerState.ALLOCATED)
        known = dict.fromkeys(granted, held) | times
        return min((known.get(id_, 0.0) for id_ in strays), default=inf)

    def _add(self, granted: GrantedContainer, roles: Mapping[str, int], state: ContainerState) -> None:
        key, run = read_request_id(granted.allocation_request_id, roles)
        size = Size(granted.size.memory, granted.size.vcores, granted.size.gpus)
        self.containers[granted.id] = Container(granted.id, granted.node, granted.http, key, run, size, state)
        self.changed = True

    def _set(self, id_: str, state: ContainerState) -> None:
        known = self.containers if id_ in self.containers else self.missing
        container = known.get(id_)
        if container and container.state is not state:
            known[id_] = replace(container, state=state)
            self.changed = True
