"""Our .proto files against Hadoop's own: every message, field, number, type, label and default that we name."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FeatureSet,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

from trainmaster.hadoop.proto import (
    common_pb2,
    hdfs_pb2,
    yarn_client_pb2,
    yarn_nodemanager_pb2,
    yarn_pb2,
    yarn_scheduler_pb2,
)
from trainmaster.local import jars, machine
from trainmaster.local.options import VERSIONS, cache_folder

OURS = [common_pb2, hdfs_pb2, yarn_pb2, yarn_client_pb2, yarn_scheduler_pb2, yarn_nodemanager_pb2]
Said = tuple[str, ...]
LATER = {"3.3.6": {"hadoop.yarn.QueueInfoProto.queuePath"}}
"""what a release doesn't say yet; whoever reads it must do without"""


def said_by(files: Iterator[FileDescriptorProto]) -> dict[str, Said]:
    """Every field and enum value, by full name, with all that matters on the wire."""
    found: dict[str, Said] = {}
    for file in files:
        found.update(of_enums(file.package, file.enum_type))
        for message in file.message_type:
            found.update(of_message(file.package, message))
    return found


def of_message(scope: str, message: DescriptorProto) -> Iterator[tuple[str, Said]]:
    name = f"{scope}.{message.name}"
    yield name, ("message",)
    for field in message.field:
        kind = FieldDescriptorProto.Type.Name(field.type)
        label = FieldDescriptorProto.Label.Name(field.label)
        if field.options.features.field_presence == FeatureSet.LEGACY_REQUIRED:  # as an edition says it
            label = "LABEL_REQUIRED"
        yield f"{name}.{field.name}", (str(field.number), kind, label, field.type_name, field.default_value)
    yield from of_enums(name, message.enum_type)
    for nested in message.nested_type:
        yield from of_message(name, nested)


def of_enums(scope: str, enums: object) -> Iterator[tuple[str, Said]]:
    for enum in enums:  # type: ignore[attr-defined] # protobuf's repeated containers have no public type
        assert isinstance(enum, EnumDescriptorProto)
        for value in enum.value:
            yield f"{scope}.{enum.name}.{value.name}", (str(value.number),)


@pytest.fixture(scope="module", params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def theirs(version: str) -> Mapping[str, Said]:
    """What the jars of that Hadoop hold."""
    lib, java = jars.fetch(jars.hadoop(version), cache_folder()), machine.find_java()
    assert java is not None
    program = Path(__file__).with_name("Descriptors.java")
    command = [str(java / "bin" / "java"), "-cp", f"{lib}/*", str(program)]
    output = subprocess.run(command, check=True, capture_output=True, timeout=120).stdout
    return said_by(iter(FileDescriptorSet.FromString(output).file))


@pytest.mark.parametrize("ours", OURS, ids=lambda module: module.__name__.rpartition(".")[2])
def test_ours_are_theirs(ours: object, version: str, theirs: Mapping[str, Said]) -> None:
    file = FileDescriptorProto()
    ours.DESCRIPTOR.CopyToProto(file)  # type: ignore[attr-defined] # a generated module
    mine = said_by(iter([file]))
    assert len(mine) > 20
    assert {name: theirs[name] for name in mine if name in theirs} == {
        name: said for name, said in mine.items() if name not in LATER.get(version, ())
    }
