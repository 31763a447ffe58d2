"""What must hold at every pass, whatever happens: the laws of plan/, checked beside each decision of the simulator.

Each law is a small function that asserts; `Laws` keeps the little history that some of them need.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise

from plan.shell import LIMITS, Shell
from trainmaster.api.rules import LONGEST_GRACE
from trainmaster.api.status import ConditionType as C
from trainmaster.api.status import JobStatus
from trainmaster.hadoop.containers import NmState
from trainmaster.master.codec import decode, encode
from trainmaster.master.identity import RUN_BITS
from trainmaster.master.launch import GRACE
from trainmaster.plan.classify import CHARGED
from trainmaster.plan.decide import decide, last_good
from trainmaster.plan.ends import LastExit
from trainmaster.plan.gentle import leaving
from trainmaster.plan.memory import Key, Memory
from trainmaster.plan.phases import MOST as MOST_PHASES
from trainmaster.plan.restart import INFRA_FREE
from trainmaster.plan.spent import LOST, replica_seconds
from trainmaster.plan.values import (
    AppState,
    ContainerState,
    Finish,
    Forget,
    Open,
    Plan,
    Reinitialise,
    Seen,
    Size,
    Start,
    Stop,
)
from yarn.nodemanager import NodeManager, Process

LONGEST = 60.0
"""seconds of grace that the simulator's jobs ask for at most"""
YEARS = 10 * 365 * 86400.0
COUNTERS = ("generation", "started_generation", "retired_run", "rerun")
OF_A_RUN = ("charged", "restarts", "lost_applications")
"""these begin anew when the job is run again"""
OF_REPLICAS = ("run",)
OF_REPLICAS_IN_A_RUN = ("restarts", "replacements", "port_clashes")


@dataclass(frozen=True)
class Leaving:
    """A process that was let go."""

    role: str
    since: float
    grace: float = LONGEST

    def hurried(self, world: Shell, memory: Memory) -> Leaving:
        """With no more time than any declaration has granted since."""
        jobs = [job for job in (world.declared.job, last_good(memory)) if job and self.role in job.spec.roles]
        return replace(self, grace=min([self.grace, *(job.spec.roles[self.role].grace for job in jobs)]))


@dataclass
class Laws:
    """Called with each plan before it is written or acted on, and with each memory that is written."""

    charged: set[str] = field(default_factory=set)
    """containers whose ends were charged"""
    runs: dict[Key, int] = field(default_factory=dict)
    """the highest run that each place ever had"""
    asks_again: int = 8
    """at every so-manieth pass the same is asked again, which takes four times as long as to ask once"""
    passes: int = 0
    leaving: dict[str, Leaving] = field(default_factory=dict)
    """by container: those that were let go while they ran"""
    prepared: dict[str, tuple[int, str]] = field(default_factory=dict)
    """preparations that have succeeded as a whole: in which run, and as what was declared then"""

    def decided(self, world: Shell, plan: Plan) -> None:
        self.passes += 1
        if self.passes % self.asks_again == 0:
            one_answer_to_one_question(world, plan)
            nothing_more_to_decide(world, plan)
            nothing_changes_before_it_wakes(world, plan)
            what_is_written_can_be_read(plan)
        starts_only_what_is_bound(world, plan)
        starts_in_order(world, plan)
        holds_nothing_for_a_later_stage(world, plan)
        self._prepares_once(plan)
        anew_only_what_is_of_another_generation(world, plan)
        asks_for_nothing_when_closing(plan)
        ports_are_unique(plan.memory)
        wants_neither_too_few_nor_too_many(plan)
        says_why_another_number_is_wanted(world, plan)
        there_is_room_beside_what_is_avoided(world, plan)
        each_second_is_in_one_class(plan.memory)
        one_phase_follows_on_the_other(plan.memory)
        conditions_agree(plan.status)
        the_end_is_an_end(world, plan)
        self._nobody_is_stopped_before_its_time(world, plan)
        everybody_is_told_once(world)
        nobody_outstays_its_time(world, plan)
        one_process_of_each_identity(world)
        one_generation_at_a_time(world)

    def _nobody_is_stopped_before_its_time(self, world: Shell, plan: Plan) -> None:
        """Whatever happens to controllers meanwhile: by when it was let go, and by what it was started with.

        That the declaration grants less while it is waited for cuts its time short.
        """
        self.leaving = {**self.leaving, **_let_go(world, plan.memory)}
        for id_, left in self.leaving.items():
            self.leaving[id_] = left.hurried(world, plan.memory)
        for action in plan.actions:
            left = self.leaving.get(action.container) if isinstance(action, Stop) else None
            process = left and _running(world, action.container)
            if left and process:
                own = float(process.launch.environment.get(GRACE, 0))
                assert world.now >= left.since + min(left.grace, own), f"{action} after {left}"

    def written(self, world: Shell, before: Memory, after: Memory) -> None:
        nothing_falls(before, after)
        a_gang_starts_whole(before, after)
        self._ends_are_charged_once(before, after)
        only_the_programs_faults_are_charged(world, before, after)
        for replica in after.replicas:
            assert replica.run >= self.runs.get(replica.key, 0), f"{replica.key} went back"
            self.runs[replica.key] = replica.run

    def _prepares_once(self, plan: Plan) -> None:
        """What has succeeded before others isn't begun again, whatever becomes of those; save in another run, or once edited."""
        memory = plan.memory
        now = (memory.rerun, memory.applied)
        self.prepared = {role: then for role, then in self.prepared.items() if then == now}
        begun = {a.key.role for a in plan.actions if isinstance(a, Start | Reinitialise)}
        assert not begun & self.prepared.keys(), f"{begun & self.prepared.keys()} ran again"
        for role in awaited(memory):
            if all(r.done for r in memory.replicas if r.key.role == role):
                self.prepared[role] = now

    def _ends_are_charged_once(self, before: Memory, after: Memory) -> None:
        """The counter says how many containers' ends were charged; the one that failed the job restarts nothing."""
        new = [e for e in _exits(after).values() if e not in _exits(before).values() and e.cause in CHARGED]
        fatal = after.verdict and not before.verdict and any(e.message in after.verdict.message for e in new)
        rules = (job := last_good(after)) and job.spec.failure_rules
        paid = {e.container for e in new} if not rules else _charged_by_rules(before, after)
        again = paid & self.charged
        assert not again, f"{again} charged twice"
        self.charged |= paid
        known = 0 if _runs_again(before, after) else before.charged
        assert after.charged - known == len(paid) - (bool(fatal) and not rules)


def _charged_by_rules(before: Memory, after: Memory) -> set[str]:
    """Containers of the replicas that have had a charged restart more: a rule may charge any end, or none."""
    old = {r.key: r.restarts for r in before.replicas} if not _runs_again(before, after) else {}
    more = [(r, r.restarts - old.get(r.key, 0)) for r in after.replicas if r.restarts > old.get(r.key, 0)]
    assert all(times == 1 and r.last_exit for r, times in more)
    return {r.last_exit.container for r, _ in more if r.last_exit}


def _runs_again(before: Memory, after: Memory) -> bool:
    """A number that is raised before the end is only taken note of."""
    return after.rerun > before.rerun and after.past_runs[-1:] != before.past_runs[-1:]


def _exits(memory: Memory) -> dict[Key, LastExit]:
    return {r.key: r.last_exit for r in memory.replicas if r.last_exit}


def _again(world: Shell, plan: Plan, now: float) -> Plan:
    """What is decided at `now` if nothing was seen since."""
    quiet: Seen = replace(world.seen, ends=())
    return decide(world.declared, plan.memory, quiet, now, LIMITS)


def one_answer_to_one_question(world: Shell, plan: Plan) -> None:
    assert decide(world.declared, world.memory, world.seen, world.now, LIMITS) == plan


def nothing_more_to_decide(world: Shell, plan: Plan) -> None:
    """One pass takes in all there is: another one at the same moment finds nothing new."""
    again = _again(world, plan, world.now)
    names = [f.name for f in fields(Memory)]
    changed = [n for n in names if repr(getattr(again.memory, n)) != repr(getattr(plan.memory, n))]
    assert not changed, changed  # by repr, which has the times that == leaves out
    assert not again.events
    other = [
        n for n in ("status", "asks", "avoid", "actions", "wake_at") if getattr(again, n) != getattr(plan, n)
    ]
    assert not other, {n: (getattr(plan, n), getattr(again, n)) for n in other}


def nothing_changes_before_it_wakes(world: Shell, plan: Plan) -> None:
    assert plan.wake_at is None or plan.wake_at > world.now
    until = plan.wake_at or world.now + YEARS
    for at in (world.now + (until - world.now) / 2, until - 0.001):
        if at <= world.now:
            continue
        then = _again(world, plan, at)
        assert then.memory == plan.memory
        assert (then.actions, then.asks, then.avoid) == (plan.actions, plan.asks, plan.avoid)
        assert _true(then.status) == _true(plan.status)


def nothing_falls(before: Memory, after: Memory) -> None:
    anew = _runs_again(before, after)
    for name in COUNTERS if anew else COUNTERS + OF_A_RUN:
        assert getattr(after, name) >= getattr(before, name), name
    assert before.role_numbers.items() <= after.role_numbers.items()
    old = {r.key: r for r in before.replicas}
    for replica in after.replicas:
        for name in OF_REPLICAS if anew else OF_REPLICAS + OF_REPLICAS_IN_A_RUN:
            was = getattr(old.get(replica.key), name, 0)
            assert getattr(replica, name) >= was, f"{name} of {replica.key}"


def only_the_programs_faults_are_charged(world: Shell, before: Memory, after: Memory) -> None:
    """Whatever nodes, scheduler and wires do, it isn't the user who pays; save that free replacements are not endless."""
    old = {r.key: r for r in before.replicas}
    for replica in after.replicas:
        known, last = old.get(replica.key), replica.last_exit
        if last is None or (known and known.last_exit == last) or last.cause not in CHARGED:
            continue
        often = len(known.infra_ends) >= INFRA_FREE if known else False
        assert often or last.container in world.faults, f"{last} was charged"


def starts_only_what_is_bound(world: Shell, plan: Plan) -> None:
    bound = {r.container: r.key for r in plan.memory.replicas if r.bound}
    for action in plan.actions:
        if isinstance(action, Start):
            assert bound[action.container] == action.key
            assert world.sight.containers[action.container].state is ContainerState.ALLOCATED


def _let_go(world: Shell, after: Memory) -> dict[str, Leaving]:
    """Those that this decision lets go while they run, as far as is seen; save those that YARN says are over, or gave away."""
    if LIMITS.in_place and after.generation > world.memory.generation:
        return {}  # what is restarted in its container has no time, and that may be decided before it is let go
    bound = {r.container for r in after.replicas if r.bound}
    ended = {e.container for e in (*world.seen.ends, *world.memory.pending_ends)}
    found = {}
    for replica in world.memory.replicas:
        seen = world.seen.containers.get(replica.container)
        ran = seen is None or seen.state in (ContainerState.RUNNING, ContainerState.UNKNOWN)
        waits = replica.process > 1 and (
            replica.reinitialising or not seen or seen.process != replica.process
        )
        if replica.bound and ran and not waits and replica.container not in bound | ended:
            found[replica.container] = Leaving(replica.key.role, world.now)
    return found


def _running(world: Shell, container: str) -> Process | None:
    processes = (p for _, p in world.yarn.processes() if p.state is NmState.RUNNING and not p.awaits_kill)
    return next((p for p in processes if p.of.id == container), None)


def everybody_is_told_once(world: Shell) -> None:
    """By what NodeManagers were told, whatever becomes of answers and controllers."""
    assert all(process.begged < 2 for _, process in world.yarn.processes())


def _order(memory: Memory) -> dict[str, dict[str, str]]:
    """What each role waits for, as it is declared."""
    roles = json.loads(memory.document or "{}").get("spec", {}).get("roles", {})
    return {
        name: {after["role"]: after["when"] for after in role.get("startAfter", ())}
        for name, role in roles.items()
    }


def awaited(memory: Memory) -> set[str]:
    """Roles that others want to have succeeded."""
    return {role for after in _order(memory).values() for role, when in after.items() if when == "Succeeded"}


def starts_in_order(world: Shell, plan: Plan) -> None:
    """Nothing begins before what it waits for was seen: of each replica, in its present container."""
    memory, order, containers = plan.memory, _order(plan.memory), world.sight.containers
    for action in plan.actions:
        if not isinstance(action, Start | Reinitialise):
            continue
        for role, when in order[action.key.role].items():
            for r in (r for r in memory.replicas if r.key.role == role and not r.done):
                assert when != "Succeeded", f"{action.key} began before {r.key} succeeded"
                found = containers.get(r.container)
                assert found, f"{action.key} began without {r.key}"
                assert found.state is ContainerState.RUNNING, f"{action.key} began before {r.key} ran"
                assert when != "Ready" or r.ready == (r.run, memory.generation), (action.key, r.key)


def holds_nothing_for_a_later_stage(world: Shell, plan: Plan) -> None:
    """Nothing is asked for, or kept, that waits for others to succeed; nor while those still hold something."""
    memory, order = plan.memory, _order(plan.memory)
    if memory.closing_since or memory.verdict or not order:
        return
    over = {r.key for r in memory.replicas if r.done}
    wanted = {ask.key for ask in plan.asks} | {r.key for r in memory.replicas if r.bound}
    for key_ in wanted:
        waits = [r for r, when in order.get(key_.role, {}).items() if when == "Succeeded"]
        early = [r.key for r in memory.replicas if r.key.role in waits and r.key not in over]
        assert not early, f"{key_} has a container, or is asked for, before {early} succeeded"


def nobody_outstays_its_time(world: Shell, plan: Plan) -> None:
    """A gentle stop is bounded: what is known to run and isn't wanted is stopped as soon as its time is over."""
    if world.sight.state is not AppState.REGISTERED:
        return
    stopped = {a.container for a in plan.actions if isinstance(a, Stop)}
    bound = {r.container for r in plan.memory.replicas if r.bound}
    has_time = {one.container for one in leaving(plan.memory) if world.now < one.grace_until}
    runs = {c.id for c in world.seen.containers.values() if c.state is ContainerState.RUNNING}
    assert runs - bound - has_time <= stopped
    longest = LONGEST_GRACE if world.unreadable else LONGEST  # how long a time was granted wasn't known once
    assert all(one.grace_until <= world.now + longest for one in leaving(plan.memory))


def anew_only_what_is_of_another_generation(world: Shell, plan: Plan) -> None:
    bound = {r.container: r for r in plan.memory.replicas if r.bound}
    for action in plan.actions:
        if isinstance(action, Reinitialise):
            assert bound[action.container].key == action.key
            assert plan.memory.generation == plan.memory.started_generation
            assert bound[action.container].reinitialising
            assert action.process == bound[action.container].process


def asks_for_nothing_when_closing(plan: Plan) -> None:
    if plan.memory.closing_since or plan.memory.verdict:
        assert plan.asks == ()
        assert not any(r.bound for r in plan.memory.replicas)


def a_gang_starts_whole(before: Memory, after: Memory) -> None:
    """All that may be gathered is bound in one write; with the simulator's jobs the minimum is all."""
    if after.started_generation > before.started_generation:
        assert after.started_generation == after.generation
        order, running = _order(after), {r.key.role for r in after.replicas if not r.done}
        later = {
            role
            for role, waits in order.items()
            if any(when == "Succeeded" and r in running for r, when in waits.items())
        }
        for _ in order:
            later |= {role for role, waits in order.items() if waits.keys() & later}
        missing = [r.key for r in after.replicas if not r.bound and not r.done and r.key.role not in later]
        assert not missing


def ports_are_unique(memory: Memory) -> None:
    used = Counter((r.host, port) for r in memory.replicas if r.bound for port in r.ports)
    assert not [place for place, times in used.items() if times > 1]
    assert all(r.ports for r in memory.replicas if r.bound)


def wants_neither_too_few_nor_too_many(plan: Plan) -> None:
    """Of each role as many as are declared, or fewer down to its min where it is elastic."""
    memory, job = plan.memory, last_good(plan.memory)
    if job is None or memory.expired or not memory.replicas or memory.closing_since or memory.verdict:
        return
    have = Counter(r.key.role for r in memory.replicas)
    for name, role in job.spec.roles.items():
        least = role.elastic.min if role.elastic else role.replicas
        assert least <= have[name] <= role.replicas, f"{have[name]} {name}"
        assert plan.status.roles[name].wanted == have[name]
        assert bool(plan.status.roles[name].resized) == (have[name] < role.replicas)


def says_why_another_number_is_wanted(world: Shell, plan: Plan) -> None:
    before, after = (memory.wanted for memory in (world.memory, plan.memory))
    told = {event.reason for event in plan.events} & {"Shrunk", "Grown", "SpecChanged", "Rerun"}
    for name in before.keys() & after.keys():
        was, now = before[name].number, after[name].number
        edited = world.memory.document != plan.memory.document
        assert was == now or told or edited, f"{name}: {was} to {now}"


def there_is_room_beside_what_is_avoided(world: Shell, plan: Plan) -> None:
    """However many nodes have failed: of the largest part of them one may ask."""
    cluster, known = world.seen.cluster, world.seen.cluster.picture.by_host if world.seen.cluster else {}
    gone = plan.avoid & known.keys()
    if plan.avoid and cluster:
        assert 2 * len(gone) <= len(known)
        left = [node for host, node in known.items() if host not in gone]
        wanted = sum((ask.size for ask in plan.asks), Size())
        assert wanted.fits(sum((node.total for node in left), Size()))
        assert all(any(ask.size.fits(node.total) for node in left) for ask in plan.asks)
    grows = any(one.asking for one in plan.memory.wanted.values())
    assert not plan.avoid or grows or any(not r.bound for r in plan.memory.replicas)


def each_second_is_in_one_class(memory: Memory) -> None:
    """The classes of a run's time come to what it held, now and in all; each container here has one core."""
    account, ledger = memory.account, memory.ledger
    assert bool(account.at) == bool(ledger.at)
    parts = [ledger.until(max(account.at, ledger.at)).values(), [*ledger.now.values()]]
    held = account.total.after(account.now, max(0.0, ledger.at - account.at)), account.now
    for amounts, use in zip(parts, held, strict=True):
        assert abs(sum(each[1] for each in amounts) - use.vcores) < 1e-3
        assert abs(sum(each[2] for each in amounts) - use.gpus) < 1e-3
        assert all(number > -1e-3 for each in amounts for number in each)
    assert all(cost > -1e-3 for cost in (*ledger.causes.values(), *ledger.hosts.values()))
    assert abs(sum(ledger.causes.values()) - replica_seconds(ledger.total, LOST)) < 1e-3


def one_phase_follows_on_the_other(memory: Memory) -> None:
    """Without a gap, so that they come to just the time since the first one began."""
    phases = memory.phases
    assert bool(phases) == (bool(memory.account.at) and not memory.expired), "they are forgotten with the run"
    assert all(one.at <= next_.at and one.phase is not next_.phase for one, next_ in pairwise(phases))
    assert len(phases) <= MOST_PHASES


def conditions_agree(status: JobStatus) -> None:
    true = _true(status)
    assert not {C.SUCCEEDED, C.FAILED} <= true
    assert C.FINISHED not in true or true & {C.SUCCEEDED, C.FAILED}
    assert (C.RECONCILING in true) == (not true & {C.READY, C.STALLED})
    assert status.state
    running = status.condition(C.RUNNING)
    assert running is None or running.status == "True" or running.reason not in ("AllRunning", "SomeRunning")
    assert all(c.reason and c.message for c in status.conditions)


def what_is_written_can_be_read(plan: Plan) -> None:
    assert JobStatus.model_validate_json(plan.status.model_dump_json(by_alias=True)) == plan.status
    assert decode(encode(plan.memory)) == plan.memory


def _true(status: JobStatus) -> set[C]:
    return {c.type for c in status.conditions if c.status == "True"}


def the_end_is_an_end(world: Shell, plan: Plan) -> None:
    """A verdict stays, nothing is told before it is written, and nothing lives after the end."""
    before, after = world.memory, plan.memory
    assert before.verdict in (None, after.verdict) or _runs_again(before, after)
    # Processes on a node that is cut off may outlive it; that all of them end is asked when everything is well again.
    over = all(known.state.over for known in world.yarn.applications.values())
    gone = any(isinstance(a, Forget) for a in plan.actions)
    suspended = after.suspended and C.SUSPENDED in _true(plan.status)
    assert over or not (after.closed_at or gone or suspended)
    assert world.declared.deleted or not gone
    if after.verdict and after.application is None:
        assert not any(isinstance(a, Open) for a in plan.actions)
    if any(isinstance(a, Finish) for a in plan.actions):
        assert after.closing_since
        assert world.sight.state is AppState.REGISTERED


def one_process_of_each_identity(world: Shell) -> None:
    """Also on nodes that are cut off, until nobody has heard of them for as long as YARN waits for a lost one."""
    alike: dict[int, list[tuple[NodeManager, Process]]] = {}
    for nm, process in world.yarn.processes():
        alike.setdefault(process.of.number >> RUN_BITS, []).append((nm, process))
    for number, found in alike.items():
        if len(found) > 1:
            for nm, process in found:
                process.excused |= process.of.lost or nm.silent_for >= LIMITS.node_expiry
            seen = [process.of.id for _, process in found if not process.excused]
            assert len(seen) < 2, f"{seen} have the same identity ({number})"


def one_generation_at_a_time(world: Shell) -> None:
    """Nothing is begun beside what was told of other peers: it could read a checkpoint that the other still writes."""
    told: dict[str, list[str]] = {}
    for nm, process in world.yarn.processes():
        if not (process.excused or process.of.lost or nm.silent_for >= LIMITS.node_expiry):
            told.setdefault(process.launch.environment.get("TRAINMASTER_GENERATION", ""), []).append(
                process.of.id
            )
    told.pop("", None)  # what waits reads and writes nothing
    assert len(told) < 2, f"{told} run at one time"
