"""Where inputs lie, on the way into decisions: looked up beside all else, once, and never a reason not to start."""

from __future__ import annotations

import asyncio
from typing import Any

from master.controllers import begun, wired
from master.folder import Folder
from master.office import job
from master.virtual import until, virtual
from trainmaster.errors import DeniedError
from trainmaster.hadoop.values import Resource
from trainmaster.master.inputs import AT_ONE_TIME, FRESH, PATIENCE, Inputs, Locate
from trainmaster.plan.input_look import InputLook
from trainmaster.plan.memory import Memory, replace
from yarn.nodemanager import NodeManager
from yarn.wires import Yarn

PATH = "hdfs:///in"
MEMORY = Memory("u", "default", "j")


def wants(**replicas: int) -> Any:
    near = {"worker": {"locality": "Input"}}
    return job(roles=near, spec={"inputPath": PATH}, **replicas)


class Locator:
    """Answers as the test says, and remembers who asked."""

    def __init__(self, *hosts: str) -> None:
        self.hosts, self.asked, self.holds = hosts, list[tuple[str, str]](), asyncio.Event()
        self.holds.set()

    async def __call__(self, url: str, user: str) -> InputLook:
        self.asked.append((url, user))
        await self.holds.wait()
        return InputLook(url, 10, dict.fromkeys(self.hosts, 10))


def inputs(locate: Locate) -> tuple[Inputs, list[str]]:
    rung: list[str] = []
    return Inputs(locate, rung.append), rung


async def settled(rung: list[str], times: int = 1) -> None:
    await until(lambda: len(rung) >= times)


# --- looking


@virtual
async def test_one_look_serves_a_generation_and_the_next_has_its_own() -> None:
    locate = Locator("b")
    looks, rung = inputs(locate)
    assert looks.of("u", PATH, "alice", MEMORY) is None
    await settled(rung)
    assert looks.of("u", PATH, "alice", MEMORY) == InputLook(PATH, 10, {"b": 10})
    assert locate.asked == [(PATH, "alice")]
    locate.hosts = ("c",)
    again = replace(MEMORY, generation=2)
    assert looks.of("u", PATH, "alice", again) == InputLook(PATH, 10, {"b": 10}), "until the next is there"
    await settled(rung, 2)
    assert looks.of("u", PATH, "alice", again) == InputLook(PATH, 10, {"c": 10})
    await looks.close()


@virtual
async def test_an_edited_path_is_looked_up_at_once_and_nothing_is_known_of_it() -> None:
    looks, rung = inputs(Locator("b"))
    looks.of("u", PATH, "alice", MEMORY)
    await settled(rung)
    assert looks.of("u", "hdfs:///other", "alice", MEMORY) is None
    await looks.close()


@virtual
async def test_what_one_user_sees_says_nothing_for_another() -> None:
    locate = Locator("b")
    looks, rung = inputs(locate)
    looks.of("u", PATH, "alice", MEMORY)
    await settled(rung)
    assert looks.of("u", PATH, "bob", MEMORY) is None
    await settled(rung, 2)
    assert locate.asked == [(PATH, "alice"), (PATH, "bob")]
    await looks.close()


@virtual
async def test_whoever_waits_for_long_looks_again_and_whoever_runs_does_not() -> None:
    locate = Locator("b")
    looks, rung = inputs(locate)
    runs = replace(MEMORY, started_generation=1)
    for memory in (MEMORY, runs):
        looks.of("u", PATH, "alice", memory)
    await settled(rung)
    await asyncio.sleep(FRESH)
    looks.of("u", PATH, "alice", runs)
    assert len(locate.asked) == 1
    looks.of("u", PATH, "alice", MEMORY)
    await settled(rung, 2)
    assert len(locate.asked) == 2
    await looks.close()


@virtual
async def test_what_went_wrong_is_what_is_known() -> None:
    async def denied(url: str, user: str) -> InputLook:
        raise DeniedError("AccessControlException", f"{user} may not read {url}")

    async def broken(url: str, _: str) -> InputLook:
        raise RuntimeError(url)

    async def silent(url: str, _: str) -> InputLook:
        await asyncio.sleep(PATIENCE * 2)
        raise AssertionError(url)

    expected = {
        denied: "alice may not read",
        broken: "the look for it failed",
        silent: "no answer within 10 s",
    }
    for locate, words in expected.items():
        looks, rung = inputs(locate)
        looks.of("u", PATH, "alice", MEMORY)
        await until(lambda rung=rung: rung, 30)  # type: ignore[misc]
        found = looks.of("u", PATH, "alice", MEMORY)
        assert found is not None
        assert words in found.words
        await looks.close()


@virtual
async def test_a_few_at_one_time_and_who_is_forgotten_leaves_his_place() -> None:
    locate = Locator("b")
    locate.holds.clear()
    looks, rung = inputs(locate)
    for number in range(AT_ONE_TIME + 2):
        looks.of(f"u{number}", PATH, "alice", MEMORY)
    await asyncio.sleep(0.1)
    assert len(locate.asked) == AT_ONE_TIME
    looks.forget("u0")
    await asyncio.sleep(0.1)
    assert len(locate.asked) == AT_ONE_TIME + 1
    locate.holds.set()
    await settled(rung, AT_ONE_TIME + 1)
    assert "u0" not in rung
    await looks.close()


# --- on a cluster


def near_input(folder: Folder) -> int | None:
    status = folder.shown.get("a")
    return status.roles["worker"].near_input if status and "worker" in status.roles else None


def yarn() -> Yarn:
    return Yarn(*(NodeManager(host, Resource(65536, 64)) for host in ("n1", "n2", "n3")))


@virtual
async def test_containers_come_to_the_nodes_of_the_input() -> None:
    for hosts in (("n1",), ("n3",)):
        folder, room, locate = Folder(), yarn(), Locator(*hosts)
        with wired(room, looks=True):
            ours, running = begun(folder, locate=locate)
            folder.put("a", wants(worker=2))
            await until(lambda room=room: len(room.running()) == 2)  # type: ignore[misc]
            assert {nm.host for nm, _ in room.processes()} == set(hosts)
            assert set(locate.asked) == {(PATH, "u")}
            await until(lambda folder=folder: near_input(folder) == 2)  # type: ignore[misc]
            ours.stop()
            await running


@virtual
async def test_who_hears_nothing_starts_all_the_same() -> None:
    folder, room, locate = Folder(), yarn(), Locator()
    locate.holds.clear()
    with wired(room, looks=True):
        ours, running = begun(folder, locate=locate)
        folder.put("a", wants(worker=2))
        await until(lambda: len(room.running()) == 2)
        ours.stop()
        await running
