"""One job's master: heartbeat, one pass, and waiting. Reads top to bottom; no branch skips the status.

A pass: look (Seen), decide (plan/), remember (journal), act, show. Whatever fails is tried again on the next turn and touches
no other job.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Callable
from dataclasses import replace

from trainmaster.api.declared import Declared
from trainmaster.errors import DeniedError, FencedError, RefusedError, TrainmasterError, UnavailableError
from trainmaster.hadoop.refusals import NOT_REGISTERED, WRONG_RESPONSE_ID
from trainmaster.master import clock
from trainmaster.master.affairs import Affairs
from trainmaster.master.codec import encode
from trainmaster.master.desk import Desk
from trainmaster.master.doing import Doing
from trainmaster.master.heartbeat import REPLAY, Heart
from trainmaster.master.looking import bound_containers, seen_by
from trainmaster.master.opening import Opened, ended_state
from trainmaster.master.picture import Picture
from trainmaster.master.points import reach
from trainmaster.master.sight import Sight
from trainmaster.plan.decide import decide, fresh, last_good
from trainmaster.plan.memory import Memory
from trainmaster.plan.values import (
    Action,
    AppState,
    ContainerState,
    Finish,
    Forget,
    Kill,
    Open,
    Plan,
    Release,
    RemoveDeclaration,
    Start,
    Stop,
)

log = logging.getLogger(__name__)

FLUSH = 5.0
"""seconds after which times that were only seen are written even if nothing else is"""


class JobMaster:
    """Drives one job. `run` is its life; everything else is called by the fleet between the passes."""

    def __init__(self, desk: Desk, declared: Declared, memory: Memory | None = None) -> None:
        self.desk, self.declared = desk, declared
        self.memory = memory or fresh(declared)
        self.picture: Picture | None = None
        self.over = False
        """nothing of the job is left; the fleet may drop this master"""
        self.deposed = False
        """another master goes on with the application"""
        self.heart: Heart | None = None
        self._wake = asyncio.Event()
        self._sight = Sight()
        self._releases: set[str] = set()
        self._doing = Doing(desk, self._sight, self._wake, self._releases)
        self._affairs = Affairs(desk, self._sight, self._wake, self._when_opened)
        self._lock = asyncio.Lock()
        self._recorded = memory is not None
        self._unflushed_since = 0.0
        self._wake_at: float | None = None
        self._trouble = 0

    def declare(self, declared: Declared) -> None:
        """The source says something new of this job."""
        if declared != self.declared:
            self.declared = declared
            self.nudge()

    def nudge(self) -> None:
        """Make a pass soon, though nothing of this job changed."""
        self._sight.changed = True
        self._wake.set()

    async def run(self) -> None:
        """Turn after turn until nothing of the job is left."""
        while not self.over:
            self._wake.clear()
            try:
                await self._beat()
                await self._pass()
                self._trouble = 0
            except TrainmasterError as error:
                self._troubled(error)
            except Exception:  # one job's error never touches another: it is shown, counted and tried again
                log.exception("a pass failed in a way nobody foresaw", extra=self._who())
                self._troubled(None)
            await self._wait()

    async def close(self) -> None:
        """Stop driving; the application goes on, for whoever takes it up."""
        await self._affairs.close()
        await self._doing.close()
        if self.heart:
            await self.heart.master.close()

    # --- heartbeat

    async def _beat(self) -> None:
        if self.heart is None or self.deposed:
            return
        try:
            if not self.desk.lease.held() or self._sight.ends:
                await self.heart.repeat()
            else:
                await self._beat_once(self.heart)
            self._sight.say(AppState.REGISTERED)
        except DeniedError as error:
            await self._lost_touch(str(error))
        except RefusedError as error:
            await self._refused(error)
        except UnavailableError as error:
            self._sight.say(AppState.AWAY, str(error))
            raise

    async def _beat_once(self, heart: Heart) -> None:
        heart.releases |= self._releases
        released = set(heart.releases)
        asked = bool(heart.wanted)
        answer = await heart.beat()
        self._releases -= released
        self._sight.allocated(answer, self.memory.role_numbers, clock.now())
        for id_ in released:
            container = self._sight.containers.get(id_)
            if container and container.state in (ContainerState.ALLOCATED, ContainerState.UNSTARTABLE):
                self._sight.drop(id_)
        if answer.am_rm_token:
            await self._keep_token(answer.am_rm_token, heart)
        if asked:
            reach("ask")
        if answer.allocated:
            reach("allocated")
        self._doing.confirm()

    async def _keep_token(self, token: bytes, heart: Heart) -> None:
        """YARN rolled the token: written before it is used, for a lost one can't be had again."""
        text = base64.b64encode(token).decode()
        await self._amend(
            lambda m: replace(m, application=replace(m.application, token=text) if m.application else None)
        )
        heart.master.replace_token(token)

    async def _refused(self, error: RefusedError) -> None:
        if error.kind == NOT_REGISTERED:
            await self._register_again()
        elif error.kind == WRONG_RESPONSE_ID:
            await self._superseded()
        else:
            await self._lost_touch(str(error))

    async def _register_again(self) -> None:
        """The ResourceManager was restarted: it knows the application, and has forgotten what we said."""
        heart = self.heart
        assert heart is not None
        answer = await heart.master.register("localhost", -1, self.desk.job_page(self.declared))
        heart.registered_anew()
        self._sight.registered(answer, self.memory.role_numbers)
        self._doing.confirm()
        log.info("registered again after a restart of the ResourceManager", extra=self._who())

    async def _superseded(self) -> None:
        """Another master has registered. We do so again only if the lease, asked anew, says that we lead."""
        await self._drop_heart()
        self.deposed = not await self.desk.lease.acquire()
        self._sight.say(
            AppState.AWAY if self.deposed else AppState.NONE, "another controller goes on with it"
        )

    async def _lost_touch(self, words: str) -> None:
        """YARN doesn't take us for the master any more: its report says what became of the application."""
        application = self.memory.application
        assert application is not None
        report = await self.desk.manager(application.user).report(application.id)
        state = ended_state(report)
        await self._drop_heart()
        self._sight.say(
            AppState.TOKEN_LOST if state is AppState.AWAY else state, report.diagnostics if report else words
        )

    async def _drop_heart(self) -> None:
        heart, self.heart = self.heart, None
        if heart:
            await heart.master.close()

    # --- pass

    async def _pass(self) -> None:
        due = self._wake_at is not None and clock.now() >= self._wake_at
        if (
            self.deposed
            or not self.desk.lease.held()
            or not (self._sight.changed or due or self._flush_due())
        ):
            return
        started = clock.monotonic()
        async with self._lock:
            self._sight.changed = False
            seen = seen_by(self.desk, self.declared, self.memory, self._sight, self.heart)
            plan = decide(self.declared, self.memory, seen, clock.now(), self.desk.limits)
            if seen.ends:
                reach("pulled")
            await self._remember(plan.memory)
        self._sight.judged(seen.ends)
        if seen.ends:
            reach("written")
        self._act(plan)
        self._show(plan)
        self.desk.measures.pass_done(clock.monotonic() - started)

    async def _remember(self, memory: Memory) -> None:
        """Make it durable before anything rests on it. What only was seen may wait a little."""
        self.desk.ports.note(memory)
        started_now = memory.started_at and not self.memory.started_at
        if (memory != self.memory and self._worth_a_record(memory)) or self._flush_due():
            await self._write(memory)
        elif self._recorded and (memory.since != self.memory.since or started_now):
            self._unflushed_since = self._unflushed_since or clock.now()
        if started_now:
            self.desk.measures.started(clock.now() - memory.queued_at)
            reach("running")
        self.memory = memory

    def _worth_a_record(self, memory: Memory) -> bool:
        """Before there is an application nothing was done that a crash could lose: the record begins with its id."""
        return self._recorded or memory.application is not None or memory.verdict is not None

    async def _write(self, memory: Memory) -> None:
        memory = replace(memory, epoch=self.desk.lease.epoch)
        started = clock.monotonic()
        await self.desk.journal.write(memory.uid, encode(memory))
        self.desk.measures.journal_write(clock.monotonic() - started)
        self._recorded, self._unflushed_since = True, 0.0

    async def _amend(self, change: Callable[[Memory], Memory]) -> Memory:
        """Change the memory between passes, written before it counts."""
        async with self._lock:
            memory = change(self.memory)
            await self._write(memory)
            self.memory = memory
            self._sight.changed = True
            return memory

    def _flush_due(self) -> bool:
        return bool(self._unflushed_since) and clock.now() - self._unflushed_since >= FLUSH

    # --- act

    def _act(self, plan: Plan) -> None:
        self._wake_at = plan.wake_at
        if self.heart and self._sight.state is AppState.REGISTERED:
            self.heart.want(plan.asks, plan.avoid)
        if not self.memory.gathering:
            self.desk.line.leave(self.memory.uid)
        for action in plan.actions:
            self._do(action)

    def _do(self, action: Action) -> None:
        job = self.declared.job or last_good(self.memory)
        match action:
            case Start() if job:
                self._doing.start(action, self.memory, job)
            case Stop():
                self._doing.stop(action)
            case Release(container):
                self._releases.add(container)
            case Open() if job:
                self._affairs.run(
                    lambda: self._affairs.open(self.declared, lambda: self.memory, job, self._amend)
                )
            case Finish():
                self._finish(action)
            case Kill(application):
                user = self.memory.application.user if self.memory.application else ""
                self._affairs.run(lambda: self._affairs.kill(application, user))
            case Forget():
                self._leave()
            case RemoveDeclaration():
                self._affairs.run(lambda: self.desk.remove(self.declared))  # type: ignore[arg-type,return-value]

    def _finish(self, action: Finish) -> None:
        heart, application = self.heart, self.memory.application
        if heart and application:
            url = self.desk.job_page(self.declared)
            self._affairs.run(
                lambda: self._affairs.finish(action, application.id, application.user, heart.master, url)
            )

    def _leave(self) -> None:
        def left() -> None:
            self.over = True
            self.desk.ports.forget(self.memory.uid)
            self.desk.line.leave(self.memory.uid)

        self._affairs.run(
            lambda: self._affairs.leave(self.memory.uid, lambda: self.desk.gone(self.declared), left)
        )

    def _when_opened(self, opened: Opened) -> None:
        self._sight.say(opened.state, opened.words)
        if opened.master is None or opened.registered is None:
            return
        start = 0 if opened.fresh else REPLAY
        desk = self.desk
        self.heart = Heart(opened.master, lambda: desk.cluster.racks, desk.measures.heartbeat, start)
        self._sight.registered(opened.registered, self.memory.role_numbers)
        self._sight.expect(bound_containers(self.memory))
        self._doing.confirm()

    # --- show

    def _show(self, plan: Plan) -> None:
        for event in plan.events:
            log.log(
                logging.WARNING if event.warning else logging.INFO,
                event.message,
                extra={**self._who(), "reason": event.reason},
            )
            self.desk.measures.event(event.warning, event.reason)
        beat = self.heart.last_beat if self.heart else 0.0
        remembered = self.memory if self._recorded else None
        self.picture = Picture(self.declared, remembered, plan.status, clock.now(), beat)
        self.desk.publish(self.declared, plan.status)

    def _who(self) -> dict[str, str]:
        application = self.memory.application
        who = {"namespace": self.declared.namespace, "job": self.declared.name}
        return {**who, "application": application.id} if application else who

    # --- wait

    def _troubled(self, error: TrainmasterError | None) -> None:
        self._trouble += 1
        self._sight.changed = True
        self.desk.measures.pass_failed()
        if error and (self._trouble in (1, 10) or isinstance(error, FencedError)):
            log.warning(
                "will be tried again", extra={**self._who(), "error": str(error), "failures": self._trouble}
            )

    async def _wait(self) -> None:
        pause = self._pause()
        if pause == 0 or self.over:
            await asyncio.sleep(0)
            return
        try:
            await asyncio.wait_for(self._wake.wait(), pause)
        except TimeoutError:
            return

    def _pause(self) -> float | None:
        """Seconds until the next turn if nothing happens; None when only news can bring one."""
        if self._trouble:
            return float(min(5.0, 0.2 * 2 ** min(self._trouble, 6)))
        now = clock.now()
        waits = [self._wake_at - now] if self._wake_at is not None else []
        if self._unflushed_since:
            waits.append(self._unflushed_since + FLUSH - now)
        if self.heart and not self.deposed:
            waits.append(0.0 if self._sight.changed or self._speaks() else self._beat_interval())
        return max(0.0, min(waits)) if waits else None

    def _speaks(self) -> bool:
        return bool(self.heart and self.heart.has_news) or bool(self._releases)

    def _beat_interval(self) -> float:
        """Fast while something is expected of YARN, calm otherwise."""
        heart = self.heart
        closing = self.memory.closing_since and not self.memory.closed_at
        expects = (
            (heart and heart.stands)
            or self._sight.unconfirmed()
            or closing
            or self._sight.strays(self.memory)
        )
        return self.desk.settings.beat_fast if expects else self.desk.calm_beat
