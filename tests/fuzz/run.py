"""Plays cases of the readers for as long as one likes: `python -m fuzz.run --cases 100000 --minutes 60 [yaml frames ...]`.

What was played is noted, so that the next run goes on behind it; Hypothesis draws the cases, and makes those that fail shorter. A
case is told as hexadecimal digits: `--case 01ff yaml` plays it alone. Each reader has a process of its own, of bounded memory.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from fuzz.mutations import CASES
from fuzz.target import Target, Watch, functions
from fuzz.targets import TARGETS

PLAYED = Path(__file__).parents[2] / ".cache" / "fuzz"
BATCH = 1000
COUNTED = 20
"""one case in so many has its work counted; all others are only ended by PATIENCE"""
PATIENCE = 30.0
"""seconds of the processor's time after which a case that isn't counted hangs: thousands of times what one takes"""
MEMORY = 1 << 30
"""bytes beyond what the process has at first"""


class HangError(BaseException):
    """A case takes the processor's time without end."""


def say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def play(name: str, cases: int, until: float) -> bool:
    """Cases of one reader up to so many in all its runs, or until that time (monotonic); whether all of them held."""
    target, file = TARGETS[name], PLAYED / f"{name}.json"
    played, watch = _played(file), Watch()
    _bound()
    while played < cases and time.monotonic() < until:
        try:
            _batch(target, watch, played)
        except BaseException:  # noqa: BLE001 - whatever it is, it is what is looked for
            say(f"{name}: a fault\n{traceback.format_exc()}")
            return False
        played += BATCH
        file.write_text(json.dumps({"cases": played}))
    unreached = sorted(functions(target) - watch.reached)
    most = f"{watch.most:,} calls in the longest of those that were counted"
    say(f"{name}: {played:,} cases; {most}; reached all but {len(unreached)} functions {unreached[:5]}")
    return True


def _played(file: Path) -> int:
    return int(json.loads(file.read_text())["cases"]) if file.exists() else 0


def _batch(target: Target, watch: Watch, first: int) -> None:
    """The cases from this number on: the number is what they are drawn by, so they are the same in anybody's run."""
    at = 0

    @seed(first)
    @settings(
        max_examples=BATCH,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
        print_blob=False,
    )
    @given(CASES)
    def bears(case: bytes) -> None:
        nonlocal at
        at += 1
        signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE)
        try:
            watch.play(target, case, counted=at % COUNTED == 0)
        except BaseException as error:
            error.add_note(f"the case: {case.hex()}")
            raise
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)

    bears()


def _bound() -> None:
    """An allocation without measure fails in this process, and hurts no other; what hangs is interrupted."""
    held = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY, resource.RLIM_INFINITY))

    def hangs(*_: object) -> None:
        raise HangError

    signal.signal(signal.SIGVTALRM, hangs)


def _child(name: str, cases: int, until: float) -> None:
    sys.exit(0 if play(name, cases, until) else 1)


def run(names: Sequence[str], cases: int, minutes: float, processes: int) -> list[str]:
    """All of them, some at one time; the names of those in which something failed. Each has a share of the time."""
    end, waiting, at_work, failed = time.monotonic() + 60 * minutes, list(names), {}, []
    context = multiprocessing.get_context("spawn")
    while waiting or at_work:
        while waiting and len(at_work) < processes:
            name = waiting.pop(0)
            share = (end - time.monotonic()) * processes / (len(waiting) + processes)
            at_work[name] = context.Process(target=_child, args=(name, cases, time.monotonic() + share))
            at_work[name].start()
        for name, process in list(at_work.items()):
            process.join(0.2)
            if process.exitcode is not None:
                del at_work[name]
                failed += [name] if process.exitcode else []
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(TARGETS)}; left out, all")
    parser.add_argument(
        "--cases", type=int, default=100_000, help="of each reader, those of earlier runs among them"
    )
    parser.add_argument("--minutes", type=float, default=60, help="for all together")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--afresh", action="store_true", help="forget what was played")
    parser.add_argument("--case", help="play this one alone")
    asked = parser.parse_args()
    names = asked.names or list(TARGETS)
    if unknown := [name for name in names if name not in TARGETS]:
        parser.error(f"{unknown[0]!r} is none of {', '.join(TARGETS)}")
    if asked.case is not None:
        for name in names:
            Watch().play(TARGETS[name], bytes.fromhex(asked.case))
        return 0
    PLAYED.mkdir(parents=True, exist_ok=True)
    for file in PLAYED.glob("*.json") if asked.afresh else ():
        file.unlink()
    failed = run(names, asked.cases, asked.minutes, asked.processes)
    if failed:
        say(f"faults in {', '.join(failed)}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
