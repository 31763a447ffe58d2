"""What reaches a process on real YARN: its command and environment byte for byte, its peers' addresses, files and ports."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import tarfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import fsspec
import pytest
import requests

from real.cluster import until
from real.reading import SMALL, held, last_exit, trainers, worker
from real.rooms import Room, eager
from trainer.ledger import Ledger
from trainmaster.api.status import ConditionType as C
from trainmaster.api.status import ReplicaStatus

Environment = Mapping[str, str]
VALUES = {
    "QUOTES": "a \"b\" 'c' `d`",
    "DOLLARS": "$HOME ${PATH} $(echo no) $$ $",
    "SLASHES": "\\ \\\\ \\n \\$ \\",
    "LINES": "\none\ntwo\n\n",
    "BLANKS": "  spaced\tand  tabbed ",
    "YARNS": "{{PWD}} }} {{ {{X}} <LOG_DIR> <CPS> %input_path%",
    "LETTERS": "größe 訓練 🚂",
    "LOOKS_LIKE_A_COMMAND": "; exit 3 #",
    "EMPTY": "",
}
"""what shells, YARN and YAML would like to touch"""
LONG = {f"LONG_{i}": random.Random(i).randbytes(16_000).hex() for i in range(6)}
"""more than fits into one variable, also when compressed"""
COMMAND = r"""
cat > "$OUT/literal" <<'END'
"quotes" 'single' `ticks` $HOME \ \\ {{PWD}} }} <LOG_DIR> é
END
printf '<%s>' "$QUOTES$LINES" '$HOME' "\$HOME" $BLANKS "$(printf 'nested "%s"' "$DOLLARS")" > "$OUT/expanded"
printf %s '%input_path%' > "$OUT/path"
for i in 1 2; do test $i = 2 || continue; done && echo "$i" > "$OUT/last"
"""


@pytest.fixture(scope="module")
def kind() -> str:
    """What comes after a declaration is the same whatever its source."""
    return "folder"


def pairs(values: Environment) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in values.items()]


def environment(path: Path) -> Environment:
    """What `env -0` wrote."""
    entries = path.read_bytes().decode().rstrip("\0").split("\0")
    return dict(entry.split("=", 1) for entry in entries)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_commands_and_variables_arrive_byte_for_byte(shared: Room, tmp_path: Path) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    there.mkdir()
    here.mkdir()
    told = VALUES | LONG | {"OUT": str(there)}
    command = f"{COMMAND}ls -A > '{tmp_path}/files'; env -0 > '{tmp_path}/env'\n"
    role = SMALL | {"command": command, "env": pairs(told)}
    shared.drop("bytes", {"inputPath": 'hdfs:///in put/"$1"', "roles": {"worker": role}})

    shared.until_true("bytes", C.SUCCEEDED)

    at_home = COMMAND.replace("%input_path%", 'hdfs:///in put/"$1"')
    subprocess.run(["/bin/bash", "-c", at_home], env=os.environ | told | {"OUT": str(here)}, check=True)
    assert contents(there) == contents(here), "as when bash runs it at home"
    got = environment(tmp_path / "env")
    assert {name: got.get(name) for name in told} == told
    assert not [name for name in got if name.startswith("TRAINMASTER_SCRIPT")]
    assert ".trainmaster.sh" not in (tmp_path / "files").read_text()


# --- peers

TELL = """
env -0 > "$OUT/.$TRAINMASTER_ROLE-$TRAINMASTER_INDEX"
mv "$OUT/.$TRAINMASTER_ROLE-$TRAINMASTER_INDEX" "$OUT/$TRAINMASTER_ROLE-$TRAINMASTER_INDEX"
until [ -e "$OUT/go" ]; do sleep 0.1; done
"""


class Told:
    """What each process of a job was told, and where the status says that they are."""

    def __init__(self, room: Room, framework: str, roles: Mapping[str, int], out: Path, **more: Any) -> None:
        name = framework.lower()
        role = SMALL | {"command": TELL, "env": pairs({"OUT": str(out)})} | more
        replicas = {r: role | {"replicas": n} for r, n in roles.items()}
        room.drop(name, {"framework": framework, "checkpointPath": "hdfs:///c", "roles": replicas})
        status = room.until_true(name, C.RUNNING)
        until(lambda: len(list(out.glob("[a-z]*-[0-9]"))) == sum(roles.values()))
        self.by_process = {path.name: environment(path) for path in out.glob("[a-z]*-[0-9]")}
        self.places = {
            role: [_address(replica) for replica in of.replicas] for role, of in status.roles.items()
        }
        (out / "go").touch()
        room.until_true(name, C.SUCCEEDED)

    def __getitem__(self, process: str) -> Environment:
        return self.by_process[process]


def _address(replica: ReplicaStatus) -> str:
    return f"{replica.node}:{replica.ports[0]}"


def test_tensorflow_is_told_its_cluster_and_task(shared: Room, tmp_path: Path) -> None:
    told = Told(shared, "TensorFlow", {"chief": 1, "ps": 1, "worker": 2, "evaluator": 1}, tmp_path)

    cluster = {role: places for role, places in told.places.items() if role != "evaluator"}
    for name, env in told.by_process.items():
        role, _, index = name.partition("-")
        assert json.loads(env["TF_CONFIG"]) == {
            "cluster": cluster,
            "task": {"type": role, "index": int(index)},
        }


def test_pytorch_is_told_rank_world_and_master(shared: Room, tmp_path: Path) -> None:
    told = Told(shared, "PyTorch", {"master": 1, "worker": 2}, tmp_path)

    host, _, port = told.places["master"][0].rpartition(":")
    for rank, name in enumerate(("master-0", "worker-0", "worker-1")):
        env = told[name]
        assert (env["MASTER_ADDR"], env["MASTER_PORT"]) == (host, port)
        assert (env["RANK"], env["WORLD_SIZE"], env["LOCAL_RANK"]) == (str(rank), "3", "0")
        assert (env["PET_NNODES"], env["PET_NODE_RANK"]) == ("3", str(rank))
        assert env["PET_RDZV_ENDPOINT"] == f"{host}:{port}"


def test_every_process_is_told_who_it_is_and_where_all_are(shared: Room, tmp_path: Path) -> None:
    told = Told(shared, "Generic", {"a": 2, "b": 1}, tmp_path, ports=2)

    for name, env in told.by_process.items():
        role, _, index = name.partition("-")
        assert (env["TRAINMASTER_ROLE"], env["TRAINMASTER_INDEX"]) == (role, index)
        assert (env["TRAINMASTER_JOB"], env["TRAINMASTER_NAMESPACE"]) == ("generic", "default")
        assert env["TRAINMASTER_REPLICAS"] == {"a": "2", "b": "1"}[role]
        assert env["TRAINMASTER_RUN"] == "1"
        assert json.loads(env["TRAINMASTER_CLUSTER"]) == told.places
        assert told.places[role][int(index)].endswith(f":{env['TRAINMASTER_PORT']}")
        assert len(set(env["TRAINMASTER_PORTS"].split(","))) == 2
        assert (env["CHECKPOINT_PATH"], env["SAVED_MODEL_PATH"]) == ("hdfs:///c", "hdfs:///c")
        assert "INPUT_PATH" not in env


# --- files


def test_files_and_archives_lie_in_the_working_folder(shared: Room, store: str, tmp_path: Path) -> None:
    filesystem, root = fsspec.core.url_to_fs(store)
    (tmp_path / "deep.txt").write_text("deep")
    with tarfile.open(tmp_path / "pack.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "deep.txt", "inner/deep.txt")
    filesystem.pipe_file(f"{root}/plain.txt", b"plain,")
    filesystem.put_file(str(tmp_path / "pack.tar.gz"), f"{root}/pack.tar.gz")
    role = SMALL | {
        "command": f"cat renamed.txt pack/inner/deep.txt > {tmp_path}/read",
        "files": [{"source": f"{store}/pack.tar.gz", "name": "pack", "type": "Archive"}],
    }
    job = {"files": [{"source": f"{store}/plain.txt", "name": "renamed.txt"}], "roles": {"worker": role}}
    shared.drop("files", job)

    shared.until_true("files", C.SUCCEEDED)
    assert (tmp_path / "read").read_text() == "plain,deep"


def test_a_missing_file_fails_at_once_and_is_found_by_a_rerun(
    shared: Room, store: str, tmp_path: Path
) -> None:
    filesystem, root = fsspec.core.url_to_fs(store)
    source = f"{store}/late.txt"
    role = SMALL | {"command": f"cp late.txt {tmp_path}/read", "files": [{"source": source}]}
    shared.drop("late", {"runPolicy": {"backoffLimit": 100}, "roles": {"worker": role}})

    status = shared.until_true("late", C.FINISHED)
    failed = status.condition(C.FAILED)
    assert failed
    assert (failed.reason, status.restarts) == ("CannotRun", 0)
    assert f"{source}: no such file" in failed.message
    filesystem.pipe_file(f"{root}/late.txt", b"here")
    shared.edit("late", {("spec", "runPolicy", "rerun"): 1})
    shared.until_true("late", C.SUCCEEDED)
    assert (tmp_path / "read").read_text() == "here"


def test_a_command_that_is_nowhere_fails_at_once_with_its_name(shared: Room) -> None:
    role = SMALL | {"replicas": 2, "command": "echo begun; nosuchprogram --train"}
    shared.drop("nowhere", {"roles": {"worker": role}})

    status = shared.until_true("nowhere", C.FINISHED)
    failed = status.condition(C.FAILED)
    assert failed
    assert (failed.reason, status.restarts) == ("CannotRun", 0)
    said = "command not found: nosuchprogram (exit code 127); is it in `files`, or on the nodes?"
    assert said in failed.message
    assert said in shared.rest.application(status.application_id)["diagnostics"]


def test_the_last_words_of_a_process_are_told(shared: Room) -> None:
    command = """python3 -c 'import sys; sys.stderr.write("x" * 9000 + "\\n"); {}["learning rate"]'"""
    shared.drop("words", eager(worker=SMALL | {"command": command, "restartPolicy": "Never"}))

    failed = shared.until_true("words", C.FINISHED).condition(C.FAILED)
    assert failed
    assert "exit code 1: KeyError: 'learning rate' (<string>, line 1)" in failed.message


def test_a_killed_peer_and_those_who_die_of_it_are_one_failure(
    shared: Room, ledger: Ledger, tmp_path: Path
) -> None:
    ps, alive = trainers(ledger, steps=0), tmp_path / "alive"
    role = SMALL | {
        "replicas": 2,
        "command": f"sleep 3; while [ -e {alive} ]; do sleep 0.1; done; exit 1",
    }
    alive.touch()
    shared.drop("cause", {"runPolicy": {"backoff": {"base": "1s"}}, "roles": {"ps": ps, "worker": role}})
    shared.until_true("cause", C.RUNNING)
    first = until(ledger.running)[0]

    time.sleep(4)
    first.kill()
    alive.unlink()
    status = shared.until(
        "cause", lambda s: s.restarts > 0 and all(r.last_exit for r in s.roles["worker"].replicas)
    )
    alive.touch()
    assert status.restarts == 1
    assert [last_exit(r).cause for r in status.roles["worker"].replicas] == ["Consequence", "Consequence"]
    shared.delete("cause")


# --- ports


def test_a_taken_port_is_replaced_uncharged_by_another(shared: Room, ledger: Ledger) -> None:
    shared.drop("ports", {"runPolicy": {"backoff": {"base": "2s"}}, "roles": {"worker": held(ledger)}})
    first = until(ledger.running)[0]
    shared.until_true("ports", C.RUNNING)
    hosts = [node.rpc.rpartition(":")[0] for node in shared.hadoop.addresses.nodes]

    first.kill()
    with ExitStack() as taken:  # on each node, since the replacement may come to any
        for host in hosts:
            taken.enter_context(until(lambda host=host: _bound(host, first.port)))
        until(lambda: len(ledger.starts()) == 2)
        ledger.go()
        status = shared.until_true("ports", C.SUCCEEDED)

    second = ledger.starts()[1]
    replica = worker(status)
    assert second.port != first.port
    assert second.run == 3, "the run between met the taken port"
    assert (replica.restarts, status.restarts) == (1, 1), "only the kill was charged"


def _bound(host: str, port: int) -> socket.socket | None:
    try:
        return socket.create_server((host, port))
    except OSError:
        return None  # the killed process still holds it


@pytest.mark.parametrize("code", [0, 5])
def test_the_exit_code_and_the_output_of_the_command_are_kept(shared: Room, code: int) -> None:
    role = SMALL | {"command": f"echo said; echo complained >&2; (exit {code})", "restartPolicy": "Never"}
    shared.drop(f"ends-{code}", eager(worker=role))

    end = last_exit(worker(shared.until_true(f"ends-{code}", C.FINISHED)))
    assert end.code == code
    assert requests.get(end.log_url, timeout=10).ok
    logs = end.log_url.replace("/containers/", "/containerlogs/").removesuffix("/logs")
    assert "\nsaid\n" in requests.get(f"{logs}/stdout", timeout=10).text
    assert "\ncomplained\n" in requests.get(f"{logs}/stderr", timeout=10).text
