"""What came of each call is told to whoever counts, under the wire that it went over."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from hadoop.fake import Call, Server, serving
from hadoop.serving import web
from trainmaster.errors import DeniedError, NotDoneError, RefusedError, TrainmasterError, UnavailableError
from trainmaster.hadoop.asking import Asking
from trainmaster.hadoop.calls import Outcome, Told, Wire, outcome
from trainmaster.hadoop.configuration import parse
from trainmaster.hadoop.failover import Failover
from trainmaster.hadoop.http import Http
from trainmaster.hadoop.nodemanager import NodeManagers
from trainmaster.hadoop.proto.yarn_pb2 import PriorityProto
from trainmaster.hadoop.resourcemanager import ResourceManager
from trainmaster.hadoop.rpc import RpcClient
from trainmaster.hadoop.sasl import SimpleLogin
from trainmaster.hadoop.scheduler import ApplicationMaster

PROTOCOL = "org.example.Protocol"


@dataclass
class Ledger:
    """Counts as the metrics do."""

    told: Counter[tuple[Wire, Outcome]] = field(default_factory=Counter)

    def __call__(self, wire: Wire) -> Told:
        return lambda came: self.told.update([(wire, came)])


def echo(_: Server, call: Call) -> None:
    call.reply(call.request(PriorityProto))


def silent(_: Server, __: Call) -> None:
    """Hears and never answers."""


def refuses(_: Server, call: Call) -> None:
    call.reply(kind="org.apache.hadoop.yarn.exceptions.YarnException", words="no")


@pytest.mark.parametrize(
    ("behaviour", "came"),
    [(echo, Outcome.OK), (silent, Outcome.UNAVAILABLE), (refuses, Outcome.REFUSED)],
)
async def test_what_came_of_an_rpc_is_told_once(behaviour: Any, came: Outcome) -> None:
    told: list[Outcome] = []
    async with serving(behaviour) as server:
        rpc = RpcClient(server.address, PROTOCOL, SimpleLogin("alice"), 0.3, told.append)
        with suppress(TrainmasterError):
            await rpc.call("echo", PriorityProto(priority=1), PriorityProto)
        await rpc.close()
    assert told == [came]


async def test_each_manager_that_is_tried_counts() -> None:
    told: list[Outcome] = []
    async with serving(echo) as gone:
        pass
    async with serving(echo) as second:
        rpc = Failover([gone.address, second.address], PROTOCOL, SimpleLogin("alice"), 5, told.append)
        await rpc.call("echo", PriorityProto(priority=1), PriorityProto)
        await rpc.close()
    assert told == [Outcome.UNAVAILABLE, Outcome.OK]


@pytest.mark.parametrize(
    ("error", "came"),
    [
        (DeniedError("403", "no"), Outcome.DENIED),
        (RefusedError("404", "no"), Outcome.REFUSED),
        (UnavailableError("down"), Outcome.UNAVAILABLE),
        (NotDoneError("down"), Outcome.UNAVAILABLE),
    ],
)
def test_each_family_of_errors_has_its_word(error: TrainmasterError, came: Outcome) -> None:
    assert outcome(error) is came


async def test_every_client_tells_of_the_daemon_that_it_speaks_to() -> None:
    ledger, nowhere = Ledger(), ["127.0.0.1:1"]
    at = ("yarn.resourcemanager.address", "yarn.resourcemanager.scheduler.address")
    conf = parse(dict.fromkeys(at, nowhere[0]))
    nodes = NodeManagers(calls=ledger)
    for call in (
        ResourceManager(conf, "u", calls=ledger).new_application(),
        ApplicationMaster(conf, b"", calls=ledger).register("localhost", -1, ""),
        nodes.statuses(nowhere[0], b"", []),
    ):
        with pytest.raises(UnavailableError):
            await call
    await nodes.close()
    rpcs = [Wire.MANAGER_RPC, Wire.SCHEDULER_RPC, Wire.NODE_RPC]
    assert ledger.told == {(wire, Outcome.UNAVAILABLE): 1 for wire in rpcs}


async def test_requests_are_told_apart_by_whose_rest_they_ask() -> None:
    answers = {"/ws/v1/cluster/info": 200, "/ws/v1/node/info": 404, "/conf": 403, "/ws/v1/node/gone": 500}
    ledger = Ledger()
    with web(lambda path: (answers[path], "{}")) as at:
        http, asking = Http(calls=ledger), Asking(calls=ledger)
        for path in answers:
            await asyncio.gather(http.json(f"http://{at}{path}"), return_exceptions=True)
        await asking.get(f"http://{at}/ws/v1/cluster/info", 5)
        await http.close()
        await asking.close()
    assert ledger.told == {
        (Wire.MANAGER_HTTP, Outcome.OK): 1,
        (Wire.MANAGER_HTTP, Outcome.DENIED): 1,
        (Wire.NODE_HTTP, Outcome.REFUSED): 1,
        (Wire.NODE_HTTP, Outcome.UNAVAILABLE): 1,
        (Wire.NODE_HTTP, Outcome.OK): 1,
    }
