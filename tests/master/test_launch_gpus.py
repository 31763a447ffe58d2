"""What a process hears of its GPUs: the script is run by a real bash, against whatever a NodeManager may answer."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from hadoop.gpu_answers import CONTAINER, LATCHED, UNKNOWN, answer, device
from hadoop.serving import certified, web
from trainmaster.hadoop.gpus import PATH
from trainmaster.master.launch import script
from trainmaster.master.launch_gpus import GpuLaunch, gpu_lines

TWO = GpuLaunch(2, "http", "alice", "vision/mnist")
UUIDS = [f"GPU-00000000-0000-0000-0000-{minor:012d}" for minor in range(12)]
SHOWS = 'echo "visible=${CUDA_VISIBLE_DEVICES-unset}"; exit 7'
GIVEN = answer(
    *map(device, range(12)),
    owners={1: CONTAINER, 2: "container_1795000000000_0001_01_0000020", 11: CONTAINER},
)


def run(
    gpus: GpuLaunch, at: str, command: str = SHOWS, environment: dict[str, str] | None = None
) -> tuple[str, str]:
    """What it writes to stdout and stderr."""
    host, _, port = at.partition(":")
    given = {"PATH": os.environ["PATH"], "NM_HOST": host, "NM_HTTP_PORT": port, "CONTAINER_ID": CONTAINER}
    text = script(environment or {}, command, "n1", (), gpus)
    done = subprocess.run(["bash", "-c", text], env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 7
    return done.stdout, done.stderr


@contextmanager
def nodemanager(body: str, status: int = 200) -> Iterator[str]:
    with web(lambda _: (status, body)) as at:
        yield at


def test_it_sees_its_own_by_uuid() -> None:
    asked: list[str] = []

    def reply(path: str) -> tuple[int, str]:
        asked.append(path)
        return 200, GIVEN

    with web(reply) as at:
        assert run(TWO, at) == (f"visible={UUIDS[1]},{UUIDS[11]}\n", "")
    assert asked == [f"{PATH}?user.name=alice"]


def test_nothing_of_it_is_left_to_the_users_program() -> None:
    with nodemanager(GIVEN) as at:
        out, _ = run(TWO, at, "declare -F; set | grep -c '^tm_'; env | grep -c tm_; exit 7")
    assert out == "0\n0\n"


@pytest.mark.parametrize(
    "body",
    [
        "", "{}", "<html>It works!</html>", LATCHED, GIVEN[:300], "\x00" * 1000, "[" * 2_000_000,
        answer(device(0), device(1)), answer(UNKNOWN, device(1), owners={0: CONTAINER, 1: CONTAINER}),
        answer(device(0), device(1) | {"uuid": "$(touch /tmp/gotcha)"}, owners={0: CONTAINER, 1: CONTAINER}),
    ],
    ids=str,
)  # fmt: skip
def test_without_sense_it_stays_unset_and_says_so(body: str) -> None:
    with nodemanager(body) as at:
        out, said = run(TWO, at)
    assert out == "visible=unset\n"
    assert said.startswith("trainmaster: CUDA_VISIBLE_DEVICES stays unset: the NodeManager told of ")


@pytest.mark.parametrize("at", ["127.0.0.1:1", "no.such.host.invalid:80", ":"])
def test_where_nobody_answers_it_goes_on(at: str) -> None:
    out, said = run(TWO, at)
    assert out == "visible=unset\n"
    assert said == (
        "trainmaster: CUDA_VISIBLE_DEVICES stays unset: the NodeManager told of 0 of the 2 GPUs of this container\n"
    )


@pytest.mark.parametrize("environment", [{"CUDA_VISIBLE_DEVICES": "3"}, {"NVIDIA_VISIBLE_DEVICES": "1,11"}])
def test_what_was_chosen_already_stands(environment: dict[str, str]) -> None:
    with nodemanager(GIVEN) as at:
        out, _ = run(TWO, at, environment=environment)
    assert out == f"visible={environment.get('CUDA_VISIBLE_DEVICES', 'unset')}\n"


def test_https_is_asked_too(tmp_path: Path) -> None:
    with web(lambda _: (200, GIVEN), certified(tmp_path / "keys")) as at:
        out, _ = run(replace(TWO, scheme="https"), at)
    assert out == f"visible={UUIDS[1]},{UUIDS[11]}\n"


def test_dcgm_exporter_reads_the_job_while_it_runs(tmp_path: Path) -> None:
    """By nvidia-smi's index, which isn't the minor number."""
    mapping = tmp_path / "with 'quote"
    mapping.mkdir()
    body = answer(device(0), device(3), device(1), owners={3: CONTAINER, 1: CONTAINER})
    with nodemanager(body) as at:
        out, said = run(
            replace(TWO, job_mapping_dir=str(mapping)),
            at,
            f"cd '{tmp_path}'/with*; grep . /dev/null *; exit 7",
        )
    assert out == "1:vision/mnist\n2:vision/mnist\n"
    assert said == ""
    assert list(mapping.iterdir()) == []


def test_a_mapping_that_cannot_be_written_holds_nobody_up(tmp_path: Path) -> None:
    with nodemanager(GIVEN) as at:
        out, said = run(replace(TWO, job_mapping_dir=str(tmp_path / "none")), at)
    assert out == f"visible={UUIDS[1]},{UUIDS[11]}\n"
    assert "can't be written to, for dcgm-exporter" in said


@pytest.mark.parametrize("gpus", [replace(TWO, granted=0), replace(TWO, visible_devices=False)])
def test_who_needs_nothing_asks_nothing(gpus: GpuLaunch) -> None:
    assert gpu_lines(gpus) == ""
