"""What task.sh notes is read as it was written, by the real script too."""

from __future__ import annotations

import os
import subprocess
import time

import pytest

from bench import stamps
from bench.systems import TASK

LINE = "1790000000.123456 4242 worker container_e01_1789999999000_0007_01_000003\n"


def test_a_stamp_knows_its_application():
    (stamp,) = stamps.parse(LINE)
    assert (stamp.when, stamp.pid, stamp.role) == (1790000000.123456, 4242, "worker")
    assert stamp.application == "application_1789999999000_0007"


def test_the_epoch_of_a_container_is_left_out_where_there_is_none():
    (stamp,) = stamps.parse(LINE.replace("e01_", ""))
    assert stamp.application == "application_1789999999000_0007"


def test_what_is_no_container_has_no_application():
    (stamp,) = stamps.parse("1.0 1 ps elsewhere\n")
    with pytest.raises(ValueError, match="elsewhere"):
        _ = stamp.application


def test_the_earliest_comes_first_and_half_a_line_is_not_read():
    text = LINE + LINE.replace("1790000000", "1780000000") + "1770000000.1 1 ps"
    assert [int(stamp.when) for stamp in stamps.parse(text)] == [1780000000, 1790000000]


def test_no_file_is_no_stamp(tmp_path):
    assert stamps.read(tmp_path / "nothing") == []


def test_the_script_notes_itself_and_becomes_the_command(tmp_path):
    file, before = tmp_path / "stamps", time.time()
    done = subprocess.run(
        [TASK, "ps", file, "bash", "-c", 'echo "$$ $*"', "-", "a b"],
        env=os.environ | {"CONTAINER_ID": "container_1_0001_01_000002"},
        capture_output=True,
        text=True,
        check=True,
    )
    (stamp,) = stamps.read(file)
    assert done.stdout == f"{stamp.pid} a b\n"
    assert stamp.role == "ps"
    assert before - 0.01 <= stamp.when <= time.time() + 0.01
