"""When nodes are asked, what of it reaches a job's status, and that one node's trouble is its own."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from dataclasses import replace
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from hadoop.gpu_answers import answer, device
from observe.gpu_pictures import training
from observe.pictures import fleet
from trainmaster.errors import UnavailableError
from trainmaster.hadoop.asking import Asking
from trainmaster.master import clock
from trainmaster.master.gpus import ClusterGpus
from trainmaster.master.picture import FleetPicture
from trainmaster.observe.gpus.bill import Bill
from trainmaster.observe.gpus.coarse import NUMBERS, USE, Coarse
from trainmaster.observe.gpus.rota import LONGEST_PAUSE, Rota
from trainmaster.observe.gpus.watch import GpuWatch
from trainmaster.plan.values import HeldGpus
from trainmaster.settings import Gpu

# --- rota


def test_a_node_is_asked_an_interval_after_its_answer_and_never_twice_at_once() -> None:
    rota = Rota(30)
    assert rota.due({"a", "b"}, 0) == ["a", "b"]
    assert rota.due({"a", "b"}, 100) == [], "both are still being asked"
    rota.answered("a", 100, well=True)
    assert rota.due({"a", "b"}, 129) == []
    assert rota.due({"a", "b"}, 130) == ["a"]


def test_a_node_that_fails_is_asked_the_more_rarely() -> None:
    """Ten failures in a row make a NodeManager refuse for good."""
    rota, now, pauses = Rota(30), 0, []
    assert rota.due({"a"}, now) == ["a"]
    for _ in range(8):
        rota.answered("a", now, well=False)
        pause = next(seconds for seconds in range(10_000) if rota.due({"a"}, now + seconds))
        now += pause
        pauses.append(pause)
    assert pauses[:4] == [30, 60, 120, 240]
    assert pauses[-1] == LONGEST_PAUSE


def test_an_answer_makes_up_for_all_failures() -> None:
    rota = Rota(30)
    for well in (False, False, False, True):
        rota.due({"a"}, 1e6)
        rota.answered("a", 0, well=well)
    assert rota.due({"a"}, 30) == ["a"]


def test_a_node_that_left_and_comes_back_meanwhile_is_not_asked_twice() -> None:
    rota = Rota(30)
    rota.due({"a"}, 0)
    assert rota.due(set(), 1) == []
    assert rota.due({"a"}, 2) == []


@given(st.lists(st.tuples(st.integers(0, 60), st.booleans(), st.booleans(), st.booleans()), max_size=60))
def test_never_sooner_than_the_interval(moves: list[tuple[int, bool, bool, bool]]) -> None:
    """Whoever comes, goes, answers or fails."""
    rota, now, answered, asked = Rota(30), 0, -30, False
    for step, wanted, answers, well in moves:
        now += step
        if asked and answers:
            rota.answered("a", now, well=well)
            answered, asked = now, False
        if rota.due({"a"} if wanted else set(), now):
            assert not asked
            assert now - answered >= 30
            asked = True


# --- what stands in the status


def test_numbers_come_at_once_and_use_with_them() -> None:
    coarse = Coarse()
    coarse.heard("u", "c", 0.87)
    assert coarse.news("u", {"c": (1,)}, 0) == {"c": HeldGpus((1,), 90)}


def test_use_is_renewed_seldom_as_the_mean_of_what_was_heard() -> None:
    coarse = Coarse()
    coarse.heard("u", "c", 1.0)
    coarse.news("u", {"c": (1,)}, 0)
    for ratio in (0.0, 0.0, 0.3, 0.1):
        coarse.heard("u", "c", ratio)
        assert coarse.news("u", {"c": (1,)}, USE - 1) is None
    assert coarse.news("u", {"c": (1,)}, USE) == {"c": HeldGpus((1,), 10)}


def test_what_did_not_change_is_no_news() -> None:
    coarse = Coarse()
    coarse.heard("u", "c", 0.5)
    coarse.news("u", {"c": (1,)}, 0)
    coarse.heard("u", "c", 0.52)
    assert coarse.news("u", {"c": (1,)}, USE) is None


def test_a_node_that_falls_silent_takes_no_gpus_away_but_its_use_is_not_known() -> None:
    coarse = Coarse()
    coarse.heard("u", "c", 0.5)
    coarse.news("u", {"c": (1,)}, 0)
    assert coarse.news("u", {"c": None}, NUMBERS) is None
    assert coarse.news("u", {"c": None}, USE) == {"c": HeldGpus((1,), None)}


@given(st.lists(st.tuples(st.floats(0, 20), st.integers(0, 3), st.floats(0, 1)), max_size=200))
def test_writes_are_as_seldom_as_promised(moves: list[tuple[float, int, float]]) -> None:
    coarse, now, shown_at = Coarse(), 0.0, -1e9
    for step, containers, ratio in moves:
        now += step
        held = {f"c{n}": (n,) for n in range(containers)}
        for container in held:
            coarse.heard("u", container, ratio)
        if (news := coarse.news("u", held, now)) is not None:
            assert now - shown_at >= NUMBERS
            assert news.keys() == held.keys()
            shown_at = now


# --- the watch


class Nodes(Asking):
    """Nodes by web address: an answer, or the error that asking them ends with; others are silent."""

    def __init__(self, **answers: str | Exception) -> None:
        super().__init__()
        self.answers = {f"{host}:8042": said for host, said in answers.items()}
        self.asked: list[str] = []

    async def get(self, url: str, timeout: float) -> bytes:
        http = url.split("/")[2]
        self.asked.append(http)
        said = self.answers.get(http)
        if said is None:
            await asyncio.Event().wait()
        if isinstance(said, Exception):
            raise said
        return str(said).encode()


class Shown:
    def __init__(self) -> None:
        self.by_job: dict[str, Mapping[str, HeldGpus]] = {}

    def show_gpus(self, uid: str, found: Mapping[str, HeldGpus]) -> None:
        self.by_job[uid] = found

    def keep_gpus(self, uids: Mapping[str, object]) -> None:
        self.by_job = {uid: found for uid, found in self.by_job.items() if uid in uids}


async def turned(nodes: Nodes, shown: FleetPicture, to: Shown, settings: Gpu | None = None) -> GpuWatch:
    """After two turns with time for the answers between them."""
    watch = GpuWatch(settings or Gpu(), "http", nodes, lambda: shown, Bill(CollectorRegistry()))
    watch.turn(to)
    for _ in range(20):
        await asyncio.sleep(0)
    watch.turn(to)
    await watch.stop()
    return watch


OK = answer(device(0, 40), device(1, 60), owners={0: "c1", 1: "c1"})


async def test_only_nodes_where_we_hold_gpus_are_asked_and_once() -> None:
    nodes, to = Nodes(n1=OK), Shown()
    shown = fleet(training(gpus=2), gpus=ClusterGpus({}, {"n1:8042": "n1", "n9:8042": "n9"}))
    watch = await turned(nodes, shown, to)
    assert nodes.asked == ["n1:8042"]
    assert [gpu.minor for gpu in watch.picture().of_container("c1")] == [0, 1]
    assert to.by_job == {"uid-mnist": {"c1": HeldGpus((0, 1), 50)}}


@pytest.mark.parametrize(("nodes", "asked"), [("All", {"n1:8042", "n9:8042"}), ("None", set())])
async def test_a_setting_widens_it_to_all_nodes_or_to_none(nodes: str, asked: set[str]) -> None:
    asking = Nodes(n1=OK, n9=answer(device(0, 7)))
    shown = fleet(training(), gpus=ClusterGpus({}, {"n1:8042": "n1", "n9:8042": "n9"}))
    await turned(asking, shown, Shown(), Gpu.model_validate({"nodes": nodes}))
    assert set(asking.asked) == asked


async def test_a_standby_asks_nobody() -> None:
    nodes = Nodes(n1=OK)
    await turned(nodes, fleet(training(), leading=False), Shown())
    assert nodes.asked == []


async def test_who_leads_again_shows_again_what_did_not_change_meanwhile() -> None:
    leading, to = fleet(training(gpus=2)), Shown()
    now = [leading]
    watch = GpuWatch(Gpu(), "http", Nodes(n1=OK), lambda: now[0], Bill(CollectorRegistry()))
    with patch.object(clock, "monotonic", side_effect=itertools.count(1000, 100)):
        for shown in (leading, replace(leading, leading=False), leading):
            now[0] = shown
            for _ in range(3):
                watch.turn(to)
                for _ in range(20):
                    await asyncio.sleep(0)
            assert bool(to.by_job) is shown.leading
    await watch.stop()


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (UnavailableError("http://n2: refused"), "Unreachable"),
        ("<html>It works!</html>", "Senseless"),
        ("{}", "NoPlugin"),
        (ZeroDivisionError(), "Senseless"),
    ],
)
async def test_the_trouble_of_one_node_is_its_own(said: str | Exception, reason: str) -> None:
    """n3 never answers."""
    nodes, to = Nodes(n1=OK, n2=said), Shown()
    watch = await turned(nodes, fleet(training(containers={"c1": "n1", "c2": "n2", "c3": "n3"})), to)
    assert to.by_job == {"uid-mnist": {"c1": HeldGpus((0, 1), 50)}}
    assert watch.picture().trouble("c2").startswith(f"{reason}: ")
    assert watch.picture().trouble("c1") == watch.picture().trouble("c3") == ""
    assert watch.picture().said["n2:8042"].trouble == reason
