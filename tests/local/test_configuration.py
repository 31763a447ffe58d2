from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

from trainmaster.local.configuration import node_file, shared_files, to_xml
from trainmaster.local.options import Options
from trainmaster.local.security import REALM, environment, keytabs, principals
from trainmaster.local.services import choose_ports, services

FOLDER = Path("/a folder/of <mine>")
PORTS = choose_ports(FOLDER, services(2), {})
PLAIN = Options()


def parsed(xml: str) -> dict[str, str]:
    return {str(item.findtext("name")): item.findtext("value") or "" for item in ElementTree.fromstring(xml)}


def shared(options: Options = PLAIN, ports: Mapping[str, int] = PORTS) -> dict[str, dict[str, str]]:
    files = shared_files(FOLDER, options, ports, "alice")
    return {name: parsed(text) for name, text in files.items() if name.endswith(".xml")}


def node(daemon: str, options: Options = PLAIN) -> dict[str, str]:
    return parsed(node_file(FOLDER, options, PORTS, "alice", daemon))


def test_any_text_survives_as_xml() -> None:
    values = {"a": "<&>\"'", "b": "ü", "c": ""}
    assert parsed(to_xml(values)) == values


def test_no_two_services_are_given_one_address() -> None:
    sites = [*shared().values(), node("nodemanager-1"), node("nodemanager-2")]
    served = {
        value for site in sites for name, value in site.items() if name.endswith("address") and ":" in value
    }
    assert len(served) == len(PORTS)


def test_nodes_differ_in_address_and_folders_and_share_the_rest() -> None:
    one, two = node("nodemanager-1"), node("nodemanager-2")
    different = {name for name in one if one[name] != two[name]}
    assert all(name.startswith("yarn.nodemanager.") for name in different)
    assert one["yarn.nodemanager.local-dirs"] == f"{FOLDER}/nodemanager-1/local"
    assert one["yarn.nodemanager.address"].startswith("127.0.0.11:")
    assert two["yarn.nodemanager.address"].startswith("127.0.0.12:")


def test_state_is_kept_for_recovery() -> None:
    assert shared()["yarn-site.xml"]["yarn.resourcemanager.recovery.enabled"] == "true"
    assert node("nodemanager-1")["yarn.nodemanager.recovery.enabled"] == "true"
    assert node("nodemanager-1")["yarn.nodemanager.recovery.supervised"] == "true"


def test_expiry_times_are_milliseconds() -> None:
    yarn = shared(Options(am_expiry=60, nm_expiry=10, allocation_expiry=0.5))["yarn-site.xml"]
    assert yarn["yarn.am.liveness-monitor.expiry-interval-ms"] == "60000"
    assert yarn["yarn.nm.liveness-monitor.expiry-interval-ms"] == "10000"
    assert yarn["yarn.resourcemanager.rm.container-allocation.expiry-interval-ms"] == "500"


def test_queues_share_all_there_is() -> None:
    queues = shared()["capacity-scheduler.xml"]
    assert queues["yarn.scheduler.capacity.root.queues"] == "default,gpu"
    shares = [value for name, value in queues.items() if name.endswith(".capacity")]
    assert sum(map(int, shares)) == 100


def test_gpus_are_known_only_where_there_are_some() -> None:
    assert "yarn.resource-types" not in shared()["yarn-site.xml"]
    assert "resource-types.xml" not in shared()
    with_gpus = Options(gpus=2)
    assert shared(with_gpus)["yarn-site.xml"]["yarn.resource-types"] == "yarn.io/gpu"
    assert node("nodemanager-1", with_gpus)["yarn.nodemanager.resource-plugins"] == "yarn.io/gpu"


def test_overrides_win_everywhere() -> None:
    limit = "yarn.scheduler.capacity.maximum-am-resource-percent"
    options = Options(hadoop={"dfs.replication": "3", "yarn.nodemanager.hostname": "h", limit: "0.1"})
    assert shared(options)["hdfs-site.xml"]["dfs.replication"] == "3"
    assert shared(options)["capacity-scheduler.xml"][limit] == "0.1"
    assert "dfs.replication" not in shared(options)["capacity-scheduler.xml"]
    assert node("nodemanager-1", options)["yarn.nodemanager.hostname"] == "h"


def test_gpus_are_given_out_by_number_only_by_the_linux_executor() -> None:
    executor, gpus = "yarn.nodemanager.container-executor.class", Options(gpus=2)
    assert executor not in node("nodemanager-1", gpus)
    isolating = node("nodemanager-1", Options(gpus=2, gpu_isolation=True))
    assert isolating[executor].endswith(".LinuxContainerExecutor")
    assert isolating["yarn.nodemanager.linux-container-executor.path"].startswith(f"{FOLDER}/nodemanager-1/")


def test_kerberos_asks_everybody_for_a_ticket() -> None:
    options = Options(nodes=2, kerberos=True, protection="privacy")
    core, yarn = shared(options)["core-site.xml"], shared(options)["yarn-site.xml"]
    assert core["hadoop.security.authentication"] == "kerberos"
    assert core["hadoop.rpc.protection"] == "privacy"
    assert core["hadoop.http.authentication.type"] == "kerberos"
    assert yarn["yarn.resourcemanager.principal"] == f"yarn/localhost@{REALM}"
    assert "hadoop.security.authentication" not in shared()["core-site.xml"]


def test_each_node_is_named_by_its_address_to_those_who_want_a_ticket_for_it() -> None:
    options = Options(nodes=2, kerberos=True)
    named = "yarn.nodemanager.webapp.spnego-principal"
    assert node("nodemanager-2", options)[named] == f"HTTP/127.0.0.12@{REALM}"
    assert node("nodemanager-2", options)[named] in keytabs(options, "alice")["yarn"]


def test_every_principal_that_is_named_has_a_key_in_the_keytab_beside_it() -> None:
    options = Options(nodes=2, kerberos=True)
    sites = [*shared(options).values(), node("nodemanager-1", options)]
    values = {name: value for site in sites for name, value in site.items()}
    named = {name: value for name, value in values.items() if value.endswith(f"@{REALM}")}
    assert len(named) >= 6
    assert set(named.values()) <= set(principals(options, "alice"))
    files = {value for name, value in values.items() if value.endswith(".keytab")}
    assert {Path(value).stem for value in files} <= keytabs(options, "alice").keys()


def test_people_are_told_apart_from_the_controller() -> None:
    told = environment(FOLDER, "carol")
    assert told["KRB5_CLIENT_KTNAME"].endswith("/keytabs/carol.keytab")
    assert told["TRAINMASTER_KERBEROS__KEYTAB"].endswith("/keytabs/trainmaster.keytab")
    assert keytabs(Options(kerberos=True), "carol")["carol"] == (f"carol@{REALM}",)
