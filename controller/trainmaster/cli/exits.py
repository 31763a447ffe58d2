"""Exit codes of the command line, and the one line on standard error that goes with each; see docs/commands.md.

The numbers from 64 are those of BSD's sysexits(3). A finished `trainmaster run` passes on its job's own code.
"""

from __future__ import annotations

import errno
import sys
import traceback
from enum import IntEnum

from typer.exceptions import TyperException

from trainmaster.errors import (
    DeniedError,
    FencedError,
    InvalidError,
    NoSuchJobError,
    RefusedError,
    TrainmasterError,
    UnavailableError,
)
from trainmaster.printable import printable


class ExitCode(IntEnum):
    """What a script may rely on."""

    OK = 0
    FAILED = 1
    """the job failed (and has no exit code of its own), or a condition can't come true any more"""
    USAGE = 64
    """EX_USAGE: wrong options or arguments"""
    INVALID = 65
    """EX_DATAERR: a declaration breaks a rule"""
    MISSING = 66
    """EX_NOINPUT: a file or a job that was named isn't there"""
    UNAVAILABLE = 69
    """EX_UNAVAILABLE: the store, YARN or a node can't be reached; nothing is known"""
    BUG = 70
    """EX_SOFTWARE: a fault of trainmaster itself"""
    OUTPUT = 74
    """EX_IOERR: what we had to say can't be written, to a full disk for instance"""
    TIMEOUT = 75
    """EX_TEMPFAIL: not yet, or another controller took over; try again"""
    REFUSED = 76
    """EX_PROTOCOL: the other side answered no"""
    DENIED = 77
    """EX_NOPERM: not allowed"""
    SETTINGS = 78
    """EX_CONFIG: the settings or Hadoop's configuration are wrong"""
    INTERRUPTED = 130
    """Ctrl-C, as shells count signals"""
    CLOSED_PIPE = 141
    """the reader of our output went away"""
    TERMINATED = 143
    """SIGTERM"""


class UsageError(TrainmasterError):
    """Options or arguments that don't go together."""


class MissingError(TrainmasterError):
    """A file or job that was named isn't there."""


class TimedOutError(TrainmasterError):
    """What was waited for didn't come in time."""


class SettingsError(InvalidError):
    """The settings of this command are wrong."""


CODES: tuple[tuple[type[BaseException], ExitCode], ...] = (
    (UsageError, ExitCode.USAGE),
    (TyperException, ExitCode.USAGE),
    (MissingError, ExitCode.MISSING),
    (NoSuchJobError, ExitCode.MISSING),
    (SettingsError, ExitCode.SETTINGS),
    (InvalidError, ExitCode.INVALID),
    (UnavailableError, ExitCode.UNAVAILABLE),
    (DeniedError, ExitCode.DENIED),
    (RefusedError, ExitCode.REFUSED),
    (TimedOutError, ExitCode.TIMEOUT),
    (FencedError, ExitCode.TIMEOUT),
    (BrokenPipeError, ExitCode.CLOSED_PIPE),
    (KeyboardInterrupt, ExitCode.INTERRUPTED),
)
"""first match wins, so the narrower family comes first"""

UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG})


def exit_code(error: BaseException) -> ExitCode:
    """The code for what ended a command; BUG for what nobody foresaw."""
    if isinstance(error, OSError) and error.errno in UNWRITABLE:
        return ExitCode.OUTPUT
    return next((code for family, code in CODES if isinstance(error, family)), ExitCode.BUG)


def tell(error: BaseException) -> ExitCode:
    """Say on standard error what ended the command, in one line; only a bug of ours shows a traceback."""
    code = exit_code(error)
    if code is ExitCode.BUG:
        traceback.print_exception(error)
    elif code not in {ExitCode.CLOSED_PIPE, ExitCode.INTERRUPTED}:
        words = error.format_message() if isinstance(error, TyperException) else str(error)
        if words:  # none when the help was shown instead
            print(printable("error: " + " ".join(words.split())), file=sys.stderr)
    return code
