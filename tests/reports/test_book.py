"""What the door keeps of what processes tell, and what it refuses: with a sentence, and with nobody else hurt by it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trainmaster.reports.book import METRICS, Book, Job, Place, RefusalError, Report, place_of, report_of

JOB = Job("secret", {"worker": 2})
ME = Place("worker", 0, 1, 1)


def report(step: int, total: int | None = None, **metrics: float) -> Report:
    return Report(step, total, metrics)


def book(**jobs: Job) -> Book:
    made = Book()
    made.live(jobs or {"u": JOB})
    return made


def rows(told: Book, now: float, uid: str = "u") -> list[list[Any]]:
    lines = [json.loads(line) for line in told.news(now)]
    return next((line["rows"] for line in lines if line.get("job") == uid), [])


def test_who_is_ready_is_handed_on_once_and_an_older_process_is_refused() -> None:
    told = book()
    told.found_ready("u", Place("worker", 1, 2, 1), 0.0)
    first = json.loads(next(iter(told.news(1.0))))
    assert (first["ready"], first["begun"], first["rows"]) == ([["worker", 1, 2, 1]], 1, [])
    with pytest.raises(RefusalError, match="a moment ago"):
        told.found_ready("u", Place("worker", 1, 2, 1), 0.1)
    told.found_ready("u", Place("worker", 1, 2, 1), 1.5)
    assert [json.loads(line).get("job") for line in told.news(2.0)] == [None]
    with pytest.raises(RefusalError, match="newer process"):
        told.found_ready("u", Place("worker", 1, 1, 1), 2.0)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "JSON object"),
        ({}, "step is a whole number"),
        ({"step": "5"}, "step is a whole number"),
        ({"step": True}, "step is a whole number"),
        ({"step": -1}, "step is a whole number"),
        ({"step": 1.5}, "step is a whole number"),
        ({"step": float("nan")}, "step is a whole number"),
        ({"step": float("inf")}, "step is a whole number"),
        ({"step": 10**400}, "step is a whole number"),
        ({"step": 1, "total": "all"}, "total is a whole number"),
        ({"step": 1, "loss": 2}, "no field 'loss'"),
        ({"step": 1, "metrics": 3}, "metrics is an object"),
        ({"step": 1, "metrics": {"loss": "low"}}, "the metric loss is a finite number"),
        ({"step": 1, "metrics": {"loss": float("nan")}}, "the metric loss is a finite number"),
        ({"step": 1, "metrics": {"loss": 10**400}}, "the metric loss is a finite number"),
        ({"step": 1, "metrics": {"lo\nss": 1}}, "no name of a metric"),
        ({"step": 1, "metrics": {"a" * 65: 1}}, "no name of a metric"),
        ({"step": 1, "metrics": {f"m{n}": 1 for n in range(METRICS + 1)}}, "16 metrics at most"),
    ],
)
def test_what_is_no_report_is_told_what_would_be_one(document: object, words: str) -> None:
    with pytest.raises(RefusalError, match=words) as refused:
        report_of(document)
    assert refused.value.status == 400
    assert "\n" not in refused.value.words


def test_a_report_is_a_step_and_whatever_else_is_known() -> None:
    assert report_of({"step": 3}) == Report(3, None, {})
    assert report_of({"step": 3.0, "total": 9, "metrics": {"loss": 1, "val/acc": 0.5}}) == Report(
        3, 9, {"loss": 1.0, "val/acc": 0.5}
    )


@pytest.mark.parametrize(
    "where",
    [("worker", "2", "1", "1"), ("ps", "0", "1", "1"), ("worker", "-1", "1", "1"), ("worker", "²", "1", "1")],
)
def test_only_replicas_that_are_declared_can_tell_something(where: tuple[str, ...]) -> None:
    with pytest.raises(RefusalError) as refused:
        place_of(JOB, *where)
    assert refused.value.status == 404


def test_what_was_told_is_handed_on_once_for_each_job() -> None:
    told = book()
    told.take("u", ME, report(5, 100, loss=0.5), 10.0)
    told.take("u", ME, report(6, 100, loss=0.4), 11.0)
    first = list(told.news(12.0))
    assert json.loads(first[0])["rows"] == [
        ["worker", 0, 1, 1, 6, 100, 11.0, 11.0, 0.0, 0.0, 0, {"loss": 0.4}]
    ]
    assert json.loads(first[1]) == {"until": 12.0, "late": []}
    assert [json.loads(line) for line in told.news(13.0)] == [{"until": 13.0, "late": []}]


def test_a_step_that_goes_back_is_refused_and_yet_is_no_standing_still() -> None:
    told = book()
    told.take("u", ME, report(9), 10.0)
    assert rows(told, 11.0)
    with pytest.raises(RefusalError, match="step 5 is behind 9") as refused:
        told.take("u", ME, report(5), 20.0)
    assert refused.value.status == 409
    [row] = rows(told, 21.0)
    assert (row[4], row[6]) == (9, 20.0)


def test_a_process_of_before_can_tell_nothing_any_more() -> None:
    told = book()
    told.take("u", Place("worker", 0, 2, 1), report(1), 10.0)
    with pytest.raises(RefusalError, match="newer process") as refused:
        told.take("u", ME, report(50), 11.0)
    assert refused.value.status == 409
    told.take("u", Place("worker", 0, 1, 2), report(0), 12.0)
    [row] = rows(told, 13.0)
    assert row[2:5] == [1, 2, 0], "a later generation counts before a run"


def test_a_step_that_is_told_again_moves_nothing() -> None:
    told = book()
    for at in (10.0, 20.0, 30.0):
        told.take("u", ME, report(7), at)
    [row] = rows(told, 31.0)
    assert (row[6], row[7]) == (10.0, 30.0)


def test_the_rate_is_that_of_the_last_half_minute() -> None:
    told = book()
    for second in range(100):
        told.take("u", ME, report(min(second, 60) * 2 + max(0, second - 60)), float(second))
    [row] = rows(told, 100.0)
    assert row[8:11] == [1.0, 2.0, 30], "the rate, the best one, and of how many steps it is"


def test_the_time_in_which_nobody_could_be_heard_does_not_count() -> None:
    told = book()
    told.take("u", ME, report(7), 10.0)
    told.blind(60.0)
    assert rows(told, 71.0)[0][6] == 70.0


def test_one_process_is_heard_twice_a_second_at_most_and_its_peers_all_the_same() -> None:
    told = book()
    told.take("u", ME, report(1), 10.0)
    assert told.too_soon("u", ME, 10.1)
    assert not told.too_soon("u", Place("worker", 1, 1, 1), 10.1)
    assert not told.too_soon("u", Place("worker", 0, 1, 2), 10.1), "its successor"
    assert not told.too_soon("u", ME, 10.6)


def test_a_job_has_few_names_of_metrics_however_many_it_makes_up() -> None:
    told = book()
    for second in range(100):
        told.take("u", ME, report(second, **{f"m{second}": 1.0, "loss": 0.5}), float(second))
    [row] = rows(told, 100.0)
    assert row[11] == {"loss": 0.5}


def test_what_is_known_of_a_job_goes_with_it() -> None:
    told = book(u=JOB, v=JOB)
    told.take("u", ME, report(1), 10.0)
    told.live({"v": JOB})
    assert rows(told, 11.0) == []
    told.live({"u": JOB})
    assert rows(told, 12.0) == []


def test_of_large_jobs_reports_come_more_seldom_and_are_named_until_then() -> None:
    told = book(u=Job("t", {"worker": 5000}), v=JOB)
    for index in range(5000):
        told.take("u", Place("worker", index, 1, 1), report(1), 10.0)
    assert len(rows(told, 10.0)) == 5000
    told.take("u", ME, report(2), 11.0)
    told.take("v", ME, report(2), 11.0)
    lines = [json.loads(line) for line in told.news(11.0)]
    assert [line.get("job") for line in lines] == ["v", None]
    assert lines[-1]["late"] == ["u"]
    assert len(rows(told, 15.1)) == 5000


def test_the_more_tell_the_more_seldom_each_is_asked_to() -> None:
    told = book(u=Job("t", {"worker": 10_000}))
    assert told.take("u", ME, report(1), 0.0) == 1.0
    for index in range(10_000):
        after = told.take("u", Place("worker", index, 1, 1), report(1), 1.0)
    assert after == 5.0
