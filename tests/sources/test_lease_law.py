"""Never do two lead by a folder, and no epoch is led in twice: whatever is slow, lost, wiped, restarted or racing."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.building import LEASE, Clock
from sources.kubernetes.line import Request
from thorough import schedules
from trainmaster.sources.epochs import Epochs
from trainmaster.sources.lease import FolderLease
from trainmaster.sources.local_files import LocalFiles

RATES = {"a": 1.0, "b": 1.2, "c": 0.85}
"""how fast the clocks run"""
DURATIONS = {"a": LEASE, "b": LEASE / 2, "c": LEASE * 3}
"""seconds, by their settings: as while one is being changed"""
WHO = st.sampled_from("abc")
ACTIONS = st.one_of(
    st.tuples(st.just("acquire"), WHO),
    st.tuples(st.builds("begin {}".format, st.integers(0, 8)), WHO),
    st.tuples(st.sampled_from(["serve", "answer", "answer", "lose"]), WHO),
    st.tuples(st.sampled_from(["release", "leave 0", "leave 1", "restart"]), WHO),
    st.tuples(st.sampled_from(["wipe", "wipe_newest"]), st.just("")),
)
STEPS = st.lists(st.tuples(st.sampled_from([0, 0, 0, 1, 2, 4, 10]), ACTIONS), min_size=10, max_size=40)


class Steps:
    """The store's calls of one controller, in the shape of Threads. `meet` is what becomes of each."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.meet: Callable[[Request], None] = Request.answer

    async def call(self, function: Callable[..., Any], *args: Any) -> Any:
        request = Request(lambda: function(*args))
        self.requests.append(request)
        self.meet(request)
        return await request.future


class Play:
    def __init__(self, store: Path, begun: bool) -> None:
        self._store, self._clock = store, Clock()
        self._epochs = Epochs(LocalFiles(), f"{store}/journal")
        self._steps = {name: Steps() for name in RATES}
        self._all = {name: self._contender(name) for name in RATES}
        self._tasks: dict[str, asyncio.Task[Any]] = {}
        self._led = (0, "")
        """the last epoch in which somebody led, and who"""
        if begun:
            (store / "journal" / "000004").mkdir(parents=True)

    def _contender(self, name: str) -> FolderLease:
        steps, rate = self._steps[name], RATES[name]
        folder, now = f"{self._store}/lease", lambda: self._clock.now * rate
        return FolderLease(LocalFiles(), folder, steps, DURATIONS[name], now, self._epochs)  # type: ignore[arg-type]

    async def of(self, steps: list[tuple[int, tuple[str, str]]]) -> None:
        for each in self._all.values():  # one leads, the others have seen it
            await each.acquire()
        for seconds, (what, who) in steps:
            self._clock.pass_(seconds)
            do, *count = what.split()
            getattr(self, do)(who, *map(int, count))
            for _ in range(30):
                await asyncio.sleep(0)
            self._check()
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _check(self) -> None:
        leaders = [name for name, each in self._all.items() if each.held()]
        assert len(leaders) <= 1
        for name in leaders:
            now = self._all[name].epoch, name
            assert now == self._led or now[0] > self._led[0]
            self._led = now

    def _do(self, name: str, what: str, meet: Callable[[Request], None]) -> None:
        self._steps[name].meet = meet
        key = f"{what} {name}"
        if key not in self._tasks or self._tasks[key].done():
            self._tasks[key] = asyncio.ensure_future(getattr(self._all[name], what)())

    def acquire(self, name: str) -> None:
        self._do(name, "acquire", Request.answer)

    def begin(self, name: str, answered: int) -> None:
        """So many of its calls go well, the rest waits until it is told what becomes of it."""
        self._do(name, "acquire", _first(answered))

    def release(self, name: str) -> None:
        self._do(name, "release", Request.answer)

    def leave(self, name: str, answered: int) -> None:
        self._do(name, "release", _first(answered))

    def serve(self, name: str) -> None:
        """Also a call that was given up: the store may hear of it late."""
        for request in self._steps[name].requests:
            request.serve()

    def answer(self, name: str) -> None:
        for request in self._steps[name].requests:
            request.answer()

    def lose(self, name: str) -> None:
        for request in self._steps[name].requests:
            request.lose()

    def restart(self, name: str) -> None:
        """Another process that knows nothing; what the one before asked of the store may still be on its way."""
        for what in ("acquire", "release"):
            if task := self._tasks.pop(f"{what} {name}", None):
                task.cancel()
        self._all[name] = self._contender(name)
        self._led = (self._led[0], "") if self._led[1] == name else self._led

    def wipe(self, _: str) -> None:
        """Somebody clears the lease's folder away. The journal's nobody may: all that is remembered goes with it."""
        shutil.rmtree(self._store / "lease", ignore_errors=True)

    def wipe_newest(self, _: str) -> None:
        if newest := max((self._store / "lease").glob("epoch-*"), default=None):
            newest.unlink()


def _first(count: int) -> Callable[[Request], None]:
    left = iter(range(count))
    return lambda request: request.answer() if next(left, None) is not None else None


@given(steps=STEPS, begun=st.booleans())
@settings(max_examples=schedules(600, 100), deadline=None)
def test_never_do_two_lead(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, tuple[str, str]]], begun: bool
) -> None:
    asyncio.run(Play(tmp_path_factory.mktemp("store"), begun).of(steps))
