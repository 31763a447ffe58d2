"""One job's master: heartbeat, one pass, and waiting. Reads top to bottom; no branch skips the status.

A pass: look (Seen), decide (plan/), remember (journal), act, show. Whatever fails is tried again on the next turn and touches
no other job.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from weakref import proxy

from trainmaster.api.declared import Declared
from trainmaster.api.job import TrainingJob
from trainmaster.errors import FencedError, TrainmasterError
from trainmaster.master import clock
from trainmaster.master.affairs import Affairs
from trainmaster.master.contact import Contact
from trainmaster.master.desk import Desk
from trainmaster.master.looking import seen_by, size_of, stands_in_line
from trainmaster.master.picture import Beat, Picture
from trainmaster.master.points import reach
from trainmaster.master.record import Record
from trainmaster.master.tasks import woken
from trainmaster.master.telling import tell
from trainmaster.plan.decide import begun, decide, last_good
from trainmaster.plan.memory import Memory
from trainmaster.plan.summary import summary
from trainmaster.plan.turns import parts
from trainmaster.plan.values import (
    Action,
    Event,
    File,
    Finish,
    Forget,
    Kill,
    Launch,
    Open,
    Plan,
    Prioritize,
    Release,
    RemoveDeclaration,
    Stop,
    Terminate,
)

log = logging.getLogger(__name__)

REST = 0.00005
"""seconds per replica between two passes: about as long as one works, so that a large job's news are taken in together"""
REST_LEAST = 0.005
"""below this it isn't worth a timer"""


class JobMaster:
    """Drives one job. `run` is its life; everything else is called by the fleet between the passes."""

    def __init__(self, desk: Desk, declared: Declared, memory: Memory | None = None) -> None:
        self.desk, self.declared = desk, declared
        self.over = False
        """nothing of the job is left; the fleet may drop this master"""
        self.shown: Picture | None = None  # how the last pass left the job
        self._record = Record(desk, memory or begun(declared), written=memory is not None)
        self._wake = asyncio.Event()
        self._lock = asyncio.Lock()
        me = proxy(self)  # so that a master that is done is freed at once, and doesn't wait for the collector
        self.contact = Contact(
            desk,
            self._wake,
            lambda: me.memory,
            lambda change: me._amend(change),  # noqa: PLW0108 - a bound method would hold the master itself
            lambda: desk.run_page(me.declared, me.memory.rerun),
        )
        self._affairs = Affairs(desk, self.contact.sight, self._wake, self.contact.opened)
        self._wake_at: float | None = None
        self._trouble = 0

    @property
    def memory(self) -> Memory:
        return self._record.memory

    @property
    def beat(self) -> Beat:
        """When YARN last answered, and of when its tokens are."""
        heart, tokens = self.contact.heart, self.contact.sight.tokens
        return heart.last_beat if heart else 0.0, tokens.oldest

    @property
    def queue(self) -> str:
        """Where the job is, or wants to be; empty while nobody can tell."""
        application, job = self.memory.application, self.declared.job
        return application.queue if application else job.spec.queue if job else ""

    def declare(self, declared: Declared) -> None:
        """The source says something new of this job."""
        if declared is not self.declared and declared != self.declared:
            self.declared = declared
            self.nudge()

    def nudge(self) -> None:
        """Make a pass soon, though nothing of this job changed."""
        self.contact.sight.changed = True
        self._wake.set()

    async def run(self) -> None:
        """Turn after turn until nothing of the job is left."""
        while not self.over:
            await self.desk.crowd.turn()
            self._wake.clear()
            heard = await self._tried(self.contact.beat)
            # Also while YARN is away: deadlines pass, edits are made.
            decided = not self._pending() or await self._tried(self._pass)
            self.contact.sight.changed |= not decided
            self._trouble = 0 if heard and decided else self._trouble + 1
            await self._wait()
        await self.close()

    async def settle(self) -> None:
        """Write down what only rides along with other news: another is to lead. Raises what a write raises."""
        async with self._lock:
            if not self.over:
                await self._record.settle()

    async def close(self) -> None:
        """Stop driving; the application goes on, for whoever takes it up."""
        await self._affairs.close()
        await self.contact.close()
        self.desk.beating.forget(self.memory.uid)
        self.desk.secrets.forget(self.memory.uid)
        self.desk.inputs.forget(self.memory.uid)
        self.desk.stands_outside(self.memory.uid, False)

    async def _tried(self, work: Callable[[], Awaitable[None]]) -> bool:
        """Whether it went through. One job's error never touches another: it is shown, counted and tried again."""
        try:
            await work()
        except TrainmasterError as error:
            self._troubled(error)
        except Exception:
            log.exception("a pass failed in a way nobody foresaw", extra=self._who())
            self._troubled(None)
        else:
            return True
        return False

    # --- pass

    async def _pass(self) -> None:
        sight, desk = self.contact.sight, self.desk
        await desk.passes.turn()
        if not desk.lease.held():
            return
        started = clock.monotonic()
        async with self._lock:
            if self.over:
                return
            sight.changed = False
            seen = seen_by(desk, self.declared, self.memory, sight, self.contact.heart)
            about = (self.declared, self.memory, seen, clock.now(), desk.limits)
            plan = await desk.beside(size_of(*about[:3]), decide, *about)
            if seen.ends:
                reach("pulled")
            changes = plan.memory != self.memory
            await self._record.keep(plan.memory)
            sight.judged(seen.ends)
            if seen.ends:
                reach("written")
            await desk.breath(len(self.memory.replicas))
            if changes:
                log.info("decided", extra={**self._who(), **summary(plan)})
            await self._act(plan)
            self._show(plan)
        desk.measures.pass_done(clock.monotonic() - started)

    def _pending(self) -> bool:
        """Whether there is a reason for a pass: something was seen, or a time has come."""
        woken = self._wake_at is not None and clock.now() >= self._wake_at
        return self.contact.sight.changed or woken or self._record.flush_due()

    async def _amend(self, change: Callable[[Memory], Memory]) -> Memory:
        """Change the memory between passes, written before it counts."""
        async with self._lock:
            await self._record.write(change(self.memory))
            self.contact.sight.changed = True
            return self.memory

    # --- act

    async def _act(self, plan: Plan) -> None:
        breath, doing, size = self.desk.breath, self.contact.doing, len(self.memory.replicas)
        self._wake_at = plan.wake_at
        await breath(size)
        self.contact.want(plan)
        await breath(size)
        self._line_up()
        job = last_good(self.memory) if plan.actions else None
        if job:
            doing.start([action for action in plan.actions if isinstance(action, Launch)], self.memory, job)
        await breath(size)
        await breath(size)
        for some in parts(plan.actions):
            doing.terminate(action for action in some if isinstance(action, Terminate))
            await breath(size)
        doing.stop(action for action in plan.actions if isinstance(action, Stop))
        for some in parts(plan.actions):
            await breath(size)
            for action in some:
                self._do(action, job)
        await breath(size)

    def _do(self, action: Action, job: TrainingJob | None) -> None:
        affairs, application = self._affairs, self.memory.application
        match action:
            case Release(container):
                self.contact.doing.release(container)
            case Open() if job or application:
                affairs.run(lambda: affairs.open(self.declared, lambda: self.memory, job, self._amend))
            case Prioritize(priority) if application:
                affairs.run(lambda: affairs.prioritize(application, priority, self._amend, self._say))
            case Finish() if application and (heart := self.contact.heart):
                url = self.desk.run_page(self.declared, self.memory.rerun)
                affairs.run(lambda: affairs.finish(action, application, heart.master, url))
            case Kill() if application:
                affairs.run(lambda: affairs.kill(application, self.memory.uid, self._say))
            case Forget():
                affairs.run(self._leave)
            case File(run):
                self.desk.file(run)
            case RemoveDeclaration():
                affairs.run(lambda: affairs.remove(self.declared))

    def _line_up(self) -> None:
        """Leave the line where nothing is gathered; join it, with a pass, where that has only come of this one."""
        memory, line = self.memory, self.desk.line
        if not memory.gathering or self.desk.secrets.lacks(memory.uid):
            line.leave(memory.uid)
        elif memory.uid not in line and stands_in_line(
            memory, self.contact.sight.state, clock.now(), self.desk.limits
        ):
            self.contact.sight.changed = True

    async def _leave(self) -> None:
        """No pass meanwhile, which could write the record anew."""
        async with self._lock:
            await self._affairs.leave(self.memory.uid, self.declared, self._left)

    def _left(self) -> None:
        self.over = True
        self._record.life.left(self.memory)
        self.desk.forget(self.memory.uid)

    # --- show

    def _show(self, plan: Plan) -> None:
        tell(plan.events, self._who(), self.desk.measures)
        self._record.life.seen(self.memory, self.contact.sight.containers, clock.now())
        remembered = self.memory if self._record.written else None
        self.shown = Picture(
            self.declared, remembered, plan.status, clock.now(), unended=self._affairs.unended
        )
        taken_in = self.shown.accepted and self.memory.application is not None
        self.desk.stands_outside(self.memory.uid, not (taken_in or self.memory.closing_since))
        self.desk.publish(self.declared, plan.status, plan.events)

    def _say(self, event: Event) -> None:
        """Between two passes."""
        tell((event,), self._who(), self.desk.measures)
        if self.shown:
            self.desk.publish(self.declared, self.shown.status, (event,))

    def _who(self) -> dict[str, str]:
        application = self.memory.application
        who = {"namespace": self.declared.namespace, "job": self.declared.name}
        return {**who, "application": application.id} if application else who

    # --- wait

    def _troubled(self, error: TrainmasterError | None) -> None:
        self.desk.measures.pass_failed()
        failures = self._trouble + 1
        if error and (failures in (1, 10) or isinstance(error, FencedError)):
            log.warning(
                "will be tried again", extra={**self._who(), "error": str(error), "failures": failures}
            )

    async def _wait(self) -> None:
        rest = len(self.memory.replicas) * REST
        if rest > REST_LEAST:
            await asyncio.sleep(rest)
        pause = self._pause()
        if pause == 0 or self.over:
            await asyncio.sleep(0)
            return
        await woken(self._wake, pause)

    def _pause(self) -> float | None:
        """Seconds until the next turn if nothing happens; None when only news can bring one."""
        if self._trouble:
            return float(min(5.0, 0.2 * 2 ** min(self._trouble, 6)))
        contact = self.contact
        waits = [at - clock.now() for at in (self._wake_at, self._record.flush_at) if at is not None]
        if not self.desk.lease.held() and (contact.heart or self._pending()):
            return self.desk.calm_beat  # no pass can be made now: what is due must not keep the loop busy
        if contact.sight.missing and not contact.heart:
            waits.append(self.desk.calm_beat)
        if contact.heart:
            waits.append(self._beat_interval())
        else:
            self.desk.beating.forget(self.memory.uid)
        if contact.sight.changed:
            waits.append(0.0)
        return max(0.0, min(waits)) if waits else None

    def _beat_interval(self) -> float:
        contact, memory, expects, holds = self.contact, self.memory, self.contact.expects, self.contact.holds
        self.desk.beating.note(memory.uid, holds=holds, expects=expects)
        if contact.sight.changed or contact.speaks:
            return 0.0
        closing = memory.closing_since and not memory.closed_at and not contact.takes_leave
        return self.desk.beat_after(expects=bool(closing) or expects, holds=holds)
