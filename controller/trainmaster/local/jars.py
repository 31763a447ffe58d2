"""Jars from Maven Central by a pinned list with checksums, kept once per user.

A list holds one line per jar: `group:artifact:version[:classifier] sha256`; see `lock.py` for how one is
made. Maven does the fetching, since only it knows this machine's mirrors and proxies; nothing is used before
its checksum was compared.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from trainmaster.errors import InvalidError, UnavailableError
from trainmaster.local.files import locked, sha256

PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
_LINE = re.compile(r"(?P<name>[^\s:]+:[^\s:]+:[^\s:]+(?::[^\s:]+)?) (?P<sha256>[0-9a-f]{64})")


@dataclass(frozen=True)
class Jar:
    group: str
    artifact: str
    version: str
    classifier: str
    sha256: str

    @property
    def file(self) -> str:
        return "-".join(filter(None, (self.artifact, self.version, self.classifier))) + ".jar"


def hadoop(version: str) -> Path:
    """The list of that Hadoop: the daemons of HDFS and YARN, and what they need."""
    return Path(__file__).with_name(f"hadoop-{version}.lock")


def minikdc() -> Path:
    """The list of the KDC, which is the same for every Hadoop."""
    return Path(__file__).with_name("minikdc.lock")


def read_list(path: Path) -> list[Jar]:
    lines = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
    return [_parse(line, path) for line in lines if line]


def _parse(line: str, path: Path) -> Jar:
    match = _LINE.fullmatch(line)
    if match is None:
        raise InvalidError(f"{path}: {line!r} is not `group:artifact:version[:classifier] sha256`")
    group, artifact, version, *classifier = match["name"].split(":")
    return Jar(group, artifact, version, "".join(classifier), match["sha256"])


def folder_of(jar_list: Path, cache: Path) -> Path:
    """Where the jars of that list are kept: another content of the list is another folder."""
    digest = hashlib.sha256(jar_list.read_bytes()).hexdigest()
    return cache / "jars" / f"{jar_list.stem}-{digest[:12]}"


def fetched(jar_list: Path, cache: Path) -> bool:
    """Whether all jars of the list are there, with the right content."""
    folder = folder_of(jar_list, cache)
    return folder.is_dir() and not _wrong(read_list(jar_list), folder)


def fetch(jar_list: Path, cache: Path, environ: Mapping[str, str] | None = None) -> Path:
    """The folder that holds the jars of the list, fetched first if need be; safe for several at once.

    Raises UnavailableError when Maven fails, InvalidError when a file isn't what the list says.
    """
    folder = folder_of(jar_list, cache)
    with locked(folder.with_name(f"{folder.name}.lock")):  # a suffix would begin at the release's last dot
        if not fetched(jar_list, cache):
            shutil.rmtree(folder, ignore_errors=True)
            _fetch_into(folder, read_list(jar_list), environ)
    return folder


def _fetch_into(folder: Path, jars: Sequence[Jar], environ: Mapping[str, str] | None) -> None:
    """All or nothing: the folder appears, complete and checked, by one rename."""
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetch-") as work:
        arriving = Path(work) / "jars"
        (Path(work) / "pom.xml").write_text(copying_pom(jars, arriving))
        run_maven(["-f", f"{work}/pom.xml", f"{PLUGIN}:copy"], environ)
        if wrong := _wrong(jars, arriving):
            raise InvalidError(f"checksum differs or file is missing: {', '.join(wrong)}")
        arriving.rename(folder)


def _wrong(jars: Sequence[Jar], folder: Path) -> list[str]:
    return [jar.file for jar in jars if sha256(folder / jar.file) != jar.sha256]


def copying_pom(jars: Sequence[Jar], target: Path) -> str:
    """A project that does nothing but copy these very jars, and nothing that they depend on, to `target`."""
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>trainmaster</groupId><artifactId>jars</artifactId><version>1</version><packaging>pom</packaging>"
        "<build><plugins><plugin><groupId>org.apache.maven.plugins</groupId>"
        "<artifactId>maven-dependency-plugin</artifactId><configuration>"
        f"<outputDirectory>{escape(str(target))}</outputDirectory>"
        f"<artifactItems>{''.join(map(_item, jars))}</artifactItems>"
        "</configuration></plugin></plugins></build></project>"
    )


def _item(jar: Jar) -> str:
    classifier = f"<classifier>{jar.classifier}</classifier>" if jar.classifier else ""
    return (
        f"<artifactItem><groupId>{jar.group}</groupId><artifactId>{jar.artifact}</artifactId>"
        f"<version>{jar.version}</version>{classifier}</artifactItem>"
    )


def run_maven(arguments: Sequence[str], environ: Mapping[str, str] | None = None) -> None:
    """Run Maven with the user's own settings; UnavailableError with its last words when it fails."""
    command = ["mvn", "-q", "-B", "-Dstyle.color=never", *arguments]
    env = dict(os.environ if environ is None else environ)
    try:
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise UnavailableError("Maven (mvn) is not installed") from error
    if done.returncode:
        words = (done.stdout + done.stderr).strip().splitlines()[:5]
        raise UnavailableError("Maven could not fetch the jars: " + " ".join(words))
