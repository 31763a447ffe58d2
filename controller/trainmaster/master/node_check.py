"""The lines of a launch that try a node before the process begins on it, and end the process with words of ours where that fails.

The check is a process of its own, so that it can neither change the process's variables nor end its shell. Never here: what is
made of a node that failed (plan/classify.py, plan/ruling.py).
"""

from __future__ import annotations

import shlex
from math import ceil

from trainmaster.api.policies import NodeCheck
from trainmaster.plan.classify import NODE_UNFIT
from trainmaster.plan.last_words import CHECK
from trainmaster.plan.pairs import PEERS, SIDE

SCRIPT = ".trainmaster-check.sh"
PEER, ROUND = "TRAINMASTER_CHECK_PEER", "TRAINMASTER_CHECK_ROUND"
"""variables of a check in pairs: its partner's address, empty where it has none, and the number of the round"""
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


_PAIRS = """\
(umask 077; printf '%s\\n' {command} >{script})
(
tm_began=$SECONDS tm_round=0 tm_passed= tm_all=; IFS=, read -r -a tm_peers <<<"${{{peers}:-}}"
for tm_peer in "${{tm_peers[@]-}}"; do
  tm_end=$((tm_began + {whole} * ++tm_round)); tm_left=$((tm_end - SECONDS))
  {peer}=$tm_peer {round}=$tm_round timeout -k {to_go} $((tm_left > 0 ? tm_left : 1)) /bin/bash ./{script} </dev/null
  tm_code=$?
  case $tm_code,$((SECONDS < tm_end)) in 0,*) tm_passed=1 ;; {late},0 | {killed},0) tm_said='took longer than {whole} s' ;;
    *,*) tm_said="ended with exit code $tm_code" ;; esac
  tm_all+="${{tm_all:+ and }}$tm_said${{tm_peer:+ with $tm_peer}}"
done
rm -f ./{script}
[ $tm_passed ] || {{ echo "{said}$tm_all" >&2; exit {code}; }}
) || exit {code}
unset {peers} {side}
"""
"""Each round has until its own end, however soon the one before was over: the partner may be in its first one still. A subshell,
so that no variable of the process is touched."""


def check_lines(check: NodeCheck | None) -> str:
    """Nothing where nothing is to be tried."""
    if check is None:
        return ""
    return (_PAIRS if check.pairs else _LINES).format(
        command=shlex.quote(check.command),
        script=SCRIPT,
        to_go=TO_GO,
        seconds=f"{check.timeout:g}",
        whole=ceil(check.timeout) if check.pairs else int(check.timeout),
        late=LATE,
        killed=KILLED,
        said=CHECK,
        code=NODE_UNFIT,
        peers=PEERS,
        side=SIDE,
        peer=PEER,
        round=ROUND,
    )
