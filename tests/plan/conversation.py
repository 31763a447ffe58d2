"""The simulator's shell in conversation with YARN: opening the application, heartbeats, registers, and what a refusal means.

It sees and speaks with the product's own Sight, Heart and Relisting, and calls the simulated YARN at once, without a loop.
"""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar, cast

from trainmaster.errors import RefusedError, UnavailableError
from trainmaster.hadoop.containers import Registered
from trainmaster.hadoop.refusals import NOT_REGISTERED, WRONG_RESPONSE_ID
from trainmaster.hadoop.resourcemanager import ResourceManager
from trainmaster.hadoop.scheduler import ApplicationMaster
from trainmaster.hadoop.values import Submission
from trainmaster.master.heartbeat import REPLAY, Heart
from trainmaster.master.opening import became_of
from trainmaster.master.relisting import Relisting
from trainmaster.master.sight import Sight
from trainmaster.plan.memory import ApplicationMemory, Memory
from trainmaster.plan.values import IDLE, AppState
from yarn.wires import Master, Rm, Yarn

T = TypeVar("T")


def done(work: Coroutine[Any, Any, T]) -> T:
    """The result of what is awaited, and never waits."""
    try:
        work.send(None)
    except StopIteration as end:
        return cast("T", end.value)
    raise AssertionError("it waits")


class Conversation:
    """What is heard, and what is said."""

    yarn: Yarn
    rm: Rm
    now: float
    memory: Memory
    journal: Memory | None
    fresh: bool
    sight: Sight
    relisting: Relisting
    heart: Heart | None
    releases: set[str]
    replayed: bool = False
    """whether nothing new was told since the last register: its first heartbeat is answered with what an earlier one was"""

    def hears_nothing(self) -> None:
        """A controller that has just begun."""
        self.sight, self.relisting, self.heart, self.releases = Sight(), Relisting(), None, set()

    def write(self, memory: Memory) -> None:
        self.journal = self.memory = memory

    # --- the application

    def opens(self) -> None:
        """The next step of opening it, each resting on the one that was written before."""
        application = self.memory.application
        if application is None:
            new = done(self.rm.new_application())
            opened = ApplicationMemory(new.id, user="alice", queue="default", submitted_at=self.now)
            self.write(replace(self.memory, application=opened))
        elif not application.token:
            self._submit(application)
        else:
            self._register(application)

    def _submit(self, application: ApplicationMemory) -> None:
        report = done(self.rm.report(application.id))
        if report is None:
            done(
                self.rm.submit(Submission(application.id, "job", "default", tags=(f"uid:{self.memory.uid}",)))
            )
            report = done(self.rm.report(application.id))
        assert report is not None
        if report.am_rm_token:
            self.fresh = True
            self.write(
                replace(self.memory, application=replace(application, token=report.am_rm_token.decode()))
            )
        else:
            self.sight.say(AppState.LOST if report.state.over else AppState.TOKEN_LOST, report.diagnostics)

    def _register(self, application: ApplicationMemory) -> None:
        """An earlier answer may have been lost, with ends in it: it is asked for again."""
        master = Master(self.yarn, application.token.encode())
        try:
            answer = done(master.register("", 0, ""))
        except RefusedError as error:
            self._lost_touch(error)
            return
        self.releases.clear()
        if self.fresh:
            self.sight.anew()
        start = 0 if self.fresh else REPLAY
        self.heart = Heart(cast("ApplicationMaster", master), dict, lambda _: None, start, self.releases)
        self.relisting, self.fresh = Relisting(), False
        self._listed(answer)

    def _listed(self, answer: Registered) -> None:
        self.relisting.registered(self.now)
        self.replayed = True
        self.sight.registered(answer, self.memory.role_numbers, self.now)
        self.sight.keep_asking(self.memory)

    def heartbeats(self) -> None:
        """One allocate, and what its refusal means."""
        heart = self.heart
        if heart is None:
            return
        try:
            said = set(self.releases)
            self.replayed = heart.response_id == REPLAY
            answer = done(heart.beat())
            for _ in self.sight.allocated(answer, self.memory.role_numbers, self.now, self.replayed):
                pass
            self._released(said - self.releases)
            if self.sight.state is AppState.AWAY:
                self.sight.say(AppState.REGISTERED)
            self._relists(heart)
        except RefusedError as error:
            self._refused_beat(heart, error)

    def _relists(self, heart: Heart) -> None:
        """Registers again where only that brings news."""
        quiet = not heart.has_news and not self.sight.ends
        if quiet and self.relisting.due(self.sight, self.memory, self.now):
            self._again(heart)

    def _again(self, heart: Heart) -> None:
        answer = done(heart.master.register("", 0, ""))
        heart.registered_anew()
        self._listed(answer)

    def _released(self, gone: set[str]) -> None:
        for id_ in gone & self.sight.containers.keys():
            if self.sight.containers[id_].state in IDLE:
                self.sight.drop(id_)

    def _refused_beat(self, heart: Heart, error: RefusedError) -> None:
        if error.kind != NOT_REGISTERED:
            self._lost_touch(error)
            return
        self.sight.manager_restarted()
        if self.sight.state is AppState.REGISTERED and self.sight.missing:
            self.sight.say(AppState.AWAY, "it was restarted")
        else:
            self._again(heart)
            self.sight.say(AppState.REGISTERED)

    def _lost_touch(self, error: RefusedError) -> None:
        """YARN doesn't take us for the master any more: its report says whether the application is over."""
        assert self.memory.application is not None
        try:
            became = done(became_of(self.memory.application, cast("ResourceManager", self.rm), error))
        except UnavailableError:
            if error.kind != WRONG_RESPONSE_ID:
                raise
            # A register whose answer was lost looks as if another master had registered.
            self.heart = None
            self.sight.say(AppState.NONE)
        else:
            self.heart = None
            self.sight.say(became.state, became.words)
