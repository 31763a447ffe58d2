"""What a user says to the ResourceManager: ids, submissions, reports, ends; queues and nodes.

ApplicationClientProtocol (org.apache.hadoop.yarn.api), spoken to whichever ResourceManager is active. Never
here: the heartbeat of a running application (scheduler.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable

from trainmaster.errors import RefusedError
from trainmaster.hadoop import ids, messages, refusals
from trainmaster.hadoop.calls import Calls, Wire, unheard
from trainmaster.hadoop.configuration import HadoopConf
from trainmaster.hadoop.failover import Failover
from trainmaster.hadoop.proto import yarn_client_pb2 as pb
from trainmaster.hadoop.proto.yarn_pb2 import (
    APPACCESS_MODIFY_APP,
    APPACCESS_VIEW_APP,
    ApplicationACLMapProto,
    ContainerLaunchContextProto,
    FinalApplicationStatusProto,
    NodeReportProto,
    PriorityProto,
)
from trainmaster.hadoop.queue_rights import QueueAcls, QueueRights, queue_acls
from trainmaster.hadoop.sasl import login
from trainmaster.hadoop.values import (
    ApplicationReport,
    ApplicationState,
    ClusterMetrics,
    FinalStatus,
    NewApplication,
    NodeReport,
    NodeState,
    QueueInfo,
    QueueState,
    Submission,
)

PROTOCOL = "org.apache.hadoop.yarn.api.ApplicationClientProtocolPB"


class ResourceManager:
    """The ResourceManager as one user sees it, or, for no user, as whoever this process is under Kerberos. Cheap to make;
    connects at the first call and again after a loss.

    Every call raises UnavailableError when no ResourceManager could be asked, RefusedError when it said no,
    and DeniedError when this user may not.
    """

    def __init__(self, conf: HadoopConf, user: str, timeout: float = 20.0, calls: Calls = unheard) -> None:
        self._rpc = Failover(conf.clients, PROTOCOL, login(conf, user), timeout, calls(Wire.MANAGER_RPC))
        self._reports: dict[bytes, NodeReport] = {}
        """of the nodes, as they were told last, by the bytes in which each came"""
        self._rights = QueueRights(self._queue_acls)

    async def new_application(self) -> NewApplication:
        """An id, kept for us by the ResourceManager until its own next restart; nothing is submitted."""
        answer = await self._rpc.call(
            "getNewApplication", pb.GetNewApplicationRequestProto(), pb.GetNewApplicationResponseProto
        )
        return NewApplication(
            ids.application_id(answer.application_id), messages.resource(answer.maximumCapability)
        )

    async def submit(self, submission: Submission) -> None:
        """Submit an unmanaged application. An id that the ResourceManager knows is left as it is, without an
        error.

        A queue that doesn't exist or doesn't take the user is mostly told later, in the report's diagnostics.
        """
        request = pb.SubmitApplicationRequestProto(
            application_submission_context=submission_proto(submission)
        )
        await self._rpc.call("submitApplication", request, pb.SubmitApplicationResponseProto)

    async def report(self, application: str) -> ApplicationReport | None:
        """How an application is; None if the ResourceManager answered that it knows no such application."""
        request = pb.GetApplicationReportRequestProto(application_id=ids.application_proto(application))
        try:
            answer = await self._rpc.call(
                "getApplicationReport", request, pb.GetApplicationReportResponseProto
            )
        except RefusedError as error:
            if error.kind == refusals.APPLICATION_NOT_FOUND:
                return None
            raise
        return application_report(answer.application_report)

    async def kill(self, application: str, diagnostics: str) -> bool:
        """End an application from outside; ask again until True.

        For an unmanaged application True only means that it was taken on (ClientRMService); the report tells
        when it is over.
        """
        request = pb.KillApplicationRequestProto(
            application_id=ids.application_proto(application), diagnostics=diagnostics
        )
        answer = await self._rpc.call("forceKillApplication", request, pb.KillApplicationResponseProto)
        return answer.is_kill_completed

    async def update_priority(self, application: str, priority: int) -> int:
        """Change the priority among the queue's applications; returns the one it got (the cluster has a
        maximum)."""
        request = pb.UpdateApplicationPriorityRequestProto(
            applicationId=ids.application_proto(application),
            applicationPriority=PriorityProto(priority=priority),
        )
        answer = await self._rpc.call(
            "updateApplicationPriority", request, pb.UpdateApplicationPriorityResponseProto
        )
        return answer.applicationPriority.priority

    async def queue_info(self, queue: str) -> QueueInfo | None:
        """One queue, by its leaf name or full path; None if there is none of that name."""
        request = pb.GetQueueInfoRequestProto(queueName=queue)
        answer = await self._rpc.call("getQueueInfo", request, pb.GetQueueInfoResponseProto)
        return queue_info(answer.queueInfo) if answer.HasField("queueInfo") else None

    async def may_submit(self, queue: str) -> bool:
        """Whether this user may submit to a queue, by its leaf name or full path, as it was told lately; True where that is for
        YARN alone to say, as of a queue that a rule of its own chooses or makes."""
        return await self._rights.may_submit(queue)

    async def _queue_acls(self) -> QueueAcls:
        request = pb.GetQueueUserAclsInfoRequestProto()
        answer = await self._rpc.call("getQueueUserAcls", request, pb.GetQueueUserAclsInfoResponseProto)
        return await asyncio.to_thread(queue_acls, answer)  # there may be thousands of queues

    async def cluster_nodes(self, states: Collection[NodeState] = ()) -> tuple[NodeReport, ...]:
        """The NodeManagers in these states; none named means all that run or used to."""
        wanted = [f"NS_{state}" for state in states or NodeState]
        request = pb.GetClusterNodesRequestProto(nodeStates=wanted)
        answer = await self._rpc.call("getClusterNodes", request, pb.GetClusterNodesResponseProto)
        # In a thread: there may be thousands of nodes, and meanwhile others are to be heard.
        return await asyncio.to_thread(self._node_reports, answer.nodeReports)

    async def cluster_metrics(self) -> ClusterMetrics:
        answer = await self._rpc.call(
            "getClusterMetrics", pb.GetClusterMetricsRequestProto(), pb.GetClusterMetricsResponseProto
        )
        said = answer.cluster_metrics
        return ClusterMetrics(
            nodes=said.num_node_managers,
            active=said.num_active_nms,
            lost=said.num_lost_nms,
            unhealthy=said.num_unhealthy_nms,
            decommissioned=said.num_decommissioned_nms,
        )

    def _node_reports(self, protos: Iterable[NodeReportProto]) -> tuple[NodeReport, ...]:
        """What came in the very same bytes as the last time is the same report, and needn't be made again."""
        before, self._reports = self._reports, {}
        for proto in protos:
            key = proto.SerializeToString()
            self._reports[key] = before.get(key) or messages.node_report(proto)
        return tuple(self._reports.values())

    async def close(self) -> None:
        await self._rights.close()
        await self._rpc.close()


def submission_proto(submission: Submission) -> pb.ApplicationSubmissionContextProto:
    """The submission as YARN wants it."""
    return pb.ApplicationSubmissionContextProto(
        application_id=ids.application_proto(submission.id),
        application_name=submission.name,
        queue=submission.queue,
        priority=PriorityProto(priority=submission.priority),
        am_container_spec=ContainerLaunchContextProto(
            application_ACLs=_acls(submission), tokens=submission.tokens
        ),
        unmanaged_am=True,
        maxAppAttempts=1,
        resource=messages.resource_proto(submission.master),
        applicationType=submission.type,
        keep_containers_across_application_attempts=True,
        applicationTags=submission.tags,
        node_label_expression=submission.node_label or None,
    )


def application_report(proto: pb.ApplicationReportProto) -> ApplicationReport:
    """YARN's report as a value."""
    attempt = proto.currentApplicationAttemptId
    return ApplicationReport(
        id=ids.application_id(proto.applicationId),
        name=proto.name,
        user=proto.user,
        queue=proto.queue,
        host=proto.host,
        state=ApplicationState(pb.YarnApplicationStateProto.Name(proto.yarn_application_state)),
        final_status=FinalStatus(
            FinalApplicationStatusProto.Name(proto.final_application_status).removeprefix("APP_")
        ),
        diagnostics=proto.diagnostics,
        tracking_url=proto.trackingUrl,
        progress=messages.finite(proto.progress),
        started_at=proto.startTime / 1000,
        finished_at=proto.finishTime / 1000,
        priority=proto.priority.priority,
        # -1 where there is none (RMAppImpl)
        attempt=ids.attempt_id(attempt) if attempt.attemptId > 0 else "",
        am_rm_token=messages.token_bytes(proto.am_rm_token) if proto.HasField("am_rm_token") else None,
        tags=frozenset(proto.applicationTags),
    )


def queue_info(proto: pb.QueueInfoProto) -> QueueInfo:
    """One queue as a value."""
    return QueueInfo(
        name=proto.queueName,
        path=proto.queuePath,
        state=QueueState(pb.QueueStateProto.Name(proto.state).removeprefix("Q_")),
        capacity=messages.finite(proto.capacity),
        maximum=messages.finite(proto.maximumCapacity),
        used=messages.finite(proto.currentCapacity),
        labels=tuple(proto.accessibleNodeLabels),
    )


def _acls(submission: Submission) -> list[ApplicationACLMapProto]:
    wanted = ((APPACCESS_VIEW_APP, submission.view_acl), (APPACCESS_MODIFY_APP, submission.modify_acl))
    return [ApplicationACLMapProto(accessType=access, acl=acl) for access, acl in wanted if acl]
