"""The command line on real daemons: the same words do the same to a file in HDFS and to an object of the API server."""

from __future__ import annotations

import json
import time
from pathlib import Path

import fsspec
import pytest
import yaml

from real.cluster import until
from real.person import Person
from real.reading import SMALL, trainers
from real.rooms import Room, document, eager
from trainer.ledger import Ledger
from trainmaster.api.status import ConditionType as C

GRACE = {"terminationGracePeriod": "120s"}


@pytest.fixture
def trainmaster(shared: Room, tmp_path: Path) -> Person:
    person = Person(shared, tmp_path)
    until(lambda: person("get").code == 0)  # in a folder: once the controller has made it
    return person


def test_a_job_from_apply_to_delete(trainmaster: Person, ledger: Ledger) -> None:
    text = document("mnist", eager(worker=trainers(ledger, steps=100_000)))
    apply = ("apply", "-f", "-")
    assert trainmaster.ok(*apply, stdin=text) == "trainingjob/mnist created\n"
    assert trainmaster.ok("wait", "mnist", "--for=condition=Running", "--timeout", "120s").endswith("met\n")
    assert trainmaster.ok(*apply, stdin=text) == "trainingjob/mnist unchanged\n"

    table = trainmaster.ok("get")
    assert [line.split()[:2] for line in table.splitlines()] == [["NAME", "STATE"], ["mnist", "Running"]]
    assert "mnist" in trainmaster.ok("get", "-A", "-o", "wide")
    assert trainmaster.ok("get", "mnist", "-o", "name") == "trainingjob.trainmaster.io/mnist\n"
    shown = yaml.safe_load(trainmaster.ok("get", "mnist", "-o", "yaml"))
    assert shown["status"]["state"] == "Running"
    assert "managedFields" not in shown["metadata"]
    assert trainmaster.ok(*apply, stdin=yaml.safe_dump(shown)).endswith(("unchanged\n", "configured\n"))

    description = trainmaster.ok("describe", "mnist")
    assert "Running" in description
    assert "worker-0" in description
    told = trainmaster.ok("events", "mnist")
    assert "Declared" in told
    assert "AllRunning" in told

    trainmaster.ok("suspend", "mnist")
    trainmaster.ok("wait", "mnist", "--for=condition=Suspended")
    trainmaster.ok("resume", "mnist")
    trainmaster.ok("wait", "mnist", "--for=condition=Running", "--timeout", "120s")
    assert trainmaster.ok("delete", "mnist", "--wait") == "trainingjob/mnist deleted\n"
    assert trainmaster.ok("wait", "mnist", "--for=delete") == "trainingjob/mnist deleted\n"
    assert not ledger.running()


def test_what_is_not_there_is_told_and_has_its_own_exit_code(trainmaster: Person) -> None:
    for words in (
        ("get", "nobody"),
        ("describe", "nobody"),
        ("events", "nobody"),
        ("logs", "nobody"),
        ("wait", "nobody"),
        ("suspend", "nobody"),
        ("resume", "nobody"),
        ("rerun", "nobody"),
        ("scale", "nobody", "--replicas", "2"),
        ("delete", "nobody"),
        ("delete", "nobody", "--now"),
    ):
        ran = trainmaster(*words)
        assert (ran.code, ran.out) == (66, "")
        assert "there is no job" in ran.err
        assert "/nobody in" in ran.err
    assert trainmaster("get", "nobody", "-A").code == 66
    assert "No jobs in namespace" in trainmaster("get").err


def test_an_older_file_undoes_what_commands_set_only_by_force(trainmaster: Person, ledger: Ledger) -> None:
    text = document("mnist", eager(worker=trainers(ledger, 1, steps=100_000) | {"replicas": 1}))
    trainmaster.ok("apply", "-f", "-", stdin=text)
    trainmaster.ok("wait", "mnist", "--for=condition=Running", "--timeout", "120s")
    assert trainmaster.ok("scale", "mnist", "--replicas", "2") == "trainingjob/mnist scaled: worker 2\n"
    ran = trainmaster("apply", "-f", "-", stdin=text)
    assert ran.code == 65
    assert "spec.roles.worker.replicas: `trainmaster scale` set it to 2, and the file says 1" in ran.err
    assert "trainmaster apply --force-conflicts" in ran.err
    assert trainmaster.ok("apply", "--force-conflicts", "-f", "-", stdin=text).endswith("configured\n")
    assert (
        json.loads(trainmaster.ok("get", "mnist", "-o", "json"))["spec"]["roles"]["worker"]["replicas"] == 1
    )


def test_what_may_not_change_is_refused(trainmaster: Person, shared: Room, ledger: Ledger) -> None:
    spec = eager(worker=trainers(ledger, steps=100_000))
    trainmaster.ok("apply", "-f", "-", stdin=document("mnist", spec))
    shared.until_true("mnist", C.RUNNING)
    ran = trainmaster("apply", "-f", "-", stdin=document("mnist", spec | {"queue": "other"}))
    assert ran.code == 65
    assert "queue" in ran.err
    assert trainmaster("rerun", "mnist").code == 65
    assert trainmaster("scale", "mnist", "--role", "boss", "--replicas", "1").code == 64


def test_run_passes_on_the_end_and_rerun_begins_anew(trainmaster: Person, tmp_path: Path) -> None:
    done = tmp_path / "done"
    once = SMALL | {"command": f"echo trying; test -e {done} || exit 7", "restartPolicy": "Never"}
    text = document("quick", eager(worker=once))
    ran = trainmaster("run", "-", stdin=text)
    assert ran.code == 7
    assert "Failed" in ran.out
    assert trainmaster.ok("logs", "quick", "--container-file", "stdout") == "trying\n"
    done.touch()
    assert trainmaster("suspend", "quick").code == 65
    assert trainmaster.ok("rerun", "quick") == "trainingjob/quick will run again (rerun 1)\n"
    assert trainmaster("wait", "quick", "--for=condition=Succeeded", "--timeout", "120s").code == 0
    assert "Earlier runs" in trainmaster.ok("describe", "quick")
    assert trainmaster.ok("logs", "quick", "--rerun", "0", "--container-file", "stdout") == "trying\n"
    assert trainmaster("run", "-", stdin=text).code == 64


def test_delete_now_gives_no_time_to_end_in(trainmaster: Person, shared: Room) -> None:
    stubborn = SMALL | {"command": "trap '' TERM; while :; do sleep 1; done"} | GRACE
    trainmaster.ok("apply", "-f", "-", stdin=document("stubborn", eager(worker=stubborn)))
    shared.until_true("stubborn", C.RUNNING)
    began = time.monotonic()
    trainmaster.ok("delete", "stubborn")
    assert trainmaster("wait", "stubborn", "--for=delete", "--timeout", "3s").code == 75
    trainmaster.ok("delete", "stubborn", "--now", "--wait")
    assert time.monotonic() - began < 110  # that the grace was cut, not how quickly


def test_files_of_this_machine_go_with_the_job(trainmaster: Person, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("print('from a file')\n")
    role = SMALL | {"command": "python3 train.py"}
    path = tmp_path / "job.yaml"
    path.write_text(document("filed", eager(worker=role) | {"files": [{"source": "train.py"}]}))
    assert trainmaster("run", str(path)).code == 0
    assert trainmaster.ok("logs", "filed", "--container-file", "stdout") == "from a file\n"
    assert trainmaster.ok("apply", "-f", str(path)) == "trainingjob/filed unchanged\n"
    url = trainmaster.ok("get", "filed", "-o", "jsonpath={.spec.files[0].source}")
    filesystem, place = fsspec.core.url_to_fs(url)
    assert filesystem.exists(place)
    trainmaster.ok("delete", "filed", "--wait")
    assert not filesystem.exists(place)


def test_labels_templates_and_diffs(trainmaster: Person, shared: Room, ledger: Ledger) -> None:
    for name, team in (("a", "red"), ("b", "blue")):
        job = yaml.safe_load(document(name, eager(worker=trainers(ledger, steps=100_000))))
        job["metadata"]["labels"] = {"team": team}
        text = yaml.safe_dump(job)
        dry = trainmaster.ok("apply", "-f", "-", "--dry-run=server", stdin=text)
        assert dry == f"trainingjob/{name} created (server dry run)\n"
        assert trainmaster("diff", "-f", "-", stdin=text).code == 1
        assert name not in shared.names()
        trainmaster.ok("apply", "-f", "-", stdin=text)
        assert trainmaster.ok("diff", "-f", "-", stdin=text) == ""
    assert trainmaster.ok("get", "-l", "team=red", "-o", "name").endswith("/a\n")
    assert trainmaster.ok("get", "-o", "jsonpath={.items[*].metadata.labels.team}") == "red blue"
    assert trainmaster.ok("get", "a", "-o", "custom-columns=N:.metadata.name").split() == ["N", "a"]
    words = ("wait", "-l", "team", "--for=jsonpath={.status.state}=Running", "--timeout", "120s")
    assert trainmaster.ok(*words).count("condition met") == 2
    job["spec"]["priority"] = 3
    changed = trainmaster("diff", "-f", "-", stdin=yaml.safe_dump(job))
    assert (changed.code, "priority: 3" in changed.out) == (1, True)
    assert trainmaster.ok("delete", "-l", "team", "--wait").count("deleted") == 2
