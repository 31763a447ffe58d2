"""Whom the controller is known to have to speak for, and what it shows of its own ticket."""

from __future__ import annotations

from pathlib import Path

import pytest

from hadoop.fake import Call, Server, serving
from observe.pictures import fleet
from trainmaster.errors import DeniedError
from trainmaster.hadoop.configuration import parse
from trainmaster.hadoop.kerberos import words
from trainmaster.hadoop.kerberos.library import GssError
from trainmaster.hadoop.proto.yarn_client_pb2 import GetClusterMetricsResponseProto
from trainmaster.hadoop.resourcemanager import ResourceManager
from trainmaster.master.tickets import Tickets, got_by_hand, not_proxy, users
from trainmaster.settings import Kerberos, PolicyRule, Settings

NO = "org.apache.hadoop.security.authorize.AuthorizationException"
SECURE = Kerberos(principal="trainmaster/_HOST@R", keytab=Path("/k"))


def test_it_speaks_for_itself_and_for_those_whom_rules_name() -> None:
    rules = (
        PolicyRule(owner="alice", users=("svc", "{namespace}")),
        PolicyRule(namespace="a-*", users=("svc", "team")),
    )
    assert users(Settings(kerberos=SECURE, policy=rules)) == ("trainmaster", "svc", "team")


def test_it_is_the_first_part_of_its_principal_unless_it_is_told_otherwise() -> None:
    assert Settings(kerberos=SECURE).own_user == "trainmaster"
    assert Settings(kerberos=SECURE, user="tm").own_user == "tm"


@pytest.mark.parametrize("half", [{"principal": "a@R"}, {"keytab": Path("/k")}])
def test_principal_and_keytab_belong_together(half: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="give both or none"):
        Kerberos.model_validate(half)


async def test_the_first_whom_it_may_not_speak_for_is_named_with_the_cure() -> None:
    def only_for_itself(server: Server, call: Call) -> None:
        whom = server.contexts[-1].userInfo.effectiveUser
        if whom == "trainmaster":
            call.reply(GetClusterMetricsResponseProto())
        else:
            call.reply(kind=NO, words=f"User: trainmaster is not allowed to impersonate {whom}")

    async with serving(only_for_itself) as server:
        conf = parse({"yarn.resourcemanager.address": server.address})
        assert await not_proxy(conf, ["trainmaster"]) == ""
        told = await not_proxy(conf, ["trainmaster", "svc"])
    assert told is not None
    assert "hadoop.proxyuser.trainmaster.users with svc" in told
    assert await not_proxy(conf, ["trainmaster"]) is None, "nobody can be asked"


async def test_a_ticket_that_cannot_be_had_is_no_word_on_whom_it_would_speak_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def refused(_self: ResourceManager) -> None:
        raise DeniedError(words.KIND, "this machine's clock and that of the KDC differ")

    monkeypatch.setattr(ResourceManager, "cluster_metrics", refused)
    assert await not_proxy(parse({}), ["trainmaster"]) is None


def test_its_ticket_is_shown_where_it_has_a_keytab(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KRB5CCNAME", "KRB5_CLIENT_KTNAME"):
        monkeypatch.setenv(name, "")
    conf = parse({})
    assert Tickets(Settings(kerberos=SECURE), conf).shown(fleet()).ticket_left == 0
    assert Tickets(Settings(), conf).shown(fleet()).ticket_left is None


def test_without_a_keytab_the_ticket_that_a_person_got_is_looked_at() -> None:
    secure = parse({"hadoop.security.authentication": "kerberos"})
    shown = Tickets(Settings(), secure).shown(fleet())
    assert shown.ticket_left == 0, "not looked at yet"
    assert got_by_hand(lambda: 3600).until > got_by_hand(lambda: 60).until

    def none() -> int:
        raise GssError("No Kerberos credentials available")

    assert "kinit gets one" in got_by_hand(none).trouble
