"""The engine on a cluster that asks for tickets: lives of jobs, whom the controller speaks for, and what a person is told when
something is wrong with keys, tickets or rights."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from real.cluster import of_its_own, until
from real.controllers import Controller
from real.dfs import Dfs
from real.reading import held, processes, trainers, worker
from real.rooms import FolderRoom, document, eager
from trainer.ledger import Ledger
from trainmaster.api.status import ConditionType as C
from trainmaster.cli.exits import ExitCode
from trainmaster.cli.local import STORE, prepare_store
from trainmaster.local.cluster import LocalHadoop
from trainmaster.local.options import PROTECTIONS, Options
from trainmaster.local.security import CONTROLLER, REALM
from trainmaster.sources.store import JobStore

ROOT = "yarn.scheduler.capacity.root"
PROXY = "hadoop.proxyuser.trainmaster"
LIFE = 60
"""seconds of a ticket: renewed after half a minute"""
TOKEN_LIFE = 80
"""seconds of a token of HDFS at most; hdfs-native uses none that ends within a minute"""
hadoop = of_its_own(
    "kerberos",
    Options(
        kerberos=True,
        ticket_life=LIFE,
        am_expiry=60,
        nm_expiry=30,
        hadoop={
            # A client has the last word on the protection, so that one cluster is enough for all.
            "hadoop.rpc.protection": ",".join(PROTECTIONS),
            f"{PROXY}.groups": "supergroup",
            f"{PROXY}.users": "alice",
            "dfs.namenode.delegation.token.max-lifetime": str(TOKEN_LIFE * 1000),
            "dfs.namenode.delegation.token.renew-interval": str(TOKEN_LIFE * 500),
            f"{ROOT}.queues": "default,closed",
            f"{ROOT}.default.capacity": "2w",
            f"{ROOT}.closed.capacity": "1w",
            # A right on a queue is one on those below it.
            f"{ROOT}.acl_submit_applications": " ",
            f"{ROOT}.acl_administer_queue": " ",
            f"{ROOT}.default.acl_submit_applications": "*",
            f"{ROOT}.closed.acl_submit_applications": "bob",
            f"{ROOT}.closed.acl_administer_queue": " ",
            f"{ROOT}.default.acl_administer_queue": " ",
        },
    ),
)


@pytest.fixture(scope="module")
def kind() -> str:
    return "folder"


def test_a_job_starts_and_ends_under_each_protection(room: FolderRoom, ledger: Ledger) -> None:
    for protection in PROTECTIONS:
        asked = json.dumps({"hadoop.rpc.protection": protection})
        controller = room.controller(TRAINMASTER_HADOOP=asked)
        room.drop(protection, eager(worker=trainers(Ledger(ledger.folder / protection), 2, steps=5)))
        status = room.until_true(protection, C.FINISHED)
        assert status.is_true(C.SUCCEEDED)
        assert room.rest.application(status.application_id)["finalStatus"] == "SUCCEEDED"
        assert controller.metric("trainmaster_kerberos_ticket_remaining_seconds") > LIFE / 4
        controller.end(signal.SIGTERM)


def test_a_killed_worker_is_healed_and_a_killed_controller_replaced(room: FolderRoom, ledger: Ledger) -> None:
    first = room.controller()
    room.drop("healed", eager(worker=held(ledger, 2)))
    room.until_true("healed", C.RUNNING)
    until(lambda: ledger.running("worker-1"))[0].kill()
    room.until("healed", lambda status: status.restarts == 1)
    first.end()

    room.controller()
    ledger.go()
    status = room.until_true("healed", C.FINISHED)

    assert status.is_true(C.SUCCEEDED)
    assert status.restarts == 1, "the controller's death is no failure of the job"
    assert status.earlier_application_ids == ()
    assert len(ledger.starts("worker-0")) == 1
    assert ledger.twice() == []


def test_what_a_process_wrote_is_read_with_the_ticket_of_whoever_asks(
    room: FolderRoom, hadoop: LocalHadoop
) -> None:
    controller = room.controller()
    role = {"command": "echo said in secret; exec sleep 1000", "resources": {"memory": "64Mi"}}
    room.drop("told", eager(worker=role))
    container = worker(room.until_true("told", C.RUNNING)).container
    page = f"{controller.web}/jobs/default/told/logs/{container}/stdout"
    until(lambda: "said in secret" in requests.get(page, timeout=30).text)
    assert "said in secret" in _logs("told", room.settings()).stdout
    nobody = {"KRB5_CLIENT_KTNAME": "", "KRB5CCNAME": f"FILE:{hadoop.folder}/none"}
    said = _logs("told", room.settings() | nobody)
    assert said.returncode != 0
    assert "there is no ticket: kinit gets one" in said.stderr
    assert "Traceback" not in said.stderr


def test_a_deleted_job_is_gone_from_yarn(room: FolderRoom, ledger: Ledger) -> None:
    room.controller()
    room.drop("deleted", eager(worker=trainers(ledger, steps=0)))
    application = room.until_true("deleted", C.RUNNING).application_id
    room.delete("deleted")
    until(lambda: room.rest.application(application)["finalStatus"] == "KILLED")
    until(lambda: not ledger.running())


def test_a_job_runs_as_its_owner_whom_the_cluster_lets_us_speak_for(room: FolderRoom, ledger: Ledger) -> None:
    dfs = Dfs(room)
    controller = room.controller()
    until(lambda: dfs.exists("jobs"))
    for owner in ("alice", "bob"):
        job = document(f"of-{owner}", eager(worker=trainers(Ledger(ledger.folder / owner), steps=1)))
        _put_as(dfs, f"jobs/default/of-{owner}.yaml", job, owner)

    status = room.until_true("of-alice", C.SUCCEEDED)
    assert room.rest.application(status.application_id)["user"] == "alice"
    status = room.until("of-bob", lambda s: "impersonate bob" in _all_said(s.conditions))
    said = _all_said(status.conditions)
    assert "add hadoop.proxyuser.trainmaster.users with bob in its value" in said
    assert not Ledger(ledger.folder / "bob").starts()
    assert "Traceback" not in controller.words


READS = """
import os
from hdfs_native import Client
client = Client(os.environ["STORE"], {}, os.environ["HADOOP_CONF_DIR"])
print(client.read(os.environ["SECRET"]).read(99).decode())
"""


def test_a_process_reads_hdfs_as_its_user_also_when_it_starts_late_in_the_life_of_the_first_token(
    room: FolderRoom, hadoop: LocalHadoop, ledger: Ledger
) -> None:
    """Localised files and its own reading go by tokens: neither it nor its node has a ticket of alice's."""
    dfs, found = Dfs(room), ledger.folder / "found"
    found.mkdir(parents=True)
    room.controller()
    until(lambda: dfs.exists("jobs"))
    dfs.put("secret.txt", b"for alice alone")
    secret = f"{room.url}/secret.txt".removeprefix(hadoop.addresses.hdfs)
    dfs.own("secret.txt", "alice")
    variables = {"SECRET": secret, "STORE": hadoop.addresses.hdfs, "READS": READS}
    variables |= {"HADOOP_CONF_DIR": str(hadoop.conf_dir)}
    command = f"""
        out={found}/$TRAINMASTER_RUN
        unset KRB5_CONFIG KRB5CCNAME KRB5_CLIENT_KTNAME
        {{ cat brought; echo; {sys.executable} -c "$READS"; }} > $out.tmp 2>&1
        mv $out.tmp $out
        [ $TRAINMASTER_RUN = 1 ] || exec sleep 1000
        sleep {TOKEN_LIFE / 2 + 5}
        exit 3
    """
    role = {
        "resources": {"memory": "256Mi"},
        "command": command,
        "env": [{"name": name, "value": value} for name, value in variables.items()],
        "files": [{"source": f"{hadoop.addresses.hdfs}{secret}", "name": "brought"}],
    }
    _put_as(dfs, "jobs/default/reads.yaml", document("reads", eager(worker=role)), "alice")
    for name in ("1", "2"):
        until((found / name).exists)
        assert (found / name).read_text() == "for alice alone\nfor alice alone\n", f"run {name}"


def test_a_file_is_looked_at_as_the_jobs_user_who_is_told_nothing_of_what_is_closed_to_him(
    room: FolderRoom, hadoop: LocalHadoop, ledger: Ledger
) -> None:
    """The controller may see everything here: it is one of HDFS's superusers."""
    dfs = Dfs(room)
    room.controller()
    until(lambda: dfs.exists("jobs"))
    for owner, folder in (("alice", "mine"), ("bob", "theirs")):
        dfs.put(f"{folder}/file", b"1")
        dfs.own(f"{folder}/file", owner)
        dfs.own(folder, owner)
        dfs.protect(folder, 0o700)
    for name, source in (("own", "mine/file"), ("others", "theirs/file"), ("guessed", "theirs/nothing")):
        role = trainers(Ledger(ledger.folder / name), steps=1) | {
            "files": [{"source": f"{room.url}/{source}"}]
        }
        _put_as(dfs, f"jobs/default/{name}.yaml", document(name, eager(worker=role)), "alice")

    room.until_true("own", C.SUCCEEDED)
    said = set()
    for name in ("others", "guessed"):
        failed = room.until_true(name, C.FAILED).condition(C.FAILED)
        assert failed
        assert "Permission denied: user=alice, access=EXECUTE" in failed.message
        said |= set(re.findall(r'Permission denied: [^"]*"[^"]*":[\w:-]*', failed.message))
        assert not Ledger(ledger.folder / name).starts()
    assert len(said) == 1, "whether there is such a file isn't told"


def test_a_store_is_made_ready_before_anybody_declares_and_by_no_one_who_declares(
    hadoop: LocalHadoop, tmp_path: Path, ledger: Ledger
) -> None:
    url = f"{hadoop.addresses.hdfs}{STORE}"
    settings = {"TRAINMASTER_STORE": url}
    alice = hadoop.environment | {"KRB5_CLIENT_KTNAME": f"FILE:{hadoop.folder}/keytabs/alice.keytab"}
    alice |= settings | {"KRB5CCNAME": f"FILE:{tmp_path}/tickets"}
    job = tmp_path / "job.yaml"
    job.write_text(document("first", eager(worker=trainers(ledger, steps=1))))

    refused = _command(alice, "apply", "-f", str(job))
    assert refused.returncode != 0
    assert "`trainmaster store init`" in refused.stderr
    shown = _command(alice, "store", "init")
    assert shown.returncode == ExitCode.DENIED
    assert f"hdfs dfs -chown trainmaster {url} {url}/jobs" in shown.stdout

    prepare_store(hadoop)
    prepare_store(hadoop)
    assert _command(alice, "store", "init").stdout == f"{url} is ready for trainmaster\n"
    applied = _command(alice, "apply", "-f", str(job))
    assert applied.stdout == "trainingjob/first created\n", applied.stderr
    controller = Controller(tmp_path / "log", settings).start()
    try:
        jobs = JobStore(url)
        until(lambda: (shown := jobs.get("default", "first").status) and shown.is_true(C.SUCCEEDED))
        assert jobs.get("default", "first").owner == "alice"
    finally:
        controller.end()


ENDS = """
import asyncio, os, sys
from pathlib import Path
from trainmaster.hadoop import configuration
from trainmaster.hadoop.resourcemanager import ResourceManager
conf = configuration.read(Path(os.environ["HADOOP_CONF_DIR"]))
print(asyncio.run(ResourceManager(conf, "").kill(sys.argv[1], "no more")))
"""


def test_a_queue_that_takes_no_applications_of_the_user_is_told_in_yarns_words(
    room: FolderRoom, ledger: Ledger
) -> None:
    dfs = Dfs(room)
    room.controller()
    until(lambda: dfs.exists("jobs"))
    spec = eager(worker=trainers(ledger, steps=1)) | {"queue": "closed"}
    _put_as(dfs, "jobs/default/shut-out.yaml", document("shut-out", spec), "alice")
    status = room.until("shut-out", lambda s: "does not have permission to submit" in _all_said(s.conditions))
    assert "alice" in _all_said(status.conditions)
    assert "closed" in _all_said(status.conditions)
    assert not status.application_id, "he is told before anything is asked of YARN"
    assert not ledger.starts()


def test_whom_a_job_or_a_rule_names_may_look_at_its_application_and_end_it(
    room: FolderRoom, hadoop: LocalHadoop, ledger: Ledger, tmp_path: Path
) -> None:
    rules = [{"namespace": "default", "modify": "bob"}]
    room.controller(TRAINMASTER_ACLS=json.dumps(rules))
    spec = eager(worker=trainers(ledger, steps=0)) | {"acls": {"view": {"users": ["alice"]}}}
    room.drop("shared", spec)
    application = room.until_true("shared", C.RUNNING).application_id

    def ends(user: str) -> subprocess.CompletedProcess[str]:
        who = {"KRB5_CLIENT_KTNAME": f"FILE:{hadoop.folder}/keytabs/{user}.keytab"}
        environ = os.environ | hadoop.environment | who | {"KRB5CCNAME": f"FILE:{tmp_path}/{user}"}
        command = [sys.executable, "-c", ENDS, application]
        return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)

    refused = ends("alice")
    assert "alice" in refused.stderr
    assert "MODIFY_APP" in refused.stderr
    assert ends("bob").stdout in {"True\n", "False\n"}
    until(lambda: room.rest.application(application)["state"] == "KILLED")


def test_a_rule_for_somebody_we_may_not_speak_for_is_told_when_we_start(room: FolderRoom) -> None:
    controller = room.controller(TRAINMASTER_POLICY=json.dumps([{"owner": "alice", "users": ["bob"]}]))
    until(lambda: Dfs(room).exists("jobs"))
    until(lambda: not _check(controller, "proxy").get("ok", True))
    said = _check(controller, "proxy")["message"]
    assert "add hadoop.proxyuser.trainmaster.users with bob in its value" in said


def test_a_kdc_that_is_away_costs_no_job_anything(
    room: FolderRoom, hadoop: LocalHadoop, ledger: Ledger
) -> None:
    """Stopped, not killed: whoever asks it waits for an answer that doesn't come."""
    controller = room.controller()
    room.drop("calm", eager(worker=trainers(ledger, steps=0)))
    room.until_true("calm", C.RUNNING)
    [victim] = processes(ledger, 1)
    hadoop.kill("kdc", signal.SIGSTOP)
    try:
        victim.kill()
        room.until("calm", lambda status: status.restarts == 1 and status.is_true(C.RUNNING))
        until(lambda: _check(controller, "kerberos").get("ok") is False)
    finally:
        hadoop.kill("kdc", signal.SIGCONT)
    until(lambda: _check(controller, "kerberos").get("ok"))
    time.sleep(1)
    assert len(ledger.running()) == 1
    assert controller.metric("trainmaster_yarn_up") == 1


@pytest.mark.parametrize(
    ("keytab", "principal", "said"),
    [
        ("bob", f"trainmaster/localhost@{REALM}", "holds no key of trainmaster/localhost@"),
        ("nobody", f"trainmaster/localhost@{REALM}", "No such file or directory"),
        ("wrong", f"bob@{REALM}", "isn't the one that the KDC has for bob@"),
    ],
)
def test_a_keytab_that_wont_do_ends_the_start_with_one_sentence(
    hadoop: LocalHadoop, tmp_path: Path, keytab: str, principal: str, said: str
) -> None:
    file = hadoop.folder / f"keytabs/{keytab}.keytab"
    if keytab == "wrong":
        _spoil(hadoop.folder / "keytabs/bob.keytab", file)
    own = {"TRAINMASTER_KERBEROS__KEYTAB": str(file), "TRAINMASTER_KERBEROS__PRINCIPAL": principal}
    controller = Controller(tmp_path / "log", own).start()
    assert controller.wait_for_death(30) != 0
    assert said in controller.words
    assert str(file) in controller.words
    assert "Traceback" not in controller.words


def _logs(name: str, settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return _command(settings, "logs", name)


def _command(settings: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """As a person runs it."""
    command = [sys.executable, "-m", "trainmaster", *words]
    environ = os.environ | settings
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)


def _put_as(dfs: Dfs, path: str, text: str, owner: str) -> None:
    """Into a folder that several people use, which therefore is the controller's."""
    beside = f"{path}._COPYING_"
    with dfs.writer(beside) as file:
        file.write(text.encode())
    dfs.own(path.rpartition("/")[0], CONTROLLER)
    dfs.own(beside, owner)
    dfs.move(beside, path)


def _all_said(conditions: object) -> str:
    assert isinstance(conditions, list | tuple)
    return "\n".join(each.message for each in conditions)


def _check(controller: Controller, name: str) -> dict[str, object]:
    checks = requests.get(f"{controller.monitoring}/readyz", timeout=10).json()["checks"]
    found: dict[str, object] = next((each for each in checks if each["name"] == name), {})
    return found


def _spoil(good: Path, bad: Path) -> None:
    from trainmaster.hadoop.kerberos import keytabs

    held = keytabs.read(good.read_bytes())
    spoilt = (entry[:-12] + b"\1" * 8 + entry[-4:] for entries in held.values() for entry in entries)
    bad.write_bytes(keytabs.write(spoilt))
