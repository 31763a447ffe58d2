"""A file with several documents: each is a job of its own, and what becomes of one leaves the others as they were."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sources.building import FINISHED, GRACE, Clock, job_text, leading, only, put
from trainmaster.api import documents
from trainmaster.api.declared import Declared
from trainmaster.api.yaml_documents import spans
from trainmaster.api.yaml_tree import Tree, read_tree
from trainmaster.errors import DeniedError, InvalidError, UnavailableError
from trainmaster.sources import reader
from trainmaster.sources.claims import Claims
from trainmaster.sources.editing import edited
from trainmaster.sources.files import Entry
from trainmaster.sources.folder import FolderSource
from trainmaster.sources.reading import MAX_DOCUMENTS, MAX_SHARED_NAME, FileRead, read_all
from trainmaster.sources.rewriting import with_document, without_document
from trainmaster.sources.store import JobStore
from trainmaster.sources.walking import Limits

SUSPEND = ("spec", "runPolicy", "suspend")


def joined(*texts: str) -> str:
    return "---\n".join(texts)


def three(b: str = job_text("b", "vision")) -> str:
    return joined(job_text("a", "vision"), b, job_text("c", "vision"))


def by_name(picture: Mapping[str, Declared]) -> dict[str, Declared]:
    named = {declared.name: declared for declared in picture.values()}
    assert len(named) == len(picture), picture
    return named


async def twice(made: FolderSource) -> dict[str, Declared]:
    """What can't be read counts from the second look on."""
    await made.look()
    return by_name(await made.look())


async def after_grace(made: FolderSource, clock: Clock) -> dict[str, Declared]:
    await made.look()
    clock.pass_(GRACE)
    return by_name(await made.look())


# --- reading


async def test_each_document_is_a_job_with_an_identity_and_a_status_of_its_own(
    tmp_path: Path,
) -> None:
    made = await leading(tmp_path)
    put(
        tmp_path,
        "vision/jobs.yaml",
        joined("# nothing\n", job_text("a"), "\n", job_text("b", "images"), "# end\n"),
    )
    found = by_name(await made.look())
    assert {(d.namespace, d.path) for d in found.values()} == {
        ("vision", "vision/jobs.yaml,a@vision"),
        ("images", "vision/jobs.yaml,b@images"),
    }
    for declared in found.values():
        await made.publish(declared, FINISHED)
    names = {path.name for path in (tmp_path / "status/vision").iterdir()}
    assert names == {"jobs.yaml,a@vision", "jobs.yaml,b@images"}
    status = yaml.safe_load((tmp_path / "status/vision/jobs.yaml,b@images").read_text())
    assert status["metadata"]["uid"] == found["b"].uid
    await made._records.close()
    assert len(list((tmp_path / "known").glob("*.json"))) == 2


async def test_a_file_with_one_document_keeps_its_path_whatever_stands_around_it(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    put(tmp_path, "a.yaml", joined("", job_text(), "# nothing\n"))
    assert [(d.name, d.path) for d in (await made.look()).values()] == [("a", "a.yaml")]


async def test_a_broken_document_hurts_only_itself_and_is_told_with_its_line(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    put(tmp_path, "jobs.yaml", three(job_text("b", "vision").replace("command", "comand")))
    found = await twice(made)
    assert [found[name].job is None for name in "abc"] == [False, True, False]
    lines = three(job_text("b", "vision").replace("command", "comand")).split("\n")
    assert {p.line for p in found["b"].problems} <= {
        lines.index("      comand: python train.py") + n for n in (0, 1)
    }
    assert any("comand" in p.field for p in found["b"].problems)


async def test_lines_are_told_as_in_the_file_also_where_two_are_named(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    put(tmp_path, "jobs.yaml", joined(job_text("a"), "kind: TrainingJob\nkind: TrainingJob\n", job_text("c")))
    (problem,) = (await twice(made))["jobs-2"].problems
    lines = (tmp_path / "jobs/jobs.yaml").read_text().split("\n")
    first = lines.index("kind: TrainingJob", 5) + 1
    assert (problem.line, problem.reason) == (first + 1, f"'kind' stands here twice, first on line {first}")


async def test_a_document_without_a_name_is_told_with_its_line(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    put(tmp_path, "jobs.yaml", joined(job_text("a"), job_text()))
    (problem,) = (await twice(made))["jobs-2"].problems
    assert (
        str(problem) == "line 10: metadata: must be given: of several documents in a file each names its job"
    )


async def test_of_two_documents_with_one_name_the_upper_is_the_job_and_the_other_is_told(
    tmp_path: Path,
) -> None:
    made = await leading(tmp_path)
    put(tmp_path, "jobs.yaml", joined(job_text("a", command="one"), job_text("a", command="two")))
    first, second = sorted((await made.look()).values(), key=lambda d: d.duplicate_of)
    assert first.job
    assert first.job.spec.roles["worker"].command == "one"
    assert (second.path, second.duplicate_of) == ("jobs.yaml,2", "jobs.yaml,a@default")
    put(tmp_path, "jobs.yaml", joined(job_text("b"), job_text("a", command="two")))
    found = {d.uid: d for d in (await made.look()).values() if not d.deleted}
    assert found[first.uid].path == "jobs.yaml,a@default"


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        ("many.yaml", joined(*(f"a: {i}\n" for i in range(MAX_DOCUMENTS + 1))), "at most 200 are read"),
        ("x" * MAX_SHARED_NAME + ".yaml", joined("a: 1\n", "b: 1\n"), "its name may have 100 bytes"),
    ],
)
def test_what_is_too_much_for_one_file_is_refused_as_a_whole(path: str, text: str, words: str) -> None:
    (read,) = read_all(path, Entry(f"/{path}", 1, 1, "alice", 0o644), text.encode())
    assert words in read.problems[0].reason


async def test_nobody_has_more_jobs_by_putting_several_into_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "JOBS", Limits(entries=4))
    made = await leading(tmp_path)
    put(tmp_path, "first.yaml", three())
    await made.look()
    put(tmp_path, "second.yaml", joined(job_text("x"), job_text("y")))
    found = by_name(await made.look())
    assert sorted(found) == ["a", "b", "c", "second"]
    assert "beyond the 4" in found["second"].problems[0].reason
    put(tmp_path, "first.yaml", joined(job_text("a", "vision"), job_text("b", "vision")))
    put(tmp_path, "second.yaml", joined(job_text("x"), job_text("y"), "# now there is room\n"))
    assert {"x", "y"} <= by_name(await made.look()).keys()


# --- what was a job stays one


async def test_a_document_that_breaks_leaves_its_job_as_it_was(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    put(tmp_path, "jobs.yaml", three())
    before = by_name(await made.look())
    put(tmp_path, "jobs.yaml", three(job_text("b", "vision").replace("command", "comand")))
    after = await twice(made)
    assert {d.uid for d in after.values()} == {d.uid for d in before.values()}
    assert after["b"].job == before["b"].job
    assert after["b"].problems
    assert not after["a"].problems


@pytest.mark.parametrize("broken", ["a: b: c\n", "metadata: [\n", "{}\n"])
async def test_a_document_that_does_not_tell_its_name_may_be_any_that_is_missed_from_its_file(
    tmp_path: Path, clock: Clock, broken: str
) -> None:
    made = await leading(tmp_path, clock)
    put(tmp_path, "jobs.yaml", three())
    before = by_name(await made.look())
    put(tmp_path, "jobs.yaml", three(broken))
    await made.look()
    after = await after_grace(made, clock)
    assert {d.uid: d.deleted for d in after.values()} == {d.uid: False for d in before.values()}
    assert after["b"].job == before["b"].job
    assert after["b"].problems[0].line >= 10


@pytest.mark.parametrize(
    "data", [b"caf\xe9", joined(*(f"a: {i}\n" for i in range(300))).encode(), b"a: b: c\n"]
)
async def test_a_file_that_can_not_be_read_leaves_all_its_jobs_as_they_were_also_after_a_restart(
    tmp_path: Path, clock: Clock, data: bytes
) -> None:
    made = await leading(tmp_path, clock)
    put(tmp_path, "jobs.yaml", three())
    before = by_name(await made.look())
    await made._records.close()
    put(tmp_path, "jobs.yaml", data)
    for source in (made, await leading_again(made, tmp_path, clock)):
        await source.look()
        after = await after_grace(source, clock)
        assert {d.uid: (d.job, d.deleted) for d in after.values()} == {
            d.uid: (d.job, False) for d in before.values()
        }
        assert all(d.problems for d in after.values())


async def leading_again(made: FolderSource, root: Path, clock: Clock) -> FolderSource:
    await made.lease.release()
    return await leading(root, clock)


async def test_a_document_that_vanishes_is_deleted_after_the_grace_and_alone(
    tmp_path: Path, clock: Clock
) -> None:
    made = await leading(tmp_path, clock)
    put(tmp_path, "jobs.yaml", three())
    uids = {name: d.uid for name, d in by_name(await made.look()).items()}
    put(tmp_path, "jobs.yaml", joined(job_text("a", "vision"), job_text("c", "vision")))
    assert not any(d.deleted for d in (await made.look()).values())
    clock.pass_(GRACE)
    after = by_name(await made.look())
    assert {d.uid: d.deleted for d in after.values()} == {uids["a"]: False, uids["b"]: True, uids["c"]: False}


async def test_a_list_of_jobs_is_told_what_to_do_with_it(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    items = job_text("a").replace("\n", "\n    ").rstrip()
    put(tmp_path, "jobs.yaml", f"apiVersion: v1\nkind: List\nitems:\n  - {items}\n")
    [told] = (await twice(made)).values()
    assert (told.problems[0].field, told.problems[0].line) == ("kind", 2)
    assert "apply it with `trainmaster apply -f`" in told.problems[0].reason


DRAFT = "spec: {}\n"


async def test_a_draft_that_stood_beside_a_job_does_not_keep_it_when_it_is_removed(
    tmp_path: Path, clock: Clock
) -> None:
    made = await leading(tmp_path, clock)
    put(tmp_path, "jobs.yaml", joined(job_text("a"), job_text("b"), DRAFT))
    before = await twice(made)
    assert before["b"].job
    put(tmp_path, "jobs.yaml", joined(job_text("a"), DRAFT))
    await made.look()
    after = await after_grace(made, clock)
    assert {name: d.deleted for name, d in after.items() if d.job} == {"a": False, "b": True}


async def test_a_draft_that_may_be_the_missing_job_keeps_it_however_often_one_looks(
    tmp_path: Path, clock: Clock
) -> None:
    made = await leading(tmp_path, clock)
    put(tmp_path, "jobs.yaml", joined(job_text("a"), job_text("b"), DRAFT))
    before = await twice(made)
    put(tmp_path, "jobs.yaml", joined(job_text("a"), "spec: {b: 1}\n", DRAFT))
    for _ in range(3):
        await made.look()
        after = await after_grace(made, clock)
        assert (after["b"].uid, after["b"].deleted) == (before["b"].uid, False)


async def test_a_broken_document_is_parsed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []

    def counted(text: str) -> Tree:
        parsed.append(text)
        return read_tree(text)

    monkeypatch.setattr(documents, "read_tree", counted)
    entry = Entry("/jobs/jobs.yaml", 1, 0, "us", 0o644)
    texts = [job_text(f"j{i}").replace("command", "comand") for i in range(20)]
    assert len(read_all("jobs.yaml", entry, joined(*texts, "{}\n").encode())) == 21
    assert len(parsed) == 21


async def test_whose_broken_documents_are_is_found_without_asking_each_of_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """200 documents of one owner that all break: each is looked up, and not compared with 200 jobs."""
    asked = 0
    may_be = Claims._may_be

    def counted(claims: Claims, read: FileRead, identity: tuple[str, str]) -> bool:
        nonlocal asked
        asked += 1
        return may_be(claims, read, identity)

    made = await leading(tmp_path)
    texts = [job_text(f"j{i}") for i in range(MAX_DOCUMENTS)]
    put(tmp_path, "jobs.yaml", joined(*texts))
    await made.look()
    monkeypatch.setattr(Claims, "_may_be", counted)
    named, nameless = texts[:100], texts[100:]
    broken = [each.replace("command", "comand") for each in named]
    put(tmp_path, "jobs.yaml", joined(*broken, *(each.replace("  name:", "  nam:") for each in nameless)))
    found = await twice(made)
    kept = [d for d in found.values() if d.job]
    assert len(kept) == MAX_DOCUMENTS
    assert all(d.problems for d in kept)
    assert asked <= 2 * 3 * MAX_DOCUMENTS


async def test_documents_come_and_go_beside_a_job_that_stays_itself(tmp_path: Path, clock: Clock) -> None:
    """From one document to several and back: path and status move, uid and generation stay."""
    made = await leading(tmp_path, clock)
    put(tmp_path, "vision/a.yaml", job_text())
    first = only(await made.look())
    await made.publish(first, FINISHED)
    put(tmp_path, "vision/a.yaml", joined(job_text("b"), job_text("a")))
    among = by_name(await made.look())["a"]
    assert (among.uid, among.generation, among.path) == (first.uid, 1, "vision/a.yaml,a@vision")
    await made.publish(among, FINISHED)
    assert [path.name for path in (tmp_path / "status/vision").iterdir()] == ["a.yaml,a@vision"]
    put(tmp_path, "vision/a.yaml", job_text("a"))
    alone = by_name(await made.look())["a"]
    assert (alone.uid, alone.generation, alone.path) == (first.uid, 1, "vision/a.yaml")
    await made.publish(alone, FINISHED)
    assert [path.name for path in (tmp_path / "status/vision").iterdir()] == ["a.yaml"]


async def test_the_job_of_a_file_that_gave_no_name_goes_on_when_others_come_beside_it(
    tmp_path: Path, clock: Clock
) -> None:
    made = await leading(tmp_path, clock)
    put(tmp_path, "a.yaml", job_text())
    first = only(await made.look())
    put(tmp_path, "a.yaml", joined(job_text(), job_text("b")))
    await made.look()
    after = await after_grace(made, clock)
    assert (after["a"].uid, after["a"].job, after["a"].deleted) == (first.uid, first.job, False)
    assert "each names its job" in after["a"].problems[0].reason
    assert after["b"].job


async def test_a_document_that_moves_to_another_file_is_the_same_job(tmp_path: Path, clock: Clock) -> None:
    made = await leading(tmp_path, clock)
    put(tmp_path, "jobs.yaml", three())
    uids = {name: d.uid for name, d in by_name(await made.look()).items()}
    put(tmp_path, "jobs.yaml", joined(job_text("a", "vision"), job_text("c", "vision")))
    put(tmp_path, "b.yaml", job_text("b", "vision"))
    after = await after_grace(made, clock)
    assert {name: d.uid for name, d in after.items()} == uids
    assert (after["b"].path, after["b"].deleted) == ("b.yaml", False)


async def test_a_document_that_becomes_another_job_by_moving_waits_for_what_it_was(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    put(tmp_path, "vision/jobs.yaml", joined(job_text("a"), job_text("b"), job_text("c")))
    await made.look()
    put(tmp_path, "vision/jobs.yaml", joined(job_text("a"), job_text("c")))
    put(tmp_path, "images/b.yaml", job_text("b"))
    waits = next(d for d in (await made.look()).values() if d.namespace == "images")
    assert waits.job is None
    assert "this file was vision/jobs.yaml,b@vision" in waits.problems[0].reason


async def test_a_job_that_comes_to_stand_among_others_is_not_taken_for_one_that_left(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    text = job_text("a").replace("spec:\n", "spec:\n  checkpointPath: hdfs://h/c\n")
    put(tmp_path, "jobs.yaml", text)
    await made.look()
    put(tmp_path, "jobs.yaml", joined(text, text.replace("name: a", "name: b")))
    assert all(d.job for d in (await made.look()).values())


async def test_a_status_of_a_document_that_went_while_nobody_led_is_swept_and_no_other(
    tmp_path: Path, clock: Clock
) -> None:
    made = await leading(tmp_path, clock)
    put(tmp_path, "jobs.yaml", three())
    for declared in (await made.look()).values():
        await made.publish(declared, FINISHED)
    (tmp_path / "status/jobs.yaml,gone@vision").write_text("")
    (tmp_path / "status/jobs.yaml").write_text("")
    again = await leading_again(made, tmp_path, clock)
    await again.look()
    names = sorted(path.name for path in (tmp_path / "status").iterdir())
    assert names == ["jobs.yaml,a@vision", "jobs.yaml,b@vision", "jobs.yaml,c@vision"]


# --- changing


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(f"file://{tmp_path}")


A, B, D = (job_text(name) for name in "abd")
C = "{kind: TrainingJob, metadata: {name: c}, spec: {roles: {worker: {command: x}}}}"
ODD = f"# head\n%YAML 1.1\n---\n{A}# behind a\n--- # b's own\n{B}...\n\n--- {C}\n---\n# nothing here\n---\n{D}# the end"


def test_what_a_command_set_is_kept_when_others_come_beside_it_and_when_they_go(
    store: JobStore, tmp_path: Path
) -> None:
    put(tmp_path, "default/a.yaml", job_text("a"))
    store.edit("default", "a", {SUSPEND: True}, by="suspend")
    suspended = (tmp_path / "jobs/default/a.yaml").read_text()
    for text in (joined(suspended, job_text("b")), suspended):
        put(tmp_path, "default/a.yaml", text)
        with pytest.raises(InvalidError, match="`trainmaster suspend` set it to true"):
            store.apply(job_text("a") + "# another\n", "default")


def test_what_was_set_in_one_document_is_not_taken_for_its_neighbours(
    store: JobStore, tmp_path: Path
) -> None:
    """Nor for that of the job that stays alone."""
    put(tmp_path, "default/jobs.yaml", joined(job_text("a"), job_text("b")))
    store.edit("default", "a", {SUSPEND: True}, by="suspend")
    suspended = job_text("b") + "  runPolicy: {suspend: true}\n"
    put(tmp_path, "default/jobs.yaml", suspended)
    assert store.apply(job_text("b"), "default").outcome == "configured"


def test_a_file_whose_name_is_too_long_to_be_shared_has_its_mark_all_the_same(
    store: JobStore, tmp_path: Path
) -> None:
    name = "x" * 180 + ".yaml"
    put(tmp_path, name, job_text("a"))
    store.edit("default", "a", {SUSPEND: True}, by="suspend")
    with pytest.raises(InvalidError, match="`trainmaster suspend` set it to true"):
        store.apply(job_text("a"), "default")


def test_a_draft_is_not_replaced_by_a_job_that_is_called_as_it_is_listed(
    store: JobStore, tmp_path: Path
) -> None:
    path = put(tmp_path, "default/jobs.yaml", joined(job_text("a"), DRAFT))
    assert {job.name for job in store.list()} == {"a", "jobs-2"}
    assert store.apply(job_text("jobs-2"), "default").outcome == "created"
    assert path.read_text() == joined(job_text("a"), DRAFT)


@pytest.mark.parametrize("data", [b"caf\xe9", b"# long\n" * (1 << 18)])
def test_what_can_not_be_read_is_not_replaced_or_deleted_for_it_may_hold_others(
    store: JobStore, tmp_path: Path, data: bytes
) -> None:
    path = put(tmp_path, "default/jobs.yaml", data)
    for act in (lambda: store.apply(job_text("jobs"), "default"), lambda: store.delete("default", "jobs")):
        with pytest.raises(InvalidError, match="may hold several jobs: edit the file by hand"):
            act()
    assert path.read_bytes() == data


def test_a_time_that_moves_alone_is_no_change_by_somebody_else(
    store: JobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HDFS moves it once more when a file is closed."""
    path = put(tmp_path, "jobs.yaml", three())
    without = without_document

    def slow(data: bytes, read: FileRead) -> bytes:
        os.utime(path, ns=(0, time.time_ns() + 10**9))
        return without(data, read)

    monkeypatch.setattr("trainmaster.sources.store.without_document", slow)
    store.delete("vision", "b")
    assert path.read_text() == joined(job_text("a", "vision"), job_text("c", "vision"))


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("name", "abcd")
def test_an_edit_changes_one_document_and_nothing_else(
    store: JobStore, tmp_path: Path, name: str, bom: bytes, line_end: str
) -> None:
    text = ODD.replace("\n", line_end).encode()
    path = put(tmp_path, "jobs.yaml", bom + text)
    store.edit("default", name, {("spec", "roles", "worker", "command"): "changed"})
    old = "x" if name == "c" else "python train.py"
    wanted = ODD
    at = wanted.index(f"command: {old}", wanted.index(f"name: {name}")) + len("command: ")
    wanted = wanted[:at] + "changed" + wanted[at + len(old) :]
    assert path.read_bytes() == bom + wanted.replace("\n", line_end).encode()


@pytest.mark.parametrize("name", "abcd")
def test_a_field_that_is_added_goes_into_its_document(store: JobStore, tmp_path: Path, name: str) -> None:
    path = put(tmp_path, "jobs.yaml", ODD)
    store.edit("default", name, {SUSPEND: True}, by="suspend")
    suspended = [job.name for job in store.list() if job.job and job.job.spec.run_policy.suspend]
    assert suspended == [name]
    added = set(path.read_text().split("\n")) - set(ODD.split("\n"))
    assert len(added) in (1, 2)


@pytest.mark.parametrize("name", "abcd")
def test_a_deleted_job_takes_its_document_with_it_and_no_other(
    store: JobStore, tmp_path: Path, name: str
) -> None:
    path = put(tmp_path, "jobs.yaml", ODD)
    before = {job.name: job.text.strip() for job in store.list()}
    deleted = store.delete("default", name)
    del before[name]
    assert {job.name: job.text.strip() for job in store.list()} == before
    assert (tmp_path / f"jobs/.jobs.yaml,{name}@default.delete").exists()
    assert "# head" in path.read_text() or name == "a"
    assert not store.is_gone(deleted.namespace, deleted.name, deleted)


async def test_a_deletion_needs_no_grace_and_is_gone_when_it_was_cleaned_up(
    store: JobStore, tmp_path: Path
) -> None:
    made = await leading(tmp_path)
    put(tmp_path, "jobs.yaml", three())
    await made.publish(by_name(await made.look())["b"], FINISHED)
    deleted = store.delete("vision", "b")
    after = by_name(await made.look())
    assert [after[name].deleted for name in "abc"] == [False, True, False]
    assert not store.is_gone(deleted.namespace, deleted.name, deleted)
    await made.gone(after["b"])
    assert store.is_gone(deleted.namespace, deleted.name, deleted)
    assert sorted(by_name(await made.look())) == ["a", "c"]
    store.delete("vision", "c")
    store.delete("vision", "a")
    assert not (tmp_path / "jobs/jobs.yaml").exists()


async def test_all_jobs_of_a_file_can_be_deleted_one_after_the_other(tmp_path: Path, clock: Clock) -> None:
    """The last one stands alone in its file by then, and the controller may know it as it stood among others."""
    store, made = JobStore(f"file://{tmp_path}"), await leading(tmp_path)
    put(tmp_path, "jobs.yaml", three())
    await made.look()
    deleted = [store.delete("vision", name) for name in "abc"]
    assert {name: each.deleted for name, each in by_name(await made.look()).items()} == dict.fromkeys(
        "abc", True
    )
    assert not store.is_gone("vision", "c", deleted[-1])


def test_an_applied_job_takes_the_place_of_its_document(store: JobStore, tmp_path: Path) -> None:
    path = put(tmp_path, "jobs.yaml", three())
    assert store.apply(job_text("b", "vision")).outcome == "unchanged"
    assert store.apply(job_text("b", "vision", command="new")).outcome == "configured"
    assert path.read_text() == three(job_text("b", "vision", command="new"))
    assert store.apply("\n\n\n" + job_text("b", "vision", command="new")).outcome == "unchanged"


def test_what_can_not_stand_among_other_documents_is_refused(store: JobStore, tmp_path: Path) -> None:
    path = put(tmp_path, "jobs.yaml", three())
    with pytest.raises(InvalidError, match="without changing other documents: edit the file by hand"):
        store.apply("%YAML 1.1\n---\n" + job_text("b", "vision", command="new"))
    assert path.read_text() == three()


def test_a_new_job_replaces_no_file_of_others(store: JobStore, tmp_path: Path) -> None:
    path = put(tmp_path, "vision/x.yaml", three())
    other = put(tmp_path, "vision/y.yaml", job_text("z"))
    for name in "xy":
        assert store.apply(job_text(name, "vision")).path == f"vision/{name}-2.yaml"
        assert store.apply(job_text(name, "vision")).outcome == "unchanged"
    assert path.read_text() == three()
    assert other.read_text() == job_text("z")


def test_a_file_of_several_that_is_refused_as_a_whole_is_nobodys_to_replace_or_delete(
    store: JobStore, tmp_path: Path
) -> None:
    path = put(tmp_path, "default/jobs.yaml", joined(*(f"a: {i}\n" for i in range(MAX_DOCUMENTS + 1))))
    with pytest.raises(InvalidError, match="holds 201 documents: edit the file by hand"):
        store.delete("default", "jobs")
    with pytest.raises(InvalidError, match="holds 201 documents: edit the file by hand"):
        store.apply(job_text("jobs"))
    assert path.exists()


def test_a_file_that_changes_under_an_edit_is_left_as_it_is(
    store: JobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As somebody writes it between the reading and the writing."""
    put(tmp_path, "jobs.yaml", three())
    read = store._files.read
    meanwhile = three(job_text("b", "vision", command="meanwhile"))

    def reading(path: str, limit: int) -> bytes:
        data = read(path, limit)
        if (path.endswith("jobs.yaml") and b"meanwhile" not in data) and len(asked) == 1:
            put(tmp_path, "jobs.yaml", meanwhile)
        asked.append(path)
        return data

    asked: list[str] = []
    monkeypatch.setattr(store._files, "read", reading)
    with pytest.raises(InvalidError, match="was changed by somebody else just now"):
        store.delete("vision", "a")
    assert (tmp_path / "jobs/jobs.yaml").read_text() == meanwhile


async def test_a_job_that_removes_its_own_declaration_takes_its_document_alone(tmp_path: Path) -> None:
    made = await leading(tmp_path)
    path = put(tmp_path, "jobs.yaml", three())
    path.chmod(0o640)
    await made.remove(by_name(await made.look())["b"])
    assert path.read_text() == joined(job_text("a", "vision"), job_text("c", "vision"))
    assert path.stat().st_mode & 0o777 == 0o640
    after = by_name(await made.look())
    assert [after[name].deleted for name in "abc"] == [False, True, False]


async def test_documents_that_are_removed_at_one_time_stay_away(tmp_path: Path) -> None:
    """Each write rests on the file as it was read: beside each other one would put back what the other took."""
    made = await leading(tmp_path)
    path = put(tmp_path, "jobs.yaml", three())
    found = by_name(await made.look())
    late = made._files.replace_if

    def slow(*args: Any) -> None:
        time.sleep(0.05)
        late(*args)

    made._files.replace_if = slow  # type: ignore[method-assign]
    done = await asyncio.gather(made.remove(found["a"]), made.remove(found["c"]), return_exceptions=True)
    away = {name for name, each in zip("ac", done, strict=True) if each is None}
    assert away
    assert {name for name in "abc" if f"name: {name}" in path.read_text()} == set("abc") - away


async def test_a_file_that_has_changed_since_it_was_read_is_not_removed_for_its_old_job(
    tmp_path: Path,
) -> None:
    made = await leading(tmp_path)
    path = put(tmp_path, "own.yaml", job_text("a", "vision"))
    found = by_name(await made.look())["a"]
    path.write_text(joined(job_text("a", "vision"), job_text("b", "vision")))
    with pytest.raises(UnavailableError, match="may hold another job"):
        await made.remove(found)
    assert "name: b" in path.read_text()


async def test_where_the_controller_may_not_give_the_file_to_its_owner_nothing_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the NameNode refuses setOwner to all but the superuser (FSDirAttrOp.setOwner)."""
    made = await leading(tmp_path)
    path = put(tmp_path, "jobs.yaml", three())
    found = by_name(await made.look())["b"]

    def refuse(*_: object) -> None:
        raise DeniedError("AccessControlException", "Non-super user cannot change owner")

    monkeypatch.setattr(made._files, "replace_if", refuse)
    with pytest.raises(DeniedError):
        await made.remove(found)
    assert path.read_text() == three()
    assert not any(d.deleted for d in (await made.look()).values())


# --- the borders between documents

LINES = st.sampled_from(
    ["---", "--- # x", "...", "", "# c", "a: 1", "  b", "%YAML 1.1", "- x", "---x", "text: |", "  ---"]
)


@given(st.lists(LINES).map("\n".join))
def test_documents_lie_one_behind_the_other_and_nothing_that_is_said_lies_between(text: str) -> None:
    at = 0
    for span in spans(text):
        assert at <= span.begin <= span.start <= span.end
        between = text[at : span.start].replace("---", "").replace("...", "")
        assert all(line.strip()[:1] in ("", "#") for line in between.splitlines())
        assert span.line == text.count("\n", 0, span.start)
        at = span.end


NAMES = st.lists(st.sampled_from("abcdef"), unique=True, min_size=2, max_size=5)


@given(NAMES, st.data())
def test_an_edit_of_any_document_leaves_all_others_byte_for_byte(
    names: list[str], data: st.DataObject
) -> None:
    gaps = st.sampled_from(["---\n", "--- # x\n", "\n---\n", "...\n---\n", "---\n# only a comment\n---\n"])
    text = "".join(job_text(name) + data.draw(gaps) for name in names)
    raw = text.encode()
    read = read_all("jobs.yaml", Entry("/jobs.yaml", len(raw), 1, "alice", 0o644), raw)
    chosen = data.draw(st.sampled_from(read))
    new = edited(chosen.text, {("spec", "roles", "worker", "replicas"): 7})
    after = read_all("jobs.yaml", chosen.entry, with_document(raw, chosen, new))
    left = read_all("jobs.yaml", chosen.entry, without_document(raw, chosen))
    others = [each.text for each in read if each is not chosen]
    assert [each.text for each in after if each.name != chosen.name] == others
    assert next(each for each in after if each.name == chosen.name).text == new
    if len(left) > 1:
        assert [each.text for each in left] == others
