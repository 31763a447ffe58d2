"""Commands on a real store in a folder, with no controller running; a status is written as a controller would."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest
import yaml

from cli.in_store import YAML, declared, publish, seen
from cli.running import Ran
from observe.pictures import condition, exited, replica, role
from trainmaster.api.status import ConditionType
from trainmaster.cli import change
from trainmaster.cli.exits import ExitCode
from trainmaster.sources.search import Search

Run = Callable[..., Ran]


def test_apply_says_created_then_unchanged_then_configured(trainmaster: Run, file: Path) -> None:
    words = ("apply", "-f", str(file))
    assert trainmaster(*words).out == "trainingjob/mnist created\n"
    assert trainmaster(*words).out == "trainingjob/mnist unchanged\n"
    file.write_text(YAML.replace("replicas: 2", "replicas: 3"))
    assert trainmaster(*words).out == "trainingjob/mnist configured\n"


def test_apply_searches_a_store_once_for_a_job_that_is_new(trainmaster: Run, file: Path) -> None:
    assert trainmaster("apply", "-f", str(file)).code == 0
    file.write_text(YAML.replace("mnist", "other"))
    with patch.object(Search, "_search", autospec=True, side_effect=Search._search) as searched:
        assert trainmaster("apply", "-f", str(file)).out == "trainingjob/other created\n"
    assert searched.call_count == 1


def test_apply_takes_nothing_while_anything_is_wrong(trainmaster: Run, file: Path, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(
        YAML.replace("mnist", "other").replace("replicas: 2", "replicas: many")
    )
    ran = trainmaster("apply", "-f", str(file), "-f", str(tmp_path / "other.yaml"))
    assert ran.code == ExitCode.INVALID
    assert f"{tmp_path}/other.yaml:10: spec.roles.worker.replicas" in ran.error
    assert not (tmp_path / "store" / "jobs").exists()


def test_apply_reads_standard_input(trainmaster: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(YAML))
    assert trainmaster("apply", "-f", "-").out == "trainingjob/mnist created\n"


def test_the_namespace_option_serves_files_that_name_none(trainmaster: Run, file: Path) -> None:
    file.write_text(YAML.replace(", namespace: vision", ""))
    trainmaster("-n", "audio", "apply", "-f", str(file))
    assert trainmaster("get", "-n", "audio", "-o", "name").out == "trainingjob.trainmaster.io/mnist\n"


def test_a_namespace_that_contradicts_the_file_is_refused(trainmaster: Run, file: Path) -> None:
    ran = trainmaster("apply", "-n", "audio", "-f", str(file))
    assert (ran.code, ran.error) == (ExitCode.USAGE, "error: mnist names the namespace vision, and -n audio")


def test_the_namespace_of_the_environment_yields_to_the_file(
    trainmaster: Run, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAINMASTER_NAMESPACE", "audio")
    assert trainmaster("apply", "-f", str(file)).code == 0
    assert "No jobs in namespace audio" in trainmaster("get").err
    assert "mnist" in trainmaster("get", "-n", "vision").out


def test_apply_uploads_local_files_and_points_at_them(trainmaster: Run, file: Path, store: Path) -> None:
    (file.parent / "train.py").write_text("print(1)")
    (file.parent / "lib").mkdir()
    (file.parent / "lib" / "a.py").write_text("")
    file.write_text(YAML + "  files: [{source: train.py}, {source: lib}, {source: 'hdfs:///x/y.py'}]\n")
    assert trainmaster("apply", "-f", str(file)).code == 0
    files = yaml.safe_load(declared(store).read_text())["spec"]["files"]
    assert [f.get("name") for f in files] == ["train.py", "lib", None]
    assert all("://" in f["source"] for f in files)
    assert files[1]["type"] == "Archive"
    assert Path(files[0]["source"].removeprefix("file://")).read_text() == "print(1)"
    assert "# two are enough" in declared(store).read_text()


def test_get_before_any_controller_saw_the_job(trainmaster: Run, store: Path) -> None:
    head, line = trainmaster("get", "-n", "vision").out.splitlines()
    assert head.split() == ["NAME", "STATE", "FRAMEWORK", "WORKERS", "GPUS", "QUEUE", "RESTARTS", "AGE"]
    assert line.split()[:7] == ["mnist", "Declared", "TensorFlow", "<none>", "<none>", "gpu", "<none>"]


def test_get_shows_what_the_controller_wrote(trainmaster: Run, store: Path) -> None:
    publish(store, seen("Running"))
    line = trainmaster("get", "mnist", "-n", "vision").out.splitlines()[1]
    assert line.split()[:7] == ["mnist", "Running", "TensorFlow", "2/2", "0", "gpu", "1"]


def test_the_age_counts_from_when_the_job_was_first_seen(trainmaster: Run, store: Path) -> None:
    publish(store, seen("Running"), created=time.time() - 2400)
    os.utime(declared(store), (time.time() - 5, time.time() - 5))
    assert trainmaster("get", "mnist", "-n", "vision").out.split()[-1] == "40m"
    assert "Age:" in trainmaster("describe", "mnist", "-n", "vision").out
    shown = yaml.safe_load(trainmaster("get", "mnist", "-n", "vision", "-o", "yaml").out)
    assert shown["metadata"]["creationTimestamp"].endswith("Z")


def test_get_wide_and_all_namespaces(trainmaster: Run, store: Path) -> None:
    publish(store, seen("Running"))
    head, line = trainmaster("get", "-A", "-o", "wide").out.splitlines()
    assert head.split()[0] == "NAMESPACE"
    assert line.startswith("vision ")
    assert "application_1_0001" in line
    assert line.endswith("all processes run")


def test_wide_leaves_nothing_out_on_a_terminal_either(
    trainmaster: Run, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(store, seen("Running", application_id="application_1763848149000_12345"))
    words = ("get", "-n", "vision", "-o", "wide")
    plain = trainmaster(*words).out
    assert max(map(len, plain.splitlines())) > 120
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert trainmaster(*words).out == plain


def test_get_of_an_empty_namespace_says_so(trainmaster: Run, store: Path) -> None:
    ran = trainmaster("get")
    assert (ran.code, ran.out, ran.err) == (
        0,
        "",
        f"No jobs in namespace default of the store file://{store}.\n",
    )


def test_get_as_documents(trainmaster: Run, store: Path) -> None:
    publish(store, seen("Running"))
    one = json.loads(trainmaster("get", "mnist", "-n", "vision", "-o", "json").out)
    assert one["spec"]["roles"]["worker"] == {"replicas": 2, "command": "python train.py"}
    assert one["status"]["state"] == "Running"
    listed = yaml.safe_load(trainmaster("get", "-n", "vision", "-o", "yaml").out)
    assert listed["kind"] == "List"
    assert listed["items"] == [one]


def test_documents_name_fields_as_the_reference_does(trainmaster: Run, store: Path, file: Path) -> None:
    file.write_text(YAML + "  runPolicy: {backoffLimit: 7}\n")
    trainmaster("apply", "-f", str(file))
    one = json.loads(trainmaster("get", "mnist", "-n", "vision", "-o", "json").out)
    assert one["spec"]["runPolicy"] == {"backoffLimit": 7}


@pytest.mark.parametrize("words", [("mnist", "-o", "yaml"), ("-o", "yaml"), ("-o", "json")])
def test_what_get_prints_can_be_applied_again(
    trainmaster: Run, store: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    publish(store, seen("Running"))
    before = json.loads(trainmaster("get", "mnist", "-n", "vision", "-o", "json").out)
    printed = tmp_path / "printed.yaml"
    printed.write_text(trainmaster("get", "-n", "vision", *words).out)
    assert trainmaster("apply", "-f", str(printed)).out.startswith("trainingjob/mnist ")
    assert json.loads(trainmaster("get", "mnist", "-n", "vision", "-o", "json").out) == before


@pytest.mark.parametrize(
    "text", ["%YAML 1.1\n---\n" + YAML, "# a\n---\n" + YAML + "...\n", YAML + "...\n---\n# end\n"]
)
def test_a_document_may_have_a_directive_and_an_end(trainmaster: Run, file: Path, text: str) -> None:
    file.write_text(text)
    assert trainmaster("apply", "-f", str(file)).out == "trainingjob/mnist created\n"


def test_a_list_that_holds_a_mistake_says_in_which_of_its_items(trainmaster: Run, tmp_path: Path) -> None:
    good = yaml.safe_load(YAML)
    bad = {**good, "spec": {**good["spec"], "quue": "x"}}
    path = tmp_path / "list.yaml"
    path.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": [good, bad]}))
    ran = trainmaster("apply", "-f", str(path))
    assert ran.code == ExitCode.INVALID
    assert "list.yaml: items[1]:" in ran.error


def test_a_broken_file_is_listed_as_invalid(trainmaster: Run, store: Path) -> None:
    declared(store).write_text(YAML.replace("replicas: 2", "replicas: many"))
    line = trainmaster("get", "-A").out.splitlines()[1]
    assert line.split()[:3] == ["vision", "mnist", "Invalid"]
    assert "spec.roles.worker.replicas" in trainmaster("describe", "mnist", "-n", "vision").out


@pytest.mark.parametrize("command", ["get", "describe", "logs", "suspend", "delete", "rerun", "wait"])
def test_a_job_that_is_not_there_is_one_line(trainmaster: Run, store: Path, command: str) -> None:
    ran = trainmaster(command, "nobody", "-n", "vision")
    assert ran.code == ExitCode.MISSING
    assert "nobody" in ran.error


def test_get_of_a_job_that_is_in_no_namespace(trainmaster: Run, store: Path) -> None:
    ran = trainmaster("get", "nobody", "-A")
    assert (ran.code, ran.out) == (ExitCode.MISSING, "")
    assert ran.error == f"error: there is no job nobody in any namespace of the store file://{store}"


def test_describe_shows_no_login(trainmaster: Run, store: Path) -> None:
    """`get -o yaml` gives the declaration back as it was written."""
    path = declared(store)
    path.write_text(
        path.read_text().replace("  queue: gpu\n", "  queue: gpu\n  inputPath: s3a://AKIA:s3cret@bucket/x\n")
    )
    out = trainmaster("describe", "mnist", "-n", "vision").out
    assert "s3a://(hidden)@bucket/x" in out
    assert "s3cret" not in out
    assert "s3cret" in trainmaster("get", "mnist", "-n", "vision", "-o", "yaml").out


def test_describe_names_the_application(trainmaster: Run, store: Path) -> None:
    publish(store, seen("Running"))
    lines = trainmaster("describe", "mnist", "-n", "vision").out.splitlines()
    assert [line.split() for line in lines if line.startswith("Application")] == [
        ["Application:", "application_1_0001"]
    ]


def test_describe_tells_conditions_replicas_and_ends(trainmaster: Run, store: Path) -> None:
    ended = replica(1, "BackingOff", last_exit=exited(137, "Retryable", "killed by signal 9"))
    publish(store, seen("Running", roles={"worker": role(2, 1, replicas=(replica(0, "Running"), ended))}))
    out = trainmaster("describe", "mnist", "-n", "vision").out
    assert "Message:" in out
    assert "worker-1  Retryable, exit 137 on node1" in out
    assert "killed by signal 9" in out
    assert "node1:8041" in out
    assert "AllRunning" in out


def test_suspend_resume_and_scale_edit_the_file_and_keep_its_comments(trainmaster: Run, store: Path) -> None:
    assert trainmaster("suspend", "mnist", "-n", "vision").out == "trainingjob/mnist suspended\n"
    assert yaml.safe_load(declared(store).read_text())["spec"]["runPolicy"] == {"suspend": True}
    assert trainmaster("resume", "mnist", "-n", "vision").out == "trainingjob/mnist resumed\n"
    assert yaml.safe_load(declared(store).read_text())["spec"]["runPolicy"] == {"suspend": False}
    ran = trainmaster("scale", "mnist", "-n", "vision", "--role", "worker", "--replicas", "5")
    assert ran.out == "trainingjob/mnist scaled: worker 5\n"
    text = declared(store).read_text()
    assert yaml.safe_load(text)["spec"]["roles"]["worker"]["replicas"] == 5
    assert "# two are enough" in text


def test_scale_of_a_role_that_is_not_there(trainmaster: Run, store: Path) -> None:
    ran = trainmaster("scale", "mnist", "-n", "vision", "--role", "boss", "--replicas", "5")
    assert ran.code == ExitCode.USAGE
    assert "it has ps, worker" in ran.error


@pytest.mark.parametrize("words", [("mnist", "-n", "vision"), ("-f", "FILE")])
def test_delete_by_name_or_by_file(trainmaster: Run, store: Path, file: Path, words: tuple[str, ...]) -> None:
    ran = trainmaster("delete", *(str(file) if word == "FILE" else word for word in words))
    assert ran.out == "trainingjob/mnist deleted\n"
    assert "No jobs" in trainmaster("get", "-A").err


def test_delete_waits_until_a_controller_has_cleaned_up(
    trainmaster: Run, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(store, seen("Running"))
    monkeypatch.setattr(change, "DELETE_SECONDS", 0.1)
    assert trainmaster("delete", "mnist", "-n", "vision", "--wait").code == ExitCode.TIMEOUT
    assert (
        trainmaster("wait", "mnist", "-n", "vision", "--for=delete", "--timeout", "0.1s").code
        == ExitCode.TIMEOUT
    )
    shutil.rmtree(store / "status")
    for mark in (store / "jobs" / "vision").glob(".*.delete"):
        mark.unlink()
    assert trainmaster("wait", "mnist", "-n", "vision", "--for=delete").code == 0


def test_a_job_that_is_being_deleted_can_be_hurried(trainmaster: Run, store: Path) -> None:
    publish(store, seen("Running"))
    jobs = store / "jobs" / "vision"
    assert trainmaster("delete", "mnist", "-n", "vision").code == 0
    assert [mark.name for mark in jobs.glob(".*.now")] == []
    ran = trainmaster("delete", "mnist", "-n", "vision", "--now")
    assert (ran.code, ran.out) == (0, "trainingjob/mnist deleted\n")
    assert ".mnist.yaml.now" in [mark.name for mark in jobs.glob(".*.now")]
    assert trainmaster("delete", "nobody", "-n", "vision", "--now").code != 0


def test_a_job_is_deleted_at_once_without_a_second_command(trainmaster: Run, store: Path) -> None:
    assert trainmaster("delete", "mnist", "-n", "vision", "--now").code == 0
    marks = {mark.name for mark in (store / "jobs" / "vision").glob(".mnist.yaml.*")}
    assert marks >= {".mnist.yaml.now", ".mnist.yaml.delete"}


def test_delete_wants_either_names_or_files(trainmaster: Run) -> None:
    assert trainmaster("delete").code == ExitCode.USAGE


def test_wait_for_a_condition_that_is_so(trainmaster: Run, store: Path) -> None:
    publish(store, seen("Succeeded"))
    ran = trainmaster("wait", "mnist", "-n", "vision", "--for=condition=Succeeded")
    assert (ran.code, ran.out) == (0, "trainingjob/mnist condition met\n")


def test_wait_fails_at_once_when_the_job_ended_otherwise(trainmaster: Run, store: Path) -> None:
    ended = (
        condition(ConditionType.FINISHED, "X"),
        condition(ConditionType.FAILED, "X", "worker-0 exited with 3"),
    )
    publish(store, seen("Failed", conditions=ended))
    ran = trainmaster("wait", "mnist", "-n", "vision", "--for=condition=succeeded")
    assert ran.code == ExitCode.FAILED
    assert ran.error == "error: mnist ended: Failed: worker-0 exited with 3"


def test_wait_times_out(trainmaster: Run, store: Path) -> None:
    ran = trainmaster("wait", "mnist", "-n", "vision", "--for=condition=Running", "--timeout", "0.1s")
    assert ran.code == ExitCode.TIMEOUT
    assert "timed out waiting for mnist: condition=Running" in ran.error


@pytest.mark.parametrize("words", [("--for=condition=Happy",), ("--for=sunshine",), ("--timeout", "soon")])
def test_wait_says_what_it_understands(trainmaster: Run, store: Path, words: tuple[str, ...]) -> None:
    ran = trainmaster("wait", "mnist", "-n", "vision", *words)
    assert ran.code == ExitCode.USAGE


def test_wait_for_deletion(trainmaster: Run, store: Path) -> None:
    ran = trainmaster("wait", "nobody", "-n", "vision", "--for=delete")
    assert (ran.code, ran.out) == (0, "trainingjob/nobody deleted\n")


def test_logs_of_a_job_that_never_had_a_container(trainmaster: Run, store: Path) -> None:
    ran = trainmaster("logs", "mnist", "-n", "vision")
    assert ran.code == ExitCode.MISSING
    assert ran.error == "error: mnist has no process whose log is known"


@pytest.mark.parametrize(
    ("words", "there"),
    [((), "ps has only 0, worker has 0 to 1"), (("--role", "worker"), "worker has 0 to 1")],
)
def test_logs_of_an_index_that_is_not_there(
    trainmaster: Run, store: Path, words: tuple[str, ...], there: str
) -> None:
    ran = trainmaster("logs", "mnist", "-n", "vision", "--index", "7", *words)
    assert (ran.code, ran.error) == (ExitCode.MISSING, f"error: no replica 7: {there}")


def test_run_of_a_job_that_ended_names_what_to_type(trainmaster: Run, store: Path, file: Path) -> None:
    publish(store, seen("Succeeded", conditions=(condition(ConditionType.FINISHED, "X"),)))
    ran = trainmaster("run", str(file))
    assert ran.code == ExitCode.USAGE
    assert "`trainmaster rerun mnist -n vision`" in ran.error
    assert "--name" in ran.error


def test_a_store_that_is_not_there_is_no_empty_list(trainmaster: Run, store: Path) -> None:
    for words in (
        ("get",),
        ("get", "-A"),
        ("get", "x"),
        ("describe", "x"),
        ("events", "x"),
        ("suspend", "x"),
    ):
        ran = trainmaster("--store", "file:///nonexistent", *words)
        assert (ran.code, ran.out) == (ExitCode.UNAVAILABLE, "")
        assert ran.error.startswith("error: there is no store file:///nonexistent: ")
    (store / "status").mkdir()
    (store / "jobs").rename(store / "sboj")
    ran = trainmaster("get")
    assert ran.code == ExitCode.UNAVAILABLE
    assert "jobs is gone" in ran.error


def test_the_first_apply_says_that_it_makes_the_store(trainmaster: Run, file: Path) -> None:
    assert "warning: there was no store file://" in trainmaster("apply", "-f", str(file)).error
    assert trainmaster("apply", "-f", str(file)).err == ""


def test_an_edit_that_is_wrong_names_the_field_and_no_line_of_a_file_that_nobody_wrote(
    trainmaster: Run, store: Path
) -> None:
    ran = trainmaster("scale", "mnist", "-n", "vision", "--replicas", "20000")
    assert ran.code == ExitCode.INVALID
    assert ran.error.startswith("error: spec.roles")
    assert "line" not in ran.error


def test_run_takes_a_file_or_a_command(trainmaster: Run, file: Path) -> None:
    assert trainmaster("run").code == ExitCode.USAGE
    assert trainmaster("run", str(file), "--command", "true").code == ExitCode.USAGE
    assert trainmaster("run", "--command", "true").code == ExitCode.USAGE
