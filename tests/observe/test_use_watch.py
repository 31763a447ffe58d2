"""When nodes are asked what containers use, what is made of it, and that one node's trouble is its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from math import isnan
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from hadoop.use_answers import answer, using
from observe.gpu_pictures import training as with_gpus
from observe.pictures import fleet
from observe.use_pictures import MIB, told, training, uses
from trainmaster.errors import DeniedError, UnavailableError
from trainmaster.hadoop.asking import Asking
from trainmaster.hadoop.container_use import Use, UseTrouble
from trainmaster.master import clock
from trainmaster.master.picture import FleetPicture
from trainmaster.observe.gpus.rota import Rota
from trainmaster.observe.use import curves, exposition
from trainmaster.observe.use.curves import KEPT, Sample, later, samples
from trainmaster.observe.use.curves import told as samples_of
from trainmaster.observe.use.exposition import UseCollector
from trainmaster.observe.use.values import Nodes, Said, SaidBy, heard, uses_of
from trainmaster.observe.use.watch import AT_ONCE, MOST_A_TURN, UseWatch
from trainmaster.observe.use.words import use_words
from trainmaster.settings import Use as Settings
from trainmaster.web.use import troubles

# --- what is made of an answer


def test_a_replica_is_told_of_by_its_own_node_alone() -> None:
    """A node that tells of others' containers isn't believed about them."""
    said = told(n1={"c1": uses(100, 0.5)}, n2={"c1": uses(900, 9)})
    first, second = uses_of(training(containers={"c1": "n1", "c2": "n2"}), said)
    assert first.use == uses(100, 0.5)
    assert second.use is None


def test_words_name_what_is_used_of_what_was_granted() -> None:
    (replica,) = uses_of(training(memory=4096), told(n1={"c1": uses(1024, 0.94, peak=3072)}))
    assert use_words(replica) == "1.0 of 4.0 GiB (peak 3.0), 0.9 cores of 2 vcores"
    assert replica.peak_ratio == 0.75
    (unknown,) = uses_of(training(), {})
    assert use_words(unknown) == ""
    assert unknown.peak_ratio is None


OURS = {"c1", "c2"}


def test_a_node_counts_as_not_measuring_only_where_a_container_has_no_number_in_two_answers() -> None:
    empty: Mapping[str, Use] = {"c1": Use()}
    first = heard("n1", empty, None, OURS)
    assert first.trouble is None
    second = heard("n1", empty, first, OURS)
    assert second.trouble is UseTrouble.OFF
    assert "yarn.nodemanager.container-metrics.period-ms" in second.words
    assert heard("n1", {"c2": Use()}, second, OURS).trouble is UseTrouble.OFF, "until there is a number"
    assert heard("n1", {"c9": uses(1, 1)}, second, OURS).trouble is None, "also one of somebody else's"


@pytest.mark.parametrize("answers", [({}, {}, {}), ({"c1": Use()}, {"c2": Use()}), ({}, {"c1": Use()})])
def test_a_node_on_which_nothing_has_run_for_long_is_not_said_not_to_measure(
    answers: tuple[Mapping[str, Use], ...],
) -> None:
    """While files are brought to a container there is nothing to measure, and for its first seconds nothing was."""
    said = None
    for used in answers:
        said = heard("n1", used, said, OURS)
        assert said.trouble is None


def test_nodes_are_those_of_containers_that_live() -> None:
    shown = fleet(training("a", {"c1": "n1", "c2": "n2"}), training("b", {"c3": "n2"}))
    nodes = Nodes()
    assert nodes.of(shown) == {"n1:8042": "n1", "n2:8042": "n2"}
    assert nodes.of(shown) == {"n1:8042": "n1", "n2:8042": "n2"}
    assert nodes.of(fleet(training("b", {"c3": "n2"}))) == {"n2:8042": "n2"}


def test_of_many_nodes_those_are_asked_first_that_waited_longest() -> None:
    rota = Rota(30)
    every = [f"n{number:03d}" for number in range(250)]
    asked = [rota.due(every, turn, 100) for turn in range(3)]
    assert [len(each) for each in asked] == [100, 100, 50]
    assert sorted(node for each in asked for node in each) == every
    for node in asked[0]:
        rota.answered(node, 10, well=True)
    for node in asked[1]:
        rota.answered(node, 5, well=True)
    assert rota.due(every, 100, 100) == asked[1]


# --- curves


def at(minute: int, memory: float) -> dict[str, dict[str, Sample]]:
    return {"u": {"worker": Sample(minute, memory, memory, 1.0, 1.0)}}


@given(st.lists(st.tuples(st.integers(1, 40), st.booleans()), max_size=150))
def test_a_curve_holds_the_last_hour_in_order_and_no_more(moves: list[tuple[int, bool]]) -> None:
    now, known, made = 29_000_000, [], {}
    for step, is_told in moves:
        now += step
        made = later(made, at(now, step) if is_told else {}, now)
        known += [now] if is_told else []
        wanted = [minute for minute in known if minute > now - KEPT]
        curve = made.get("u", {}).get("worker")
        assert [s.minute for s in samples_of(curve)] == wanted if curve is not None else not wanted


def test_a_role_is_sampled_by_its_mean_and_by_the_replica_with_most() -> None:
    said = told(n1={"c1": uses(100, 1.0), "c2": uses(300, 0.0)})
    shown = training(containers={"c1": "n1", "c2": "n1", "c3": "n2"})
    found = samples(uses_of(shown, said), {"c1": 0.5}, 7)
    assert found == {"worker": Sample(7, 200, 300, 0.5, 1.0, 0.5)}
    assert samples(uses_of(shown, {}), {}, 7) == {}
    (only_gpu,) = samples(uses_of(shown, {}), {"c3": 0.25}, 7).values()
    assert isnan(only_gpu.memory)
    assert only_gpu.gpu == 0.25


# --- the watch


class Nodes_(Asking):  # noqa: N801 - Nodes is a value of the code
    """Nodes by web address: an answer, or the error that asking them ends with; others are silent."""

    def __init__(self, **answers: str | Exception) -> None:
        super().__init__()
        self.answers = {f"{host}:8042": said for host, said in answers.items()}
        self.asked: list[str] = []

    async def get(self, url: str, timeout: float) -> bytes:
        assert url.endswith("/jmx?qry=Hadoop:service=NodeManager,name=ContainerResource_*")
        http = url.split("/")[2]
        self.asked.append(http)
        said = self.answers.get(http)
        if said is None:
            await asyncio.Event().wait()
        if isinstance(said, Exception):
            raise said
        return str(said).encode()


async def turned(nodes: Asking, shown: FleetPicture, settings: Settings | None = None) -> UseWatch:
    """After two turns with time for the answers between them."""
    watch = UseWatch(settings or Settings(), "http", nodes, lambda: shown)
    await watch.turn()
    silent = {"n3:8042"}
    while {http for http in shown_nodes(shown) if http not in silent} - watch.picture().said.keys():
        await asyncio.sleep(0.01)
    await watch.turn()
    return watch


def shown_nodes(shown: FleetPicture) -> set[str]:
    return set(Nodes().of(shown)) if shown.leading else set()


OK = answer(using("c1", 100, 0.5), using("other", 5000, 8))


async def test_each_node_of_ours_is_asked_once() -> None:
    nodes = Nodes_(n1=OK)
    watch = await turned(nodes, fleet(training(containers={"c1": "n1", "c2": "n1"})))
    assert nodes.asked == ["n1:8042"]
    assert watch.last()["n1:8042"].used == {"c1": uses(100, 0.5)}, "others' containers are many, and not kept"
    await watch.stop()
    assert watch.last() == {}


async def test_a_standby_asks_nobody() -> None:
    nodes = Nodes_(n1=OK)
    await (await turned(nodes, fleet(training(), leading=False))).stop()
    assert nodes.asked == []


async def test_switched_off_nobody_is_asked() -> None:
    nodes = Nodes_(n1=OK)
    watch = UseWatch(Settings(poll_interval=0), "http", nodes, lambda: fleet(training()))
    running = asyncio.create_task(watch.run())
    await asyncio.sleep(0.05)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert nodes.asked == []
    assert not watch.picture().asked


@pytest.mark.parametrize(
    ("said", "trouble"),
    [
        (UnavailableError("http://n2: the answer is longer than 1024 KiB"), UseTrouble.UNREACHABLE),
        (DeniedError("403", "http://n2: 403"), UseTrouble.DENIED),
        ("<html>It works!</html>", UseTrouble.SENSELESS),
        (ZeroDivisionError(), UseTrouble.SENSELESS),
    ],
)
async def test_the_trouble_of_one_node_is_its_own(said: str | Exception, trouble: UseTrouble) -> None:
    """n3 never answers."""
    shown = fleet(training(containers={"c1": "n1", "c2": "n2", "c3": "n3"}))
    watch = await turned(Nodes_(n1=OK, n2=said), shown)
    first, second, third = uses_of(shown.jobs["uid-mnist"], watch.last())
    assert first.use == uses(100, 0.5)
    assert first.trouble == ""
    assert second.trouble.startswith(f"{trouble}: ")
    assert third.trouble == "", "nothing is known of it yet"
    await watch.stop()


async def test_the_same_trouble_of_many_nodes_is_told_in_the_same_words() -> None:
    """So that it is told once, and not for each of thousands of nodes."""

    class Silent(Asking):
        async def get(self, url: str, timeout: float) -> bytes:
            if "n3" in url:
                raise DeniedError("403", f"{url}: HTTP status 403")
            raise UnavailableError(f"{url}: no answer within {timeout:g} s")

    shown = fleet(training(containers={"c1": "n1", "c2": "n2", "c3": "n3"}))
    watch = UseWatch(Settings(), "http", Silent(), lambda: shown)
    await watch.turn()
    while len(watch.picture().said) < 3:
        await asyncio.sleep(0.01)
    told_ = troubles(uses_of(shown.jobs["uid-mnist"], watch.picture().said))
    assert [(each["trouble"], each["nodes"]) for each in told_] == [
        ("Denied: 403: HTTP status 403", 1),
        ("Unreachable: no answer within 10 s", 2),
    ]
    await watch.stop()


async def test_thousands_of_nodes_are_asked_by_and_by() -> None:
    containers = {f"c{n}": f"n{n}" for n in range(3 * MOST_A_TURN)}
    nodes = Nodes_()
    watch = UseWatch(Settings(), "http", nodes, lambda: fleet(training(containers=containers)))
    for turns in (1, 2, 3):
        await watch.turn()
        await asyncio.sleep(0)
        assert len(nodes.asked) == min(AT_ONCE, turns * MOST_A_TURN)
        assert watch.asks == turns * MOST_A_TURN
    await watch.stop()


async def test_what_is_used_is_noted_once_a_minute_with_gpus_beside_it() -> None:
    shown, now = fleet(training()), 1_750_000_000.0
    watch = UseWatch(Settings(), "http", Nodes_(n1=OK), lambda: shown)
    for at_ in (now, now + 1, now + 61, now + 122, now + 123):
        with patch.object(clock, "now", return_value=at_):
            await watch.turn()
        while not watch.picture().said:
            await asyncio.sleep(0.01)
    kept = list(samples_of(watch.picture().curves["uid-mnist"]["worker"]))
    assert [s.memory for s in kept] == [100, 100], "before its first answer there was nothing to note"
    await watch.stop()


# --- metrics


def exposed(shown: FleetPicture, said: SaidBy) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(UseCollector(lambda: shown, lambda: said))
    return registry


def test_a_replica_has_series_of_what_is_told_of_it() -> None:
    shown = fleet(training(containers={"c1": "n1", "c2": "n2"}))
    registry = exposed(shown, told(n1={"c1": uses(100, 0.5, peak=300)}))
    role = {"job_namespace": "vision", "job_name": "mnist", "role": "worker"}
    first = role | {"index": "0"}

    def value(name: str, labels: dict[str, str]) -> float | None:
        return registry.get_sample_value(f"trainmaster_{name}", labels)

    assert value("replica_memory_used_bytes", first) == 100 * MIB
    assert value("replica_memory_peak_bytes", first) == 300 * MIB
    assert value("replica_cpu_used_cores", first) == 0.5
    assert value("role_memory_requested_bytes", role) == 1024 * MIB
    assert value("role_vcores_requested", role) == 2
    assert value("replica_memory_used_bytes", role | {"index": "1"}) is None
    assert registry.get_sample_value("trainmaster_use_nodes", {"state": "Told"}) == 1


def test_replicas_above_a_number_have_no_series_and_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposition, "MOST", 2)
    shown = fleet(training(containers={f"c{n}": "n1" for n in range(5)}))
    registry = exposed(shown, told(n1={f"c{n}": uses(1, 1) for n in range(5)}))
    assert registry.get_sample_value("trainmaster_replica_use_left_out") == 3


def test_what_ended_has_no_series_of_its_use() -> None:
    ended = training()
    shown = replace(ended, memory=replace(ended.memory, application=None) if ended.memory else None)
    registry = exposed(fleet(shown), told(n1={"c1": uses(1, 1)}))
    labels = {"job_namespace": "vision", "job_name": "mnist", "role": "worker", "index": "0"}
    assert registry.get_sample_value("trainmaster_replica_memory_used_bytes", labels) is None


def test_nodes_are_counted_by_what_they_tell() -> None:
    said = {
        "n1:1": Said("n1"),
        "n2:1": Said("n2", trouble=UseTrouble.OFF),
        "n3:1": Said("n3", trouble=UseTrouble.OFF),
    }
    registry = exposed(fleet(with_gpus()), said)
    assert registry.get_sample_value("trainmaster_use_nodes", {"state": "Off"}) == 2


def test_a_curve_costs_what_its_numbers_take() -> None:
    """Not ten times that: of thousands of roles it is kept."""
    made: curves.Curves = {}
    for minute in range(200):
        made = later(made, at(minute, 1.0), minute)
    curve = made["u"]["worker"]
    assert curve.buffer_info()[1] * curve.itemsize <= KEPT * 6 * 8
