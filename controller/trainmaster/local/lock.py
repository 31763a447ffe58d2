"""Makes a list of pinned jars: `python -m trainmaster.local.lock GROUP:ARTIFACT:VERSION... >
hadoop-VERSION.lock`.

Maven resolves the artifacts named and what they need at run time; each jar goes into the list with its
checksum. The lists of the local Hadoop are made of hadoop-hdfs, hadoop-yarn-server-nodemanager,
hadoop-yarn-server-resourcemanager and, since the ResourceManager's web pages don't start without it,
hadoop-yarn-server-timelineservice, all of group org.apache.hadoop.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from trainmaster.local.files import sha256
from trainmaster.local.jars import PLUGIN, run_maven


def resolve(roots: Sequence[str]) -> list[str]:
    """The lines of a list for these artifacts (`group:artifact:version`) and all that they need."""
    with tempfile.TemporaryDirectory() as work:
        target = Path(work) / "repository"
        (Path(work) / "pom.xml").write_text(depending_pom(roots))
        layout = ["-Dmdep.useRepositoryLayout=true", "-DincludeScope=runtime", f"-DoutputDirectory={target}"]
        run_maven(["-f", f"{work}/pom.xml", f"{PLUGIN}:copy-dependencies", *layout])
        return sorted(
            f"{coordinates(jar.relative_to(target))} {sha256(jar)}" for jar in target.rglob("*.jar")
        )


def depending_pom(roots: Sequence[str]) -> str:
    """A project that depends on these artifacts."""
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>trainmaster</groupId><artifactId>lock</artifactId><version>1</version>"
        f"<dependencies>{''.join(map(_dependency, roots))}</dependencies></project>"
    )


def _dependency(root: str) -> str:
    group, artifact, version = root.split(":")
    return (
        f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>"
        f"<version>{version}</version></dependency>"
    )


def coordinates(path: Path) -> str:
    """`group:artifact:version[:classifier]` of a jar at its place in a Maven repository."""
    *group, artifact, version, _ = path.parts
    classifier = path.stem.removeprefix(f"{artifact}-{version}").lstrip("-")
    return ":".join(filter(None, (".".join(group), artifact, version, classifier)))


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in resolve(sys.argv[1:]))
