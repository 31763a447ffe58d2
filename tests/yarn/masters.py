"""What masters say to the ResourceManager: registers, heartbeats, ends (ApplicationMasterService, DefaultAMSProcessor)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from trainmaster.errors import DeniedError, RefusedError
from trainmaster.hadoop import refusals
from trainmaster.hadoop.containers import AllocateCall, Allocated, GrantedContainer, Registered
from trainmaster.hadoop.values import ApplicationState, FinalStatus
from yarn.application import Application, Container, Stage
from yarn.resourcemanager import ResourceManager
from yarn.tokens import am_token, container_token, nm_token, read_am_token
from yarn.tracking import RELEASED

RESPONSE_IDS = 0x7FFFFFFF


@dataclass
class Masters:
    """ApplicationMasterProtocol."""

    rm: ResourceManager

    def admit(self, token: bytes) -> None:
        """Whether a new connection is let in (AMRMTokenSecretManager.retrievePassword): no master of one that is over."""
        id_, key = read_am_token(token)
        known = self.rm.applications.get(id_)
        if known is None or known.state.over or key not in (self.rm.am_key, self.rm.next_am_key):
            raise DeniedError(refusals.INVALID_TOKEN, f"{id_} not found in AMRMTokenSecretManager.")

    def register(self, id_: str) -> Registered:
        """Also again and again, since it is unmanaged and keeps its containers (ApplicationMasterService)."""
        known = self.rm.applications.get(id_)
        if known is None or known.state.over:
            raise RefusedError(refusals.WRONG_RESPONSE_ID, f"Application doesn't exist in cache {id_}")
        known.pinged_at, known.number, known.state = self.rm.at, 0, ApplicationState.RUNNING
        known.last = replace(known.last, response_id=0)
        listed = tuple(c.granted() for c in known.live.values())
        # DefaultAMSProcessor.registerApplicationMaster: up to 3.3 the order of these two lines is the other one.
        if listed or self.rm.options.version >= "3.4":
            known.told_nodes.clear()
        tokens = self._nm_tokens(known, known.live.values())
        return Registered(listed, tokens, self.rm.scheduler.largest(known.queue), known.queue)

    def allocate(self, id_: str, key: int, call: AllocateCall) -> Allocated:
        """ApplicationMasterService.allocate: heartbeat, asking and acknowledgement in one."""
        known = self.rm.applications.get(id_)
        if known is None or known.state.over:
            raise RefusedError(
                refusals.ATTEMPT_NOT_FOUND, f"{id_} doesn't exist in ApplicationMasterService cache."
            )
        known.pinged_at = self.rm.at
        if not known.registered:
            raise RefusedError(
                refusals.NOT_REGISTERED, f"AM is not registered for known application attempt: {id_}"
            )
        if (call.response_id + 1) & RESPONSE_IDS == known.number:
            return known.last  # one step old: nothing else that it says is heeded
        if call.response_id != known.number:
            words = f"Invalid responseId in AllocateRequest: {call.response_id}, expect {known.number}"
            raise RefusedError(refusals.WRONG_RESPONSE_ID, words)
        known.last = replace(self._answer(known, call), am_rm_token=self._rolled(id_, key))
        known.number = known.last.response_id
        return known.last

    def _answer(self, known: Application, call: AllocateCall) -> Allocated:
        """DefaultAMSProcessor.allocate."""
        self.rm.scheduler.validate(call.asks, known.queue)
        self._acknowledge(known)
        # How its releases end is told one answer later: those events go through the dispatcher.
        ends, known.ends = tuple(known.ends), []
        known.told += ends
        for released in call.releases:
            self._release(known, released)
        self.rm.scheduler.ask(known, call.asks)
        known.blacklist = (known.blacklist | set(call.avoid)) - set(call.unavoid)
        fresh, known.fresh = known.fresh, []
        granted = tuple(self._acquire(container) for container in fresh)
        news, known.node_news = tuple(known.node_news.values()), {}
        return Allocated(
            response_id=(known.number + 1) & RESPONSE_IDS,
            allocated=granted,
            completed=ends,
            nm_tokens=self._nm_tokens(known, fresh),
            updated_nodes=news,
        )

    def _acknowledge(self, known: Application) -> None:
        """A further call says that the last answer arrived: NodeManagers may forget those ends (RMAppAttemptImpl)."""
        for end in known.last.completed:
            known.acknowledged.append(end.id)
            for node in self.rm.tracking.nodes.values():
                if end.id in node.completed:
                    node.to_forget[end.id] = None

    def _release(self, known: Application, id_: str) -> None:
        """AbstractYarnScheduler.releaseContainers. It is over at once, whatever its NodeManager does or knows.

        What isn't known is no error, since the application keeps its containers over attempts; soon after a restart it is
        remembered, and given back when its NodeManager brings it.
        """
        if container := known.live.get(id_):
            self.rm.ends(container, *RELEASED)
        elif self.rm.at - self.rm.began_at < self.rm.options.node_expiry:
            known.pending_releases.add(id_)
        else:
            known.strange_releases.append(id_)
        if known.id.removeprefix("application_") not in id_:
            known.strange_releases.append(id_)

    def _acquire(self, container: Container) -> GrantedContainer:
        """The token to start it is made (SchedulerApplicationAttempt.pullNewlyAllocatedContainers)."""
        container.stage, container.acquired_at = Stage.ACQUIRED, self.rm.at
        until = self.rm.at + self.rm.options.allocation_expiry
        container.token = container_token(container.id, self.rm.life, until)
        return container.granted()

    def _nm_tokens(self, known: Application, containers: Iterable[Container]) -> dict[str, bytes]:
        """Once for each node and attempt (NMTokenSecretManagerInRM.createAndGetNMToken)."""
        nodes = {c.node for c in containers} - known.told_nodes
        known.told_nodes |= nodes
        return {node: nm_token(known.id, node, self.rm.nm_key) for node in sorted(nodes)}

    def _rolled(self, id_: str, key: int) -> bytes | None:
        """As long as the connection is an older token's, each answer brings the new one."""
        if self.rm.next_am_key is None or key == self.rm.next_am_key:
            return None
        return am_token(id_, self.rm.next_am_key)

    def finish(self, id_: str, status: FinalStatus, words: str) -> bool:
        """An unmanaged master hears True at once (DefaultAMSProcessor.finishApplicationMaster)."""
        known = self.rm.applications.get(id_)
        if known is None:
            raise RefusedError(refusals.WRONG_RESPONSE_ID, f"Application doesn't exist in cache {id_}")
        if known.state.over:
            return True
        if not known.registered:
            words = "Application Master is trying to unregister before registering for: "
            raise RefusedError(refusals.NOT_REGISTERED, words + id_)
        known.finals.append(status)
        self.rm.over(known, ApplicationState.FINISHED, words, status)
        return True
