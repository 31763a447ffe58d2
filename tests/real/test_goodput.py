"""What became of a job's time, beside what its processes wrote down themselves of each of their steps."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from rare import at_one_door
from real.reading import SMALL, last_exit, worker
from real.rooms import Room
from trainmaster.api.goodput_status import GoodputStatus
from trainmaster.api.status import ConditionType as C

pytestmark = at_one_door("kubernetes")

TRAIN = """\
import os, signal, sys, time
from trainmaster_report import report

FOLDER, PACE, STEPS, EVERY, DIES = sys.argv[1], float(sys.argv[2]), *map(int, sys.argv[3:6])
index, generation = os.environ["TRAINMASTER_INDEX"], os.environ["TRAINMASTER_GENERATION"]
time.sleep(2)
saved = FOLDER + "/checkpoint"
done = int(open(saved).read() or 0) if os.path.exists(saved) else 0
for step in range(done + 1, STEPS + 1):
    began = time.time()
    time.sleep(PACE)
    with open(FOLDER + "/worker-" + index, "a") as file:
        file.write(" ".join(map(str, (generation, step, began, time.time()))) + "\\n")
    report(step, STEPS)
    if index == "0" and step % EVERY == 0:
        with open(saved + ".new", "w") as file:
            file.write(str(step))
        os.replace(saved + ".new", saved)
    if index == "1" and generation == "1" and step == DIES:
        time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGKILL)
time.sleep(2)
"""
APART = 3.0
"""seconds of each replica by which both may differ: a report is up to a second on its way, and so is an end"""


@dataclass(frozen=True)
class Step:
    """One that a process took."""

    generation: int
    number: int
    began: float
    ended: float


def steps(folder: Path) -> list[Step]:
    lines = [line.split() for path in folder.glob("worker-*") for line in path.read_text().splitlines()]
    return [Step(int(g), int(n), float(began), float(ended)) for g, n, began, ended in lines]


def taken(folder: Path) -> tuple[float, float]:
    """Seconds of replicas in steps that were new, and in those that were made again."""
    known = steps(folder)
    furthest = max((each.number for each in known if each.generation == 1), default=0)
    again = [each for each in known if each.generation > 1 and each.number <= furthest]
    assert again, "a failure between two checkpoints undoes some"
    whole, lost = (sum(each.ended - each.began for each in some) for some in (known, again))
    return whole - lost, lost


def told(goodput: GoodputStatus | None) -> GoodputStatus:
    assert goodput is not None
    return goodput


def test_the_time_of_a_job_is_told_as_its_processes_spent_it(room: Room, tmp_path: Path) -> None:
    room.controller(TRAINMASTER_REPORTS__PORT="0")
    command = f"cat > train.py <<'EOF'\n{TRAIN}EOF\n{sys.executable} train.py {tmp_path} 0.5 60 20 35"
    role = SMALL | {"replicas": 2, "command": command, "restartScope": "Job", "terminationGracePeriod": "0s"}
    room.drop("told", {"runPolicy": {"backoff": {"base": "0s"}}, "roles": {"worker": role}})

    killed = last_exit(worker(room.until("told", lambda s: s.restarts == 1, 120), 1))
    status = room.until_true("told", C.FINISHED, 240)
    assert status.is_true(C.SUCCEEDED)
    goodput = told(status.goodput)
    new, again = taken(tmp_path)
    found = goodput.seconds
    (tmp_path / "told").write_text(f"told {found}, taken {new:.1f} s of new steps and {again:.1f} s again\n")
    assert abs(found["Replaying"] - again) <= 2 * APART, (found, again)
    assert abs(found["Training"] - new) <= 2 * (APART + 2), (found, new)
    assert found["Recovering"] >= 1
    assert found["Starting"] >= 1
    lost = sum(found.get(name, 0) for name in ("Recovering", "Replaying", "Stalled"))
    assert goodput.lost_by_cause.keys() == {"Killed"}
    assert goodput.lost_by_node.keys() == {killed.node}
    assert abs(goodput.lost_by_cause["Killed"] - lost) <= len(found), "whole seconds"
