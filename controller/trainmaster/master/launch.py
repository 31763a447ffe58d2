"""The launch of one process, built as a value: a fixed command and a script that reaches the process byte for byte.

YARN puts commands and environment values unescaped into a shell script and rewrites {{X}}, }} and <LOG_DIR> in them
(ContainerLaunch.expandEnvironment, sanitizeEnv). So nothing of the user's goes that way: variables and command travel as one
script, compressed and base64-encoded, in variables of our own, and a fixed command unpacks it.
"""

from __future__ import annotations

import base64
import gzip
import hmac
import shlex
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from math import ceil

from trainmaster.api.job import DEFAULT_GRACE, FileRef, TrainingJob
from trainmaster.api.policies import NodeCheck
from trainmaster.api.start_order import Readiness
from trainmaster.hadoop.containers import LaunchContext, LocalResource
from trainmaster.master.launch_gpus import CHOSEN, NO_GPUS, GpuLaunch, gpu_lines
from trainmaster.master.node_check import check_lines
from trainmaster.master.readiness import readiness_lines
from trainmaster.master.reports import URL as REPORTS
from trainmaster.master.secrets import NOTHING, Given
from trainmaster.plan.classify import NOT_UNDERSTOOD, PORT_TAKEN, STALE
from trainmaster.plan.memory import Memory

CHUNK = 65_536
"""characters per variable: Linux takes at most 128 KiB in one (MAX_ARG_STRLEN)"""
LEVEL = 1
"""of compression: the address lists of a large job take 20 times longer with the default, and become hardly smaller"""
TERMINATED = 143
"""128 + SIGTERM (ContainerExecutor.ExitCode)"""
LONGEST_WAIT = 3600
"""seconds after which a process that only waits takes its leave: nobody is going to tell it to go any more"""
NAME = "TRAINMASTER_SCRIPT_"
SCRIPT = ".trainmaster.sh"

NEIGHBOURS = 'export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"'
"""YARN links each file from a folder of its own, where Python would look for what a script imports. What the user's own path
leads to is found as well, behind what was shipped."""

NO_COPY = 'for logs in ${LOG_DIRS//,/ }; do rm -f "$logs/launch_container.sh"; done; unset logs'
"""A NodeManager copies what it launches into the log folder (yarn.nodemanager.log-container-debug-info.enabled): all that this
process is told would stand among its logs, the secrets of the job and of its peers too, for whoever may read these."""

REPORTER = "trainmaster_report"
"""name of the module by which a training in Python tells its steps"""
BESIDE = 'export PYTHONPATH="$PYTHONPATH:$PWD/.trainmaster"'
"""Last, so that a file of the user's of the same name wins."""

_EACH = f"for part in ${{!{NAME}*}}; do"
_UNPACK = f"(umask 077; {_EACH} printf %s ${{!part}}; done | base64 -d | gzip -d > {SCRIPT}) || exit {NOT_UNDERSTOOD}"
ORDER = "TRAINMASTER_ORDER"
"""number of the order by which a process begins; it rises with each that a container gets, and with each leader"""
_LEFT = (
    "session() { { read -r line <$1/stat; } 2>/dev/null && set -- ${line##*) } && of=$4; };"
    " left() { session /proc/$$; own=$of; session /proc/$PPID; above=$of;"
    " for found in $(grep -lzx CONTAINER_ID=$CONTAINER_ID /proc/[0-9]*/environ 2>/dev/null); do found=${found%/environ};"
    " session $found && [ $of != $own ] && [ $of != $above ] && echo ${found#/proc/}; done; return 0; }"
)
"""processes of this container, save those of our own session, and of the one in which whoever has started us waits for us"""
_FENCE = (
    f"{{ read -r last <.trainmaster.order; }} 2>/dev/null; [ ${{last:-0}} -lt ${ORDER} ] 2>/dev/null || exit {STALE};"
    f" echo ${ORDER} >.trainmaster.order; {_LEFT};"
    f" while [ $last ] && last=$(left) && [ ${{last:+1}} ]; do kill -KILL $last; sleep 0.02; done; unset {ORDER} last"
)
"""An order that was on its way while another controller took over, or came twice, begins nothing: it has ended what its
container held, and says so, lest something run there that nobody knows of. And nothing begins beside what was here before: a
NodeManager that has lost the pid of a process calls it ended, and starts the next one beside it (ContainerCleanup)."""
_LINGER = "sleep 0.1"
"""After it has told a process to go, a NodeManager removes the file with its pid. Had the next process begun before, it would be
the file of that one, and with it the means to end it (ContainerCleanup). So nobody goes at once."""
_OTHERS = (
    "others() { for stat in /proc/[0-9]*/stat; do { read -r line < $stat; } 2>/dev/null || continue;"
    " set -- ${line##*) }; [ $1 != Z ] && [ $4 = $$ ] && [ $stat != /proc/$$/stat ] && return 0; done; return 1; }"
)
"""whether another process of the session lives: proc(5), whose fields after the name begin with state, ppid, pgrp, session"""
MARK = "TRAINMASTER_PROCESS"
"""variable that all processes of one launch have, whatever session or group they make for themselves: so they are found"""
TOLD = "told-to-go"
"""file in the log folder: its process was told to go"""
GRACE = "TRAINMASTER_GRACE"
"""whole seconds that they have to end in, once they are told to"""
_MARKED = (
    f"marked() {{ grep -lzx {MARK}=$mark /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3; }};"
    " remain() { found=$(marked); [ ${found:+1} ]; };"
    " finish() { for try in {1..200}; do remain || return 0; kill -KILL $found; sleep 0.05; done; }"
)
_TELL = (
    "place() { read -r line <$1/stat && set -- ${line##*) } && parent=$2 of=$3 began=${20}; };"
    " catches() { while read -r name value; do [ $name = SigCgt: ] && return $(( !(16#$value >> 14 & 1) )); done"
    " </proc/$1/status; return 1; };"
    " minded() { up=$1; while place /proc/$up && up=$parent; do case \\ $all\\  in *\\ $up\\ *) ;; *) return 1;; esac;"
    " read -r name </proc/$up/comm; case $name in *sh) ;; *) catches $up && return 0;; esac; done; return 1; };"
    " tell() { place /proc/$leader; own=$of; all=$(echo $(marked)); for found in $all; do"
    " place /proc/$found && [ $of != $own ] && [ $began -lt $since ] && ! minded $found && kill -TERM $found; done; };"
    " spared() { place /proc/$leader; own=$of; all=$(echo $(marked)); for found in $all; do"
    " place /proc/$found && [ $of != $own ] && minded $found && ! catches $found && left=$left\\ $found; done; };"
    f" tell_left() {{ still=; for found in $left; do grep -qzx {MARK}=$mark /proc/$found/environ || continue;"
    " if minded $found; then still=$still\\ $found; elif ! catches $found; then kill -TERM $found; fi; done; left=$still; }"
)
"""A NodeManager signals one process group: those outside of it are told by us. Save where a process above them in the container
catches SIGTERM itself (bit 15 of SigCgt, proc(5)): it is a supervisor such as torchrun, has been told, and hands it on or ends
them as it sees fit; told by both, they would break off the checkpoint that they write. A shell that catches it waits for its
child first, and hands nothing on, so it doesn't count: a child that is told twice is better off than one that never is. Whom a
supervisor leaves behind is told later by the guard, once, save who catches SIGTERM by then: that one may be at its checkpoint.
What began only afterwards may well bring one home."""
_GUARD = (
    "guard() { left= looks=0; spared; while kill -0 $leader && [ $SECONDS -le $grace ]; do"
    " sleep 0.1; (( ++looks % 10 )) || tell_left; done; finish; };"
    f" told_to_go() {{ kill $nap; : ><LOG_DIR>/{TOLD}; export mark grace leader;"
    " export -f marked remain finish place catches minded spared tell_left guard;"
    " setsid env -u CONTAINER_ID /bin/bash -c guard & since=9999999999999; place /proc/$! && since=$began; tell; exit 0; };"
    " watch() { trap told_to_go TERM; trap 'kill $nap; exit 0' USR1; while :; do sleep 3600 & nap=$!; wait $nap; done; }"
)
"""A NodeManager kills its process group a moment later. So one of the group leaves a guard behind, outside of it, that ends
whatever is left when the time is over, or as soon as the leader is gone: also where no controller is there any more to have it
stopped. SECONDS counts how often the clock has struck one, so it must have struck once more. What is noted a controller reads
that has got no answer (dismissal.py)."""
_LAUNCHER = (
    f"mark=$CONTAINER_ID.${ORDER}.$$ grace=${{{GRACE}:-0}} leader=$$; unset {GRACE};"
    f" {_FENCE}; rm -f <LOG_DIR>/{TOLD}; {_UNPACK}; {_EACH} unset $part; done; {_OTHERS}; {_MARKED}; {_TELL}; {_GUARD};"
    " told=; trap 'told=1' TERM;"
    f" watch </dev/null >/dev/null 2>&1 & watch=$!;"
    f" {MARK}=$mark /bin/bash ./{SCRIPT} 1>><LOG_DIR>/stdout 2>><LOG_DIR>/stderr; code=$?;"
    f" [ $told ] || {{ kill -USR1 $watch 2>/dev/null; remain && kill -TERM $found 2>/dev/null && sleep 0.2;"
    f" finish 2>/dev/null; wait $watch; }};"
    f" [ $told ] || exit $code; looks=0; while others || remain; do"
    f" (( looks++ < 20 )) && sleep 0.02 || sleep 0.5; done; {_LINGER}; exit {TERMINATED}"
)
"""Told to go, it goes last and with the code of one that was told: the NodeManager lets nothing take its place sooner, and after
any other code nothing at all (ContainerImpl, REINITIALIZING_AWAITING_KILL). It can't outstay its welcome: its guard ends the
others when their time is over, and what a NodeManager stops it kills a moment later
(yarn.nodemanager.sleep-delay-before-sigkill.ms), with all of the group. What a program leaves behind at its end is ended too."""

_WAIT = f"trap '{_LINGER}; exit {TERMINATED}' TERM; {_FENCE}; sleep {LONGEST_WAIT} & wait; {_LINGER}; exit {TERMINATED}"

# Shell variables are escaped, so that the outer shell of the NodeManager's script leaves them to the inner one, and
# neither puts the script (which holds the user's variables) into a process argument: printf is a builtin.
COMMAND, WAIT = (command.replace("$", "\\$") for command in (_LAUNCHER, _WAIT))
LEADERS = 10**6
"""between the orders of two leaders"""


def launch(
    environment: Mapping[str, str],
    command: str,
    host: str,
    ports: tuple[int, ...],
    files: Mapping[str, LocalResource],
    gpus: GpuLaunch = NO_GPUS,
    order: int = 1,
    grace: float = DEFAULT_GRACE,
    readiness: Readiness | None = None,
    check: NodeCheck | None = None,
    given: Given = NOTHING,
) -> LaunchContext:
    """What to start: `command` under bash, with exactly these variables added to YARN's own. `grace` is in seconds."""
    written = script(environment, command, host, ports, gpus, readiness, check, given)
    packed = base64.b64encode(gzip.compress(written.encode(), compresslevel=LEVEL, mtime=0)).decode()
    parts = [packed[i : i + CHUNK] for i in range(0, len(packed), CHUNK)]
    carried = {f"{NAME}{number:04d}": part for number, part in enumerate(parts)}
    return LaunchContext(
        command=COMMAND,
        environment={ORDER: str(order), GRACE: str(ceil(grace)), **carried},
        resources={**files, **{value_file(name): file for name, file in given.files.items()}},
    )


def waiting(order: int = 1) -> LaunchContext:
    """What holds a container between two generations. However it ends, it is with the code of one that was told to go."""
    return LaunchContext(command=WAIT, environment={ORDER: str(order)})


def order_of(memory: Memory, process: int) -> int:
    """The number of the order by which a controller has the process of this number begin in a container."""
    return memory.epoch * LEADERS + process


def files_of(job: TrainingJob, role: str) -> dict[str, FileRef]:
    """The files of one role by their names in the working folder; the role's own win over the job's."""
    return {ref.target: ref for ref in (*job.spec.files, *job.spec.roles[role].files)}


def script(
    environment: Mapping[str, str],
    command: str,
    host: str,
    ports: tuple[int, ...],
    gpus: GpuLaunch = NO_GPUS,
    readiness: Readiness | None = None,
    check: NodeCheck | None = None,
    given: Given = NOTHING,
) -> str:
    """The script that runs in the container: a look whether the ports are free, its GPUs, what looks whether it is ready,
    variables, the check of its node, the user's command.

    Nothing of ours runs under the user's variables. Names that bash wouldn't pass on are refused beforehand (api/rules.py).
    """
    looks = "\n".join(_port_check(host, port) for port in ports)
    asking = gpu_lines(gpus)
    if asking:
        asking = _exports({name: value for name, value in environment.items() if name in CHOSEN}) + asking
    reports = REPORTS in environment
    bringing, path = (_reporter(), f"{NEIGHBOURS}\n{BESIDE}") if reports else ("", NEIGHBOURS)
    ready = readiness_lines(readiness, environment, host, ports)
    variables = _exports({**environment, **given.values}) + _given(given)
    ours = f"rm -f ./{SCRIPT}\n{NO_COPY}\n{looks}\n{asking}{ready}{bringing}"
    return f"{ours}{variables}{path}\n{check_lines(check)}{command}\n"


def value_file(variable: str) -> str:
    """Name in the working folder of the file that holds the value of a variable. No other file of ours has it, and none of the
    user's: else what it holds would be read, and told, as something else."""
    return f".trainmaster-value.{variable}"


def _given(given: Given) -> str:
    """Values that files hold. The shell itself reads them: one may well be the PATH by which a program would be found. It would
    drop NULs, which no variable can hold."""
    return "".join(
        f"if (read -rd '' all <{value_file(name)}) 2>/dev/null; then"
        f" echo 'trainmaster: the file for {name} holds a NUL character' >&2; exit {NOT_UNDERSTOOD}; fi\n"
        f"{name}=$(<{value_file(name)}) || exit {NOT_UNDERSTOOD}\nexport {name}\n"
        for name in given.files
    )


@cache
def _reporter() -> str:
    """The lines that bring the module (shipped/), small enough to travel with each launch: so no file of ours lies in a store."""
    text = (files("trainmaster.shipped") / f"{REPORTER}.py").read_text()
    where = f".trainmaster/{REPORTER}.py"
    return f"mkdir -p .trainmaster && cat > {where} <<'TRAINMASTER_END'\n{text}TRAINMASTER_END\n"


def _exports(environment: Mapping[str, str]) -> str:
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())


def _port_check(host: str, port: int) -> str:
    """A port that answers is somebody else's: end with our own exit code, before the user's program fails at it."""
    said = f"trainmaster: port {port} of {host} is taken"
    target = shlex.quote(f"/dev/tcp/{host}/{port}")
    return f"if (exec 3<>{target}) 2>/dev/null; then echo {shlex.quote(said)} >&2; exit {PORT_TAKEN}; fi"


def peer_secret(memory: Memory) -> str:
    """What all processes of a job's application know, and nobody else. It is made of the secret that is remembered already, and
    tells nothing of that one; empty where an application of an older controller has none."""
    token = memory.application.report_token if memory.application else ""
    return hmac.digest(token.encode(), b"peers", "sha256").hex() if token else ""


def user_of(memory: Memory) -> str:
    """Whom the job's processes are to be towards HDFS: without Kerberos YARN runs all of them as the NodeManager's user."""
    return memory.application.user if memory.application else ""
