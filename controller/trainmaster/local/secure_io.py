"""A stand-in for the class by which a secure NodeManager opens logs: Hadoop's own wants native code, which its jars lack.

Java's own compiler, which its runtime brings as a module, makes it of SecureIOUtils.java beside this. Never here: how a daemon is
started.
"""

from __future__ import annotations

import subprocess
from importlib.resources import as_file, files
from pathlib import Path

from trainmaster.errors import UnavailableError

_COMPILER = "jdk.compiler/com.sun.tools.javac.Main"


def install(folder: Path, java: Path) -> None:
    """Put the class below `folder`, which then comes first on the NodeManagers' class path."""
    with as_file(files("trainmaster.local") / "SecureIOUtils.java") as source:
        command = [str(java / "bin/java"), "-m", _COMPILER, "-d", str(folder), str(source)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UnavailableError(
            f"Java can't compile {source.name}: {(done.stdout + done.stderr).strip()[:300]}"
        )
