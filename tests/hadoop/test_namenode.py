"""Which NameNodes there are, and by what name their tokens are looked for."""

from __future__ import annotations

import pytest

from trainmaster.errors import DeniedError, InvalidError, UnavailableError
from trainmaster.hadoop.configuration import HadoopConf, parse
from trainmaster.hadoop.namenode import NameNodes, has_tokens, name_nodes, renewer

SECURE = {"hadoop.security.authentication": "kerberos"}
HA = {
    "fs.defaultFS": "hdfs://lake",
    "dfs.ha.namenodes.lake": "nn1, nn2",
    "dfs.namenode.rpc-address.lake.nn1": "a:8020",
    "dfs.namenode.rpc-address.lake.nn2": "b:8020",
}


def conf(**values: str) -> HadoopConf:
    return parse({**SECURE, **{name.replace("__", "."): value for name, value in values.items()}})


@pytest.mark.parametrize(
    ("url", "addresses"), [("hdfs://nn:9000", ("nn:9000",)), ("hdfs://nn/", ("nn:8020",))]
)
def test_one_namenode_is_named_by_the_url(url: str, addresses: tuple[str, ...]) -> None:
    assert name_nodes(parse({"fs.defaultFS": url})) == ("", addresses)


def test_a_name_service_has_several() -> None:
    assert name_nodes(parse(HA)) == ("lake", ("a:8020", "b:8020"))
    with pytest.raises(InvalidError, match=r"dfs\.namenode\.rpc-address\.lake\.nn2: isn't set"):
        name_nodes(parse({name: value for name, value in HA.items() if not name.endswith("nn2")}))


@pytest.mark.parametrize(
    ("values", "service"),
    [
        ({"fs.defaultFS": "hdfs://127.0.0.1:9000"}, "127.0.0.1:9000"),
        ({"fs.defaultFS": "hdfs://localhost:9000"}, "127.0.0.1:9000"),
        (
            {"fs.defaultFS": "hdfs://LocalHost:9000", "hadoop.security.token.service.use_ip": "false"},
            "localhost:9000",
        ),
        ({"fs.defaultFS": "hdfs://[::1]:9000"}, "0:0:0:0:0:0:0:1:9000"),
        (HA, "ha-hdfs:lake"),
    ],
)
async def test_clients_look_for_a_token_by_this_name(values: dict[str, str], service: str) -> None:
    assert await NameNodes(parse({**SECURE, **values}))._service() == service


def test_only_a_secure_hdfs_gives_tokens() -> None:
    assert has_tokens(parse({**SECURE, **HA}))
    assert not has_tokens(parse(HA))
    assert not has_tokens(parse({**SECURE, "fs.defaultFS": "file:///"}))


def test_yarn_is_to_renew_them() -> None:
    values = {
        "yarn.resourcemanager.principal": "yarn/_HOST@R",
        "yarn.resourcemanager.address": "rm.example:1",
    }
    assert renewer(parse({**SECURE, **values})) == "yarn/rm.example@R"


async def test_a_namenode_without_an_address_is_away() -> None:
    with pytest.raises(UnavailableError, match=r"nowhere\.invalid"):
        await NameNodes(parse({**SECURE, "fs.defaultFS": "hdfs://nowhere.invalid:9000"}))._service()


def test_a_pattern_alone_does_not_tell_who_renews_them() -> None:
    values = {
        "yarn.resourcemanager.principal.pattern": "yarn/*",
        "yarn.resourcemanager.address": "rm.example:1",
    }
    with pytest.raises(DeniedError, match=r"yarn\.resourcemanager\.principal isn't set"):
        renewer(parse({**SECURE, **values}))


async def test_nobody_gets_no_token() -> None:
    """The controller's own would be given in its stead."""
    with pytest.raises(InvalidError, match="name is empty"):
        await NameNodes(parse({**SECURE, **HA})).token("")
