"""What an ApplicationMaster says to the scheduler: register, allocate (heartbeat and request in one), finish.

ApplicationMasterProtocol (org.apache.hadoop.yarn.api), spoken with the application's AMRM token. Never here:
deciding what to ask, or remembering the response_id.
"""

from __future__ import annotations

import asyncio

from trainmaster.hadoop import ids, messages
from trainmaster.hadoop.calls import Calls, Wire, unheard
from trainmaster.hadoop.configuration import HadoopConf
from trainmaster.hadoop.containers import (
    AllocateCall,
    Allocated,
    CompletedContainer,
    Registered,
    ResourceAsk,
)
from trainmaster.hadoop.failover import Failover
from trainmaster.hadoop.proto import yarn_scheduler_pb2 as pb
from trainmaster.hadoop.proto.yarn_pb2 import PriorityProto
from trainmaster.hadoop.sasl import TokenLogin
from trainmaster.hadoop.values import FinalStatus

LARGE = 300
"""asks, containers and nodes of one call, from which on it is written and read in a thread: it takes some milliseconds, in which
other applications' heartbeats would wait"""
PROTOCOL = "org.apache.hadoop.yarn.api.ApplicationMasterProtocolPB"


class ApplicationMaster:
    """One application's line to the scheduler. One connection, reused; opened at the first call and again
    after a loss.

    Every call raises UnavailableError when no ResourceManager could be asked (the call may have been taken:
    repeating it is safe), RefusedError with a `kind` of refusals.py, and DeniedError when the token isn't
    good (any more): then look at the application's report, it is mostly over.
    """

    def __init__(self, conf: HadoopConf, token: bytes, timeout: float = 20.0, calls: Calls = unheard) -> None:
        told = calls(Wire.SCHEDULER_RPC)
        self._protections = conf.protections
        self._rpc = Failover(conf.schedulers, PROTOCOL, self._login(token), timeout, told)

    async def register(self, host: str, port: int, tracking_url: str) -> Registered:
        """Become its master, for the first time or again. The first allocate afterwards carries response_id
        -1 when ends may be lost with an unread answer (the ResourceManager replays it), else 0.
        """
        request = pb.RegisterApplicationMasterRequestProto(
            host=host, rpc_port=port, tracking_url=tracking_url
        )
        answer = await self._rpc.call(
            "registerApplicationMaster", request, pb.RegisterApplicationMasterResponseProto
        )
        types = answer.scheduler_resource_types
        return Registered(
            containers=tuple(messages.granted(each) for each in answer.containers_from_previous_attempts),
            nm_tokens=messages.nm_tokens(answer.nm_tokens_from_previous_attempts),
            largest=messages.resource(answer.maximumCapability),
            queue=answer.queue,
            counts_vcores=not types or pb.CPU in types,
        )

    async def allocate(self, call: AllocateCall) -> Allocated:
        """One heartbeat. An ask that is impossible makes YARN throw out the whole call, as RefusedError
        INVALID_ASK."""
        small = len(call.asks) < LARGE
        request = allocate_proto(call) if small else await asyncio.to_thread(allocate_proto, call)
        answer = await self._rpc.call("allocate", request, pb.AllocateResponseProto)
        containers = len(answer.allocated_containers) + len(answer.completed_container_statuses)
        small = containers + len(answer.updated_nodes) < LARGE
        return allocated(answer) if small else await asyncio.to_thread(allocated, answer)

    async def finish(self, status: FinalStatus, diagnostics: str, tracking_url: str = "") -> bool:
        """Say how it ended; ask again until True.

        An unmanaged master hears True at once; asked again, it hears False until the end is written down.
        """
        request = pb.FinishApplicationMasterRequestProto(
            final_application_status=f"APP_{status}",
            diagnostics=diagnostics,
            tracking_url=tracking_url,
        )
        answer = await self._rpc.call(
            "finishApplicationMaster", request, pb.FinishApplicationMasterResponseProto
        )
        return answer.isUnregistered

    def replace_token(self, token: bytes) -> None:
        """Use a rolled token from the next connection on; the present connection stays good."""
        self._rpc.replace_login(self._login(token))

    def _login(self, token: bytes) -> TokenLogin:
        return TokenLogin(token, self._protections)

    async def close(self) -> None:
        await self._rpc.close()


def allocate_proto(call: AllocateCall) -> pb.AllocateRequestProto:
    """A heartbeat as YARN wants it."""
    request = pb.AllocateRequestProto(
        response_id=call.response_id,
        progress=call.progress,
        ask=[_ask(each) for each in call.asks],
        release=[ids.container_proto(each) for each in call.releases],
    )
    if call.avoid or call.unavoid:
        request.blacklist_request.blacklist_additions.extend(call.avoid)
        request.blacklist_request.blacklist_removals.extend(call.unavoid)
    if call.tracking_url:
        request.tracking_url = call.tracking_url
    return request


def allocated(answer: pb.AllocateResponseProto) -> Allocated:
    """YARN's answer to a heartbeat as a value."""
    return Allocated(
        response_id=answer.response_id,
        allocated=tuple(messages.granted(each) for each in answer.allocated_containers),
        completed=tuple(
            CompletedContainer(ids.container_id(each.container_id), each.exit_status, each.diagnostics)
            for each in answer.completed_container_statuses
        ),
        nm_tokens=messages.nm_tokens(answer.nm_tokens),
        am_rm_token=messages.token_bytes(answer.am_rm_token) if answer.HasField("am_rm_token") else None,
        updated_nodes=tuple(messages.node_report(each) for each in answer.updated_nodes),
    )


def _ask(ask: ResourceAsk) -> pb.ResourceRequestProto:
    return pb.ResourceRequestProto(
        priority=PriorityProto(priority=ask.priority),
        resource_name=ask.where,
        capability=messages.resource_proto(ask.size),
        num_containers=ask.count,
        relax_locality=ask.relax_locality,
        node_label_expression=ask.label,
        allocation_request_id=ask.allocation_request_id,
    )
