"""The generated modules are what the committed .proto files make (`make proto`)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import trainmaster

ROOT = Path(trainmaster.__file__).parent.parent
FOLDER = ROOT / "trainmaster" / "hadoop" / "proto"


def test_what_is_committed_is_what_is_generated(tmp_path: Path) -> None:
    sources = sorted(str(path.relative_to(ROOT)) for path in FOLDER.glob("*.proto"))
    options = [f"-I{ROOT}", f"--python_out={tmp_path}", f"--pyi_out={tmp_path}"]
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *options, *sources], check=True)
    made = {path.name: path.read_text() for path in tmp_path.rglob("*_pb2.py*")}
    committed = {path.name: path.read_text() for path in FOLDER.glob("*_pb2.py*")}
    assert made == committed
    assert len(made) == 2 * len(sources)
