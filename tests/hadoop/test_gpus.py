"""What a NodeManager tells of its GPUs, and what of it is believed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadoop.gpu_answers import CONTAINER, FAILED, LATCHED, LATCHING, UNKNOWN, answer, device
from trainmaster.errors import DeniedError, UnavailableError
from trainmaster.hadoop.gpus import MIB, MOST, Gpu, GpuTrouble, SenselessError, read, trouble_of, words_of
from trainmaster.hadoop.http import http_error


def test_each_gpu_comes_in_base_units_with_its_owner() -> None:
    told = read(answer(device(0), device(1, 87.0, 1024, 61.0), owners={1: CONTAINER}).encode())
    assert told.owners == {1: CONTAINER}
    uuid = "GPU-00000000-0000-0000-0000-000000000001"
    assert told.gpus[1] == Gpu(1, uuid, 0.87, 1024 * MIB, 16384 * MIB, 61.0)


def test_what_nvidia_smi_cannot_tell_is_not_known() -> None:
    """Not nothing used of nearly all memory, at the absolute zero."""
    [gpu] = read(answer(UNKNOWN).encode()).gpus
    assert gpu == Gpu(0)


def test_only_devices_that_yarn_may_give_count() -> None:
    document = json.loads(answer(device(0), device(1), device(2)))
    document["totalGpuDevices"] = [{"index": 0, "minorNumber": 2}]
    assert [gpu.minor for gpu in read(json.dumps(document).encode()).gpus] == [2]


def test_devices_that_an_administrator_named_stand_though_nvidia_smi_is_silent() -> None:
    document = json.loads(answer(device(3), owners={3: CONTAINER})) | {"gpuDeviceInformation": None}
    assert read(json.dumps(document).encode()).gpus == (Gpu(3),)


def test_a_node_without_the_plugin_has_none() -> None:
    assert read(b"{}").gpus == ()


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html>It works!</html>", b"[]", b"3", b"null", b"\xff\xfe", b"[" * 100_000,
        b'{"gpuDeviceInformation":{"gpus":[1]}}',
        b'{"assignedGpuDevices":[{"minorNumber":0}]}', b'{"totalGpuDevices":[{"minorNumber":"x"}]}',
        b'{"totalGpuDevices":[{"minorNumber":1e999}]}', answer(*map(device, range(MOST + 1))).encode(),
    ],
)  # fmt: skip
def test_nonsense_is_told_apart_from_an_answer(body: bytes) -> None:
    with pytest.raises(SenselessError) as told:
        read(body)
    assert trouble_of(told.value) is GpuTrouble.SENSELESS


@pytest.mark.parametrize("percent", [-1, 101, float("nan"), float("inf"), "N/A", None, True, [], "9" * 5000])
def test_a_lie_is_not_believed(percent: Any) -> None:
    lying = device(0) | {"gpuUtilizations": {"overallGpuUtilization": percent}}
    assert read(answer(lying).encode()).gpus[0].utilization is None


def test_a_uuid_is_no_place_for_anything_else() -> None:
    assert read(answer(device(0) | {"uuid": '"}\n<script>'}).encode()).gpus[0].uuid == ""


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda of: (
            st.lists(of)
            | st.dictionaries(st.text() | st.sampled_from(list(json.loads(answer(device(0))))), of)
        ),
    )
)
def test_any_json_is_understood_or_refused(document: Any) -> None:
    try:
        told = read(json.dumps(document).encode())
    except SenselessError:
        return
    assert all(gpu.utilization is None or 0 <= gpu.utilization <= 1 for gpu in told.gpus)


@pytest.mark.parametrize(
    ("status", "body", "trouble"),
    [
        (503, LATCHED, GpuTrouble.LATCHED),
        (503, LATCHING, GpuTrouble.LATCHED),
        (503, FAILED, GpuTrouble.FAILED),
        (500, "<html>", GpuTrouble.UNREACHABLE),
        (401, "", GpuTrouble.DENIED),
        (403, "", GpuTrouble.DENIED),
        (404, "", GpuTrouble.SENSELESS),
    ],
)
def test_why_a_node_tells_nothing(status: int, body: str, trouble: GpuTrouble) -> None:
    error = http_error("http://n:8042/ws", status, body.encode())
    assert trouble_of(error) is trouble
    assert ("until it is restarted" in words_of(error)) is (trouble is GpuTrouble.LATCHED)


def test_a_node_that_is_away_is_unreachable() -> None:
    assert trouble_of(UnavailableError("http://n: connection refused")) is GpuTrouble.UNREACHABLE
    assert trouble_of(DeniedError("403", "no")) is GpuTrouble.DENIED
