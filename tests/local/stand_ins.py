"""Stand-ins for Java and Maven: shell scripts on a PATH of their own, so that nothing is fetched and no daemon is real."""

from __future__ import annotations

import hashlib
from pathlib import Path

JARS = {"org.example:one:1.0": b"first", "org.example:two:2.0:linux": b"second"}
"""what the pretended Maven Central holds"""


def write_list(path: Path, jars: dict[str, bytes] = JARS) -> Path:
    path.write_text(
        "".join(f"{name} {hashlib.sha256(content).hexdigest()}\n" for name, content in jars.items())
    )
    return path


def install_maven(folder: Path, jars: dict[str, bytes] = JARS) -> Path:
    """A `mvn` that puts the jars where the project's file says, slowly, and counts its runs; the file of the count."""
    central, runs = folder / "central", folder / "runs"
    central.mkdir()
    for name, content in jars.items():
        _, artifact, version, *classifier = name.split(":")
        (central / ("-".join((artifact, version, *classifier)) + ".jar")).write_bytes(content)
    script = f"""
        echo run >> {runs}
        while [ "$1" != -f ]; do shift; done
        target=$(sed -n 's|.*<outputDirectory>\\(.*\\)</outputDirectory>.*|\\1|p' "$2")
        mkdir -p "$target" && cp {central}/*.jar "$target" && sleep 0.2
    """
    install(folder / "bin", "mvn", script)
    return runs


def install_java(home: Path, version: str = "17.0.2", script: str = "exec sleep 1000") -> Path:
    """A Java of that version that runs the script for whatever it is asked to run."""
    install(home / "bin", "java", script)
    (home / "release").write_text(f'IMPLEMENTOR="nobody"\nJAVA_VERSION="{version}"\n')
    return home


def install(folder: Path, name: str, script: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
