"""One NodeManager and its processes. They live on when it is killed, frozen or cut off; nobody can be told or asked then.

Lives here: what it does when it is told to, and what it answers. Never here: who speaks to it, and when (cluster.py).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from trainmaster.errors import DeniedError, RefusedError, TrainmasterError, UnavailableError
from trainmaster.hadoop import refusals
from trainmaster.hadoop.containers import LaunchContext, NmState, NmStatus, NmStatuses, Reinitialising
from trainmaster.hadoop.values import Resource
from yarn.application import Container
from yarn.process import TERMINATED, Process
from yarn.tokens import read_container_token, read_nm_token

KILLED_BY_MASTER, KILLED_BY_RM, KILLED_WITH_APPLICATION, NEVER_RAN = -105, -106, -107, -1000
"""ContainerExitStatus"""
UNHANDLED = "is not handled by this NodeManager"


@dataclass
class NodeManager:
    """A node of the cluster."""

    host: str
    total: Resource
    rack: str = "/r"
    port: int = 1
    up: bool = True
    """whether the daemon runs; its processes don't need it"""
    hears_us: bool = True
    hears_rm: bool = True
    manager: int = 0
    """which ResourceManager it has registered with, by the number of its restarts; 0 for none"""
    keys: tuple[int, ...] = ()
    """of NM tokens that it takes: the present one and the one before (NMTokenSecretManagerInNM)"""
    old_keys: dict[str, int] = field(default_factory=dict)
    """by application: the key that its last start came with, which stays good for it (oldMasterKeys)"""
    processes: dict[str, Process] = field(default_factory=dict)
    applications: set[str] = field(default_factory=set)
    """those that have run something here, until the ResourceManager says that they are over"""
    relaunched: set[str] = field(default_factory=set)
    """containers that were started once (NMContainerTokenSecretManager.recentlyStartedContainerTracker)"""
    stopped: set[str] = field(default_factory=set)
    """known to have ended, their exit forgotten (NodeStatusUpdaterImpl.recentlyStoppedContainers)"""
    launch_fails: deque[tuple[int, str]] = field(default_factory=deque)
    """what becomes of the next launches, instead of a process"""
    at: float = 0.0
    """the time now; cluster.py sets it"""
    heard_at: float = 0.0
    """when anybody last had word of it"""
    launches: dict[str, LaunchContext] = field(default_factory=dict)

    @property
    def silent_for(self) -> float:
        return self.at - self.heard_at

    def heard(self, patience: float, of: Sequence[Process]) -> None:
        """Somebody has word of it. After a silence as long as YARN waits for a node, others may run in the place of these."""
        for process in of:
            process.excused |= self.silent_for >= patience
        self.heard_at = self.at

    @property
    def node(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def http(self) -> str:
        return f"{self.host}:{self.port + 1}"

    # --- ContainerManagementProtocol

    def start(self, nm: bytes, container: bytes, launch: LaunchContext, of: Container | None) -> None:
        """ContainerManagerImpl.startContainers. What was given back meanwhile is started all the same: only the
        ResourceManager knows, and has it killed when it hears of it. `of` is what the container's token says of it.
        """
        application, key = self._let_in(nm)
        id_, manager, until = read_container_token(container)
        if of is None or of.application != application:
            raise RefusedError(refusals.YARN_EXCEPTION, f"Unauthorized request to start container. {id_}")
        if id_ in self.relaunched:
            # NMContainerTokenSecretManager.isValidStartContainerRequest ("Attempt to relaunch the same container"), as our
            # client tells it.
            raise UnavailableError(f"{self.host} was told before to start it")
        if until < self.at:
            raise RefusedError(refusals.YARN_EXCEPTION, f"This token is expired. {id_}")
        if manager != self.manager:
            words = f"Container {id_} rejected as it is allocated by a previous RM"
            raise RefusedError(refusals.INVALID_CONTAINER, words)
        self.old_keys[application] = key
        self.relaunched.add(id_)
        self.applications.add(application)
        self.launches[id_] = launch
        self.processes[id_] = Process(of, launch=launch)

    def statuses(self, nm: bytes, ids: Sequence[str]) -> NmStatuses:
        """ContainerManagerImpl.getContainerStatusInternal."""
        application, _ = self._let_in(nm)
        known: dict[str, NmStatus] = {}
        unknown: set[str] = set()
        refused: dict[str, str] = {}
        for id_ in ids:
            process = self.processes.get(id_)
            if not self._is_of(id_, application):
                refused[id_] = f"{application} attempted to get status for non-application container : {id_}"
            elif process:
                known[id_] = NmStatus(id_, process.told, process.exit, process.words)
            elif id_ in self.stopped:
                words = f"Container {id_} was recently stopped on node manager."
                known[id_] = NmStatus(id_, NmState.COMPLETE, None, words)
            else:
                unknown.add(id_)
        return NmStatuses(known, frozenset(unknown), refused)

    def stop(self, nm: bytes, ids: Sequence[str]) -> dict[str, TrainmasterError | None]:
        """ContainerManagerImpl.stopContainerInternal: what has ended is as good as stopped."""
        application, _ = self._let_in(nm)
        return {id_: self._stop(id_, application) for id_ in ids}

    def terminate(self, nm: bytes, id_: str) -> None:
        """ContainerManagerImpl.internalSignalToContainer: it asks for no more than a token that it takes, and answers the same
        whether the container is there or not."""
        self._let_in(nm)
        process = self.processes.get(id_)
        if process and process.lives:
            process.begged += 1

    def reinitialise(self, nm: bytes, id_: str, launch: LaunchContext) -> Reinitialising:
        """ContainerManagerImpl.preReInitializeOrLocalizeCheck, as our client tells it."""
        application, _ = self._let_in(nm)
        if not self._is_of(id_, application):
            words = f"ApplicationMaster not authorized to perform [RE_INIT] on Container [{id_}]!!"
            raise RefusedError(refusals.YARN_EXCEPTION, words)
        process = self.processes.get(id_)
        if process is None or process.state_name in ("DONE", "KILLING"):
            return Reinitialising.OVER
        if process.state_name != "RUNNING" or process.reinitialising:
            return Reinitialising.BUSY
        # Its stamps are milliseconds. Between two of them a process is started, which takes longer, also where no time passes.
        process.starts_anew(launch, f"{self.at + process.number / 1000:.3f}")
        self.launches[id_] = launch
        return Reinitialising.ACCEPTED

    def _stop(self, id_: str, application: str) -> TrainmasterError | None:
        if not self._is_of(id_, application):
            words = f"{application} attempted to stop non-application container : {id_}"
            return RefusedError(refusals.YARN_EXCEPTION, words)
        if id_ in self.processes:
            self.kill(id_, KILLED_BY_MASTER, "Container killed by the ApplicationMaster.")
        elif id_ not in self.stopped:
            return RefusedError(refusals.YARN_EXCEPTION, f"Container {id_} {UNHANDLED}")
        return None

    @staticmethod
    def _is_of(id_: str, application: str) -> bool:
        """ContainerManagerImpl.authorizeGetAndStopContainerRequest: a token speaks for its own application's alone."""
        return id_.startswith(f"container_{application.removeprefix('application_')}_")

    def _let_in(self, nm: bytes) -> tuple[str, int]:
        """NMTokenSecretManagerInNM.retrievePassword."""
        application, node, key = read_nm_token(nm)
        if node != self.node or (key not in self.keys and self.old_keys.get(application) != key):
            words = f"Given NMToken for application : {application} seems to have been generated illegally."
            raise DeniedError(refusals.INVALID_TOKEN, words)
        return application, key

    # --- its own life

    def work(self) -> None:
        """What was told is carried out."""
        for process in self.processes.values():
            if process.dying:
                process.ends(*process.dying)
            elif process.state is NmState.NEW:
                if self.launch_fails:
                    process.ends(*self.launch_fails.popleft())
                else:
                    process.state = NmState.RUNNING
                    process.begins()
            elif process.lives and process.again:
                process.goes_on()
            elif process.lives and process.begged and not process.deaf:
                process.takes_leave()

    @property
    def busy(self) -> bool:
        return any(p.stirs for p in self.processes.values())

    def kill(self, id_: str, code: int, words: str) -> None:
        """TERM, and a little later KILL: it dies of the first word that it was told (ContainerImpl.KillTransition)."""
        process = self.processes[id_]
        if process.lives and process.dying is None:
            process.dying = (code, words)

    def clean(self, containers: Sequence[str], applications: Sequence[str], forgotten: Sequence[str]) -> None:
        """What a heartbeat's answer says (NodeStatusUpdaterImpl, ContainerManagerImpl.handle)."""
        for id_ in containers:
            if id_ in self.processes:
                self.kill(id_, KILLED_BY_RM, "Container Killed by ResourceManager")
        for application in applications:
            self._finish(application)
        for id_ in forgotten:
            process = self.processes.get(id_)
            if process and not process.lives:
                del self.processes[id_]
                self.stopped.add(id_)

    def _finish(self, application: str) -> None:
        self.applications.discard(application)
        for id_, process in self.processes.items():
            if process.of.application == application:
                self.kill(id_, KILLED_WITH_APPLICATION, "Container killed after the application's completion")

    def take_key(self, key: int) -> None:
        """NMTokenSecretManagerInNM.setMasterKey: the one before stays good for a while."""
        if not self.keys or self.keys[0] != key:
            self.keys = (key, *self.keys[:1])

    def restart(self, recovery: bool) -> None:
        """With recovery its processes go on, and it knows how those ended that did so meanwhile (NMStateStoreService).

        Without, it ends them when it is stopped (ContainerManagerImpl.cleanUpApplicationsOnNMShutDown) and knows nothing
        of them; of a crash they would be left over, and nobody could tell.
        """
        self.up, self.manager = True, 0
        for process in self.processes.values():
            if process.awaits_kill:
                # Its process was told to go, and what is known is that it went (RecoveredContainerLaunch).
                process.awaits_kill = False
                process.ends(TERMINATED[0], "")
            process.again, process.reinitialising = None, False
        if not recovery:
            for process in self.processes.values():
                process.ends(KILLED_WITH_APPLICATION, "Application killed on shutdown")
            for each in (self.processes, self.applications, self.relaunched, self.stopped, self.old_keys):
                each.clear()
            self.keys = ()
