"""Stopping gently on real NodeManagers, whose own 250 ms between SIGTERM and SIGKILL are too short for a checkpoint."""

from __future__ import annotations

import shlex
import signal
import sys
from pathlib import Path
from typing import Any

from rare import at_one_door
from real.cluster import until
from real.reading import SMALL, message, reason
from real.rooms import Room, eager
from trainer.ledger import Ledger
from trainmaster.api.status import ConditionType as C

pytestmark = at_one_door("kubernetes")

SUSPEND = {("spec", "runPolicy", "suspend"): True}
CHECKPOINTS = """
import os, pathlib, signal, subprocess, sys, time

folder = pathlib.Path(sys.argv[1])
def note(name, text):
    with (folder / name).open("a") as file:
        file.write(text + "\\n")
def save(number, frame):
    note("asked", str(os.getpid()))
    time.sleep(float(sys.argv[2]))
    note("saved", str(os.getpid()))
    sys.exit(0)
signal.signal(signal.SIGTERM, save)
child = subprocess.Popen(["setsid", "sleep", "7773"])
note("child", str(child.pid))
note("there", str(os.getpid()))
while True:
    time.sleep(0.1)
"""
"""takes so many seconds to save what it has when it is told to go, and has a child in a session of its own"""


def saving(folder: Path, seconds: float, **fields: Any) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    words = (sys.executable, "-c", CHECKPOINTS, str(folder), str(seconds))
    return {"command": " ".join(map(shlex.quote, words)), **SMALL, **fields}


def lines(folder: Path, name: str) -> list[str]:
    path = folder / name
    return path.read_text().split() if path.exists() else []


def lives(pid: str) -> bool:
    stat = Path("/proc") / pid / "stat"
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def begun(folder: Path, count: int = 1) -> None:
    until(lambda: len(lines(folder, "there")) == count)


def test_a_suspended_job_has_time_for_its_checkpoint_and_leaves_nothing_behind(
    shared: Room, ledger: Ledger
) -> None:
    shared.drop("saves", eager(worker=saving(ledger.folder, 3)))
    begun(ledger.folder)
    shared.until_true("saves", C.RUNNING)

    shared.edit("saves", SUSPEND)
    until(lambda: lines(ledger.folder, "asked"))
    told = shared.until("saves", lambda s: "to end in" in message(s, C.SUSPENDED))
    assert reason(told, C.SUSPENDED) == "Suspending"
    shared.until_true("saves", C.SUSPENDED)

    assert len(lines(ledger.folder, "saved")) == 1
    assert len(lines(ledger.folder, "asked")) == 1, "nobody is told twice"
    assert not any(map(lives, lines(ledger.folder, "child")))


def test_who_takes_longer_than_its_time_is_ended_with_all_its_children(shared: Room, ledger: Ledger) -> None:
    role = saving(ledger.folder, 600, terminationGracePeriod="2s")
    shared.drop("stubborn", eager(worker=role))
    begun(ledger.folder)
    shared.until_true("stubborn", C.RUNNING)

    shared.delete("stubborn")
    until(lambda: "stubborn" not in shared.names())
    pids = lines(ledger.folder, "child") + lines(ledger.folder, "there")
    until(lambda: not any(map(lives, pids)), 5)
    assert lines(ledger.folder, "asked")
    assert lines(ledger.folder, "saved") == []


def test_all_of_a_gang_save_before_they_are_restarted_together(shared: Room, ledger: Ledger) -> None:
    role = saving(ledger.folder, 2, replicas=2, restartScope="Job")
    shared.drop("gang-saves", eager(worker=role))
    begun(ledger.folder, 2)
    shared.until_true("gang-saves", C.RUNNING)

    shared.edit("gang-saves", {("spec", "inputPath"): "file:///data"})
    begun(ledger.folder, 4)
    assert len(lines(ledger.folder, "saved")) == 2
    assert not any(map(lives, lines(ledger.folder, "there")[:2] + lines(ledger.folder, "child")[:2]))


def test_a_child_that_a_process_leaves_behind_does_not_live_beside_the_next_run(
    shared: Room, ledger: Ledger
) -> None:
    ledger.folder.mkdir(parents=True, exist_ok=True)
    pid = ledger.folder / "child"
    leaves = f"setsid sleep 7774 & echo $! >>{pid}; sleep 0.3; [ $TRAINMASTER_RUN -gt 1 ]"
    shared.drop("leaves", eager(worker={"command": leaves, **SMALL}))

    status = shared.until_true("leaves", C.FINISHED)
    assert status.is_true(C.SUCCEEDED)
    assert len(lines(ledger.folder, "child")) == 2
    until(lambda: not any(map(lives, lines(ledger.folder, "child"))), 5)


def test_a_controller_that_dies_in_the_midst_takes_no_time_away(room: Room, ledger: Ledger) -> None:
    first = room.controller()
    room.drop("goes-on", eager(worker=saving(ledger.folder, 12, terminationGracePeriod="1m")))
    begun(ledger.folder)
    room.until_true("goes-on", C.RUNNING)
    room.edit("goes-on", SUSPEND)
    until(lambda: lines(ledger.folder, "asked"))
    room.until("goes-on", lambda s: "to end in" in message(s, C.SUSPENDED))
    first.end(signal.SIGKILL)

    room.controller()
    room.until_true("goes-on", C.SUSPENDED)
    assert len(lines(ledger.folder, "saved")) == 1
    assert not any(map(lives, lines(ledger.folder, "child")))


def test_who_was_told_by_a_controller_that_died_of_it_is_not_told_again(room: Room, ledger: Ledger) -> None:
    """Killed between telling it and writing that down: the next one asks its node for what the launcher noted."""
    first = room.controller(kill_at="told-to-go")
    room.drop("told-once", eager(worker=saving(ledger.folder, 15, terminationGracePeriod="1m")))
    begun(ledger.folder)
    room.until_true("told-once", C.RUNNING)
    room.edit("told-once", SUSPEND)
    first.wait_for_death()
    until(lambda: lines(ledger.folder, "asked"))

    room.controller()
    room.until_true("told-once", C.SUSPENDED)
    assert len(lines(ledger.folder, "asked")) == 1
    assert len(lines(ledger.folder, "saved")) == 1
