"""What is fuzzed: one reader of what others send, the cases that it is given, and what must be true of each.

A case holds when the reader answers, or raises the error that it documents, in bounded work, and without memory that the case
doesn't account for. Never here: which readers there are (the files beside), or how many cases are played.
"""

from __future__ import annotations

import importlib
import inspect
import resource
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType

import trainmaster
from fuzz.mutations import Draws

WORK = 3_000_000
"""calls of functions, Python's own included, for one case: some hundred times what the longest sound message takes"""
GROWTH = 64 << 20
"""bytes by which the process may reach a new height in one case: none is longer than a few megabytes"""
_SOURCES = str(Path(trainmaster.__file__).parent)
_KIB = 1024


@dataclass(frozen=True, slots=True)
class Target:
    """One reader."""

    name: str
    run: Callable[[Draws], object]
    """makes a case of what is drawn, and reads it. What it raises is a fault, so documented errors are caught in it"""
    modules: tuple[str, ...]
    """of trainmaster, whose functions read what others send: the short form must reach all of them"""
    spared: frozenset[str] = frozenset()
    """functions of theirs that read nothing of it, by qualified name"""
    part: float = 1.0
    """of the short form's cases, where one takes long"""


class TooMuchWorkError(BaseException):
    """One case takes calls without end; no `except Exception` of a reader hides it."""


class GrowthError(AssertionError):
    """One case took memory that it doesn't account for."""


@dataclass(slots=True)
class Watch:
    """Counts the work of cases, and notes what they reach."""

    work: int = 0
    most: int = 0
    """the work of the case that took most"""
    codes: set[CodeType] = field(default_factory=set)

    def play(self, target: Target, case: bytes, counted: bool = True) -> None:
        """Have it read one case; `counted` costs several times what the reading does."""
        self.work, height, before = 0, _height(), sys.getprofile()
        if counted:
            sys.setprofile(self._called)
        try:
            target.run(Draws(case))
        finally:
            sys.setprofile(before)
        self.most = max(self.most, self.work)
        if _height() - height > GROWTH:
            raise GrowthError(f"one case took {(_height() - height) >> 20} MiB")

    def _called(self, frame: FrameType, event: str, _arg: object) -> None:
        self.work += 1
        if event == "call":
            self.codes.add(frame.f_code)
        if self.work > WORK:
            raise TooMuchWorkError(f"more than {WORK} calls")

    @property
    def reached(self) -> frozenset[str]:
        """Functions of the package, as `hadoop.frames:Splitter.feed`."""
        return frozenset(filter(None, map(_named, self.codes)))


def _height() -> int:
    """The most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB


def _named(code: CodeType) -> str:
    if not code.co_filename.startswith(_SOURCES) or "<" in code.co_qualname:
        return ""
    module = code.co_filename.removeprefix(f"{_SOURCES}/").removesuffix(".py").replace("/", ".")
    return f"{module}:{code.co_qualname}"


def functions(target: Target) -> frozenset[str]:
    """What the modules of a target define, but for what is spared."""
    found = {name for module in target.modules for name in _defined(module)}
    return frozenset(name for name in found if name.rpartition(":")[2] not in target.spared)


def _defined(module: str) -> Iterator[str]:
    code = compile(
        inspect.getsource(importlib.import_module(f"trainmaster.{module}")), f"{_SOURCES}/x", "exec"
    )
    waiting = [code]
    while waiting:
        one = waiting.pop()
        inner = [each for each in one.co_consts if isinstance(each, CodeType)]
        waiting += inner
        for each in inner:
            if each.co_flags & inspect.CO_NEWLOCALS and "<" not in each.co_qualname and _is_function(each):
                yield f"{module}:{each.co_qualname}"


def _is_function(code: CodeType) -> bool:
    """Whether it isn't the body of a class."""
    return bool(code.co_flags & inspect.CO_OPTIMIZED)
