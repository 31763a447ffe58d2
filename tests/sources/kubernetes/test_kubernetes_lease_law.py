"""Never do two lead, whatever is slow, lost, deleted or racing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sources.building import LEASE
from sources.kubernetes.contenders import KEY, Contender, World, led_by
from sources.kubernetes.line import Request
from thorough import schedules

RATES = {"a": 1.0, "b": 1.2, "c": 0.85}
"""how fast the clocks run"""
WHO = st.sampled_from("abc")
ACTIONS = st.one_of(
    st.tuples(st.just("acquire"), WHO),
    st.tuples(st.just("acquire"), WHO),
    st.tuples(st.builds("begin {}".format, st.integers(0, 5)), WHO),
    st.tuples(st.sampled_from(["serve", "answer", "lose"]), WHO),
    st.tuples(st.sampled_from(["release", "leave 0", "leave 1", "restart", "wrest 9", "wrest 5"]), WHO),
    st.tuples(st.sampled_from(["delete", "touch"]), st.just("")),
)
STEPS = st.lists(st.tuples(st.sampled_from([0, 0, 0, 0, 1, 2, 4, 10]), ACTIONS), min_size=15, max_size=50)


@given(steps=STEPS)
@settings(max_examples=schedules(600, 150), deadline=None)
def test_never_do_two_lead(steps: list[tuple[int, tuple[str, str]]]) -> None:
    """Whatever is served, answered and lost in which order, whoever deletes the Lease; and epochs only rise."""
    asyncio.run(Play(dict.fromkeys(RATES, LEASE)).of(steps))


@given(steps=STEPS)
@settings(max_examples=schedules(300, 80), deadline=None)
def test_nor_while_the_duration_is_being_changed(steps: list[tuple[int, tuple[str, str]]]) -> None:
    """Unless somebody deletes the Lease then: it alone tells how long whoever holds it may lead."""
    kept = [(seconds, action) for seconds, action in steps if action[0] != "delete"]
    asyncio.run(Play({"a": LEASE, "b": LEASE / 2, "c": LEASE * 3}).of(kept))


def _first(count: int) -> Callable[[Request], None]:
    left = iter(range(count))
    return lambda request: request.answer() if next(left, None) is not None else None


class Play:
    def __init__(self, durations: Mapping[str, float]) -> None:
        self.world, self._durations = World(), durations
        self.all = {name: self._contender(name) for name in RATES}
        self.tasks: dict[str, asyncio.Task[bool]] = {}
        self.led = (0, "")
        """the last epoch in which somebody led, and who"""

    def _contender(self, name: str) -> Contender:
        return self.world.contender(RATES[name], self._durations[name])

    async def of(self, steps: list[tuple[int, tuple[str, str]]]) -> None:
        await self._begin_with_a_leader()
        for seconds, (what, who) in steps:
            self.world.clock.pass_(seconds)
            do, *count = what.split()
            getattr(self, do)(who, *map(int, count))
            await self._rest()
            self._check()
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)

    async def _begin_with_a_leader(self) -> None:
        await led_by(self.world, self.all["a"])
        for each in self.all.values():
            await each.acquire()
        self._check()

    def _check(self) -> None:
        leaders = [name for name, each in self.all.items() if each.lease.held()]
        assert len(leaders) <= 1
        for (
            name
        ) in leaders:  # whoever took an epoch may learn it when another has gone on: he doesn't lead by it
            now = self.all[name].lease.epoch, name
            assert now == self.led or now[0] > self.led[0]
            self.led = now

    async def _rest(self) -> None:
        for _ in range(40):
            await asyncio.sleep(0)

    def acquire(self, name: str) -> None:
        self._start(name, Request.answer)

    def begin(self, name: str, answered: int) -> None:
        """So many of its requests go well, the rest waits until it is told what becomes of it."""
        self._start(name, _first(answered))

    def wrest(self, name: str, answered: int) -> None:
        self._start(name, _first(answered), lambda: self.all[name].lease.wrest(self._sleeper(name)))

    def _sleeper(self, name: str) -> Callable[[float], Awaitable[None]]:
        async def sleep(seconds: float) -> None:
            end = self.world.clock.now * RATES[name] + seconds
            while self.world.clock.now * RATES[name] < end:
                await asyncio.sleep(0)

        return sleep

    def _start(
        self,
        name: str,
        meet: Callable[[Request], None],
        do: Callable[[], Coroutine[Any, Any, bool]] | None = None,
    ) -> None:
        self.all[name].line.meet = meet
        if name not in self.tasks or self.tasks[name].done():
            self.tasks[name] = asyncio.ensure_future((do or self.all[name].acquire)())

    def release(self, name: str) -> None:
        self._release(name, Request.answer)

    def leave(self, name: str, answered: int) -> None:
        """A release whose requests wait, too."""
        self._release(name, _first(answered))

    def _release(self, name: str, meet: Callable[[Request], None]) -> None:
        self.all[name].line.meet = meet
        self.tasks[f"release {name}"] = asyncio.ensure_future(self.all[name].lease.release())

    def restart(self, name: str) -> None:
        """Another process that knows nothing; what the one before asked for may still be on its way."""
        for key in (name, f"release {name}"):
            if task := self.tasks.pop(key, None):
                task.cancel()
        requests = self.all[name].line.requests
        self.all[name] = self._contender(name)
        self.all[name].line.requests.extend(requests)
        self.led = (self.led[0], "") if self.led[1] == name else self.led

    def serve(self, name: str) -> None:
        """Also of a request that was given up: the server may hear of it late."""
        for request in self.all[name].line.requests:
            request.serve()

    def answer(self, name: str) -> None:
        for request in self.all[name].line.requests:
            request.answer()

    def lose(self, name: str) -> None:
        for request in self.all[name].line.requests:
            request.lose()

    def delete(self, _: str) -> None:
        self.world.delete()

    def touch(self, _: str) -> None:
        if KEY in self.world.server.objects:
            self.world.touch()
