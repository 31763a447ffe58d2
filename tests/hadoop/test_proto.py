"""The generated modules are what the committed .proto files make (`make proto`)."""

from __future__ import annotations

from pathlib import Path

from grpc_tools import protoc

import trainmaster

ROOT = Path(trainmaster.__file__).parent.parent
FOLDER = ROOT / "trainmaster" / "hadoop" / "proto"


def test_what_is_committed_is_what_is_generated(tmp_path: Path) -> None:
    sources = sorted(str(path.relative_to(ROOT)) for path in FOLDER.glob("*.proto"))
    assert (
        protoc.main(["protoc", f"-I{ROOT}", f"--python_out={tmp_path}", f"--pyi_out={tmp_path}", *sources])
        == 0
    )
    made = {path.name: path.read_text() for path in tmp_path.rglob("*_pb2.py*")}
    committed = {path.name: path.read_text() for path in FOLDER.glob("*_pb2.py*")}
    assert made == committed
    assert len(made) == 2 * len(sources)
