"""The stand-in for the class by which a secure NodeManager opens logs."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.stand_ins import install_java
from trainmaster.errors import UnavailableError
from trainmaster.local import machine, secure_io


def test_javas_own_compiler_makes_it(tmp_path: Path) -> None:
    java = machine.find_java()
    if java is None:
        pytest.skip("no Java here")
    secure_io.install(tmp_path / "classes", java)
    made = {path.name for path in (tmp_path / "classes/org/apache/hadoop/io").iterdir()}
    assert made == {"SecureIOUtils.class", "SecureIOUtils$AlreadyExistsException.class"}


def test_a_java_without_a_compiler_is_told(tmp_path: Path) -> None:
    java = install_java(tmp_path / "java", script='echo "Module jdk.compiler not found" >&2; exit 1')
    with pytest.raises(
        UnavailableError, match=r"can't compile SecureIOUtils\.java: Module jdk\.compiler not found"
    ):
        secure_io.install(tmp_path / "classes", java)
