"""What users say to the ResourceManager: ids, submissions, reports, ends (ClientRMService)."""

from __future__ import annotations

from dataclasses import dataclass

from trainmaster.errors import RefusedError
from trainmaster.hadoop import refusals
from trainmaster.hadoop.values import (
    ApplicationReport,
    ApplicationState,
    FinalStatus,
    NewApplication,
    QueueState,
    Submission,
)
from yarn.application import Application
from yarn.resourcemanager import ResourceManager
from yarn.tokens import am_token


@dataclass
class Clients:
    """ApplicationClientProtocol."""

    rm: ResourceManager

    def new_application(self) -> NewApplication:
        return NewApplication(f"application_1_{next(self.rm.numbers):04d}", self.rm.scheduler.largest())

    def submit(self, user: str, submission: Submission) -> None:
        """ClientRMService.submitApplication: an id that it knows is left as it is."""
        if submission.id in self.rm.applications:
            return
        queue = self.rm.scheduler.queue(submission.queue)
        made = self.rm.applications[submission.id] = Application(
            submission.id, user, submission.queue, submission.priority, frozenset(submission.tags)
        )
        made.pinged_at = self.rm.at
        if queue is None or queue.state is not QueueState.RUNNING:
            words = f"Application {submission.id} submitted by user {user} to unknown or stopped queue: {submission.queue}"
            self.rm.over(made, ApplicationState.FAILED, words)
            return
        made.accepted, made.state = True, ApplicationState.ACCEPTED
        queue.applications.append(made)
        queue.activate(self.rm.scheduler.minimum.memory)

    def report(self, id_: str) -> ApplicationReport | None:
        """ClientRMService.getApplicationReport. The token is told while the attempt is LAUNCHED: until it registers, and
        after a restart until it registers again (RMAppImpl.createAndGetApplicationReport, AttemptRecoveredTransition).
        """
        known = self.rm.applications.get(id_)
        if known is None:
            return None
        launched = known.accepted and not known.registered and not known.state.over
        return ApplicationReport(
            id=id_,
            name="job",
            user=known.user,
            queue=known.queue,
            host="",
            state=known.state,
            final_status=known.final,
            diagnostics=known.words,
            tracking_url="",
            progress=0,
            started_at=0,
            finished_at=0,
            priority=known.priority,
            attempt=f"appattempt_{id_}_1" if known.accepted else "",
            am_rm_token=am_token(id_, self.rm.next_am_key or self.rm.am_key) if launched else None,
            tags=known.tags,
        )

    def kill(self, id_: str, words: str) -> bool:
        """True for an unmanaged application only means that it was taken on (ClientRMService.forceKillApplication)."""
        known = self.rm.applications.get(id_)
        if known is None:
            raise RefusedError(refusals.APPLICATION_NOT_FOUND, f"no application {id_}")
        if not known.state.over:
            self.rm.over(known, ApplicationState.KILLED, words, FinalStatus.KILLED)
        return True

    def update_priority(self, id_: str, priority: int) -> int:
        self.rm.applications[id_].priority = priority
        return priority
