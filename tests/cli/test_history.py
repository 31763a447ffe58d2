"""`history` and `report` as a person meets them, on a history in a folder."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from cli.running import Ran
from trainmaster.api.history import EndedRun, Held, KeptSpent, encode, file_of
from trainmaster.cli.bill import Prices, Row, read_prices, summed
from trainmaster.cli.exits import ExitCode
from trainmaster.errors import InvalidError
from trainmaster.settings import Settings
from trainmaster.sources import past_runs
from trainmaster.sources.history import HistoryFolder, open_history

Run = Callable[..., Ran]
HOUR = 3600.0


def ended(name: str = "mnist", ago: timedelta = timedelta(hours=1), **fields: Any) -> EndedRun:
    at = datetime.now(UTC) - ago
    values: dict[str, Any] = {
        "uid": f"uid-{name}",
        "namespace": "vision",
        "name": name,
        "state": "Failed",
        "reason": "PermanentExit",
        "user": "alice",
        "queue": "gpu",
        "framework": "PyTorch",
        "started_at": f"{at - timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ}",
        "ended_at": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "held": Held(gpu_seconds=4 * HOUR, vcore_seconds=8 * HOUR, memory_mib_seconds=16 * 1024 * HOUR),
    }
    return EndedRun(**(values | fields))


@pytest.fixture
def file(tmp_path: Path, trainmaster: Run) -> Callable[..., Path]:
    """Puts runs into the history of the store."""
    assert trainmaster
    folder = open_history(Settings(store=f"file://{tmp_path}/store"))

    def put(*runs: EndedRun) -> Path:
        for run in runs:
            folder.put(file_of(run).path, encode(run))
        return tmp_path / "store/history" / file_of(runs[-1]).path

    return put


def names(ran: Ran) -> list[str]:
    assert ran.code == 0, ran.err
    return [run["name"] for run in json.loads(ran.out)["runs"]]


def test_runs_are_listed_newest_first(trainmaster: Run, file: Callable[..., Path]) -> None:
    file(ended("old", timedelta(days=3)), ended("new"), ended("older", timedelta(days=9)))
    ran = trainmaster("history", "-n", "vision")
    assert [line.split()[1] for line in ran.out.splitlines()[1:]] == ["new", "old", "older"]
    assert ran.out.splitlines()[1].split() == [
        *("vision", "new", "0", "Failed", "PermanentExit", "alice", "gpu", "2h", "4.00", "1h"),
    ]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ((), ["a", "b", "c"]),
        (("-n", "vision"), ["a", "b"]),
        (("-A", "--user", "bob"), ["b", "c"]),
        (("-A", "--user", "al*"), ["a"]),
        (("-A", "--queue", "cpu"), ["c"]),
        (("-A", "--state", "succeeded"), ["b"]),
        (("-A", "--since", "36h"), ["a"]),
        (("-A", "--since", "60d", "--until", "36h"), ["b", "c", "d"]),
        (("-A", "a"), ["a"]),
        (("-A", "[bc]"), ["b", "c"]),
        (("-A", "--limit", "1"), ["a"]),
        (("-n", "nowhere"), []),
    ],
)
def test_filters(
    trainmaster: Run, file: Callable[..., Path], words: tuple[str, ...], found: list[str]
) -> None:
    file(
        ended("a"),
        ended("b", timedelta(days=2), user="bob", state="Succeeded"),
        ended("c", timedelta(days=20), user="bob", queue="cpu", namespace="text"),
        ended("d", timedelta(days=50), user="carol", namespace="text"),
    )
    assert names(trainmaster("history", *(words or ("-A",)), "-o", "json")) == found


def test_more_than_is_shown_is_told(trainmaster: Run, file: Callable[..., Path]) -> None:
    file(*(ended(f"j-{i}") for i in range(5)))
    ran = trainmaster("history", "-A", "--limit", "4")
    assert len(ran.out.splitlines()) == 5
    assert "there are more" in ran.error
    assert not trainmaster("history", "-A", "--limit", "5").err


def test_files_that_cannot_be_read_are_told_and_hurt_no_other(
    trainmaster: Run, file: Callable[..., Path]
) -> None:
    file(ended("whole"))
    path = file(ended("cut"))
    path.write_bytes(path.read_bytes()[:50])
    path.with_name("notes.txt").write_text("somebody's own")
    ran = trainmaster("history", "-A", "-o", "json")
    assert names(ran) == ["whole"]
    assert "1 files of the history can't be read" in ran.error


def test_wide_tells_more(trainmaster: Run, file: Callable[..., Path]) -> None:
    file(ended(message="it broke\x1b[31m", applications=("application_1_1",), restarts=3))
    ran = trainmaster("history", "-A", "-o", "wide")
    cells = ran.out.splitlines()[1].split()
    assert cells[10:15] == ["PyTorch", "3", "8.00", "16.00", "application_1_1"]
    assert "\x1b" not in ran.out


def test_nothing_is_told_in_a_sentence(trainmaster: Run) -> None:
    ran = trainmaster("history", "-n", "vision")
    assert (ran.code, ran.out) == (0, "")
    assert ran.error.startswith("No run in namespace vision ended since ")


@pytest.mark.parametrize(
    "words",
    [
        ("--since", "soon"),
        ("--since", "7y"),
        ("--since", "999999w"),
        ("--until", "999999w"),
        ("--until", "2026-13-01"),
        ("--state", "Running"),
    ],
)
def test_what_cannot_be_meant_is_told(trainmaster: Run, words: tuple[str, ...]) -> None:
    ran = trainmaster("history", *words)
    assert ran.code == ExitCode.USAGE
    assert words[0] in ran.error


def test_no_day_that_is_still_to_come_is_looked_for(
    trainmaster: Run, file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    file(ended("mnist"))
    asked: list[str] = []
    names = HistoryFolder.names
    monkeypatch.setattr(HistoryFolder, "names", lambda self, day: (asked.append(day), names(self, day))[1])
    ran = trainmaster("history", "-A", "--since", "2d", "--until", "2999-01-01")
    assert "mnist" in ran.out
    assert len(asked) <= 4


@pytest.mark.parametrize("month", ["9999-12", "0001-01", "2026-13"])
def test_a_month_that_no_run_can_have_ended_in_is_told(trainmaster: Run, month: str) -> None:
    ran = trainmaster("report", "--month", month)
    assert ran.code in (ExitCode.INVALID, 0)
    assert month in ran.error


@pytest.mark.parametrize("what", ["held", "goodput"])
@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "\uff1d"])
def test_no_spreadsheet_takes_a_name_for_a_formula(
    trainmaster: Run, file: Callable[..., Path], start: str, what: str
) -> None:
    """A queue is what somebody has declared, also one that was refused."""
    file(this_month("a", queue=f'{start}HYPERLINK("http://evil/")'), this_month("b", queue="root.a-b"))
    ran = trainmaster("report", what, "--by", "queue", "-o", "csv")
    cells = [cell for row in csv.reader(StringIO(ran.out)) for cell in row]
    assert "root.a-b" in cells
    assert [cell[0] for cell in cells if "HYPERLINK" in cell] == ["'"]


def test_where_no_history_is_kept_that_is_told(trainmaster: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINMASTER_HISTORY__ENABLED", "false")
    for command in ("history", "report"):
        ran = trainmaster(command)
        assert ran.code == ExitCode.INVALID
        assert "no history is kept" in ran.error


def test_only_files_that_may_be_asked_for_are_opened(
    trainmaster: Run, file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    file(*(ended(f"j-{i}") for i in range(20)))
    opened: list[str] = []
    read = past_runs._read
    monkeypatch.setattr(past_runs, "_read", lambda folder, path: (opened.append(path), read(folder, path))[1])
    trainmaster("history", "-n", "vision", "j-7")
    assert len(opened) == 1


def test_a_question_opens_so_many_files_at_most(tmp_path: Path, file: Callable[..., Path]) -> None:
    file(*(ended(f"j-{i}") for i in range(30)))
    folder = open_history(Settings(store=f"file://{tmp_path}/store"))
    wanted = past_runs.Wanted(datetime.now(UTC) - timedelta(days=1), datetime.now(UTC), user="nobody")
    found = past_runs.find(folder, wanted, 10, most_read=20)
    assert (found.runs, found.more) == ((), True)


# --- report


MONTH = f"{datetime.now(UTC):%Y-%m}"


def this_month(name: str, **fields: Any) -> EndedRun:
    return ended(name, ended_at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", **fields)


def test_a_report_sums_up_by_user(trainmaster: Run, file: Callable[..., Path]) -> None:
    used = Held(
        gpu_seconds=10 * HOUR,
        gpu_asked_seconds=12 * HOUR,
        gpu_measured_seconds=8 * HOUR,
        gpu_used_seconds=5 * HOUR,
        gpu_idle_seconds=2 * HOUR,
    )
    file(
        this_month("a"),
        this_month("b"),
        this_month("c", user="bob", held=used),
        ended("x", timedelta(days=40)),
    )
    ran = trainmaster("report", "--by", "user", "--month", MONTH, "-o", "json")
    document = json.loads(ran.out)
    assert [(row["key"], row["runs"], row["gpu_hours_held"]) for row in document["rows"]] == [
        ("bob", 1, 10.0),
        ("alice", 2, 8.0),
    ]
    bob = document["rows"][0]
    assert (bob["gpu_hours_asked"], bob["gpu_hours_used"], bob["gpu_hours_idle"]) == (12.0, 5.0, 2.0)
    assert bob["gpu_hours_unmeasured"] == 2.0
    assert document["total"]["gpu_hours_held"] == 18.0


@pytest.mark.parametrize(
    ("by", "keys"),
    [
        ("queue", {"gpu", "cpu"}),
        ("namespace", {"vision"}),
        ("framework", {"PyTorch", "XGBoost"}),
        ("job", {"vision/a", "vision/b"}),
    ],
)
def test_by_what_a_report_sums_up(
    trainmaster: Run, file: Callable[..., Path], by: str, keys: set[str]
) -> None:
    file(this_month("a"), this_month("b", queue="cpu", framework="XGBoost"))
    ran = trainmaster("report", "--by", by, "-o", "csv")
    rows = list(csv.DictReader(StringIO(ran.out)))
    assert {row[by] for row in rows} == keys
    assert sum(float(row["vcore_hours"]) for row in rows) == 16


def test_a_report_has_prices_by_queue(trainmaster: Run, file: Callable[..., Path], tmp_path: Path) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text("{currency: EUR, gpu_hour: 2, vcore_hour: 0.5, queues: {cpu: {gpu_hour: 0}}}")
    file(this_month("a"), this_month("b", user="bob", queue="cpu"))
    ran = trainmaster("report", "--prices", str(prices))
    assert "COST EUR" in ran.out.splitlines()[0]
    assert [line.split()[0::8][0] for line in ran.out.splitlines()[1:]] == ["alice", "bob", "total"]
    assert [line.split()[-1] for line in ran.out.splitlines()[1:]] == ["12.00", "4.00", "16.00"]


@pytest.mark.parametrize(("what", "form"), [("held", "csv"), ("held", "json"), ("goodput", "json")])
def test_a_report_is_written_to_a_url(
    trainmaster: Run, file: Callable[..., Path], tmp_path: Path, what: str, form: str
) -> None:
    file(this_month("a"), this_month("b", user="bob"))
    bill = tmp_path / f"bill.{form}"
    bill.write_text("an older one, which is longer than what takes its place: " + "x" * 4000)
    printed = trainmaster("report", what, "-o", form)
    written = trainmaster("report", what, "-o", form, "--to", f"file://{bill}")
    assert (written.code, written.out, written.err) == (0, "", printed.err)
    assert bill.read_text() == printed.out


def test_where_a_report_can_not_be_written_is_told(trainmaster: Run, tmp_path: Path) -> None:
    assert trainmaster("report", "--to", f"file://{tmp_path}/x").code == ExitCode.USAGE
    for url in (f"file://{tmp_path}/", "hdfs://", f"file://{tmp_path}/nosuch/x.csv", "nosuch://x/y.csv"):
        ran = trainmaster("report", "-o", "csv", "--to", url)
        assert ran.code == ExitCode.INVALID, url
        assert url.rpartition("/")[0] in ran.error
    assert "secret" not in trainmaster("report", "-o", "csv", "--to", "ftp://u:secret@h/").error


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gpu_hours: 2", "gpu_hours"),
        ("gpu_hour: -1", "gpu_hour"),
        ("gpu_hour: .nan", "gpu_hour"),
        ("queues: {a: {gpu: 1}}", "queues.a.gpu"),
        ("a: [", "prices.yaml"),
        ("[]", "prices"),
    ],
)
def test_wrong_prices_are_told(trainmaster: Run, tmp_path: Path, text: str, said: str) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text(text)
    ran = trainmaster("report", "--prices", str(prices))
    assert ran.code == ExitCode.INVALID
    assert said in ran.error


def test_a_run_without_an_account_is_told_and_counted_apart(
    trainmaster: Run, file: Callable[..., Path]
) -> None:
    file(this_month("a", held=None), this_month("b"))
    ran = trainmaster("report", "-o", "json")
    assert json.loads(ran.out)["total"]["unaccounted"] == 1
    assert "of 1 runs it isn't known what they held" in ran.error


def test_a_month_without_runs_and_one_that_is_none(trainmaster: Run) -> None:
    assert trainmaster("report", "--month", "2026-01").error == "No run ended in 2026-01."
    ran = trainmaster("report", "--month", "2026-1x")
    assert ran.code == ExitCode.INVALID
    assert "is no month" in ran.error


def test_nothing_is_kept_of_the_runs_that_are_summed_up() -> None:
    """The memory of a report is that of its rows."""
    rows, total = summed((ended(f"j-{i}") for i in range(1000)), "user", Prices())
    assert ([row.key for row in rows], total.runs) == (["alice"], 1000)
    assert isinstance(total, Row)


def test_prices_of_a_queue_stand_for_what_they_name_alone() -> None:
    prices = read_prices({"gpu_hour": 2, "vcore_hour": 1, "queues": {"gpu": {"gpu_hour": 3}}})
    assert prices.of(ended()) == 3 * 4 + 8
    assert prices.of(ended(queue="x")) == 2 * 4 + 8
    with pytest.raises(InvalidError):
        read_prices(None)


# --- what became of the time


SPENT = {
    "Queued": KeptSpent(waiting_seconds=HOUR),
    "Training": KeptSpent(container_seconds=3 * HOUR, gpu_seconds=6 * HOUR),
    "Recovering": KeptSpent(waiting_seconds=HOUR / 2, container_seconds=HOUR, gpu_seconds=2 * HOUR),
}
LOST = {"lost_by_cause": {"NodeLost": 1.5 * HOUR}, "lost_by_node": {"gpu-07": 1.5 * HOUR}}


def test_goodput_is_reported_by_what_runs_share(file: Callable[..., Path], trainmaster: Run) -> None:
    now = timedelta(0)
    file(ended("a", now, spent=SPENT, **LOST), ended("b", now, user="bob", spent=SPENT), ended("c", now))
    told = trainmaster("report", "goodput", "-o", "json")
    document = json.loads(told.out)
    alice, bob = document["rows"]
    assert (alice["key"], alice["runs"], alice["goodput"]) == ("alice", 2, 0.75)
    assert (bob["training_hours"], bob["queued_hours"], bob["recovering_hours"]) == (3, 1, 1.5)
    assert (document["total"]["gpu_hours"], document["total"]["container_hours"]) == (16, 8)
    assert told.error == "warning: of 1 runs it isn't known: an older controller drove them"
    table = trainmaster("report", "goodput").out.splitlines()
    assert table[0].split()[:3] == ["USER", "RUNS", "GOODPUT"]
    assert "75.0 %" in table[1]


@pytest.mark.parametrize(("by", "key"), [("cause", "NodeLost"), ("node", "gpu-07")])
def test_what_failures_cost_is_reported_by_cause_and_node(
    by: str, key: str, file: Callable[..., Path], trainmaster: Run
) -> None:
    file(ended("a", timedelta(0), spent=SPENT, **LOST), ended("b", timedelta(0), spent=SPENT))
    rows = list(csv.reader(StringIO(trainmaster("report", "goodput", "--by", by, "-o", "csv").out)))
    assert rows == [[by, "runs", "lost_hours"], [key, "1", "1.5"]]
    assert trainmaster("report", "--by", by).code == ExitCode.USAGE


def test_where_no_run_ended_no_goodput_is_reported(file: Callable[..., Path], trainmaster: Run) -> None:
    file(ended("a", timedelta(0), spent=SPENT))
    assert trainmaster("report", "goodput", "--month", "2020-01").error == "No run ended in 2020-01."
