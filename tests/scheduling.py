"""Which tests share a process where several run them (pytest-xdist): those of one file on real daemons, since what they share is
started once in each process. Others go wherever there is time.

Lives here and not in marks: pytest-xdist 3.8 hands groups on by writing a node's `_nodeid`, which pytest 9.2 doesn't read. And
how many processes there are where `-n auto` asks.
"""

from __future__ import annotations

from typing import Any, Final

from xdist.scheduler import LoadScopeScheduling

ON_DAEMONS: Final = "tests/real/"
MEMORY_OF_ONE: Final = 3500
"""MiB that a process with tests on daemons takes at most, with two Hadoops and a Kubernetes"""


def processes(cores: int, memory: int) -> int:
    """How many for tests on daemons, which mostly wait for them: more than there are cores, as long as the MiB of memory do."""
    return max(1, min(cores + 1, memory // MEMORY_OF_ONE))


class ByFile(LoadScopeScheduling):
    """Hands whole files of tests on daemons to one process each, per kind of source, in the order of the collection."""

    def __init__(self, config: Any, log: Any = None) -> None:
        config.option.loadscopereorder = (
            False  # the longest are not those with most tests, and some wait for Go
        )
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)


def group(nodeid: str) -> str:
    """The name of what a test shares its process with.

    >>> group("tests/real/test_engine.py::test_starts[kubernetes]")
    'tests/real/test_engine.py[kubernetes]'
    """
    file, _, test = nodeid.partition("::")
    if not file.startswith(ON_DAEMONS):
        return nodeid
    kind = next((kind for kind in ("folder", "kubernetes") if kind in _parameters(test)), "")
    return f"{file}[{kind}]"


def _parameters(test: str) -> list[str]:
    """Of `test_x[a-b]`: a and b."""
    return test.partition("[")[2].rstrip("]").split("-")
