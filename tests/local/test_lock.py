from pathlib import Path

import pytest

from trainmaster.local import jars
from trainmaster.local.lock import coordinates, depending_pom
from trainmaster.local.options import VERSIONS


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("org/example/deep/thing/1.0/thing-1.0.jar", "org.example.deep:thing:1.0"),
        (
            "g/native-lib/2.1.Final/native-lib-2.1.Final-linux-x86_64.jar",
            "g:native-lib:2.1.Final:linux-x86_64",
        ),
    ],
)
def test_a_place_in_a_repository_is_a_name(path: str, name: str) -> None:
    assert coordinates(Path(path)) == name


def test_the_project_depends_on_what_was_named() -> None:
    pom = depending_pom(["g:a:1", "h:b:2"])
    assert pom.count("<dependency>") == 2
    assert "<groupId>h</groupId><artifactId>b</artifactId><version>2</version>" in pom


@pytest.mark.parametrize("version", VERSIONS)
def test_the_list_of_each_hadoop_is_sound(version: str) -> None:
    listed = jars.read_list(jars.hadoop(version))
    assert len({jar.file for jar in listed}) == len(listed) > 150
    assert {jar.version for jar in listed if jar.group == "org.apache.hadoop"} == {version}
