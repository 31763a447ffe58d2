"""What all tests share: how laws are drawn, and how tests are spread over processes. No time is asserted; and CI draws the same
examples each time, so that a red run is the change's doing. Anybody's own run draws others.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import settings

from scheduling import ByFile, processes
from trainmaster.local.machine import available_memory

settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile | None:
    return ByFile(config, log) if config.getvalue("dist") == "loadgroup" else None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    if config.getvalue("dist") != "loadgroup" or "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    return processes(len(os.sched_getaffinity(0)), available_memory())
