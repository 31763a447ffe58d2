"""The stand-in of the bench keeps YARN's rules, spoken to with the product's own clients over its real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from bench.scale.cluster import ABORTED, Cluster
from bench.scale.standin import listening
from bench.scale.values import Size
from trainmaster.errors import DeniedError, RefusedError
from trainmaster.hadoop import refusals
from trainmaster.hadoop.configuration import HadoopConf, parse
from trainmaster.hadoop.containers import AllocateCall, Allocated, LaunchContext, NmState, ResourceAsk
from trainmaster.hadoop.http import Http
from trainmaster.hadoop.messages import token_proto
from trainmaster.hadoop.nodemanager import NodeManagers
from trainmaster.hadoop.resourcemanager import ResourceManager
from trainmaster.hadoop.rest import Rest
from trainmaster.hadoop.scheduler import ApplicationMaster
from trainmaster.hadoop.values import ApplicationState, FinalStatus, Resource, Submission

ONE = ResourceAsk(1, Resource(4096, 1), 1, 7)


class Yarn:
    """Three nodes of two places each, and the clients of one user."""

    def __init__(self, cluster: Cluster, conf: HadoopConf) -> None:
        self.cluster, self.conf = cluster, conf
        self.rm = ResourceManager(conf, "ada")
        self.nodes = NodeManagers()
        self._masters: list[ApplicationMaster] = []

    async def submitted(self) -> str:
        id_ = (await self.rm.new_application()).id
        await self.rm.submit(Submission(id_, "job", "default"))
        return id_

    async def token(self, id_: str) -> bytes:
        while not (report := await self.rm.report(id_)) or report.am_rm_token is None:
            await asyncio.sleep(0.01)
        return report.am_rm_token

    async def master(self, id_: str | None = None) -> ApplicationMaster:
        """A registered one."""
        token = await self.token(id_ or await self.submitted())
        made = ApplicationMaster(self.conf, token)
        self._masters.append(made)
        await made.register("localhost", -1, "")
        return made

    async def granted(self, master: ApplicationMaster, *asks: ResourceAsk, after: int = 0) -> Allocated:
        """The answer that brings what was asked for."""
        asked = await master.allocate(AllocateCall(after, asks=asks))
        self.cluster.schedule()
        return await master.allocate(AllocateCall(asked.response_id))

    async def started(self, answer: Allocated) -> None:
        for grant in answer.allocated:
            token = answer.nm_tokens[grant.node]
            await self.nodes.start(grant.node, token, grant.container_token, LaunchContext("true"))

    async def close(self) -> None:
        await asyncio.gather(self.rm.close(), self.nodes.close(), *(m.close() for m in self._masters))


@asynccontextmanager
async def standing(nodes: int = 3) -> AsyncIterator[Yarn]:
    cluster = Cluster(nodes, Size(8192, 4))
    async with listening(cluster) as ports:
        names = {"address": "clients", "scheduler.address": "schedulers", "webapp.address": "web"}
        conf = parse({f"yarn.resourcemanager.{n}": f"127.0.0.1:{ports[name]}" for n, name in names.items()})
        yarn = Yarn(cluster, conf)
        try:
            yield yarn
        finally:
            await yarn.close()
            await asyncio.sleep(0.01)


async def test_a_token_is_had_before_the_first_register_and_by_its_owner_alone() -> None:
    async with standing() as yarn:
        id_ = await yarn.submitted()
        await yarn.token(id_)
        other = ResourceManager(yarn.conf, "eve")
        report = await other.report(id_)
        assert report is not None
        assert report.am_rm_token is None
        await yarn.master(id_)
        report = await yarn.rm.report(id_)
        assert report is not None
        assert (report.am_rm_token, report.state) == (None, ApplicationState.RUNNING)
        await other.close()


async def test_who_does_not_know_the_secret_is_not_let_in() -> None:
    async with standing() as yarn:
        token = token_proto(await yarn.token(await yarn.submitted()))
        token.password = b"guessed"
        forger = ApplicationMaster(yarn.conf, token.SerializeToString())
        with pytest.raises(DeniedError):
            await forger.register("localhost", -1, "")
        await forger.close()


async def test_an_answer_is_repeated_for_the_number_before_it_and_other_numbers_are_refused() -> None:
    async with standing() as yarn:
        master = await yarn.master()
        granted = await yarn.granted(master, ONE)
        again = await master.allocate(AllocateCall(granted.response_id - 1, asks=(replace(ONE, count=5),)))
        assert again == granted
        with pytest.raises(RefusedError) as refused:
            await master.allocate(AllocateCall(granted.response_id + 1))
        assert refused.value.kind == refusals.WRONG_RESPONSE_ID
        yarn.cluster.schedule()
        assert not (await master.allocate(AllocateCall(granted.response_id))).allocated


async def test_asks_are_absolute_and_granted_on_the_host_that_was_asked_for() -> None:
    async with standing() as yarn:
        master, host = await yarn.master(), list(yarn.cluster.nodes)[2]
        near = (replace(ONE, where=host), replace(ONE, where="/rack-0"), ONE)
        answer = await yarn.granted(master, *near, *near)
        assert [grant.node.rpartition(":")[0] for grant in answer.allocated] == [host]
        taken_back = await yarn.granted(master, ONE, replace(ONE, count=0), after=answer.response_id)
        assert not taken_back.allocated


async def test_no_more_is_granted_than_there_is() -> None:
    async with standing() as yarn:
        answer = await yarn.granted(await yarn.master(), replace(ONE, count=9))
        assert len(answer.allocated) == 6
        assert len({grant.node for grant in answer.allocated}) == 3


async def test_an_ask_that_no_node_can_hold_makes_the_whole_call_fail() -> None:
    async with standing() as yarn:
        master = await yarn.master()
        with pytest.raises(RefusedError) as refused:
            await yarn.granted(master, ONE, replace(ONE, size=Resource(9000, 1), allocation_request_id=8))
        assert refused.value.kind == refusals.INVALID_ASK
        yarn.cluster.schedule()
        assert not (await master.allocate(AllocateCall(0))).allocated


async def test_masters_beyond_their_share_get_nothing_until_another_ends() -> None:
    async with standing() as yarn:  # a tenth of 24 GiB: two masters of one
        masters = [await yarn.master() for _ in range(3)]
        answers = [await yarn.granted(master, ONE) for master in masters]
        assert [len(answer.allocated) for answer in answers] == [1, 1, 0]
        assert await masters[0].finish(FinalStatus.SUCCEEDED, "")
        yarn.cluster.schedule()
        assert len((await masters[2].allocate(AllocateCall(answers[2].response_id))).allocated) == 1


async def test_a_node_token_is_handed_out_once_and_again_after_a_register() -> None:
    async with standing(nodes=1) as yarn:
        master = await yarn.master()
        first = await yarn.granted(master, ONE)
        second = await yarn.granted(master, replace(ONE, allocation_request_id=8), after=first.response_id)
        assert (len(first.nm_tokens), len(second.allocated), len(second.nm_tokens)) == (1, 1, 0)
        listed = await master.register("localhost", -1, "")
        assert (len(listed.containers), listed.nm_tokens) == (2, first.nm_tokens)


async def test_a_container_is_started_once_with_its_own_token_and_on_its_own_node() -> None:
    async with standing() as yarn:
        answer = await yarn.granted(await yarn.master(), replace(ONE, count=2))
        one, other = answer.allocated
        with pytest.raises(RefusedError, match="not valid for"):
            await yarn.nodes.start(
                other.node, answer.nm_tokens[one.node], one.container_token, LaunchContext("true")
            )
        with pytest.raises(RefusedError, match="on this node"):
            await yarn.nodes.start(
                one.node, answer.nm_tokens[one.node], other.container_token, LaunchContext("true")
            )
        await yarn.started(answer)
        with pytest.raises(RefusedError, match="already"):
            await yarn.started(answer)


async def test_what_was_never_started_is_unknown_to_its_node_and_what_runs_is_known() -> None:
    async with standing(nodes=1) as yarn:
        answer = await yarn.granted(await yarn.master(), replace(ONE, count=2))
        await yarn.started(replace(answer, allocated=answer.allocated[:1]))
        runs, waits = (grant.id for grant in answer.allocated)
        (node, token), *_ = answer.nm_tokens.items()
        while (said := await yarn.nodes.statuses(node, token, [runs, waits])) and (
            said.known[runs].state is NmState.NEW
        ):
            await asyncio.sleep(0.02)
        assert (said.known[runs].state, said.unknown) == (NmState.RUNNING, {waits})


async def test_ends_are_told_once_and_their_room_is_free() -> None:
    async with standing() as yarn:
        master = await yarn.master()
        answer = await yarn.granted(master, replace(ONE, count=6))
        await yarn.started(answer)
        lost, stopped, released = answer.allocated[0], answer.allocated[1], answer.allocated[2]
        await yarn.nodes.stop(stopped.node, answer.nm_tokens[stopped.node], [stopped.id])
        told = await master.allocate(AllocateCall(answer.response_id, releases=(released.id,)))
        assert {(end.id, end.exit) for end in told.completed} == {(stopped.id, -105), (released.id, ABORTED)}
        (application,) = yarn.cluster.applications.values()
        assert yarn.cluster.lose(application) == 4
        later = await yarn.granted(master, replace(ONE, count=6), after=told.response_id)
        assert lost.id not in {grant.id for grant in later.allocated}
        assert len(later.allocated) == 6
        assert not later.completed


async def test_processes_of_a_group_of_jobs_end_well_when_told_to() -> None:
    async with standing() as yarn:
        master = await yarn.master()
        answer = await yarn.granted(master, replace(ONE, count=2))
        await yarn.started(replace(answer, allocated=answer.allocated[:1]))
        assert yarn.cluster.succeed("other") == 0
        assert yarn.cluster.succeed("jo") == 1
        told = await master.allocate(AllocateCall(answer.response_id))
        assert [(end.id, end.exit) for end in told.completed] == [(answer.allocated[0].id, 0)]


async def test_a_finished_application_holds_nothing_and_is_no_longer_spoken_for() -> None:
    async with standing() as yarn:
        id_ = await yarn.submitted()
        master = await yarn.master(id_)
        await yarn.started(await yarn.granted(master, replace(ONE, count=6)))
        assert await master.finish(FinalStatus.FAILED, "why")
        with pytest.raises(RefusedError) as refused:
            await master.allocate(AllocateCall(2))
        assert refused.value.kind == refusals.ATTEMPT_NOT_FOUND
        report = await yarn.rm.report(id_)
        assert report is not None
        assert (report.state, report.final_status, report.diagnostics) == (
            ApplicationState.FINISHED,
            FinalStatus.FAILED,
            "why",
        )
        assert {node.used.memory for node in await yarn.rm.cluster_nodes()} == {0}


async def test_the_queue_tells_what_the_nodes_do() -> None:
    async with standing() as yarn:
        await yarn.granted(await yarn.master(), ONE)
        http = Http()
        _root, queue = await Rest(yarn.conf, http).queues()
        await http.close()
        used = sum(node.used.memory for node in await yarn.rm.cluster_nodes())
        assert (queue.path, queue.used.memory, queue.maximum) == ("root.default", used, Resource(24576, 12))
