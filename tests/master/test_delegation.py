"""Which token of HDFS a process gets: that of its application in the first half of its life, else a new one that is shared."""

from __future__ import annotations

import asyncio
import base64
from typing import Any, cast

import pytest

from hadoop.kerberos.tabs import identifier
from trainmaster.errors import RefusedError, TrainmasterError, UnavailableError
from trainmaster.hadoop.configuration import parse
from trainmaster.hadoop.messages import token_bytes
from trainmaster.hadoop.proto.common_pb2 import TokenProto
from trainmaster.hadoop.writable import credentials
from trainmaster.master import clock, delegation
from trainmaster.master.delegation import FRESH, Delegation, submitted
from trainmaster.plan.memory import ApplicationMemory

LIFE = 1000.0
START = 1_700_000_000.0


class NameNode:
    """Gives numbered tokens of that life (AbstractDelegationTokenSecretManager.createPassword)."""

    def __init__(self) -> None:
        self.given: list[str] = []
        self.away = False
        self.error: TrainmasterError = UnavailableError("no KDC answers")

    async def token(self, user: str) -> TokenProto:
        self.given.append(user)
        await asyncio.sleep(0)  # as a call does: others are made meanwhile
        if self.away:
            raise self.error
        issued = round(clock.now() * 1000)
        return TokenProto(
            identifier=identifier(issued, issued + round(LIFE * 1000)),
            password=str(len(self.given)).encode(),
            kind="HDFS_DELEGATION_TOKEN",
            service="127.0.0.1:1",
        )


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    at = [START]
    monkeypatch.setattr(delegation.clock, "now", lambda: at[0])
    return at


@pytest.fixture
def name_node() -> NameNode:
    return NameNode()


@pytest.fixture
def tokens(name_node: NameNode) -> Delegation:
    made = Delegation(parse({}))
    made._nodes = cast("Any", name_node)
    return made


async def application(tokens: Delegation) -> ApplicationMemory:
    return ApplicationMemory("application_1_1", user="alice", hdfs_token=await tokens.new("alice"))


async def test_the_token_of_the_submission_serves_until_half_of_its_life_is_over(
    tokens: Delegation, name_node: NameNode, now: list[float]
) -> None:
    app = await application(tokens)
    assert await tokens.of(app) == submitted(app)
    now[0] += LIFE / 2 - 1
    assert await tokens.of(app) == submitted(app)
    assert name_node.given == ["alice"]


async def test_what_starts_later_gets_a_new_one_and_shares_it(
    tokens: Delegation, name_node: NameNode, now: list[float]
) -> None:
    app = await application(tokens)
    now[0] += LIFE
    late = await tokens.of(app)
    assert late != submitted(app)
    now[0] += FRESH - 1
    assert await tokens.of(app) == late
    now[0] += 2
    assert await tokens.of(app) not in (late, submitted(app))
    assert name_node.given == ["alice"] * 3


async def test_a_gang_that_starts_at_one_time_asks_once(
    tokens: Delegation, name_node: NameNode, now: list[float]
) -> None:
    app = await application(tokens)
    now[0] += LIFE
    found = await asyncio.gather(*(tokens.of(app) for _ in range(100)))
    assert len(set(found)) == 1
    assert name_node.given == ["alice"] * 2


REFUSALS = (UnavailableError("no KDC answers"), RefusedError("SafeModeException", "in safe mode"))


@pytest.mark.parametrize("error", REFUSALS)
async def test_where_no_new_one_is_to_be_had_the_old_one_serves_for_as_long_as_it_lives(
    tokens: Delegation, name_node: NameNode, now: list[float], error: TrainmasterError
) -> None:
    app = await application(tokens)
    name_node.away, name_node.error = True, error
    now[0] += LIFE - 50
    for _ in range(3):
        assert await tokens.of(app) == submitted(app)
    assert len(name_node.given) == 2, "a gang doesn't wait for each of its processes"
    now[0] += 60
    with pytest.raises(type(error)):
        await tokens.of(app)
    name_node.away = False
    assert await tokens.of(app) not in (None, submitted(app))


async def test_an_application_of_an_older_controller_gets_new_ones(
    tokens: Delegation, name_node: NameNode, now: list[float]
) -> None:
    app = ApplicationMemory("application_1_2", user="bob")
    assert submitted(app) is None
    assert await tokens.of(app)
    assert name_node.given == ["bob"]


async def test_without_kerberos_there_are_none(now: list[float]) -> None:
    tokens = Delegation(parse({}))
    assert await tokens.new("alice") == ""
    assert await tokens.of(ApplicationMemory("application_1_1", user="alice")) is None


async def test_a_token_stays_out_of_sight(tokens: Delegation, now: list[float]) -> None:
    app = await application(tokens)
    token = await NameNode().token("alice")
    assert app.hdfs_token == base64.b64encode(token_bytes(token)).decode()
    assert app.hdfs_token not in repr(app)
    assert submitted(app) == credentials([token])
