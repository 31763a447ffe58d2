"""The lines of a launch that try a node before the process begins on it, and end the process with words of ours where that fails.

The check is a process of its own, so that it can neither change the process's variables nor end its shell. Never here: what is
made of a node that failed (plan/classify.py, plan/ruling.py).
"""

from __future__ import annotations

import shlex

from trainmaster.api.policies import NodeCheck
from trainmaster.plan.classify import NODE_UNFIT
from trainmaster.plan.last_words import CHECK

SCRIPT = ".trainmaster-check.sh"
LATE = 124
"""exit code of timeout(1) where the time was over; a check may end with it as well"""
KILLED = 137
"""the same where SIGTERM didn't end the check"""
TO_GO = 5
"""seconds from SIGTERM to SIGKILL for a check that takes too long"""

_LINES = """\
(umask 077; printf '%s\\n' {command} >{script})
set -- $SECONDS
timeout -k {to_go} {seconds} /bin/bash ./{script} </dev/null; set -- $? $((SECONDS - $1 - {whole}))
rm -f ./{script}
case $1,$2 in {late},[0-9]* | {killed},[0-9]*) set -- $1 'took longer than {seconds} s' ;; *) set -- $1 ;; esac
[ $1 = 0 ] || {{ echo "{said}${{2:-ended with exit code $1}}" >&2; exit {code}; }}
set --
"""
"""`set --` keeps the code where no variable of the user's is touched. printf is a builtin: the check is in no argument."""


def check_lines(check: NodeCheck | None) -> str:
    """Nothing where nothing is to be tried."""
    if check is None:
        return ""
    return _LINES.format(
        command=shlex.quote(check.command),
        script=SCRIPT,
        to_go=TO_GO,
        seconds=f"{check.timeout:g}",
        whole=int(check.timeout),
        late=LATE,
        killed=KILLED,
        said=CHECK,
        code=NODE_UNFIT,
    )
