"""A small world that decide() is driven in: the simulated YARN, a shell that obeys, users, accidents.

Lives here: what happens, drawn as (name, number) pairs, each followed by one pass of the shell. What must never happen is in
laws.py, what YARN does in tests/yarn.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from plan.laws import awaited
from plan.shell import HOSTS, Shell
from trainmaster.api.job import TrainingJob
from trainmaster.api.status import FieldProblem
from trainmaster.errors import UnavailableError
from trainmaster.hadoop.containers import NmState
from trainmaster.plan.memory import Key
from trainmaster.plan.values import AppState
from yarn.nodemanager import NodeManager, Process

WAITS = (0.2, 1.0, 5.0, 10.0, 60.0, 300.0, 700.0)
CODES = (0, 1, 137, 75, 1, 42, 255, 143)
YARNS_OWN = ((-1000, "it never ran"), (-101, "its disks failed"), (-104, "it used more memory than it may"))
STEP = 100.0
"""seconds of a longer wait between which everybody gives a sign of life"""


@dataclass
class Simulator(Shell):
    """The shell, and all that may happen to it."""

    # --- the controller

    def beat(self, number: int) -> None:
        """A heartbeat, or the next step of opening the application; and NodeManagers are asked what is to be asked."""
        try:
            if self.sight.state is AppState.OPENING:
                self.opens()
            else:
                self.heartbeats()
        except UnavailableError as error:
            if self.sight.state in (AppState.REGISTERED, AppState.AWAY):
                self.sight.say(AppState.AWAY, str(error))
        self.confirms()

    def goes_on(self, number: int) -> None:
        """A while in which nothing special happens."""
        for _ in range(3):
            self.nodes_work(number)
            self.step("beat", number)

    def crashes(self, number: int) -> None:
        self.cycle("before" if number % 2 else "after")

    def is_away(self, number: int) -> None:
        """Nobody leads for a while: YARN hears nothing of us."""
        self.dies()
        self._passes(WAITS[number % len(WAITS)], beats=False)

    def loses_answers(self, number: int) -> None:
        """The next call of that kind takes effect, and nobody hears so; or it never arrives, comes twice, or much later."""
        method = ("allocate", "start", "stop", "register", "statuses", "reinitialise", "terminate")[
            number % 7
        ]
        if method in ("start", "terminate") and number // 7 % 4 == 3:
            return  # no client of ours makes one of these calls twice
        if method == "reinitialise" and number // 7 % 2:
            self.yarn.answers.late[method] = 1
            return
        fault = (
            self.yarn.answers.lost,
            self.yarn.answers.lost,
            self.yarn.answers.unheard,
            self.yarn.answers.twice,
        )
        fault[number // 7 % 4][method] = 1

    # --- nodes

    def arrives(self, _number: int) -> None:
        """What was late on its way."""
        self.yarn.answers.arrive()

    def nodes_work(self, number: int) -> None:
        """All NodeManagers heartbeat."""
        for nm in self.yarn.nodes:
            self.yarn.beat(nm)

    def node_works(self, number: int) -> None:
        self.yarn.beat(self._node(number))

    def _node(self, number: int) -> NodeManager:
        return self.yarn.by_host[HOSTS[number % 3]]

    def _processes(self) -> list[Process]:
        return [p for _, p in self.yarn.processes() if p.state is NmState.RUNNING]

    def ends_process(self, number: int) -> None:
        running = self._processes()
        if running:
            self._ends(running[number // len(CODES) % len(running)], CODES[number % len(CODES)])

    def _ends(self, process: Process, code: int) -> None:
        self.faults.add(process.of.id)
        process.ends(code, f"exit {code}")

    def is_ready(self, number: int) -> None:
        """A process is found ready, or what was found is told again."""
        if running := self._processes():
            self._tells_ready(running[number % len(running)])

    def _tells_ready(self, process: Process) -> None:
        told = process.launch.environment
        if "TRAINMASTER_ROLE" in told:
            place = Key(told["TRAINMASTER_ROLE"], int(told["TRAINMASTER_INDEX"]))
            self.ready[place] = int(told["TRAINMASTER_RUN"]), int(told["TRAINMASTER_GENERATION"])
            self.sight.changed = True

    def gets_on(self, _number: int) -> None:
        self._get_on()

    def _get_on(self) -> None:
        """Left alone, processes become ready, and preparations end."""
        for process in self._processes():
            if process.launch.environment.get("TRAINMASTER_ROLE") in awaited(self.memory):
                self._ends(process, 0)
            else:
                self._tells_ready(process)

    def node_fails_process(self, number: int) -> None:
        """YARN's own words for an end; only memory is the user's affair."""
        running = self._processes()
        code, words = YARNS_OWN[number % len(YARNS_OWN)]
        if running:
            process = running[number // len(YARNS_OWN) % len(running)]
            if code == -104:
                self.faults.add(process.of.id)
            process.ends(code, words)

    def is_deaf(self, number: int) -> None:
        """A process doesn't go when it is told to, or goes after all."""
        running = self._processes()
        if running:
            process = running[number // 2 % len(running)]
            process.deaf = number % 2 == 0

    def launch_fails(self, number: int) -> None:
        self._node(number).launch_fails.append((-1000, "it never ran"))

    def preempts(self, number: int) -> None:
        live = [c for known in self.yarn.applications.values() for c in known.live.values()]
        if live:
            chosen = live[number // 2 % len(live)]
            self.yarn.preempt(chosen.id) if number % 2 else self.yarn.preempt(
                chosen.id, -100, "Container released"
            )

    def node_cut(self, number: int) -> None:
        """From us, from the ResourceManager, or from both; its processes live."""
        us, rm = ((True, True), (True, True), (True, False), (False, True))[number // 3 % 4]
        self.yarn.cut(HOSTS[number % 3], us, rm)

    def node_back(self, number: int) -> None:
        self.yarn.mend(HOSTS[number % 3])
        self.yarn.beat(self._node(number))

    def node_restarts(self, number: int) -> None:
        self.yarn.restart_node(HOSTS[number % 3], recovery=number // 3 % 4 > 0)

    # --- the ResourceManager

    def manager_restarts(self, number: int) -> None:
        """Nodes come back later, or, now and then, before anybody else."""
        self.yarn.restart()
        if number % 3 == 0:
            self.nodes_work(number)

    def manager_away(self, _number: int) -> None:
        self.yarn.catch_up()
        self.yarn.away.symmetric_difference_update({"rm"})

    def application_ends(self, number: int) -> None:
        """Given up by YARN, or killed by somebody."""
        for known in list(self.yarn.applications.values()):
            if not known.state.over and number % 4:
                self.yarn.fail(known)
            elif not known.state.over:
                self.yarn.clients.rm.over(known, known.state.KILLED, "enough")

    def tokens_roll(self, number: int) -> None:
        self.yarn.roll_node_tokens()

    def history_goes(self, _number: int) -> None:
        """Away, or comes back; a controller may die right after it has filed something."""
        self.history_away = not self.history_away

    # --- people and time

    def waits(self, number: int) -> None:
        self._passes(WAITS[number % len(WAITS)])

    def _passes(self, seconds: float, beats: bool = True) -> None:
        """Time passes, in which whoever can gives a sign of life; then YARN's monitors look."""
        while seconds > 0:
            step = min(STEP, seconds)
            seconds -= step
            self.now += step
            self.nodes_work(0)
            if beats:
                self.beat(0)
                self.cycle()
            if "rm" not in self.yarn.away:
                self.yarn.rm.at = self.now
                for check in (
                    self.yarn.rm.check_masters,
                    self.yarn.rm.check_nodes,
                    self.yarn.rm.check_grants,
                ):
                    check()

    def wakes(self, _number: int) -> None:
        if self.plan and self.plan.wake_at is not None:
            self._passes(max(0.0, self.plan.wake_at - self.now))

    def edits(self, number: int) -> None:
        self._declare(self.jobs[number % len(self.jobs)])

    def reruns(self, number: int) -> None:
        """Somebody wants another run, whether this one has ended or not."""
        job = self.declared.job or self.jobs[number % len(self.jobs)]
        wanted = max(job.spec.run_policy.rerun, self.memory.rerun) + 1
        policy = job.spec.run_policy.model_copy(update={"rerun": wanted})
        self._declare(job.model_copy(update={"spec": job.spec.model_copy(update={"run_policy": policy})}))

    def breaks(self, _number: int) -> None:
        problem = FieldProblem(field="spec", value="", reason="can't be read")
        self._declare(None, problems=(problem,))

    def rolls_back(self, number: int) -> None:
        """An older controller takes over that can read neither what was declared nor what is remembered of it."""
        self.breaks(number)
        if self.journal and self.journal.document:
            document = json.loads(self.journal.document) if number % 2 else {}
            document["spec"] = {**document.get("spec", {}), "later": number}
            self.journal = replace(self.journal, document=json.dumps(document))
            self.unreadable = True
        self.dies()

    def _declare(self, job: TrainingJob | None, problems: tuple[FieldProblem, ...] = ()) -> None:
        self.declared = replace(
            self.declared, job=job, problems=problems, generation=self.declared.generation + 1
        )

    def deletes(self, number: int) -> None:
        self.declared = replace(self.declared, deleted=self.declared.deleted or number % 4 == 0)

    def takes_turns(self, _number: int) -> None:
        self.may_ask = not self.may_ask

    def is_suspected(self, number: int) -> None:
        """Other jobs fail on a node as well, or have forgotten that."""
        self.suspects ^= {HOSTS[number % 3]}

    def is_cleared(self, number: int) -> None:
        """Somebody says that a node is well again."""
        self.cleared = {**self.cleared, HOSTS[number % 3]: self.now}

    # --- a run

    def step(self, name: str, number: int) -> None:
        if not self.forgotten:
            getattr(self, name)(number)
            self.cycle()

    def calms_down(self, most: int = 150) -> None:
        """Accidents end; all that is left is to go on until nothing changes."""
        self._heals()
        for _ in range(most):
            self._get_on()
            self.goes_on(0)
            if self.rests():
                self._is_filed_once()
                return self._is_silent()
            self.step("wakes", 0)
            self.step("waits", 2)
        raise AssertionError(f"it never came to rest: {self.memory}")

    def _is_filed_once(self) -> None:
        """Each run that began and is over has one file, whoever died meanwhile."""
        runs = [run.run for run in self.files.values()]
        assert len(runs) == len(set(runs)), f"filed twice: {sorted(self.files)}"
        assert set(runs) >= self.over, f"never filed: {self.over - set(runs)}"

    def _is_silent(self) -> None:
        """Where nothing happens nothing is written, and heartbeats say nothing."""
        before = self.writes
        for _ in range(3):
            self.goes_on(0)
        assert self.writes == before, "something is written at rest"
        assert self.heart is None or not self.heart.has_news, "there is always something to say"

    def _heals(self) -> None:
        self.may_ask, self.history_away = True, False
        self.yarn.away.clear()
        answers = self.yarn.answers
        for fault in (answers.lost, answers.unheard, answers.twice, answers.late):
            fault.clear()
        answers.arrive()
        for nm in self.yarn.nodes:
            nm.launch_fails.clear()
            self.yarn.mend(nm.host)
        if self.declared.job is None and not self.declared.deleted:
            self._declare(self.jobs[0])

    def rests(self) -> bool:
        """Whether the job is where it was meant to be: running, suspended, finished or gone; and nothing else is there."""
        memory = self.memory
        if self.to_file:
            return False
        live = {process.of.id for _, process in self.yarn.processes()}
        held = {id_ for known in self.yarn.applications.values() for id_ in known.live}
        if self.forgotten or memory.closed_at or (memory.suspended and memory.application is None):
            return (not self.declared.deleted or self.forgotten) and not live and not held
        bound = {r.container for r in memory.replicas if not r.done}
        rests = bool(memory.started_at) and bound == live == held
        return rests and self._has_grown() and self._is_of_one_generation()

    def _has_grown(self) -> bool:
        """Whether all that is declared is wanted again: all nodes are there, and have room for it."""
        done = any(r.done for r in self.memory.replicas)
        return done or not any(one.number for one in self.memory.wanted.values())

    def _is_of_one_generation(self) -> bool:
        """What runs was told of no other generation than the present one; and each process once."""
        assert not any(r.reinitialising for r in self.memory.replicas)
        told = {p.launch.environment.get("TRAINMASTER_GENERATION") for _, p in self.yarn.processes()}
        assert told <= {str(self.memory.generation)}, (told, self.memory)
        return True


OFTEN = (
    "beat",
    "nodes_work",
    "node_works",
    "goes_on",
    "goes_on",
    "ends_process",
    "ends_process",
    "waits",
    "wakes",
    "crashes",
)
NOW_AND_THEN = (
    "loses_answers",
    "launch_fails",
    "node_fails_process",
    "preempts",
    "node_cut",
    "node_cut",
    "node_back",
    "node_back",
    "node_restarts",
    "manager_restarts",
    "edits",
    "arrives",
    "is_deaf",
    "is_ready",
    "gets_on",
)
SELDOM = (
    "manager_away",
    "application_ends",
    "is_away",
    "tokens_roll",
    "breaks",
    "rolls_back",
    "deletes",
    "takes_turns",
    "reruns",
    "is_suspected",
    "is_cleared",
    "history_goes",
)
OPERATIONS = (*OFTEN * 4, *NOW_AND_THEN * 2, *SELDOM)
