"""Plays schedules of the laws for as long as one likes: `python -m plan.hunt --schedules 100000 --seconds 1800`.

Prints how far it is, and what was broken by which number; a number alone (`--seed 42`) is played and made shorter.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed

from plan.schedules import broken, drawn, told

BATCH = 200
MOST_SHOWN = 5


def say(words: str, end: str = "\n") -> None:
    sys.stdout.write(words + end)
    sys.stdout.flush()


def batch(first: int) -> list[int]:
    """The numbers of a batch that break a law."""
    return [seed for seed in range(first, first + BATCH) if broken(drawn(seed))]


def hunt(first: int, schedules: int, seconds: float, processes: int) -> list[int]:
    """Play them, and tell how far it is; what isn't played in time is left out."""
    found: list[int] = []
    end, played = time.monotonic() + seconds, 0
    with ProcessPoolExecutor(processes) as pool:
        waiting = [pool.submit(batch, first + at) for at in range(0, schedules, BATCH)]
        for done in as_completed(waiting):
            if done.cancelled():
                continue
            played, found = played + BATCH, found + done.result()
            say(f"\r{played} of {schedules} played, {len(found)} broke a law", end="")
            if time.monotonic() > end:
                for each in waiting:
                    each.cancel()
    say("")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schedules", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument(
        "--first", type=int, default=1 << 40, help="the first number, others than the tests' own"
    )
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, help="play this one alone, and look for a shorter way there")
    asked = parser.parse_args()
    if asked.seed is not None:
        say(told(asked.seed))
        return 0
    found = hunt(asked.first, asked.schedules, asked.seconds, asked.processes)
    for seed in found[:MOST_SHOWN]:
        say(told(seed))
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
