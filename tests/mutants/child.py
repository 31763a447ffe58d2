"""pytest in a process of its own that has already loaded what all tests need, but nothing of ours.

A fork instead of a new Python: of a mutant's few seconds, loading would be most.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import Phase, settings

from mutants.tree import COPY, ROOT

NEEDED = (
    "aiohttp.web", "cryptography.x509", "fsspec", "google.protobuf.message", "jinja2", "kopf", "kubernetes.client",
    "prometheus_client", "pydantic_settings", "pytest_asyncio", "requests", "rich.table", "ruamel.yaml", "typer", "yaml",
)  # fmt: skip
MEMORY = 4 << 30
"""bytes of address space that one may have: a mutant must not take the machine with it"""
DROWSY = 0.02
"""seconds between two looks at whether it has ended"""

CPU_SPENT, NEVER_ENDED = -1, -2
"""instead of an exit code: it took far more processor time than the tests need, or it waited for something for ever"""


def warmed() -> None:
    """Load what every child needs. Laws are drawn the same way each time, and a broken one isn't made smaller."""
    for name in NEEDED:
        importlib.import_module(name)
    settings.register_profile(
        "mutants",
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        report_multiple_bugs=False,
    )


def tested(
    arguments: Sequence[str],
    output: Path,
    cpu: float,
    wall: float,
    plugin: object,
    writes: bool,
) -> int:
    """pytest's exit code with these arguments, in the copy. It has `cpu` seconds of processor time and `wall` in all."""
    return _waited(_forked(lambda: _pytest(arguments, plugin, cpu, writes), output), wall)


def _pytest(arguments: Sequence[str], plugin: object, cpu: float, writes: bool) -> int:
    os.setsid()
    os.chdir(COPY)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (int(cpu) + 1, int(cpu) + 6))
    os.environ["PYTHONPATH"] = os.pathsep.join([str(COPY / "controller"), str(COPY / "tests"), str(COPY)])
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.dont_write_bytecode = not writes
    sys.path[:] = [str(COPY / "controller"), *(each for each in sys.path if each != str(ROOT / "tests"))]
    plain = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-profile=mutants"]
    known = ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    return int(pytest.main([*plain, *known, *arguments], plugins=[plugin] if plugin else []))


def _forked(work: Callable[[], int], output: Path) -> int:
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        with output.open("wb") as file, Path(os.devnull).open("rb") as nothing:
            os.dup2(nothing.fileno(), 0)
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
            code = work()
            sys.stdout.flush()
    finally:
        os._exit(code)


def _waited(child: int, wall: float) -> int:
    end = time.monotonic() + wall
    try:
        while time.monotonic() < end:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                code = os.waitstatus_to_exitcode(status)
                return CPU_SPENT if code in (-signal.SIGXCPU, -signal.SIGKILL) else code
            time.sleep(DROWSY)
        return NEVER_ENDED
    finally:  # also where somebody interrupts: it is in a session of its own, and hears nothing of that
        _ended(child)


def _ended(child: int) -> None:
    """With whatever it started and left behind."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(child, 0)
