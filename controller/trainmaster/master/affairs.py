"""A job's affairs with the ResourceManager as a whole: opening its application, finishing it, ending it, leaving for good.

Each runs beside the passes, one at a time, and tells the sight how it ended. When to do it is the plan's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from trainmaster.api import reasons
from trainmaster.api.declared import Declared
from trainmaster.api.job import TrainingJob
from trainmaster.errors import DeniedError, RefusedError, TrainmasterError
from trainmaster.hadoop.scheduler import ApplicationMaster
from trainmaster.hadoop.values import ApplicationReport, FinalStatus
from trainmaster.master.desk import Desk
from trainmaster.master.opening import (
    INSTALLATION,
    Amend,
    Opened,
    ended_state,
    installation_tag,
    open_application,
    refused_for_good,
    uid_tag,
)
from trainmaster.master.sight import Sight
from trainmaster.plan.memory import ApplicationMemory, Memory, replace
from trainmaster.plan.values import AppState, Event, Finish

log = logging.getLogger(__name__)

RETRY = 1.0
"""seconds before YARN is asked again after it could not be"""
MOST = 5.0
"""the same, at most"""
POLL = 0.1


class Affairs:
    """At most one affair is under way; asking for another meanwhile does nothing, the next pass asks again."""

    def __init__(
        self, desk: Desk, sight: Sight, wake: asyncio.Event, opened: Callable[[Opened], None]
    ) -> None:
        self._desk, self._sight, self._wake, self._opened = desk, sight, wake, opened
        self._task: asyncio.Task[None] | None = None
        self._pause = RETRY
        """seconds before YARN is asked again to open the application"""
        self._said = ("", "")
        """what was last put off, and why"""
        self.unended = ""
        """why an application that is to go can't be ended, when that was last tried; empty when nothing is in the way"""

    def run(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._guarded(work))
            self._task.add_done_callback(self._done)

    async def _guarded(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await work()
        except (
            Exception
        ):  # shown, and tried again by a later pass: it must neither be lost nor stop the job's master
            log.exception("an affair with YARN failed in a way nobody foresaw")
            self._desk.measures.unforeseen("affair")
            await asyncio.sleep(RETRY)
        if self._sight.state is AppState.OPENING:
            self._sight.say(AppState.NONE, self._sight.words)

    def _done(self, _: asyncio.Task[None]) -> None:
        self._task = None
        self._sight.changed = True
        self._wake.set()

    async def close(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def open(
        self, declared: Declared, memory: Callable[[], Memory], job: TrainingJob | None, amend: Amend
    ) -> None:
        """Open the application or take it up; what was running before goes before what is new.

        To take one up nothing need be known of the job: its declaration may be one that can't be read.
        """
        application = memory().application
        user = application.user if application else self._desk.user_of(declared, job) if job else ""
        # Why it could not be asked is true until it answers.
        self._sight.say(AppState.OPENING, self._sight.words, denied=self._sight.denied)
        try:
            if application and application.token:
                opened = await self._open(declared, memory(), job, user, amend)
            else:
                async with self._desk.admissions.place(user):
                    opened = await self._open(declared, memory(), job, user, amend)
        except TrainmasterError as error:
            if refused_for_good(error) and memory().application:
                self._opened(Opened(AppState.REFUSED, str(error)))
            else:
                await self._away(error)
        else:
            self._pause = RETRY
            self._opened(opened)

    async def _away(self, error: TrainmasterError) -> None:
        """Show it for a while, longer each time; then there is no application yet, and the next pass opens one again."""
        denied = isinstance(error, DeniedError)
        self._sight.say(AppState.AWAY, str(error), denied=denied)
        self._wake.set()
        await asyncio.sleep(self._pause)
        self._pause = min(MOST, 2 * self._pause)
        self._sight.say(AppState.NONE, str(error), denied=denied)

    async def _open(
        self, declared: Declared, memory: Memory, job: TrainingJob | None, user: str, amend: Amend
    ) -> Opened:
        rm = self._desk.manager(user)
        return await open_application(
            memory,
            job,
            user,
            rm,
            self._desk.conf,
            amend,
            self._desk.run_page(declared, memory.rerun),
            self._desk.installation,
            self._desk.measures.calls,
            self._desk.delegation.new,
            declared.owner,
            self._desk.acls(declared.namespace, job),
        )

    async def finish(
        self, action: Finish, application: ApplicationMemory, master: ApplicationMaster, url: str
    ) -> None:
        """Unregister with the final status; repeated until YARN says that it has it."""
        try:
            over = await self._finished(action, application, master, url)
        except TrainmasterError as error:
            await self._later("YARN can't be told of the end yet", error)
        else:
            if over:
                self._sight.say(AppState.CLOSED)

    async def _finished(
        self, action: Finish, application: ApplicationMemory, master: ApplicationMaster, url: str
    ) -> bool:
        """Whether it is over. A refusal doesn't say so, its report does: somebody else may have ended it."""
        try:
            while not await master.finish(_final(action), action.message, url):
                if not self._desk.lease.held():
                    return False
                await asyncio.sleep(POLL)
        except RefusedError:
            report = await self._desk.manager(application.user).report(application.id)
            if ended_state(report) is AppState.AWAY:
                raise
        return True

    async def kill(self, application: ApplicationMemory, uid: str, say: Callable[[Event], None]) -> None:
        """End an application of the job that nobody can speak for.

        Its id may come from a status, which others can write: what was not submitted for this job, or by another installation,
        goes on.
        """
        try:
            ended = await self._killed(application, uid)
        except TrainmasterError as error:
            await self._unended(application.id, error, say)
        else:
            self.unended = ""
            self._sight.say(*ended)

    async def _killed(self, application: ApplicationMemory, uid: str) -> tuple[AppState, str]:
        """Ended as whom it runs as: YARN's report remembers that when nobody else does."""
        id_, rm = application.id, self._desk.manager(application.user or self._desk.settings.own_user)
        while report := await rm.report(id_):
            if uid_tag(uid) not in report.tags:
                return AppState.LOST, f"{id_} is another job's"
            if report.state.over:
                return AppState.CLOSED, report.diagnostics
            if application.orphan and not application.recorded:
                self._must_be_ours(report)
            await self._desk.manager(report.user).kill(id_, "its token was lost")
            await asyncio.sleep(POLL)
        return AppState.LOST, f"YARN doesn't know {id_} any more"

    def _must_be_ours(self, report: ApplicationReport) -> None:
        """Raises RefusedError for one that another installation speaks for, or may: a version before this gave no such tag."""
        if installation_tag(self._desk.installation) in report.tags:
            return
        of = next((tag.removeprefix(INSTALLATION) for tag in report.tags if tag.startswith(INSTALLATION)), "")
        whose = f"the controllers of installation {of}" if of else "a controller that left no name on it"
        words = (
            f"it was begun by {whose}, and only they may end it; if they are gone, YARN ends it by itself "
            f"after a while, or `yarn application -kill {report.id}` does"
        )
        raise RefusedError("Foreign", words)

    async def _unended(self, id_: str, error: TrainmasterError, say: Callable[[Event], None]) -> None:
        """Shown for as long as it lasts, told once, and tried again, more rarely where YARN itself says no."""
        words = f"{id_} can't be ended: {error}"
        self._desk.measures.end_failed()
        if words != self.unended:
            say(Event(warning=True, reason=reasons.CANNOT_END, message=words))
        self.unended = words
        self._sight.say(self._sight.state, words)
        self._wake.set()
        await self._later("an application can't be ended yet", error)
        if isinstance(error, RefusedError):
            await asyncio.sleep(MOST)

    async def prioritize(
        self, application: ApplicationMemory, priority: int, amend: Amend, say: Callable[[Event], None]
    ) -> None:
        """Tell YARN the new priority, and remember what it was told; it may grant less (maximum priority of the cluster).

        A refusal is remembered as told as well: it stays the same (an access list, mostly) until the priority is edited again.
        """
        refused: TrainmasterError | None = None
        try:
            try:
                await self._desk.manager(application.user).update_priority(application.id, priority)
            except RefusedError as error:
                if not refused_for_good(error):
                    raise
                refused = error
            await amend(lambda m: _told(m, priority))
        except TrainmasterError as error:
            await self._later("the priority can't be changed yet", error)
            return
        if refused:
            words = f"YARN refuses priority {priority}: {refused}; the job goes on with the one it has"
            say(Event(warning=True, reason=reasons.PRIORITY_REFUSED, message=words))

    async def leave(self, uid: str, declared: Declared, left: Callable[[], None]) -> None:
        """Forget the job: journal first, so that a crash in between leaves the declaration to be cleaned up again."""
        try:
            await self._desk.journal.remove(uid)
            await self._desk.gone(declared)
        except TrainmasterError as error:
            await self._later("a job can't be removed yet", error)
        else:
            left()

    async def remove(self, declared: Declared) -> None:
        """Take the declaration itself away; its deletion then goes the usual way."""
        try:
            await self._desk.remove(declared)
        except TrainmasterError as error:
            await self._later("a declaration can't be removed yet", error)
        else:
            await asyncio.sleep(RETRY)  # until the source has taken note of it

    async def _later(self, what: str, error: TrainmasterError) -> None:
        """Say why, though not with each try, and wait a little: the next pass asks for it again."""
        if (what, str(error)) != self._said:
            log.info(what, extra={"error": str(error)})
        self._said = (what, str(error))
        await asyncio.sleep(RETRY)


def _told(memory: Memory, priority: int) -> Memory:
    application = memory.application
    return replace(memory, application=replace(application, priority=priority) if application else None)


def _final(action: Finish) -> FinalStatus:
    if action.killed:
        return FinalStatus.KILLED
    return FinalStatus.SUCCEEDED if action.succeeded else FinalStatus.FAILED
