"""Following one declared job to its end, with Ctrl-C and SIGTERM as the person wants them."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from types import FrameType
from typing import TYPE_CHECKING

from trainmaster.cli.exits import ExitCode, MissingError, TimedOutError
from trainmaster.cli.progress import Display, LineDisplay, LiveDisplay, ends
from trainmaster.cli.tables import message
from trainmaster.cli.wait import until_gone
from trainmaster.errors import InvalidError, UnavailableError

if TYPE_CHECKING:
    from trainmaster.sources.jobs import Jobs
    from trainmaster.sources.stored import StoredJob

LOOK_SECONDS = 0.5
CANCEL_SECONDS = 60.0
LARGEST_EXIT = 255
UNCHARGED = {"Succeeded", "Stopped", "Consequence"}
"""ends that are not why a job failed"""


class OnInterrupt(StrEnum):
    """What Ctrl-C and SIGTERM do to the job."""

    ASK = "ask"
    CANCEL = "cancel"
    DETACH = "detach"


class Follower:
    """Looks at one job until it ends. Polls: a store is a file system."""

    def __init__(self, store: Jobs, namespace: str, name: str, on_interrupt: OnInterrupt) -> None:
        self._store, self._namespace, self._name = store, namespace, name
        self._on_interrupt = on_interrupt
        self._signal = 0
        self._wake = threading.Event()
        self._display: Display = LiveDisplay() if sys.stdout.isatty() else LineDisplay()
        self._warned = ""

    def follow(self) -> int:
        """The exit code: 0 when the job succeeded, else its own, or that of the signal that ended this."""
        with self._listening():
            try:
                while True:
                    stored = self._look()
                    if stored is not None and (code := result(stored)) is not None:
                        return code
                    if self._signal and (code := self._interrupted()) is not None:
                        return code
                    self._wake.wait(LOOK_SECONDS)
                    self._wake.clear()
            finally:
                self._display.stop()

    def _look(self) -> StoredJob | None:
        try:
            stored = self._store.find(self._namespace, self._name)
        except UnavailableError as error:  # not seen is not gone
            self._warn(str(error))
            return None
        if stored is None:
            raise MissingError(f"{self._namespace}/{self._name} was deleted")
        self._display.show(stored)
        return stored

    def _warn(self, words: str) -> None:
        if words != self._warned:
            print(f"warning: {words}", file=sys.stderr)
        self._warned = words

    def _interrupted(self) -> int | None:
        """What the signal leads to: an exit code, or None to go on."""
        got, self._signal = self._signal, 0
        choice = self._choice(got)
        if choice is None:
            return None
        if choice is OnInterrupt.CANCEL:
            self._cancel()
        else:
            print(f"detached: {self._name} goes on; see `trainmaster get {self._name}`", file=sys.stderr)
        return 128 + got

    def _choice(self, got: int) -> OnInterrupt | None:
        self._display.stop()
        if self._on_interrupt is not OnInterrupt.ASK:
            return self._on_interrupt
        if got != signal.SIGINT or not sys.stdin.isatty():
            return OnInterrupt.CANCEL  # nobody there to ask
        print(
            f"\n{self._name} is running. [c]ancel it, [d]etach from it, or Enter to go on: ",
            end="",
            flush=True,
        )
        answer = sys.stdin.readline().strip().lower()
        return {"c": OnInterrupt.CANCEL, "d": OnInterrupt.DETACH}.get(answer[:1])

    def _cancel(self) -> None:
        deleted = self._store.delete(self._namespace, self._name)
        print(f"cancelling {self._name}", file=sys.stderr)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a second Ctrl-C doesn't wait
        try:
            until_gone(self._store, self._namespace, self._name, CANCEL_SECONDS, deleted)
            print(f"{self._name} is gone", file=sys.stderr)
        except TimedOutError:
            print(f"warning: {self._name} is marked for deletion; a controller will stop it", file=sys.stderr)

    @contextmanager
    def _listening(self) -> Iterator[None]:
        before = {s: signal.signal(s, self._remember) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def _remember(self, number: int, _frame: FrameType | None) -> None:
        self._signal = number
        self._wake.set()


def result(stored: StoredJob) -> int | None:
    """The exit code of a job that ended; None while it goes on. Raises InvalidError when it was refused."""
    status = stored.status
    if status is None or not stored.judged:
        return None  # nobody has judged this declaration yet
    if any(c.type == "Succeeded" and c.status == "True" for c in status.conditions):
        return ExitCode.OK
    if any(c.type == "Failed" and c.status == "True" for c in status.conditions):
        return failing_code(stored)
    if any(c.type == "Accepted" and c.status == "False" for c in status.conditions):
        raise InvalidError(f"{stored.name} was refused: {message(stored)}")
    return None


def failing_code(stored: StoredJob) -> int:
    """The exit code of the newest end that counts, as far as a process can pass it on; else 1."""
    charged = [end for end in ends(stored.status).values() if end.cause not in UNCHARGED]
    newest = max(charged, key=lambda end: end.time, default=None)
    return newest.code if newest and 0 < newest.code <= LARGEST_EXIT else ExitCode.FAILED
