"""Jobs through a folder in HDFS: what people do to files, by mistake and on purpose, beside a job that trains."""

from __future__ import annotations

import time

import pytest

from real.cluster import until
from real.dfs import Dfs
from real.reading import message, processes, reason, trainers
from real.rooms import FolderRoom, document, eager
from trainer.ledger import Entry, Ledger
from trainmaster.api import reasons
from trainmaster.api.status import ConditionType as C
from trainmaster.api.status import JobStatus


@pytest.fixture(scope="module")
def kind() -> str:
    return "folder"


def endless(ledger: Ledger, replicas: int = 1) -> dict[str, object]:
    """A job that trains until it is told to stop."""
    return eager(worker=trainers(ledger, replicas, steps=0))


def training(room: FolderRoom, ledger: Ledger, name: str) -> list[Entry]:
    """The processes of a job, once all of it runs."""
    return processes(ledger, room.until_true(name, C.RUNNING).roles["worker"].wanted)


def refused_for(status: JobStatus, reason: str) -> bool:
    accepted = status.condition(C.ACCEPTED)
    return accepted is not None and (accepted.status, accepted.reason) == ("False", reason)


def good(name: str, ledger: Ledger) -> str:
    return document(name, eager(worker=trainers(ledger, steps=1)))


def test_broken_files_hurt_nobody_and_start_when_mended(room: FolderRoom, ledger: Ledger) -> None:
    dfs = Dfs(room)
    text = good("mended", Ledger(ledger.folder / "mended"))
    roles = "\n".join(f"    r{i}: {{command: 'true'}}" for i in range(10_000))
    broken = {  # name -> bytes, and what its status must say: field, line, words
        "yaml": (text.replace("roles:", "roles: [").encode(), "", 0, ""),
        "field": (text.replace("replicas:", "replica:").encode(), "spec.roles.worker.replica", 1, "replicas"),
        "huge": (
            text.replace("replicas: 1", "replicas: 1" + "0" * 400).encode(),
            "spec.roles.worker.replicas",
            1,
            "",
        ),
        "memory": (text.replace("64Mi", "9" * 30 + "Ti").encode(), "spec.roles.worker.resources", 1, ""),
        "roles": (f"spec:\n  roles:\n{roles}\n".encode(), "spec.roles", 1, "32"),
        "latin1": (text.encode() + b"# caf\xe9\n", "", 0, "not UTF-8"),
        "empty": (b"", "", 0, "empty"),
        "list": (b"- a\n- b\n", "", 0, "mapping"),
    }
    room.controller()
    room.drop("first", endless(ledger, 2))
    before = training(room, ledger, "first")

    for name, (data, *_) in broken.items():
        dfs.put(f"jobs/default/{name}.yaml", data)
    for name, (_, field, has_line, words) in broken.items():
        status = room.until(name, lambda status: refused_for(status, reasons.INVALID))
        problem = status.errors[0]
        assert problem.field.startswith(field), name
        assert words in problem.reason, name
        assert problem.line or not has_line, name
    assert training(room, ledger, "first") == before, "no process of the first job was touched"

    dfs.remove("jobs/default/yaml.yaml")
    dfs.put("jobs/default/mended.yaml", text.encode())
    assert room.until_true("mended", C.FINISHED).is_true(C.SUCCEEDED)
    dfs.put_over("jobs/default/field.yaml", text.replace("name: mended", "name: field").encode(), pause=0)
    assert room.until_true("field", C.FINISHED).is_true(C.SUCCEEDED)
    assert training(room, ledger, "first") == before


def test_a_file_is_taken_when_it_is_whole(room: FolderRoom, ledger: Ledger) -> None:
    dfs = Dfs(room)
    text = good("slow", ledger).encode()
    controller = room.controller()
    until(lambda: "leading" in controller.words)

    with dfs.writer("jobs/default/slow.yaml") as file:
        file.write(text[: len(text) // 2])
        time.sleep(2)
        assert not ledger.starts()
        file.write(text[len(text) // 2 :])

    assert room.until_true("slow", C.FINISHED).is_true(C.SUCCEEDED)
    assert len(ledger.starts()) == 1


def test_a_broken_edit_stops_nothing(room: FolderRoom, ledger: Ledger) -> None:
    dfs = Dfs(room)
    room.controller()
    room.drop("edited", endless(ledger))
    before = training(room, ledger, "edited")

    dfs.put_over("jobs/default/edited.yaml", b"spec: {roles: {worker: {replicas: many}}}", pause=0)
    status = room.until("edited", lambda status: refused_for(status, reasons.INVALID))

    assert "going on with the one before" in str(status.condition(C.ACCEPTED))
    assert status.is_true(C.RUNNING)
    assert ledger.running() == before

    vast = {"worker": trainers(ledger, steps=0) | {"resources": {"memory": "100Gi"}}}
    dfs.put_over("jobs/default/edited.yaml", document("edited", {"roles": vast}).encode(), pause=0)
    status = room.until("edited", lambda status: refused_for(status, reasons.NEVER_FITS))
    assert "going on with the declaration before" in str(status.condition(C.ACCEPTED))
    assert status.is_true(C.RUNNING)
    assert ledger.running() == before


def test_files_that_are_written_over_moved_or_away_for_a_moment_stop_nothing(
    room: FolderRoom, ledger: Ledger
) -> None:
    dfs = Dfs(room)
    room.controller(TRAINMASTER_DELETION_GRACE="20")
    room.drop("kept", endless(ledger))
    before = training(room, ledger, "kept")
    first = room.job("kept")
    assert first.status

    dfs.put_over(f"jobs/{first.path}", first.text.encode(), pause=1)
    dfs.move("jobs", "jobs-away")
    time.sleep(2)
    assert ledger.running() == before
    dfs.move("jobs-away", "jobs")
    text = first.text.replace("name: kept", "name: kept\n  namespace: default")
    dfs.put_over(f"jobs/{first.path}", text.encode(), pause=0)
    dfs.move(f"jobs/{first.path}", "jobs/elsewhere/renamed.yaml")
    until(lambda: dfs.status("elsewhere/renamed.yaml").is_true(C.RUNNING))

    dfs.put("jobs/second/kept.yaml", text.encode())
    second = until(lambda: _refused(dfs, "second/kept.yaml"))
    assert refused_for(second, reasons.DUPLICATE_NAME)
    assert "elsewhere/renamed.yaml" in str(second.condition(C.ACCEPTED))
    now = room.job("kept")
    assert now.status
    assert (now.uid, now.status.application_id) == (first.uid, first.status.application_id)
    assert ledger.running() == before
    assert len(ledger.starts()) == 1


def _refused(dfs: Dfs, path: str) -> JobStatus | None:
    status = dfs.status(path)
    return status if status.state == "Refused" else None


def test_documents_of_one_file_are_jobs_of_their_own(room: FolderRoom, ledger: Ledger) -> None:
    """One breaks, one is scaled, one is deleted, one ends and goes by itself: the others train on, and keep their text."""
    dfs = Dfs(room)
    own = {name: Ledger(ledger.folder / name) for name in ("kept", "scaled", "short")}
    short = eager(worker=trainers(own["short"], steps=1))
    short["runPolicy"] |= {"ttlAfterFinished": "1s", "ttlDeletesResource": True}
    texts = {
        "kept": document("kept", endless(own["kept"])) + "# mine\n",
        "broken": document("broken", endless(ledger)).replace("replicas:", "replica:"),
        "scaled": document("scaled", endless(own["scaled"])),
        "short": document("short", short),
    }
    room.controller()
    dfs.put("jobs/several.yaml", "---\n".join(texts.values()).encode())
    before = training(room, own["kept"], "kept")
    status = room.until("broken", lambda status: refused_for(status, reasons.INVALID))
    lines = "---\n".join(texts.values()).split("\n")
    at = next(i for i, line in enumerate(lines, 1) if "replica:" in line)
    assert (status.errors[0].line, "replica" in status.errors[0].field) == (at, True)
    until(lambda: dfs.status("several.yaml,kept@default").is_true(C.RUNNING))

    until(lambda: "name: short" not in dfs.read("jobs/several.yaml").decode())
    until(lambda: not dfs.exists("status/several.yaml,short@default"))
    assert len(own["short"].starts()) == 1
    assert dfs.read("jobs/several.yaml").decode() == "---\n".join(list(texts.values())[:3])

    room.edit("scaled", {("spec", "roles", "worker", "replicas"): 2})
    until(lambda: len(own["scaled"].running()) == 2)
    dfs.put_over(
        "jobs/several.yaml", dfs.read("jobs/several.yaml").replace(b"replica:", b"replicas: ["), pause=1
    )
    until(lambda: "not YAML" in str(dfs.status("several.yaml,2").errors))
    room.delete("scaled")
    until(lambda: not own["scaled"].running())
    until(lambda: not dfs.exists("status/several.yaml,scaled@default"))
    assert dfs.read("jobs/several.yaml").decode().startswith(texts["kept"] + "---\n")
    assert processes(own["kept"], 1) == before
    assert len(own["kept"].starts()) == 1


def test_a_root_that_is_gone_deletes_nothing_and_many_files_at_once_need_a_word(
    room: FolderRoom, ledger: Ledger
) -> None:
    dfs = Dfs(room)
    held = {**endless(Ledger(ledger.folder / "none")), "runPolicy": {"suspend": True}}
    room.controller()
    room.drop("kept", endless(ledger))
    for i in range(6):
        room.drop(f"held{i}", held)
    before = training(room, ledger, "kept")
    room.until_true("held5", C.SUSPENDED)

    dfs.move("jobs", "jobs-away")
    time.sleep(4)  # more than the grace of a single file
    assert ledger.running() == before
    dfs.move("jobs-away", "jobs")
    dfs.move("jobs/default", "taken")
    time.sleep(4)
    assert ledger.running() == before

    room.jobs.confirm_deletions()
    until(lambda: not ledger.running())


def test_an_expired_job_never_trains_again_until_it_is_rerun(room: FolderRoom, ledger: Ledger) -> None:
    dfs = Dfs(room)
    spec = eager(worker=trainers(ledger, steps=1))
    spec["runPolicy"] |= {"ttlAfterFinished": "1s"}
    first = room.controller()
    room.drop("once", spec)
    room.until("once", lambda s: s.is_true(C.SUCCEEDED) and not s.roles["worker"].replicas)
    text = room.job("once").text.encode()

    first.end()
    dfs.put_over("jobs/default/once.yaml", text + b"# again\n", pause=0)
    second = room.controller()
    until(lambda: "leading" in second.words)
    time.sleep(2)
    assert room.status("once").is_true(C.SUCCEEDED)
    assert len(ledger.starts()) == 1

    (ledger.folder / "worker-0.steps").unlink()
    room.jobs.rerun("default", "once")
    until(lambda: len(ledger.starts()) == 2)
    room.until_true("once", C.FINISHED)


def test_a_file_that_asks_for_it_goes_with_its_job(room: FolderRoom, ledger: Ledger) -> None:
    spec = eager(worker=trainers(ledger, steps=1))
    spec["runPolicy"] |= {"ttlAfterFinished": "0s", "ttlDeletesResource": True}
    room.controller()
    room.drop("brief", spec)

    until(lambda: ledger.entries("end"))
    until(lambda: not room.jobs.list())
    assert len(ledger.starts()) == 1


def test_a_queue_that_is_nowhere_is_refused_on_resume_and_recovers(room: FolderRoom, ledger: Ledger) -> None:
    room.controller()
    room.drop("lost", eager(worker=trainers(ledger, steps=0)))
    room.until_true("lost", C.RUNNING)
    room.edit("lost", {("spec", "runPolicy", "suspend"): True})
    room.until_true("lost", C.SUSPENDED)
    room.edit("lost", {("spec", "queue"): "nosuch", ("spec", "runPolicy", "suspend"): False})
    room.until("lost", lambda s: reason(s, C.ACCEPTED) == reasons.QUEUE_NOT_FOUND)
    room.edit("lost", {("spec", "queue"): "default"})
    room.until_true("lost", C.RUNNING)


def test_a_file_that_is_moved_to_another_folder_trains_once_at_a_time(
    room: FolderRoom, ledger: Ledger
) -> None:
    dfs = Dfs(room)
    room.controller(TRAINMASTER_DELETION_GRACE="10")
    text = document("moved", eager(worker=trainers(ledger, steps=0))).encode()
    dfs.put("jobs/team/moved.yaml", text)
    until(lambda: dfs.status("team/moved.yaml").is_true(C.RUNNING))
    (first,) = until(ledger.running)
    dfs.move("jobs/team/moved.yaml", "jobs/other/moved.yaml")
    until(lambda: "which declared team/moved" in message(dfs.status("other/moved.yaml"), C.ACCEPTED))
    assert ledger.running() == [first]
    until(lambda: dfs.status("other/moved.yaml").is_true(C.RUNNING))
    assert not first.alive
    until(lambda: len(ledger.running()) == 1)
