import socket
from pathlib import Path

import pytest

from trainmaster.errors import UnavailableError
from trainmaster.local import services
from trainmaster.local.services import FIRST_PORT, LAST_PORT, addresses, choose_ports, daemons, host

FOLDER = Path("/cluster")


def test_each_daemon_has_its_name() -> None:
    assert daemons(2) == ("namenode", "resourcemanager", "datanode", "nodemanager-1", "nodemanager-2")


def test_a_kdc_comes_first_since_all_others_need_its_keys() -> None:
    assert daemons(1, kerberos=True)[0] == "kdc"
    assert "kdc.kerberos" in services.services(1, kerberos=True)


def test_a_log_server_comes_last_where_one_is_wanted() -> None:
    assert daemons(1, log_server=True)[-1] == "logserver"
    ports = choose_ports(FOLDER, services.services(1, log_server=True), {})
    assert addresses(ports, 1).log_server == f"127.0.0.1:{ports['logserver.web']}"
    assert addresses(choose_ports(FOLDER, services.services(1), {}), 1).log_server == ""


def test_nodemanagers_have_addresses_of_their_own() -> None:
    assert host("nodemanager-1.rpc") == "127.0.0.11"
    assert host("nodemanager-200") == "127.0.0.210"
    assert {host(daemon) for daemon in daemons(2)[:3]} == {"127.0.0.1"}


def test_every_service_gets_a_port_of_its_own() -> None:
    ports = choose_ports(FOLDER, services.services(3), {})
    assert set(ports) == set(services.services(3))
    assert len(set(ports.values())) == len(ports)
    assert all(FIRST_PORT <= port <= LAST_PORT for port in ports.values())


def test_ports_stay_when_nodes_come() -> None:
    before = choose_ports(FOLDER, services.services(1), {})
    after = choose_ports(FOLDER, services.services(2), before)
    assert before.items() <= after.items()
    assert len(set(after.values())) == len(after)


def test_clusters_in_two_folders_begin_elsewhere() -> None:
    one, two = (set(choose_ports(Path(name), services.services(2), {}).values()) for name in ("/one", "/two"))
    assert one.isdisjoint(two)


def test_a_taken_port_is_passed_over() -> None:
    first = choose_ports(FOLDER, ["namenode.rpc"], {})["namenode.rpc"]
    with socket.create_server(("127.0.0.1", first)):
        assert not services.free("127.0.0.1", first)
        assert choose_ports(FOLDER, ["namenode.rpc"], {})["namenode.rpc"] != first
    assert services.free("127.0.0.1", first)


def test_no_port_at_all_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "free", lambda address, port: False)
    with pytest.raises(UnavailableError, match=r"no free port .* on 127\.0\.0\.1"):
        choose_ports(FOLDER, ["namenode.rpc"], {})


def test_addresses_are_hosts_with_ports() -> None:
    ports = choose_ports(FOLDER, services.services(2), {})
    at = addresses(ports, 2)
    assert at.hdfs == f"hdfs://127.0.0.1:{ports['namenode.rpc']}"
    assert at.client == f"127.0.0.1:{ports['resourcemanager.client']}"
    assert [node.rpc for node in at.nodes] == [
        f"127.0.0.11:{ports['nodemanager-1.rpc']}",
        f"127.0.0.12:{ports['nodemanager-2.rpc']}",
    ]
