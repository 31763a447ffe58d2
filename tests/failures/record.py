"""Records real failures: runs each scenario's processes on this machine and keeps how they ended, in recorded.json beside it.

    .venv/bin/python tests/failures/record.py [NAME...]

Needs the environments of examples/environments.py (tensorflow, torch). Names without any record all scenarios; those given are
recorded anew. Of a folder or an address of this machine nothing is kept.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from failures.scenarios import SCENARIOS, Scenario

HERE = Path(__file__).resolve().parent
RECORDED = HERE / "recorded.json"
PATIENCE = 45.0
"""seconds until the first process must have ended, and then for the others"""
TAIL = 4096
"""bytes that a NodeManager tells (yarn.nodemanager.container.stderr.tail.bytes)"""


def main(names: list[str]) -> None:
    known = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    for scenario in SCENARIOS:
        if scenario.name in names or (not names and scenario.name not in known):
            known[scenario.name] = record(scenario)
            ends = [(end["rank"], end["code"]) for end in known[scenario.name]["ends"]]
            sys.stdout.write(f"{scenario.name} {ends}\n")
            RECORDED.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")


def record(scenario: Scenario) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        found = _ends(scenario, Path(folder))
    first = min(found, key=lambda end: float(str(end["after"])))
    for end in found:
        end["after"] = round(float(str(end["after"])) - float(str(first["after"])), 2)
    return {"first": scenario.first, "help": scenario.help, "ranks": scenario.ranks, "ends": found}


def _ends(scenario: Scenario, folder: Path) -> list[dict[str, object]]:
    ports = _free_ports(scenario.ranks)
    running = {rank: _start(scenario, folder, rank, ports) for rank in range(scenario.ranks)}
    ends: list[dict[str, object]] = []
    began, until = time.monotonic(), time.monotonic() + PATIENCE
    while running and time.monotonic() < until:
        for rank, process in list(running.items()):
            if process.poll() is not None:
                until = until if ends else time.monotonic() + PATIENCE
                ends.append(_end(folder, rank, running.pop(rank), time.monotonic() - began))
        time.sleep(0.01)
    for process in running.values():
        os.killpg(process.pid, 9)
        process.wait()
    return ends


def _start(scenario: Scenario, folder: Path, rank: int, ports: list[int]) -> subprocess.Popen[bytes]:
    """As the launcher does: bash runs a script, whose last command is the program."""
    program = scenario.programs[0]
    (folder / f"train-{rank}.py").write_text(program)
    python = _python(scenario.python)
    command = program if scenario.python == "bash" else f"{python} train-{rank}.py"
    (folder / f".trainmaster.sh-{rank}").write_text(f"# what the launcher writes\n{command}\n")
    workers = [f"127.0.0.1:{port}" for port in ports]
    told = {
        "RANK": rank,
        "WORLD_SIZE": scenario.ranks,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": ports[0],
        "TF_CONFIG": json.dumps({"cluster": {"worker": workers}, "task": {"type": "worker", "index": rank}}),
        "OMP_NUM_THREADS": 1,
    }
    if scenario.python != "tensorflow":
        del told["TF_CONFIG"]
    with (folder / f"stderr-{rank}").open("wb") as stderr:
        return subprocess.Popen(
            ["/bin/bash", f".trainmaster.sh-{rank}"],
            cwd=folder,
            env=os.environ | {name: str(value) for name, value in told.items()},
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
        )


def _python(which: str) -> str:
    if which in ("plain", "bash"):
        return sys.executable
    environments = HERE.parents[1] / "examples" / "environments.py"
    return subprocess.check_output([sys.executable, environments, which], text=True).split()[-1]


def _end(folder: Path, rank: int, process: subprocess.Popen[bytes], after: float) -> dict[str, object]:
    code = process.returncode if process.returncode >= 0 else 128 - process.returncode
    tail = (folder / f"stderr-{rank}").read_bytes()[-TAIL:].decode(errors="replace")
    return {"rank": rank, "code": code, "after": after, "stderr": _cleaned(tail, folder)}


def _cleaned(text: str, folder: Path) -> str:
    """Without what is this machine's own."""
    text = text.replace(str(folder), "/data/nm/container").replace(
        str(Path(sys.executable).parent), "/opt/python/bin"
    )
    text = re.sub(r"/[\w./-]*/\.cache/trainmaster/examples/[\w-]+", "/opt/environment", text)
    text = re.sub(r"/[\w./-]*/(lib/python3\.\d+)", r"/opt/python/\1", text)
    text = text.replace(socket.gethostname(), "node1")
    return re.sub(r"\.trainmaster\.sh-\d+", ".trainmaster.sh", text)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


if __name__ == "__main__":
    main(sys.argv[1:])
