"""The command line's store, over a folder of this machine, with and without a controller beside it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from sources.building import FINISHED, job_text, leading, only, put
from trainmaster.api.status import JobStatus
from trainmaster.errors import InvalidError, NoStoreError, NoSuchJobError
from trainmaster.sources.store import JobStore


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(f"file://{tmp_path}")


def test_a_store_that_is_not_there_is_an_error_and_no_empty_list(tmp_path: Path) -> None:
    store = JobStore(f"file://{tmp_path}/nonexistent")
    for ask in (store.list, lambda: store.get("vision", "mnist"), lambda: store.find("vision", "mnist")):
        with pytest.raises(NoStoreError, match=r"there is no store file://\S+/nonexistent: "):
            ask()
    assert not store.is_there
    (tmp_path / "nonexistent").mkdir()
    with pytest.raises(NoStoreError, match="is no store: it has no folder jobs"):
        store.list()
    store.apply(job_text("mnist", "vision"))
    assert store.is_there
    assert store.find("vision", "other") is None


async def test_a_jobs_folder_that_went_is_told(store: JobStore, tmp_path: Path) -> None:
    source = await leading(tmp_path)
    store.apply(job_text("mnist", "vision"))
    await source.publish(only(await source.look()), FINISHED)
    (tmp_path / "jobs").rename(tmp_path / "elsewhere")
    with pytest.raises(NoStoreError, match="jobs is gone: nothing is known of the jobs of this store"):
        store.list()
    (tmp_path / "elsewhere").rename(tmp_path / "jobs")
    assert [job.finished for job in store.list()] == [True]


def test_a_job_that_was_found_once_is_not_searched_again(store: JobStore, tmp_path: Path) -> None:
    put(tmp_path, "team/x.yaml", job_text("mnist", "vision"))
    assert store.get("vision", "mnist").path == "team/x.yaml"
    with patch.object(store._search, "_search", side_effect=AssertionError):
        assert store.get("vision", "mnist").path == "team/x.yaml"
    (tmp_path / "jobs/team/x.yaml").rename(tmp_path / "jobs/y.yaml")
    assert store.get("vision", "mnist").path == "y.yaml"


@pytest.mark.parametrize(
    "change",
    [
        lambda store: store.edit("vision", "other", {("spec", "priority"): 1}),
        lambda store: store.delete("vision", "other"),
    ],
)
def test_all_is_searched_once_for_a_change_of_what_is_not_there(
    store: JobStore, change: Callable[[JobStore], object]
) -> None:
    store.apply(job_text("mnist", "vision"))
    with (
        patch.object(store._search, "_search", wraps=store._search._search) as searched,
        pytest.raises(NoSuchJobError, match="there is no job vision/other"),
    ):
        change(store)
    assert searched.call_count == 1


def test_of_several_files_that_declare_one_job_the_oldest_counts_and_a_sound_one_first(
    store: JobStore, tmp_path: Path
) -> None:
    """As the controller takes it."""
    for at, name in enumerate(("c", "b", "a")):
        os.utime(put(tmp_path, f"team/{name}.yaml", job_text("mnist", "vision")), (at, at))
    assert store.get("vision", "mnist").path == "team/c.yaml"
    (tmp_path / "jobs/team/c.yaml").unlink()
    assert store.get("vision", "mnist").path == "team/b.yaml"


async def test_only_statuses_that_are_there_are_asked_for(store: JobStore, tmp_path: Path) -> None:
    source = await leading(tmp_path)
    for name in ("a", "b", "c"):
        store.apply(job_text(name, "vision"))
    found = {declared.name: declared for declared in (await source.look()).values()}
    await source.publish(found["b"], FINISHED)
    with patch.object(store, "_status", wraps=store._status) as asked:
        assert [job.finished for job in store.list()] == [False, True, False]
    assert asked.call_count == 1


def test_apply_creates_configures_and_leaves(store: JobStore) -> None:
    first = store.apply(job_text("mnist", "vision"))
    assert (first.outcome, first.path) == ("created", "vision/mnist.yaml")
    assert store.apply(job_text("mnist", "vision")).outcome == "unchanged"
    assert store.apply(job_text("mnist", "vision", command="python b.py")).outcome == "configured"
    job = store.get("vision", "mnist").job
    assert job is not None
    assert job.spec.roles["worker"].command == "python b.py"


def test_apply_finds_the_file_wherever_it_is(store: JobStore, tmp_path: Path) -> None:
    put(tmp_path, "team/deep/x.yml", job_text("mnist", "vision"))
    applied = store.apply(job_text("mnist", "vision", command="python b.py"))
    assert (applied.outcome, applied.path) == ("configured", "team/deep/x.yml")
    assert len(store.list()) == 1


@pytest.mark.parametrize("name", ["x.yml", "x.YAML", "x.Yml"])
def test_a_job_s_file_may_end_in_all_spellings_of_yaml(store: JobStore, tmp_path: Path, name: str) -> None:
    put(tmp_path, f"vision/{name}", job_text())
    assert [(job.name, job.namespace, job.problems) for job in store.list()] == [("x", "vision", ())]
    store.delete("vision", "x")
    assert (tmp_path / "jobs" / "vision" / f".{name}.delete").exists()


def test_names_of_the_command_serve_a_text_without_its_own(store: JobStore) -> None:
    applied = store.apply(job_text(), namespace="vision", name="mnist")
    assert (applied.namespace, applied.name) == ("vision", "mnist")
    assert store.get("vision", "mnist").text == job_text()
    with pytest.raises(InvalidError, match="namespace"):
        store.apply(job_text("mnist", "vision"), namespace="other")


def test_names_are_written_into_a_text_whose_place_would_give_it_others(
    store: JobStore, tmp_path: Path
) -> None:
    put(tmp_path, "team/x.yaml", job_text("mnist", "vision"))
    store.apply(job_text(command="python b.py"), namespace="vision", name="mnist")
    found = store.get("vision", "mnist")
    assert found.path == "team/x.yaml"
    assert "python b.py" in found.text


@pytest.mark.parametrize("namespace", ["../up", "Up", "a/b", ".x"])
def test_a_namespace_is_no_path(store: JobStore, namespace: str) -> None:
    with pytest.raises(InvalidError):
        store.apply(job_text("mnist"), namespace=namespace)


def test_what_is_wrong_is_told_with_its_line(store: JobStore, tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match=r"line \d: spec\.roles\.worker"):
        store.apply(job_text("mnist").replace("command:", "comand:"))
    assert not (tmp_path / "jobs").exists()


def test_edit_keeps_what_the_author_wrote(store: JobStore) -> None:
    text = "# mine\n" + job_text("mnist", "vision") + "  queue: 'gpu'   # the fast one\n"
    store.apply(text)
    edited = store.edit("vision", "mnist", {("spec", "runPolicy", "suspend"): True})
    assert edited.job is not None
    assert edited.job.spec.run_policy.suspend
    assert edited.text.startswith("# mine\n")
    assert "'gpu'   # the fast one" in edited.text


def test_an_edit_heeds_what_somebody_else_wrote_meanwhile_and_not_the_time_alone(
    store: JobStore, tmp_path: Path
) -> None:
    """HDFS moves a file's time once more when it closes it, a moment after it was written whole."""
    store.apply(job_text("mnist", "vision"))
    path, look = tmp_path / "jobs/vision/mnist.yaml", store._files.stat

    def meanwhile(change: Callable[[], object]) -> Any:
        return patch.object(store._files, "stat", lambda at: (change(), look(at))[1])

    with meanwhile(lambda: os.utime(path, (1, 1))):
        store.edit("vision", "mnist", {("spec", "runPolicy", "suspend"): True})
    with (
        meanwhile(lambda: path.write_text(path.read_text() + "# ours\n")),
        pytest.raises(InvalidError, match="was changed by somebody else"),
    ):
        store.edit("vision", "mnist", {("spec", "runPolicy", "suspend"): False})
    assert path.read_text().endswith("# ours\n")


def test_an_edit_that_breaks_the_job_changes_nothing(store: JobStore) -> None:
    store.apply(job_text("mnist", "vision"))
    with pytest.raises(InvalidError):
        store.edit("vision", "mnist", {("spec", "roles", "worker", "replicas"): -1})
    assert store.get("vision", "mnist").text == job_text("mnist", "vision")


def test_list_is_by_namespace(store: JobStore) -> None:
    for namespace, name in (("b", "y"), ("a", "z"), ("a", "x")):
        store.apply(job_text(name, namespace))
    assert [(job.namespace, job.name) for job in store.list()] == [("a", "x"), ("a", "z"), ("b", "y")]
    assert [job.name for job in store.list("b")] == ["y"]


def test_a_broken_file_is_listed_with_its_problems(store: JobStore, tmp_path: Path) -> None:
    put(tmp_path, "vision/bad.yaml", "spec: [")
    (job,) = store.list()
    assert (job.namespace, job.name, job.job, job.text) == ("vision", "bad", None, "spec: [")
    assert job.problems


async def test_delete_and_rerun_are_acted_on_by_a_controller(store: JobStore, tmp_path: Path) -> None:
    made = await leading(tmp_path)
    await asyncio.to_thread(store.apply, job_text("mnist", "vision"))
    (first,) = (await made.look()).values()
    with pytest.raises(InvalidError, match="not finished"):
        store.rerun("vision", "mnist")
    await made.publish(first, FINISHED)
    shown = store.get("vision", "mnist")
    assert (shown.uid, shown.generation, shown.finished) == (first.uid, 1, True)
    assert store.rerun("vision", "mnist") == 1
    (second,) = (await made.look()).values()
    assert second.job
    assert (second.uid, second.generation, second.job.spec.run_policy.rerun) == (first.uid, 2, 1)
    store.delete("vision", "mnist")
    (deleted,) = (await made.look()).values()
    assert (deleted.uid, deleted.deleted) == (second.uid, True)
    await made.gone(deleted)
    assert store.list() == []
    assert await made.look() == {}


# --- who set what


def edited(store: JobStore, *words: str | int, value: object, by: str) -> None:
    store.edit("vision", "mnist", {words: value}, by=by)  # type: ignore[dict-item]


def test_a_file_that_is_applied_again_undoes_no_command_unasked(store: JobStore) -> None:
    text = job_text("mnist", "vision")
    store.apply(text)
    edited(store, "spec", "runPolicy", "suspend", value=True, by="suspend")
    edited(store, "spec", "roles", "worker", "replicas", value=4, by="scale")
    with pytest.raises(InvalidError) as refused:
        store.apply(text)
    assert str(refused.value) == (
        "spec.runPolicy.suspend: `trainmaster suspend` set it to true, and the file says false; "
        "spec.roles.worker.replicas: `trainmaster scale` set it to 4, and the file says 1: "
        "write that into the file, or undo it with `trainmaster apply --force-conflicts`"
    )
    assert store.apply(text, force=True).outcome == "configured"
    assert store.apply(text + "  priority: 1\n").outcome == "configured"


def test_a_file_that_says_the_same_is_no_conflict_and_takes_the_field_over(store: JobStore) -> None:
    store.apply(job_text("mnist", "vision"))
    edited(store, "spec", "runPolicy", "suspend", value=True, by="suspend")
    store.apply(job_text("mnist", "vision") + "  runPolicy: {suspend: true}\n")
    assert store.apply(job_text("mnist", "vision")).outcome == "configured"


def test_what_was_edited_by_hand_since_is_nobodys(store: JobStore, tmp_path: Path) -> None:
    store.apply(job_text("mnist", "vision"))
    edited(store, "spec", "runPolicy", "suspend", value=True, by="suspend")
    put(tmp_path, "vision/mnist.yaml", job_text("mnist", "vision"))
    assert store.apply(job_text("mnist", "vision") + "  priority: 1\n").outcome == "configured"


def test_resuming_what_was_suspended_leaves_nothing_to_ask(store: JobStore) -> None:
    text = job_text("mnist", "vision")
    store.apply(text)
    edited(store, "spec", "runPolicy", "suspend", value=True, by="suspend")
    edited(store, "spec", "runPolicy", "suspend", value=False, by="resume")
    assert store.apply(text).outcome == "configured"


async def test_another_queue_is_refused_while_there_is_an_application(
    store: JobStore, tmp_path: Path
) -> None:
    made = await leading(tmp_path)
    text = job_text("mnist", "vision")
    await asyncio.to_thread(store.apply, text)
    (job,) = (await made.look()).values()
    await made.publish(job, JobStatus(queue="default", user=job.owner, application_id="application_1_1"))
    with pytest.raises(
        InvalidError, match=r"spec.queue: can't change .* it is 'default' .* Suspend the job first"
    ):
        store.apply(text + "  queue: other\n")
    await made.publish(job, JobStatus())
    assert store.apply(text + "  queue: other\n").outcome == "configured"
    await made.publish(job, JobStatus(queue="default", user=job.owner))
    assert store.apply(text).outcome == "configured", "back to what it was begun with"


def test_a_record_that_can_not_be_read_asks_nothing(store: JobStore, tmp_path: Path) -> None:
    store.apply(job_text("mnist", "vision"))
    (tmp_path / "jobs/vision/.mnist.yaml.set").write_text("{")
    assert store.apply(job_text("mnist", "vision") + "  priority: 1\n").outcome == "configured"
