"""Names of environment variables that a declaration can't set, wherever it names one: in env or in a template.

Lives here: whose they are. Never here: a process's environment (frameworks/environment.py), or a name's form (base.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set

from trainmaster.api import messages
from trainmaster.api.base import RESERVED_ENV
from trainmaster.api.commands import values
from trainmaster.api.job import Spec
from trainmaster.api.once import once_each
from trainmaster.api.value_from import ValueFrom

BASHS_OWN: tuple[str, ...] = (
    "BASHOPTS", "BASHPID", "BASH_ALIASES", "BASH_ARGC", "BASH_ARGV", "BASH_CMDS", "BASH_COMMAND", "BASH_LINENO",
    "BASH_MONOSECONDS", "BASH_REMATCH", "BASH_SOURCE", "BASH_SUBSHELL", "BASH_TRAPSIG", "BASH_VERSINFO", "DIRSTACK",
    "EPOCHREALTIME", "EPOCHSECONDS", "EUID", "FUNCNAME", "GROUPS", "HISTCMD", "LINENO", "OLDPWD", "OPTIND",
    "PIPESTATUS", "PPID", "PWD", "RANDOM", "SECONDS", "SHELLOPTS", "SHLVL", "SRANDOM", "UID", "_",
)  # fmt: skip
"""variables that bash, which runs the command, sets, computes or checks itself (bash(1), "Shell Variables", up to 5.3)"""
PATH_ENV: Mapping[str, str] = {
    "INPUT_PATH": "spec.inputPath",
    "CHECKPOINT_PATH": "spec.checkpointPath",
    "RESUME_FROM": "spec.resumeFrom",
    "SAVED_MODEL_PATH": "spec.savedModelPath",
}
"""variables that processes are given -> the field that they hold"""


def holding_paths(spec: Spec) -> Set[str]:
    """The names that hold one of this job's paths."""
    return {name for name, value in zip(PATH_ENV, values(spec).values(), strict=True) if value}


@once_each
def taken_from(spec: Spec) -> Mapping[str, Mapping[str, ValueFrom]]:
    """By role, the variables that take their values from elsewhere. The role's own win over the job's, whatever each holds."""
    found = {}
    for name, role in spec.roles.items():
        last = {variable.name: variable.value_from for variable in (*spec.env, *role.env)}
        found[name] = {variable: where for variable, where in last.items() if where is not None}
    return found


def wrong_with(name: str, taken: Set[str]) -> Iterator[str]:
    """Why a process wouldn't get the variable as it is written; `taken` are the names that hold a path of the job."""
    if name.startswith(RESERVED_ENV):
        yield messages.RESERVED
    if name in BASHS_OWN:
        yield messages.BASHS_OWN.format(name=name)
    if name in taken:
        yield messages.HOLDS_A_PATH.format(name=name, path=PATH_ENV[name])
