"""One job's contact with YARN: the heartbeat and its answers, and what a refusal says of the application.

Holds the conversation (heartbeat.py) and the picture of it (sight.py). Never here: a decision about the job.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Callable

from trainmaster.errors import RefusedError, TrainmasterError, UnavailableError
from trainmaster.hadoop.containers import Registered
from trainmaster.hadoop.refusals import NOT_REGISTERED, WRONG_RESPONSE_ID
from trainmaster.master import clock
from trainmaster.master.desk import Desk
from trainmaster.master.doing import Doing
from trainmaster.master.heartbeat import REPLAY, Heart
from trainmaster.master.opening import Amend, Opened, became_of
from trainmaster.master.points import reach
from trainmaster.master.relisting import Relisting
from trainmaster.master.sight import OVER, Sight
from trainmaster.master.stacks import Stacks
from trainmaster.plan.gentle import leaving
from trainmaster.plan.memory import Memory, replace
from trainmaster.plan.values import IDLE, AppState, Plan

log = logging.getLogger(__name__)


class Contact:
    """`heart` is there while we are registered; `sight` always says what is known."""

    def __init__(
        self,
        desk: Desk,
        wake: asyncio.Event,
        memory: Callable[[], Memory],
        amend: Amend,
        page: Callable[[], str],
    ) -> None:
        self._desk, self._memory, self._amend, self._page = desk, memory, amend, page
        self.sight = Sight()
        self.heart: Heart | None = None
        self.releases: set[str] = set()
        """containers to be given back with the next heartbeat"""
        untold = [one.container for one in leaving(memory()) if not one.told]
        self.doing = Doing(desk, self.sight, wake, self.releases, untold)
        self._stacks = Stacks(desk, self.sight, wake)
        self._relisting = Relisting()
        self._registered_now = False

    async def beat(self) -> None:
        """One heartbeat, if we are registered. Raises UnavailableError when YARN can't be asked."""
        if self.sight.state in OVER:
            await self.drop_heart()
        heart, registered_now = self.heart, self._registered_now
        self._registered_now = False
        if heart is None:
            if self.sight.missing:
                self.doing.confirm()
            return
        if registered_now:  # for the first time: nothing can be heard that the register didn't tell
            return
        try:
            await self._beat(heart)
            if self.sight.state is AppState.AWAY:
                self.sight.say(AppState.REGISTERED)
            if self._may_relist(heart):
                await self._register_again(heart)
        except RefusedError as error:
            await self._refused(heart, error)
        except UnavailableError as error:
            self.sight.say(AppState.AWAY, str(error))
            raise

    async def _beat(self, heart: Heart) -> None:
        if not self._desk.lease.held() or self.sight.ends:
            await heart.repeat()
            return
        released, asked, refused = set(self.releases), bool(heart.wanted), heart.refused
        replay = heart.response_id == REPLAY
        answer = await heart.beat()
        self.sight.changed |= heart.refused != refused
        for _ in self.sight.allocated(answer, self._memory().role_numbers, clock.now(), replay):
            await asyncio.sleep(0)
        self._drop_released(released - self.releases)
        if answer.am_rm_token:
            await self._keep_token(answer.am_rm_token, heart)
        for point, reached in (("ask", asked), ("allocated", bool(answer.allocated))):
            if reached:
                reach(point)
        # What has ended since the answer that was replayed is told by the next one, with an exit that nodes may have forgotten.
        self.doing.confirm(listed=replay)

    def _may_relist(self, heart: Heart) -> bool:
        """Whether to register again, as only that brings news, once all that was to be said has been heard."""
        quiet = not heart.has_news and not self.sight.ends and self._desk.lease.held()
        return quiet and self._relisting.due(self.sight, self._memory(), clock.monotonic())

    def _drop_released(self, released: set[str]) -> None:
        """What was never started is gone with its release; what runs is gone when YARN says so."""
        for id_ in released & self.sight.containers.keys():
            if self.sight.containers[id_].state in IDLE:
                self.sight.drop(id_)

    async def _keep_token(self, token: bytes, heart: Heart) -> None:
        """YARN rolled the token: written before it is used.

        Each answer brings it again for as long as the connection is the old token's (ApplicationMasterService.allocate).
        """
        text = base64.b64encode(token).decode()
        application = self._memory().application
        if application is None or application.token == text:
            return
        try:
            await self._amend(
                lambda m: replace(
                    m, application=m.application and replace(m.application, token=text, token_at=clock.now())
                )
            )
        except TrainmasterError as error:  # the store's trouble, not YARN's: the next answer brings it again
            log.warning("a rolled token can't be written down yet", extra={"error": str(error)})
        else:
            heart.master.replace_token(token)

    async def _refused(self, heart: Heart, error: RefusedError) -> None:
        if error.kind != NOT_REGISTERED:
            await self._lost_touch(error)
        elif self._desk.lease.held():  # else whoever leads registers
            await self._manager_restarted(heart)

    async def _manager_restarted(self, heart: Heart) -> None:
        """It waits for its nodes anew: where one is waited for, a pass takes note of that before it is registered with."""
        self.sight.manager_restarted()
        if self.sight.state is AppState.REGISTERED and self.sight.missing:
            self.sight.say(AppState.AWAY, "the ResourceManager was restarted")
        else:
            await self._register_again(heart)

    async def _register_again(self, heart: Heart) -> None:
        """After a restart of the ResourceManager, which has forgotten what we said, or for what only a register tells.

        Which of the two it was needn't be known: all that is wanted is said again.
        """
        try:
            answer = await heart.master.register("localhost", -1, self._page())
        except RefusedError as error:
            await self._lost_touch(error)
            return
        heart.registered_anew()
        self._listed(answer)
        log.info(
            "registered again",
            extra={
                "job": self._memory().name,
                "listed": len(answer.containers),
                "missing": len(self.sight.missing),
            },
        )

    def _listed(self, answer: Registered) -> None:
        self._desk.cluster.vcores, self.sight.queue = answer.counts_vcores, answer.queue
        self._relisting.registered(clock.monotonic())
        self.sight.registered(answer, self._memory().role_numbers, clock.now())
        self.sight.keep_asking(self._memory())

    async def _lost_touch(self, error: RefusedError) -> None:
        """YARN doesn't take us for the master any more: its report says whether the application is over."""
        application = self._memory().application
        assert application is not None
        try:
            became = await became_of(application, self._desk.manager(application.user), error)
        except UnavailableError as unknown:
            if error.kind == WRONG_RESPONSE_ID:
                await self._superseded()
            else:
                self.sight.say(AppState.AWAY, str(unknown))
                raise
        else:
            await self.drop_heart()
            self.sight.say(became.state, became.words)

    async def _superseded(self) -> None:
        """Another master has registered. Only a pass opens again, and there is none unless the lease, asked anew, is ours."""
        await self.drop_heart()
        await self._desk.lease.acquire()
        self.sight.say(AppState.NONE)

    def opened(self, opened: Opened) -> None:
        """Take in how the opening of the application went."""
        self.sight.say(opened.state, opened.words)
        if opened.master is None or opened.registered is None:
            return
        desk, start = self._desk, 0 if opened.fresh else REPLAY
        self.releases.clear()  # those of an earlier application would make YARN refuse every call
        if opened.fresh:
            self.sight.anew()
        self.heart = Heart(
            opened.master,
            lambda: desk.cluster.racks,
            desk.measures.heartbeat,
            start,
            self.releases,
            growth=lambda: desk.cluster.growth,
        )
        self._relisting, self._registered_now = Relisting(), opened.fresh
        self._listed(opened.registered)

    def want(self, plan: Plan) -> None:
        """What should stand at the scheduler from now on, and which processes are asked where they stand. While it is away
        nothing is taken back."""
        self.sight.keep_asking(plan.memory)
        self._stacks.follow(plan)
        if self.heart and self.sight.state is AppState.REGISTERED:
            self.heart.want(plan.asks, plan.avoid)

    @property
    def speaks(self) -> bool:
        """Whether the next heartbeat has something to say, and so should go out at once."""
        return self.heart is not None and self.heart.has_news

    @property
    def holds(self) -> bool:
        """Whether there are containers whose ends are to be heard."""
        return bool(self.sight.containers or self.sight.missing)

    @property
    def expects(self) -> bool:
        """Whether something is to be heard from YARN soon: then heartbeats are fast."""
        asks = self.heart is not None and bool(self.heart.stands)
        return asks or self.sight.unsure or clock.now() >= self.sight.strays_from(self._memory())

    @property
    def takes_leave(self) -> bool:
        """Of a job that closes: whether something lives, and all of it has time to end in. That is as calm as if it ran."""
        return bool(self.sight.containers) and clock.now() < self.sight.strays_from(self._memory())

    async def drop_heart(self) -> None:
        heart, self.heart = self.heart, None
        if heart:
            await heart.master.close()

    async def close(self) -> None:
        await self.doing.close()
        await self._stacks.close()
        await self.drop_heart()
