"""Hadoop whose web servers speak HTTPS alone, with certificates of an authority that nobody else knows."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs12

from real.cluster import running, until
from real.rooms import FolderRoom, Room, eager
from trainmaster.api.status import ConditionType as C
from trainmaster.hadoop.configuration import read
from trainmaster.local.cluster import LocalHadoop
from trainmaster.local.configuration import to_xml
from trainmaster.local.kubernetes.pki import Authority
from trainmaster.local.options import Options
from trainmaster.sources.store import JobStore

POLICY = {"yarn.http.policy": "HTTPS_ONLY", "dfs.http.policy": "HTTPS_ONLY"}
PASSWORD = "changeit"
ADVICE = "hadoop_ca_file names whom to trust"
FAILS = {
    "command": "echo said over https; exit 41",
    "restartPolicy": "ExitCode",
    "resources": {"memory": "64Mi"},
}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of ca.crt, a keystore, and the ssl-server.xml that names it."""
    folder, authority = tmp_path_factory.mktemp("keys"), Authority(datetime.now(UTC))
    key, certificate = authority.server(("127.0.0.1", "127.0.0.11"))
    (folder / "ca.crt").write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    lock = BestAvailableEncryption(PASSWORD.encode())
    store = pkcs12.serialize_key_and_certificates(b"server", key, certificate, [authority.certificate], lock)
    (folder / "server.p12").write_bytes(store)
    named = {"location": str(folder / "server.p12"), "type": "pkcs12"}
    named |= {"password": PASSWORD, "keypassword": PASSWORD}
    settings = {f"ssl.server.keystore.{name}": value for name, value in named.items()}
    (folder / "ssl-server.xml").write_text(to_xml(settings))
    return folder


@pytest.fixture(scope="module")
def hadoop(keys: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHadoop]:
    """In place of the cluster of the other files."""
    options = Options(hadoop=POLICY, classpath=(str(keys),), ca_file=str(keys / "ca.crt"))
    with pytest.MonkeyPatch.context() as patch, running(tmp_path_factory.mktemp("https"), options) as cluster:
        patch.setenv("HADOOP_CONF_DIR", str(cluster.conf_dir))
        yield cluster


@pytest.fixture(scope="module")
def kind() -> str:
    return "folder"


def test_rest_links_and_logs_work(room: Room, hadoop: LocalHadoop, keys: Path) -> None:
    ca = str(keys / "ca.crt")
    controller = room.controller(TRAINMASTER_HADOOP_CA_FILE=ca)
    room.drop("broken", eager(worker=FAILS))

    status = room.until_true("broken", C.FAILED)

    assert controller.metric("trainmaster_yarn_up") == 1
    last = status.roles["worker"].replicas[0].last_exit
    assert last is not None
    assert last.log_url.startswith(f"https://{hadoop.addresses.nodes[0].web}/")
    condition = status.condition(C.FAILED)
    assert condition is not None
    assert f"Log: {last.log_url}" in condition.message
    assert requests.get(last.log_url, verify=ca, timeout=10).status_code == 200
    proxy = f"https://{hadoop.addresses.rm_web}/proxy/{status.application_id}/"
    assert requests.get(proxy, verify=ca, timeout=10).ok
    assert "said over https" in _logs(room, TRAINMASTER_HADOOP_CA_FILE=ca)
    assert ADVICE in _logs(room)


def _logs(room: Room, **settings: str) -> str:
    """What `trainmaster logs` says, to either side."""
    command = [sys.executable, "-m", "trainmaster", "logs", "broken"]
    done = subprocess.run(
        command,
        env=os.environ | room.settings() | settings,
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
    )
    return done.stdout


def test_without_the_authority_the_controller_says_what_to_do(room: Room) -> None:
    controller = room.controller()
    until(lambda: ADVICE in controller.words)
    assert "Traceback" not in controller.words


def test_webhdfs_over_https(room: FolderRoom, hadoop: LocalHadoop, keys: Path) -> None:
    room.drop("told", eager(worker=FAILS))
    path = room.url.removeprefix(hadoop.addresses.hdfs)
    store = JobStore(f"swebhdfs://{hadoop.addresses.namenode_web}{path}", hadoop_ca_file=keys / "ca.crt")
    assert [job.name for job in store.list()] == ["told"]
    assert read(hadoop.conf_dir).scheme == "https"
