"""A training without a framework: it counts steps, checkpoints each, resumes, and can be told to misbehave.

Standard library only, so that any Python on any node runs it. Reads TRAINMASTER_ variables for who it is, and

  TRAINER_DIR      folder that all processes share: ledger, locks, steps, go files
  TRAINER_STEPS    steps to take, 20 by default; 0 counts for ever, as a parameter server does
  TRAINER_PACE     seconds a step, 0.1 by default
  TRAINER_TERM     "ignore" to ignore SIGTERM
  TRAINER_ECHO     names of variables, comma separated, whose values go into the ledger
  TRAINER_ACTS     JSON list of acts: {"who": "worker-1", "run": 1, "step": 5, "do": "exit", "with": 7}. `run` may be
                   left out for every run. An act is done before its step is taken; step 1 is the first ever.
                   exit: end with this code. signal: send oneself this signal. wait: until the file of this name is in
                   TRAINER_DIR. burn: hold this many MiB of memory.

The ledger is one file of JSON lines, one per event: start, twice (another process of this identity lives), busy (the
port is taken; the process ends with 1), end. Each process holds a lock on a file of its identity for its lifetime.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path

FOLDER = Path(os.environ["TRAINER_DIR"])
ROLE, INDEX, RUN = (
    os.environ["TRAINMASTER_ROLE"],
    int(os.environ["TRAINMASTER_INDEX"]),
    int(os.environ["TRAINMASTER_RUN"]),
)
WHO = f"{ROLE}-{INDEX}"
STEPS = int(os.environ.get("TRAINER_STEPS", "20"))
PACE = float(os.environ.get("TRAINER_PACE", "0.1"))
held: list[object] = []
"""what must live as long as the process: lock, socket, burnt memory"""


def main() -> int:
    if os.environ.get("TRAINER_TERM") == "ignore":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    FOLDER.mkdir(parents=True, exist_ok=True)
    note("start", **introduction())
    if not lock():
        note("twice")
    if not listen():
        note("busy")
        return 1
    train()
    note("end", code=0)
    return 0


def introduction() -> dict[str, object]:
    names = [name for name in os.environ.get("TRAINER_ECHO", "").split(",") if name]
    return {
        "port": int(os.environ["TRAINMASTER_PORT"]),
        "cluster": json.loads(os.environ["TRAINMASTER_CLUSTER"]),
        "container": os.environ.get("CONTAINER_ID", ""),
        "echo": {name: os.environ.get(name) for name in names},
    }


def note(event: str, **more: object) -> None:
    who = {"event": event, "role": ROLE, "index": INDEX, "run": RUN, "pid": os.getpid(), "at": time.time()}
    append(FOLDER / "ledger", json.dumps({**who, **more}))


def append(path: Path, line: str) -> None:
    """One write in append mode: lines of many processes never mix, and a killed one leaves no half of one."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(file, line.encode() + b"\n")
    os.close(file)


def lock() -> bool:
    file = (FOLDER / f"{WHO}.lock").open("w")
    held.append(file)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def listen() -> bool:
    """On the address that the peers were told."""
    address = json.loads(os.environ["TRAINMASTER_CLUSTER"])[ROLE][INDEX]
    host, _, port = address.rpartition(":")
    try:
        held.append(socket.create_server((host, int(port))))
    except OSError:
        return False
    return True


def train() -> None:
    steps = FOLDER / f"{WHO}.steps"
    done = len(steps.read_text().splitlines()) if steps.exists() else 0
    acts = [act for act in json.loads(os.environ.get("TRAINER_ACTS", "[]")) if is_mine(act)]
    while STEPS == 0 or done < STEPS:
        for act in acts:
            if act["step"] == done + 1:
                DO[act["do"]](act["with"])
        time.sleep(PACE)
        done += 1
        append(steps, f"{done} {RUN}")


def is_mine(act: dict[str, object]) -> bool:
    return act["who"] == WHO and act.get("run", RUN) == RUN


def leave(code: int) -> None:
    note("end", code=code)
    sys.exit(code)


def wait(name: str) -> None:
    while not (FOLDER / name).exists():
        time.sleep(0.02)


DO = {
    "exit": leave,
    "signal": lambda number: os.kill(os.getpid(), number),
    "wait": wait,
    "burn": lambda mib: held.append(b"\1" * (mib << 20)),
}

if __name__ == "__main__":
    sys.exit(main())
