"""What the door handed in, as decisions and statuses see it."""

from __future__ import annotations

import json
from unittest.mock import patch

import pytest

from trainmaster.master import clock
from trainmaster.master.reports import SHOWN, TOKEN, URL, FoundReports
from trainmaster.plan.memory import ApplicationMemory, Key, Memory, ReplicaMemory
from trainmaster.plan.progress import NO_REPORTS

ME = ReplicaMemory(Key("worker", 0), container="c1", host="n1")
JOB = Memory(
    "u", "default", "mnist", application=ApplicationMemory("a", report_token="secret"), replicas=(ME,)
)


def line(step: int, moved: float = 0.0) -> bytes:
    row = ["worker", 0, 1, 1, step, 100, moved, moved, 0.0, 0.0, 0, {}]
    return json.dumps({"job": "u", "begun": 1, "rows": [row]}).encode()


def test_nothing_is_known_until_the_door_has_told_up_to_when_it_listened() -> None:
    found = FoundReports()
    found.put("u", line(3))
    assert found.of("u") is NO_REPORTS
    found.told(clock.monotonic(), [])
    assert found.of("u").of[Key("worker", 0)].step == 3


def test_of_what_is_still_to_be_told_nothing_is_known_since_it_was_told_last() -> None:
    found = FoundReports()
    now = clock.monotonic()
    found.told(now, [])
    before = found.of("u").until
    found.told(now + 1, ["u"])
    found.told(now + 2, ["u"])
    assert abs(found.of("u").until - before) < 0.1
    assert found.of("v").until - before > 1.9
    found.told(now + 3, [])
    assert found.of("u").until - before > 2.9


def test_times_become_times_of_day_that_can_be_compared() -> None:
    found = FoundReports()
    now = clock.monotonic()
    found.put("u", line(3, now - 10))
    found.told(now, [])
    reports = found.of("u")
    assert abs(reports.until - clock.now()) < 1
    assert abs(reports.until - reports.of[Key("worker", 0)].moved_at - 10) < 0.1


def test_a_door_that_is_gone_has_told_nothing() -> None:
    found = FoundReports()
    found.put("u", line(3))
    found.told(clock.monotonic(), [])
    found.closed()
    assert found.of("u") is NO_REPORTS


def test_what_is_shown_is_renewed_seldom() -> None:
    found, now = FoundReports(), 1000.0
    with patch.object(clock, "monotonic", lambda: now):
        found.told(now, [])
        assert found.progress(JOB) is None
        found.put("u", line(3))
        first = found.progress(JOB)
        assert first
        assert first.step == 3
        found.put("u", line(4))
        assert found.progress(JOB) is first
        assert not found.due("u")
        now += SHOWN
        assert found.due("u")
        second = found.progress(JOB)
        assert second
        assert second.step == 4


def test_only_whoever_has_a_door_and_a_token_is_told_of_them() -> None:
    found = FoundReports()
    assert found.told_to(JOB, ME) == {}
    found.url = "http://ctl:9091"
    assert found.told_to(JOB, ME) == {URL: "http://ctl:9091/reports/u/worker/0/1/1", TOKEN: "secret"}
    assert found.told_to(Memory("u", "d", "n"), ME) == {}
    assert "secret" not in repr(JOB)


@pytest.mark.parametrize(
    ("url", "plain"), [("http://ctl:9091", True), ("https://ctl", False), ("HTTPS://ctl", False)]
)
def test_whether_the_door_takes_plain_http_is_told(url: str, plain: bool) -> None:
    found = FoundReports()
    found.url = url
    found.put("u", b'{"job":"u","begun":1,"rows":[]}')
    found.told(5.0, [])
    assert [found.of(uid).plain for uid in ("u", "another")] == [plain, plain]


def test_who_is_ready_is_read_of_what_the_door_told() -> None:
    found = FoundReports()
    found.put("u", b'{"job":"u","begun":1,"rows":[],"ready":[["ps",0,1,2]]}')
    found.told(5.0, [])
    assert found.of("u").ready == {Key("ps", 0): (1, 2)}
    assert found.of("another").ready == {}
