"""Java's class data sharing: what the daemons load comes from one archive, which halves the processor time of their starts.

An archive is made once per user, release of Hadoop and Java, of the lists of classes that daemons without one have written. It is
given by name only: a Java that finds it unfit says so in its output, and starts as without one. Never here: which daemons there
are.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterable
from pathlib import Path

from trainmaster.local.files import locked

_LISTS = "classes-*.list"
_PATIENCE = 120
"""seconds that making an archive may take"""


def archive(jars: Path, java: Path) -> Path:
    """Where that of these jars for this Java is, or is to be; other jars, and the same ones fetched again, have another."""
    made_for = (java / "release").read_bytes() + str((jars / ".").stat().st_mtime_ns).encode()
    return jars.with_name(f"{jars.name}-{hashlib.sha256(made_for).hexdigest()[:12]}.jsa")


def options(shared: Path, logs: Path) -> tuple[str, ...]:
    """Java's: to use the archive, or while there is none to list what is loaded in the folder `logs`."""
    if shared.exists():
        return (f"-XX:SharedArchiveFile={shared}",)
    return (f"-XX:DumpLoadedClassList={logs}/{_LISTS.replace('*', '%p')}",)


def make(shared: Path, jars: Path, java: Path, logs: Path) -> None:
    """The archive, of the lists that daemons which have ended left in `logs`; the lists go. Nothing where there are none, or
    where Java can't make it: daemons start as well without."""
    lists = sorted(logs.glob(_LISTS))
    texts = [path.read_text() for path in lists]
    for path in lists:
        path.unlink()
    if not texts:
        return
    with locked(shared.with_suffix(".lock")):
        if not shared.exists():
            _dump(shared, jars, java, merged(texts))


def merged(texts: Iterable[str]) -> str:
    """One list of several. What is only of one process, and the line at which a process was killed, is left out."""
    lines = (line for text in texts for line in text.splitlines(keepends=True))
    kept = dict.fromkeys(line.partition(" id: ")[0].strip() for line in lines if _of_all(line))
    return "".join(f"{line}\n" for line in kept)


def _of_all(line: str) -> bool:
    return line.endswith("\n") and " source: " not in line and not line.startswith("#")


def _dump(shared: Path, jars: Path, java: Path, classes: str) -> None:
    listed, made = shared.with_suffix(".list"), shared.with_suffix(".new")
    listed.write_text(classes)
    command = [
        *(str(java / "bin/java"), "-XX:+UseSerialGC", "-Xshare:dump"),
        *(f"-XX:SharedClassListFile={listed}", f"-XX:SharedArchiveFile={made}", "-cp", f"{jars}/*"),
    ]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return
    finally:
        listed.unlink()
    if done.returncode == 0 and made.exists():
        made.replace(shared)
