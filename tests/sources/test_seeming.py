"""A document that is no YAML is told at the job whose name it seems to have; that guess keeps, ends and takes nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.building import Clock, job_text, leading, put
from sources.test_several_documents import after_grace, by_name, joined, twice
from trainmaster.errors import InvalidError, NoSuchJobError
from trainmaster.sources.claims import Claims
from trainmaster.sources.files import Entry
from trainmaster.sources.reading import read_all
from trainmaster.sources.seeming import names_in
from trainmaster.sources.store import JobStore

OF_B = ("vision", "b")


def torn(name: str, namespace: str = "vision") -> str:
    """A document that no reader of YAML takes: its last value is never closed."""
    return job_text(name, namespace).replace("python train.py", "[python, train.py")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("metadata:\n  name: b\n  namespace: vision\nspec: [\n", OF_B),
        (
            "spec: [\nmetadata:   # who\r\n\tnamespace: 'vision'\r\n\r\n# a word\r\n\tname: \"b\"  # what\r\n",
            OF_B,
        ),
        ("metadata:\n  labels:\n    name: no\n  name: b\n  annotations: {\n", ("", "b")),
        ("metadata:\n  labels:\n    name: no\n", ("", "")),
        ("metadata:\n  name: b\n  name: c\n  namespace: vision\n", ("vision", "")),
        ("metadata:\n  name: b\nmetadata:\n  name: b\n", ("", "")),
        ("spec:\n  metadata:\n    name: b\n", ("", "")),
        ("metadata:\nname: b\n", ("", "")),
        ("metadata: {name: b}\nspec: [\n", ("", "")),
        ("metadata:\n  name: [b, c]\n", ("", "")),
        ("metadata:\n  name: b c\n", ("", "")),
        ("", ("", "")),
    ],
)
def test_a_name_is_what_the_lines_of_the_one_metadata_say(text: str, expected: tuple[str, str]) -> None:
    assert names_in(text) == expected


def test_what_tells_its_name_itself_needs_no_guess() -> None:
    entry = Entry("/jobs/jobs.yaml", 1, 0, "us", 0o644)
    broken = job_text("b", "vision").replace("command", "comand")
    texts = [job_text("a", "vision"), broken, torn("c"), torn("d", "no_namespace"), "spec: [\n"]
    assert [read.seems for read in read_all("jobs.yaml", entry, joined(*texts).encode())] == [
        None,
        None,
        ("vision", "c"),
        None,
        None,
    ]
    (alone,) = read_all("speech/jobs.yaml", entry, torn("c", "").encode())
    assert (alone.identity, alone.seems) == (("speech", "jobs"), ("speech", "c"))


async def test_of_two_documents_that_are_no_yaml_each_is_told_at_its_own_job(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    put(tmp_path, "jobs.yaml", joined(*(job_text(name, "vision") for name in "abc")))
    before = by_name(await made.look())
    put(tmp_path, "jobs.yaml", joined(torn("b"), torn("a"), job_text("c", "vision")))
    after = await twice(made)
    assert {name: d.uid for name, d in after.items()} == {name: d.uid for name, d in before.items()}
    lines = {name: d.problems[0].line for name, d in after.items() if d.problems}
    assert lines["b"] <= 10 < lines["a"]
    assert lines.keys() == {"a", "b"}


async def test_the_name_in_a_broken_text_takes_no_job_from_where_it_is_declared(tmp_path: Path) -> None:
    """Neither from another file nor from another document of its own; and it begins none."""
    made = await leading(tmp_path)
    put(tmp_path, "b.yaml", job_text("b", "vision"))
    put(tmp_path, "jobs.yaml", joined(job_text("a", "vision"), torn("b"), torn("a"), torn("new")))
    found = await twice(made)
    assert {name for name, d in found.items() if d.job} == {"a", "b"}
    assert not found["a"].problems + found["b"].problems
    assert all(found[f"jobs-{number}"].problems for number in (2, 3, 4))


async def test_what_is_missing_beside_a_broken_text_of_another_name_is_kept_all_the_same(
    tmp_path: Path, clock: Clock
) -> None:
    """The name may be what is wrong in it."""
    made = await leading(tmp_path, clock)
    put(tmp_path, "jobs.yaml", joined(*(job_text(name, "vision") for name in "abc")))
    await made.look()
    put(tmp_path, "jobs.yaml", joined(torn("a"), job_text("c", "vision")))
    await made.look()
    after = await after_grace(made, clock)
    assert {name: (d.deleted, bool(d.problems)) for name, d in after.items()} == {
        "a": (False, True),
        "b": (False, True),
        "c": (False, False),
    }


async def test_a_broken_text_that_stood_beside_another_when_a_job_was_missed_is_no_draft(
    tmp_path: Path, clock: Clock
) -> None:
    """Which of two was the job's nobody can tell: when one of them is mended, the other may still be the other job's."""
    made = await leading(tmp_path, clock)
    put(tmp_path, "jobs.yaml", joined(*(job_text(name, "vision") for name in "abc")))
    await made.look()
    put(tmp_path, "jobs.yaml", joined("a: b: c\n", "d: e: f\n", job_text("c", "vision")))
    await twice(made)
    put(tmp_path, "jobs.yaml", joined(job_text("a", "vision"), "d: e: f\n", job_text("c", "vision")))
    await made.look()
    after = await after_grace(made, clock)
    assert {name: d.deleted for name, d in after.items() if d.job} == dict.fromkeys("abc", False)


DOCUMENTS = st.lists(
    st.one_of(
        st.sampled_from("abcd").map(lambda name: job_text(name, "vision")),
        st.sampled_from("abcd").map(torn),
        st.sampled_from("abcd").map(lambda name: job_text(name, "vision").replace("command", "comand")),
        st.sampled_from(["a: b: c\n", "d: e: f\n", "spec: [\n"]),
    ),
    min_size=2,
    max_size=6,
)


@given(first=DOCUMENTS, then=st.lists(DOCUMENTS, max_size=3))
def test_a_guess_changes_neither_what_is_kept_nor_what_is_begun(
    first: list[str], then: list[list[str]]
) -> None:
    with_guesses, without = kept(first, then, guesses=True), kept(first, then, guesses=False)
    assert with_guesses == without


def kept(first: list[str], then: list[list[str]], guesses: bool) -> list[object]:
    """Which jobs are there after each look, which of those is as it was declared, and which drafts they are known not to be."""
    jobs, seen = {}, []
    for time, texts in enumerate([first, *then]):
        reads = read_all("jobs.yaml", Entry("/jobs/jobs.yaml", 1, time, "us", 0o644), joined(*texts).encode())
        claims = Claims(jobs, lambda: "uid", 0.0)
        present, _ = claims.settled({r.path: r if guesses else replace(r, seems=None) for r in reads})
        seen.append((present, {each: (state.job, state.record.drafts) for each, state in jobs.items()}))
    return seen


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    put(tmp_path, "jobs.yaml", joined(job_text("a", "vision"), torn("b")))
    return JobStore(f"file://{tmp_path}")


def test_who_asks_for_a_job_by_the_name_in_a_broken_text_is_told_what_is_wrong(store: JobStore) -> None:
    """Else `get` says that there is no such job, and whoever follows it that it was deleted."""
    found = store.get(*OF_B)
    assert (found.name, found.path, found.job) == ("b", "jobs.yaml,b@vision", None)
    assert found.problems[0].line > 10
    with pytest.raises(NoSuchJobError, match="vision/c"):
        store.get("vision", "c")


def test_nothing_is_changed_or_deleted_on_the_strength_of_a_guess(store: JobStore, tmp_path: Path) -> None:
    before = (tmp_path / "jobs/jobs.yaml").read_bytes()
    for change in (lambda: store.edit(*OF_B, {("spec", "queue"): "x"}), lambda: store.delete(*OF_B)):
        with pytest.raises(
            InvalidError, match=r"jobs\.yaml seems to declare vision/b, and can't be read: line 20: "
        ):
            change()
    put(tmp_path, "vision/b.yaml", job_text("other", "vision"))
    assert store.apply(job_text(*reversed(OF_B))).path == "vision/b-2.yaml"
    assert (tmp_path / "jobs/jobs.yaml").read_bytes() == before
    assert store.get(*OF_B).path == "vision/b-2.yaml"


def test_a_broken_file_is_deleted_by_the_name_that_its_path_stands_for(tmp_path: Path) -> None:
    put(tmp_path, "vision/x.yaml", torn("b"))
    store = JobStore(f"file://{tmp_path}")
    assert store.get(*OF_B).path == "vision/x.yaml"
    store.delete("vision", "x")
    assert not (tmp_path / "jobs/vision/x.yaml").exists()


def test_a_large_store_is_searched_once_for_a_job_that_can_not_be_read(
    store: JobStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    searches: list[object] = []
    search = store._search._search
    monkeypatch.setattr(
        store._search, "_search", lambda identity: searches.append(identity) or search(identity)
    )
    for _ in range(5):
        assert store.get(*OF_B).problems
    assert len(searches) == 1
    put(tmp_path, "jobs.yaml", joined(job_text("a", "vision"), job_text("b", "vision")))
    assert store.get(*OF_B).job
