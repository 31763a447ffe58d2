"""What this machine must have before a local Hadoop can start, and the sentence that says how to get it."""

from __future__ import annotations

import os
import platform
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from trainmaster.errors import InvalidError

JAVA_VERSIONS = (17, 11)
"""Best first: 17 is what the tests run on, 11 what Hadoop itself names for 3.3 and later (Hadoop Java Versions).

From 24 on Java lacks what Hadoop's logins need (Subject.getSubject).
"""
JAVA_PLACES = Path("/usr/lib/jvm")
"""where Debian and most other distributions put their Javas"""
DAEMON_MEMORY = 220
"""MiB that a daemon was seen to take, on average of the kinds"""
WANTED_DISK = 1024
"""MiB for data, logs and what jobs write"""
JARS_DISK = 300
"""MiB for the jars, in the cache and in Maven's own repository"""


@dataclass(frozen=True)
class Needs:
    """What a start would take."""

    folder: Path
    daemons: int
    """daemons still to be started"""
    jars: bool
    """whether jars have to be fetched"""


def find_java(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The home of a Java that Hadoop runs on: JAVA_HOME if it fits, else the best of the usual places."""
    home, java = environ.get("JAVA_HOME"), shutil.which("java", path=environ.get("PATH"))
    if home and java_version(Path(home)) in JAVA_VERSIONS:
        return Path(home)
    found = [Path(java).resolve().parent.parent] if java else []
    found += sorted(JAVA_PLACES.glob("*"))
    fitting = {java_version(place): place for place in reversed(found)}
    return next((fitting[version] for version in JAVA_VERSIONS if version in fitting), None)


def java_version(home: Path) -> int | None:
    """The feature release of the Java at `home` (JEP 223), by its own `release` file.

    None if there is none.
    """
    if not os.access(home / "bin" / "java", os.X_OK):
        return None
    try:
        match = re.search(r'^JAVA_VERSION="(?:1\.)?(\d+)', (home / "release").read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(match[1]) if match else None


def require(needs: Needs) -> Path:
    """The Java to use; InvalidError that names all that is missing and how to get it."""
    java = find_java()
    if lacking := list(_lacking(needs, java)):
        raise InvalidError(
            "a local Hadoop can't start on this machine:\n" + "\n".join(f"  - {line}" for line in lacking)
        )
    if java is None:
        raise AssertionError("a missing Java is in the list above")
    return java


def _lacking(needs: Needs, java: Path | None) -> Iterator[str]:
    here = f"{platform.system()} on {platform.machine()}"
    if here != "Linux on x86_64":
        yield f"it needs Linux on x86_64 (for the leveldb inside YARN), this is {here}"
    if java is None:
        yield "Java 17 or 11 is missing: apt-get install openjdk-17-jre-headless (or set JAVA_HOME)"
    if needs.jars and shutil.which("mvn") is None:
        yield "Maven is missing: apt-get install maven"
    yield from _lacking_memory(needs.daemons)
    wanted = WANTED_DISK + (JARS_DISK if needs.jars else 0)
    yield from _lacking_disk(needs.folder, wanted, "make room or choose another --dir")


def require_memory(daemons: int) -> None:
    """InvalidError when there is too little for a start of so many daemons."""
    for line in _lacking_memory(daemons):
        raise InvalidError(line)


def _lacking_memory(daemons: int) -> Iterator[str]:
    wanted, available = daemons * DAEMON_MEMORY, available_memory()
    if available < wanted:
        yield f"{daemons} daemons take {wanted} MiB of memory, {available} are free: end other programs"


def require_disk(folder: Path, wanted: int) -> None:
    """InvalidError when there is less room, in MiB, where that folder is or will be."""
    for line in _lacking_disk(folder, wanted, "make room"):
        raise InvalidError(line)


def _lacking_disk(folder: Path, wanted: int, advice: str) -> Iterator[str]:
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(place).free >> 20
    if free < wanted:
        yield f"{wanted} MiB of disk are needed at {place}, {free} are free: {advice}"


def available_memory() -> int:
    """MiB that programs may still take without swapping (MemAvailable, proc(5))."""
    match = re.search(r"^MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return int(match[1]) >> 10 if match else 0
