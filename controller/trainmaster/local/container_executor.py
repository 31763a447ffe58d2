"""A stand-in for Hadoop's native container-executor, so that the real LinuxContainerExecutor runs, and GPUs are really
assigned, without a build of native code, without root and without cgroups. It isolates nothing: every process sees every device.

Put by gpus.py beside each NodeManager and run by it, never imported; the standard library alone. The arguments and exit codes are
those of container-executor.c (main.c, container-executor.h) as the Hadoop classes LinuxContainerExecutor,
DefaultLinuxContainerRuntime and GpuResourceHandlerImpl use them. Never here: Docker, or another user than the NodeManager's.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable

INITIALIZE, LAUNCH, SIGNAL, DELETE, LIST = 0, 1, 2, 3, 5
INVALID, NO_SUCH_PROCESS = 1, 9
LIST_SEPARATOR = "%"
COPIES = {"launch_container.sh": 0o700, "container_tokens": 0o600}
"""what a container's folder gets of the NodeManager's own, with their modes"""
MEMBERS = ("tasks", "cgroup.procs")
"""of a cgroup: what the NodeManager names, by its release (getPathForCGroupTasks)"""
Files = list[str]


def main(arguments: list[str]) -> int:
    """What the NodeManager asks for; the exit code."""
    if not arguments:
        return INVALID
    if arguments[0].startswith("--"):  # --checksetup; --module-gpu, whose exclusion of devices needs cgroups
        return 0
    _run_as, user, operation, *rest = arguments
    run = _OPERATIONS.get(int(operation))
    return run(user, rest) if run else INVALID


def _initialize(user: str, rest: Files) -> int:
    """application, localizer, tokens, local dirs, log dirs, then the command of the localizer, which this becomes"""
    application, localizer, tokens, local, logs, *command = rest
    _folders(_application_folders(user, application, local, logs))
    _folders(f"{folder}/{application}/{localizer}" for folder in logs.split(LIST_SEPARATOR))
    work = f"{local.split(LIST_SEPARATOR)[0]}/usercache/{user}/appcache/{application}"
    own = f"{work}/{os.path.basename(tokens)}"
    _copy(tokens, own, 0o600)
    os.chdir(work)
    os.environ["HADOOP_TOKEN_FILE_LOCATION"] = own
    os.execvp(command[0], command)


def _launch(user: str, rest: Files) -> int:
    """application, container, work folder, script, tokens, --http or --https with two stores, pid file, local dirs, log dirs,
    resources; the container's own exit code, after it has ended"""
    application, container, work, script, tokens, scheme, *rest = rest
    pid_file, local, logs, resources, *_ = rest[2:] if scheme == "--https" else rest
    _folders(_application_folders(user, application, local, logs))
    _folders(f"{folder}/{application}/{container}" for folder in logs.split(LIST_SEPARATOR))
    _folders((work, f"{work}/tmp"))
    for source, (name, mode) in zip((script, tokens), COPIES.items(), strict=True):
        _copy(source, f"{work}/{name}", mode)
    code = _run(work, pid_file)
    _write(f"{pid_file}.exitcode", str(code))
    _forget_cgroups(resources)
    return code


def _run(work: str, pid_file: str) -> int:
    """The process has a session of its own, and its pid file before it does anything, as the NodeManager signals by it."""
    environment = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HADOOP_TOKEN_FILE_LOCATION": f"{work}/container_tokens",
    }
    known = f'echo $$ > "{pid_file}.tmp" && mv "{pid_file}.tmp" "{pid_file}" && exec bash "$0"'
    command = ["bash", "-c", known, f"{work}/launch_container.sh"]
    code = subprocess.run(command, cwd=work, env=environment, start_new_session=True, check=False).returncode
    return code if code >= 0 else 128 - code


def _signal(_user: str, rest: Files) -> int:
    """pid and signal number, to the whole group"""
    try:
        os.killpg(int(rest[0]), int(rest[1]))
    except ProcessLookupError:
        return NO_SUCH_PROCESS
    return 0


def _delete(_user: str, rest: Files) -> int:
    """a path, or a relative one below each of some folders"""
    relative, *bases = rest
    for path in [os.path.join(base, relative) for base in bases] or [relative]:
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path, ignore_errors=True)
        elif os.path.lexists(path):
            os.unlink(path)
    return 0


def _list(_user: str, rest: Files) -> int:
    """a folder's names, one a line"""
    sys.stdout.write("".join(f"{name}\n" for name in os.listdir(rest[0])))
    return 0


def _forget_cgroups(resources: str) -> None:
    """A real cgroup is gone once its folder is removed. The NodeManager's rmdir can't remove ours, which holds files: it would
    try for two seconds at each exit, and refuse to make it again (CGroupsHandlerImpl)."""
    for members in resources.partition("=")[2].split(LIST_SEPARATOR):
        if os.path.basename(members) in MEMBERS:
            shutil.rmtree(os.path.dirname(members), ignore_errors=True)


def _application_folders(user: str, application: str, local: str, logs: str) -> Iterable[str]:
    for folder in local.split(LIST_SEPARATOR):
        home = f"{folder}/usercache/{user}"
        yield from (f"{home}/filecache", f"{home}/appcache/{application}")
    yield from (f"{folder}/{application}" for folder in logs.split(LIST_SEPARATOR))


def _folders(paths: Iterable[str]) -> None:
    for path in paths:
        os.makedirs(path, exist_ok=True)


def _copy(source: str, target: str, mode: int) -> None:
    shutil.copyfile(source, target)
    os.chmod(target, mode)


def _write(path: str, text: str) -> None:
    with open(f"{path}.tmp", "w") as file:
        file.write(text)
    os.replace(f"{path}.tmp", path)


_OPERATIONS: dict[int, Callable[[str, Files], int]] = {
    INITIALIZE: _initialize,
    LAUNCH: _launch,
    SIGNAL: _signal,
    DELETE: _delete,
    LIST: _list,
}

if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main(sys.argv[1:]))
