"""The guide to one's first own job, executed word by word: its files, its commands, and what it says that they print."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from real.rooms import Room

GUIDE = Path(__file__).parents[2] / "docs" / "first-job.md"
BLOCK = re.compile(
    r"(?:^`(?P<file>[\w.]+)`:\n\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@pytest.fixture(scope="module")
def kind() -> str:
    return "folder"


def test_the_guide_to_a_first_job_does_what_it_says(room: Room, tmp_path: Path) -> None:
    room.controller()
    printed, compared = "", 0
    for block in BLOCK.finditer(GUIDE.read_text()):
        if name := block["file"]:
            (tmp_path / name).write_text(block["text"])
        elif block["kind"] == "sh":
            printed = typed(block["text"], room, tmp_path)
        elif block["kind"] == "text":
            compared += 1
            assert says(block["text"], printed), f"{printed}\n--- instead of\n{block['text']}"
    assert compared == 4


def typed(commands: str, room: Room, folder: Path) -> str:
    """What the commands print, as for somebody who types them one after the other until one fails."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["/bin/bash", "-e", "-c", commands],
        cwd=folder,
        env=os.environ | room.settings() | {"PATH": path, "HADOOP_CONF_DIR": str(room.hadoop.conf_dir)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, f"{commands}\n{done.stdout}"
    return done.stdout


def says(expected: str, printed: str) -> bool:
    """Whether each line stands there, in this order; `…` is anything within a line."""
    lines = [".*".join(map(re.escape, line.split("…"))) for line in expected.splitlines()]
    return re.search(r"^.*" + r"\n(?:.*\n)*?.*".join(lines), printed, re.MULTILINE) is not None
