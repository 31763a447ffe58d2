"""What a job's containers use, for a command that shows a job anyway: left out where no controller tells it at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from trainmaster.cli.pages_of import asked
from trainmaster.errors import TrainmasterError

PATIENCE: Final = 3.0
"""seconds for the answer: whoever asked wants to see the job"""
GIB: Final = 1024**3
UseOf = Callable[[str, str], Mapping[str, str]]
"""by namespace and name of a job: in words, by container, since whoever answers may drive another job of that name"""


def nobody(_namespace: str, _name: str) -> Mapping[str, str]:
    """Nothing is known."""
    return {}


def use_of(address: str, token_file: Path | None) -> UseOf:
    """Asks the controller at this address, until it once doesn't answer."""
    silent = False

    def told(namespace: str, name: str) -> Mapping[str, str]:
        nonlocal silent
        words = {"namespace": namespace, "job": name}
        try:
            answer = {} if silent else asked(address, "/api/use/replicas", "use", token_file, words, PATIENCE)
            return {row["container"]: words_of(row) for row in answer.get("rows", ()) if row["told"]}
        except (TrainmasterError, ValueError, KeyError, TypeError, AttributeError):
            silent = True
            return {}

    return told


def words_of(row: Mapping[str, Any]) -> str:
    """`0.7 of 1.0 GiB, peak 0.9; 0.9 of 1 cores`, as far as it is told."""
    memory, cpu = row["memory"], row["cpu"]
    parts = []
    if "used" in memory:
        used, of, peak = (memory[name] / GIB for name in ("used", "requested", "peak"))
        parts.append(f"{used:.1f} of {of:.1f} GiB, peak {peak:.1f}")
    if "usedCores" in cpu:
        parts.append(f"{cpu['usedCores']:.1f} of {cpu['requestedVcores']} cores")
    return "; ".join(parts)
