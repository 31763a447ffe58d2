"""A small program of the product beside the first process of a job, in its container: a tracker, a rendezvous.

It is as old as the processes that meet at it: a restart of all brings a new one, so no generation meets what the one
before left behind. Lives here: how it is started and ended. Never here: what it does (each framework's own file).
"""

from __future__ import annotations

import shlex

BESIDE = """\
command -v "${{HELPER_PYTHON:-python3}}" >/dev/null || echo "trainmaster: HELPER_PYTHON: no ${{HELPER_PYTHON:-python3}}" >&2
{{ "${{HELPER_PYTHON:-python3}}" -c {program} || kill -ABRT $$; }} &
"""
"""If the program fails, so does the process that it stands beside: nobody waits for what isn't there. SIGABRT is a signal of a
process's own making, so that the last words, which are the program's, are told with its end. When that process ends, the
NodeManager ends what is left of the container."""


def beside(program: str, command: str) -> str:
    """The command, with a Python program started before it. HELPER_PYTHON names the interpreter."""
    return BESIDE.format(program=shlex.quote(program)) + command
