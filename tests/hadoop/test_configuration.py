"""Hadoop's configuration files, and the addresses and times they come to."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainmaster.errors import InvalidError
from trainmaster.hadoop.configuration import get, parse, read

HA = {"yarn.resourcemanager.ha.enabled": "true", "yarn.resourcemanager.ha.rm-ids": "rm1, rm2"}


def site(**properties: str) -> str:
    rows = (
        f"<property><name>{name}</name><value>{value}</value></property>"
        for name, value in properties.items()
    )
    return f'<?xml version="1.0"?><configuration>{"".join(rows)}</configuration>'


def test_nothing_said_is_hadoops_defaults() -> None:
    conf = parse({})
    assert conf.clients == ("127.0.0.1:8032",)
    assert conf.schedulers == ("127.0.0.1:8030",)
    assert conf.webs == ("http://127.0.0.1:8088",)
    assert (conf.application_expiry, conf.node_expiry) == (None, None), "each release has its own"
    assert (conf.scheme, conf.log_server, conf.default_fs, conf.kerberos) == ("http", "", "file:///", False)


def test_the_hostname_is_enough() -> None:
    conf = parse({"yarn.resourcemanager.hostname": "rm.example"})
    assert (conf.clients, conf.schedulers, conf.webs) == (
        ("rm.example:8032",),
        ("rm.example:8030",),
        ("http://rm.example:8088",),
    )


def test_an_address_of_its_own_wins_and_may_lack_its_port() -> None:
    said = {
        "yarn.resourcemanager.hostname": "rm",
        "yarn.resourcemanager.address": "other:1",
        "yarn.resourcemanager.scheduler.address": "third",
    }
    conf = parse(said)
    assert (conf.clients, conf.schedulers) == (("other:1",), ("third:8030",))


def test_every_resourcemanager_of_a_pair() -> None:
    said = {
        "yarn.resourcemanager.hostname.rm1": "a",
        "yarn.resourcemanager.address.rm2": "b:77",
        "yarn.resourcemanager.hostname.rm2": "b",
    }
    conf = parse({**HA, **said})
    assert conf.clients == ("a:8032", "b:77")
    assert conf.schedulers == ("a:8030", "b:8030")
    assert conf.webs == ("http://a:8088", "http://b:8088")


def test_https_takes_its_own_ports() -> None:
    conf = parse({"yarn.http.policy": "HTTPS_ONLY", "yarn.resourcemanager.hostname": "rm"})
    assert (conf.scheme, conf.webs) == ("https", ("https://rm:8090",))
    assert parse({"yarn.http.policy": "https_only"}).scheme == "https", "Hadoop heeds no case here"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("600000", 600.0), ("250", 0.25), ("30s", 30.0), ("10 m", 600.0), ("1h", 3600.0), ("5ms", 0.005)],
)
def test_durations_may_carry_a_unit(text: str, seconds: float) -> None:
    assert parse({"yarn.nm.liveness-monitor.expiry-interval-ms": text}).node_expiry == seconds


def test_variables_come_from_properties_and_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERE", "host")
    monkeypatch.delenv("ELSEWHERE", raising=False)
    said = {"a": "${b}/${env.HERE}/${env.ELSEWHERE:-none}", "b": "${c}!", "c": "deep", "d": "${unknown}"}
    assert get(said, "a") == "deep!/host/none"
    assert get(said, "d") == "${unknown}"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            {"yarn.resourcemanager.address": "rm:port"},
            "yarn.resourcemanager.address: 'rm:port' is not host:port",
        ),
        ({"yarn.resourcemanager.address": "rm:99999"}, "is not host:port"),
        (
            {"yarn.am.liveness-monitor.expiry-interval-ms": "soon"},
            "expiry-interval-ms: 'soon' is not a duration",
        ),
        ({"yarn.resourcemanager.ha.enabled": "true"}, "rm-ids: is empty"),
        (HA, "yarn.resourcemanager.hostname.rm1 is set"),
        (
            {"fs.defaultFS": "${a}", "a": "${fs.defaultFS}x"},
            "fs.defaultFS: the variables .* refer to each other",
        ),
    ],
)
def test_what_is_wrong_is_named(said: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidError, match=words):
        parse(said)


def test_files_are_read_in_order_and_overrides_win(tmp_path: Path) -> None:
    (tmp_path / "core-site.xml").write_text(
        site(**{"fs.defaultFS": "hdfs://nn:1", "yarn.resourcemanager.hostname": "core"})
    )
    (tmp_path / "yarn-site.xml").write_text(site(**{"yarn.resourcemanager.hostname": "yarn"}))
    assert read(tmp_path).clients == ("yarn:8032",)
    assert read(tmp_path).default_fs == "hdfs://nn:1"
    assert read(tmp_path, {"yarn.resourcemanager.hostname": "mine"}).clients == ("mine:8032",)
    assert read(None, {"yarn.resourcemanager.hostname": "mine"}).clients == ("mine:8032",)


def test_a_broken_file_and_a_missing_folder_are_named(tmp_path: Path) -> None:
    (tmp_path / "yarn-site.xml").write_text("<configuration>")
    with pytest.raises(InvalidError, match=r"yarn-site\.xml: no element found"):
        read(tmp_path)
    with pytest.raises(InvalidError, match="does not exist"):
        read(tmp_path / "nowhere")
