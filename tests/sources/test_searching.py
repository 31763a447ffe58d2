"""How much is done to find runs: nothing that nobody waits for, and little for names that aren't asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainmaster.api.history import EndedRun, FileName, encode, file_of, read_name
from trainmaster.api.past_runs import Wanted
from trainmaster.errors import UnavailableError
from trainmaster.sources import past_runs
from trainmaster.sources.past_runs import find

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def ended(name: str, days: float = 1.0, **fields: object) -> EndedRun:
    at = (NOW - timedelta(days=days)).isoformat().replace("+00:00", "Z")
    values: dict[str, object] = {
        "uid": f"uid-{name}",
        "namespace": "vision",
        "name": name,
        "state": "Failed",
        "ended_at": at,
    }
    return EndedRun.model_validate(values | fields)


class Folder:
    """A history that notes what is done."""

    def __init__(self, *runs: EndedRun) -> None:
        self.files = {file_of(run).path: encode(run) for run in runs}
        self.listed, self.read_ = list[str](), list[str]()

    def months(self) -> list[str]:
        return sorted({path.partition("/")[0] for path in self.files})

    def names(self, day: str) -> list[str]:
        self.listed.append(day)
        return sorted(path.rpartition("/")[2] for path in self.files if path.rpartition("/")[0] == day)

    def read(self, path: str) -> bytes:
        self.read_.append(path)
        return self.files[path]


def wanted(days: int, **words: object) -> Wanted:
    return Wanted(NOW - timedelta(days=days), NOW, **words)  # type: ignore[arg-type]  # a builder: tests name single fields


def test_only_months_that_are_there_are_looked_through() -> None:
    folder = Folder(ended("a", 1), ended("a", 200))
    assert [run.name for run in find(folder, wanted(2000), 9).runs] == ["a", "a"]  # type: ignore[arg-type]
    assert {day[:7] for day in folder.listed} == {"2026-11", "2026-05"}


def test_a_run_is_found_by_its_uid_and_number_and_no_other_is_opened() -> None:
    runs = [ended("a", n, uid=uid, run=n) for n in (1, 2) for uid in ("x", "y")]
    folder = Folder(*runs)
    assert find(folder, wanted(9, name="a", uid="y", run=2), 9).runs == (runs[3],)  # type: ignore[arg-type]
    assert folder.read_ == [file_of(runs[3]).path]


@pytest.mark.parametrize("days", [1, 3])
def test_who_is_told_to_stop_opens_nothing_more(days: int) -> None:
    folder = Folder(*(ended(f"a{n}", n % 3 + 0.5, run=n) for n in range(999)))
    asked = [0]

    def stopped() -> bool:
        asked[0] += 1
        return asked[0] > days

    with pytest.raises(UnavailableError):
        find(folder, wanted(300), 500, stopped=stopped)  # type: ignore[arg-type]
    assert len(folder.read_) <= 4 * past_runs.AT_ONCE * days


def test_at_each_day_it_is_asked_whether_to_stop() -> None:
    folder = Folder(*(ended("a", n) for n in range(1, 9)))
    asked = list[int]()
    with pytest.raises(UnavailableError):
        find(folder, wanted(300, name="b"), 500, stopped=lambda: bool(asked.append(1)) or len(asked) > 3)  # type: ignore[arg-type,func-returns-value]
    assert len(folder.listed) == 3


def test_names_that_are_not_asked_for_are_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = list[str]()
    monkeypatch.setattr(past_runs, "read_name", lambda name: parsed.append(name) or read_name(name))
    folder = Folder(*(ended(f"a{n}") for n in range(50)))
    assert [run.name for run in find(folder, wanted(3, name="a7"), 50).runs] == ["a7"]  # type: ignore[arg-type]
    assert len(parsed) == 1


words = st.sampled_from(["a", "b", "team-a", "-", "a,b"])
patterns = st.sampled_from(["", "a", "team-*", "?", "[ab]", "-"])
moments = st.integers(0, 8 * 24 * 3600 * 4).map(lambda quarter: NOW - timedelta(seconds=quarter / 4))


@given(moments, words, words, moments, moments, patterns, patterns)
def test_what_is_asked_for_passes_as_a_text_too(
    ended_: datetime, namespace: str, name: str, since: datetime, until: datetime, spaces: str, names: str
) -> None:
    text = FileName(ended_, namespace, name, "u", 0).path.rpartition("/")[2]
    asked, file = Wanted(since, until, spaces, names), read_name(text)
    if file and asked.may_be(file):
        assert asked.may_be_called(text)
