"""A lost worker of a gang: its peers are started anew in their own containers, and all know of each other again."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from rare import rare
from real.cluster import until
from real.reading import HELD, SMALL, held, processes, worker
from real.rooms import Room, eager
from trainer.ledger import Entry, Ledger
from trainmaster.api.status import ConditionType as C
from trainmaster.api.status import JobStatus
from trainmaster.local.cluster import LocalHadoop

ONE_OF_TWO = (
    "tests/real/test_in_place.py::test_a_controller_killed_in_the_middle_of_it_has_all_told_once_more"
)


@pytest.fixture(scope="module")
def kind() -> str:
    """What comes after a declaration is the same whatever its source."""
    return "folder"


@pytest.fixture(scope="module", autouse=True)
def in_place() -> Iterator[None]:
    """It isn't the default."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRAINMASTER_RESTART_IN_PLACE", "true")
        yield


def gang(ledger: Ledger, replicas: int = 3, **more: object) -> dict[str, object]:
    echo = "TRAINMASTER_GENERATION"
    return eager(worker=held(ledger, replicas, echo=echo, **more) | {"restartScope": "Job"})


def all_again(room: Room, name: str, ledger: Ledger, generation: int, replicas: int = 3) -> list[Entry]:
    """The processes of this generation, once all of them run."""

    def found() -> list[Entry]:
        return [e for e in ledger.running() if e.echo == {"TRAINMASTER_GENERATION": str(generation)}]

    until(lambda: len(found()) == replicas, 90)
    room.until(name, lambda s: s.is_true(C.RUNNING) and s.workers_summary == f"{replicas}/{replicas}")
    return sorted(found(), key=lambda e: e.index)


def know_each_other(entries: list[Entry]) -> None:
    assert len({str(e.cluster) for e in entries}) == 1, "all were told of the same addresses"
    assert all(e.cluster["worker"][e.index].endswith(f":{e.port}") for e in entries)


def ends_well(room: Room, name: str, ledger: Ledger) -> JobStatus:
    ledger.go()
    status = room.until_true(name, C.FINISHED, 120)
    assert status.is_true(C.SUCCEEDED)
    assert ledger.twice() == []
    for index in range(3):
        steps = [step for step, _ in ledger.steps(f"worker-{index}")]
        assert steps == list(range(1, HELD + 1)), "it went on where it was"
    return status


@pytest.mark.parametrize("term", ["obey", "ignore"])
def test_survivors_keep_their_containers_and_are_told_of_the_new_peer(
    term: str, shared: Room, ledger: Ledger
) -> None:
    shared.drop(f"kept-{term}", gang(ledger, term=term))
    shared.until_true(f"kept-{term}", C.RUNNING)
    first = {e.who: e for e in processes(ledger, 3)}

    first["worker-1"].kill()
    again = {e.who: e for e in all_again(shared, f"kept-{term}", ledger, 2)}
    kept = {who for who in first if again[who].container == first[who].container}
    assert kept == {"worker-0", "worker-2"}
    know_each_other(list(again.values()))
    assert not {e.port for e in first.values()} & {again[who].port for who in kept}
    status = ends_well(shared, f"kept-{term}", ledger)
    assert status.restarts == 1
    assert [r.restarts for r in status.roles["worker"].replicas] == [0, 1, 0]
    assert len(ledger.starts()) == 6


def test_nothing_of_a_generation_begins_before_all_of_the_one_before_are_gone(
    shared: Room, tmp_path: Path
) -> None:
    """They take their time to go, as one that writes its last checkpoint does."""
    lines = tmp_path / "lines"
    command = (
        f"trap '' TERM; while true; do echo $TRAINMASTER_GENERATION $TRAINMASTER_INDEX $$ $(date +%s%N) >> {lines};"
        " sleep 0.02; done"
    )
    shared.drop("apart", eager(worker=SMALL | {"replicas": 3, "command": command, "restartScope": "Job"}))

    def said(generation: int) -> list[list[int]]:
        found = [list(map(int, line.split())) for line in lines.read_text().splitlines()]
        return [line for line in found if line[0] == generation]

    def all_said(generation: int) -> bool:
        return lines.exists() and {line[1] for line in said(generation)} == {0, 1, 2}

    for generation in (1, 2):
        until(lambda: all_said(generation), 60)  # noqa: B023
        shared.until("apart", lambda s: s.is_true(C.RUNNING) and s.workers_summary == "3/3")
        os.kill(said(generation)[-1][2], signal.SIGKILL)
    until(lambda: all_said(3), 60)
    for before in (1, 2):
        assert max(line[3] for line in said(before)) < min(line[3] for line in said(before + 1))
    shared.delete("apart")


def test_what_is_lost_meanwhile_is_asked_for_too(shared: Room, ledger: Ledger) -> None:
    shared.drop("two", gang(ledger))
    shared.until_true("two", C.RUNNING)
    first = {e.who: e for e in processes(ledger, 3)}

    first["worker-1"].kill()
    first["worker-2"].kill()
    again = {e.who: e for e in all_again(shared, "two", ledger, 2)}
    assert [who for who in first if again[who].container == first[who].container] == ["worker-0"]
    know_each_other(list(again.values()))
    assert ends_well(shared, "two", ledger).restarts == 1


def test_a_lost_node_takes_its_own_alone(room: Room, ledger: Ledger, hadoop: LocalHadoop) -> None:
    room.controller()
    room.drop("spread", gang(ledger, 4))
    status = room.until_true("spread", C.RUNNING)
    first = {e.who: e for e in processes(ledger, 4)}
    host = worker(status, 0).node
    gone = [f"worker-{r.index}" for r in status.roles["worker"].replicas if r.node == host]
    assert len(gone) < 4, "they are spread over two nodes"
    number = next(i for i, n in enumerate(hadoop.addresses.nodes, 1) if n.rpc.startswith(f"{host}:"))

    hadoop.kill(f"nodemanager-{number}")
    for who in gone:
        first[who].kill()  # the whole machine is gone, its processes too
    again = {e.who: e for e in all_again(room, "spread", ledger, 2, 4)}
    kept = {who for who in first if again[who].container == first[who].container}
    assert kept == first.keys() - set(gone)
    know_each_other(list(again.values()))
    assert ledger.twice() == []
    assert room.status("spread").restarts == 0, "a lost node is not the user's doing"


@pytest.mark.parametrize(
    ("times", "generation"),
    [
        pytest.param(1, 2, marks=rare(ONE_OF_TWO)),
        (2, 2),
        (3, 3),
        pytest.param(4, 3, marks=rare(ONE_OF_TWO)),
    ],
)
def test_a_controller_killed_in_the_middle_of_it_has_all_told_once_more(
    times: int, generation: int, room: Room, ledger: Ledger
) -> None:
    """Two are to make place, and then two of the new generation come in their places."""
    first = room.controller(kill_at=f"half-anew:{times}")
    room.drop("anew", gang(ledger))
    room.until_true("anew", C.RUNNING)
    before = processes(ledger, 3)
    before[1].kill()
    assert first.wait_for_death() == -signal.SIGKILL

    room.controller()
    again = all_again(room, "anew", ledger, generation)
    know_each_other(again)
    assert {e.container for e in again} >= {before[0].container, before[2].container}
    assert ends_well(room, "anew", ledger).restarts == 1


def test_an_edit_of_variables_or_numbers_keeps_all_containers(shared: Room, ledger: Ledger) -> None:
    def wanted(replicas: int = 3, **more: object) -> dict[str, object]:
        job = gang(ledger, replicas, **more)
        role = job["roles"]["worker"] | {"terminationGracePeriod": "0s"}  # type: ignore[index]  # a job as it is written
        return job | {"roles": {"worker": role}}

    shared.drop("edited", wanted())
    shared.until_true("edited", C.RUNNING)
    first = {e.who: e.container for e in processes(ledger, 3)}
    shared.drop("edited", wanted(edited="yes"))
    again = all_again(shared, "edited", ledger, 2)
    assert {e.who: e.container for e in again} == first
    know_each_other(again)
    shared.drop("edited", wanted(4, edited="yes"))
    more = all_again(shared, "edited", ledger, 3, replicas=4)
    assert {e.who: e.container for e in more if e.who in first} == first
    know_each_other(more)
    assert ends_well(shared, "edited", ledger).restarts == 0
