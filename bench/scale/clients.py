"""ApplicationClientProtocol as the stand-in answers it (ClientRMService)."""

from __future__ import annotations

import time
from io import BytesIO

from google.protobuf.message import Message
from google.protobuf.proto import parse_length_prefixed

from bench.scale.cluster import Cluster
from bench.scale.messages import Messages, resource
from bench.scale.rpc import Answer, Caller, RefusedCallError
from bench.scale.values import Application
from trainmaster.hadoop import refusals
from trainmaster.hadoop.proto import yarn_client_pb2 as pb
from trainmaster.hadoop.proto.yarn_pb2 import PriorityProto

ACCEPTANCE = 0.02
"""seconds until a submitted application has an attempt and its token: a dozen events in RMAppImpl and RMAppAttemptImpl"""


class Clients:
    def __init__(self, cluster: Cluster, messages: Messages) -> None:
        self._cluster, self._messages = cluster, messages

    @property
    def methods(self) -> dict[str, Answer]:
        return {
            "getNewApplication": self._new,
            "submitApplication": self._submit,
            "getApplicationReport": self._report,
            "forceKillApplication": self._kill,
            "updateApplicationPriority": self._prioritize,
            "getClusterNodes": self._nodes,
            "getClusterMetrics": self._metrics,
        }

    def _new(self, _caller: Caller, _body: BytesIO) -> Message:
        return pb.GetNewApplicationResponseProto(
            application_id=self._messages.application_id(self._cluster.new_id()),
            maximumCapability=resource(self._cluster.size),
        )

    def _submit(self, caller: Caller, body: BytesIO) -> Message:
        said = parse_length_prefixed(pb.SubmitApplicationRequestProto, body).application_submission_context
        if not said.unmanaged_am:
            raise RefusedCallError(refusals.YARN_EXCEPTION, "the stand-in starts no ApplicationMasters")
        application = Application(
            said.application_id.id,
            caller.user,
            name=said.application_name,
            queue=said.queue,
            type=said.applicationType,
            tags=tuple(said.applicationTags),
            priority=said.priority.priority,
        )
        self._cluster.submit(application)
        return pb.SubmitApplicationResponseProto()

    def _report(self, caller: Caller, body: BytesIO) -> Message:
        number = parse_length_prefixed(pb.GetApplicationReportRequestProto, body).application_id.id
        return pb.GetApplicationReportResponseProto(
            application_report=self._reported(caller, self._known(number))
        )

    def _known(self, number: int) -> Application:
        if number not in self._cluster.applications:
            raise RefusedCallError(
                refusals.APPLICATION_NOT_FOUND, f"Application {number} doesn't exist in RM."
            )
        return self._cluster.applications[number]

    def _reported(self, caller: Caller, application: Application) -> pb.ApplicationReportProto:
        state = _state(application)
        report = pb.ApplicationReportProto(
            applicationId=self._messages.application_id(application.number),
            user=application.user,
            queue=application.queue,
            name=application.name,
            yarn_application_state=state,
            diagnostics=application.diagnostics,
            final_application_status=f"APP_{application.over or 'UNDEFINED'}",
            applicationTags=application.tags,
            priority=PriorityProto(priority=application.priority),
        )
        if state != pb.SUBMITTED:
            report.currentApplicationAttemptId.CopyFrom(self._messages.attempt_id(application.number))
        if (
            state == pb.ACCEPTED and caller.user == application.user
        ):  # RMAppImpl.createAndGetApplicationReport
            report.am_rm_token.CopyFrom(self._messages.master_token(application))
        return report

    def _kill(self, _caller: Caller, body: BytesIO) -> Message:
        application = self._known(
            parse_length_prefixed(pb.KillApplicationRequestProto, body).application_id.id
        )
        if not application.over:
            self._cluster.finish(application, "KILLED")
        return pb.KillApplicationResponseProto(is_kill_completed=True)

    def _prioritize(self, _caller: Caller, body: BytesIO) -> Message:
        said = parse_length_prefixed(pb.UpdateApplicationPriorityRequestProto, body)
        self._known(said.applicationId.id).priority = said.applicationPriority.priority
        return pb.UpdateApplicationPriorityResponseProto(applicationPriority=said.applicationPriority)

    def _nodes(self, _caller: Caller, _body: BytesIO) -> Message:
        reports = [self._messages.node_report(node) for node in self._cluster.nodes.values()]
        return pb.GetClusterNodesResponseProto(nodeReports=reports)

    def _metrics(self, _caller: Caller, _body: BytesIO) -> Message:
        number = len(self._cluster.nodes)
        metrics = pb.YarnClusterMetricsProto(num_node_managers=number, num_active_nms=number)
        return pb.GetClusterMetricsResponseProto(cluster_metrics=metrics)


def _state(application: Application) -> pb.YarnApplicationStateProto:
    if application.over:
        names = {"KILLED": pb.KILLED, "FAILED": pb.FAILED}
        return pb.FINISHED if application.registered else names.get(application.over, pb.FINISHED)
    if application.registered:
        return pb.RUNNING
    return pb.ACCEPTED if time.monotonic() - application.submitted_at >= ACCEPTANCE else pb.SUBMITTED
