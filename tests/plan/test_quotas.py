"""Quotas: who is let in, in which order, and what the others are told. And the laws: never more than allowed, nobody passed at
what he waits for, and nobody waits for ever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan.build import World, declared, job
from trainmaster.api.job import TrainingJob
from trainmaster.errors import InvalidError
from trainmaster.plan.decide import begun
from trainmaster.plan.holdings import came_at, demand, held_by, hopeless, limits_of, shares_of, wanted_of
from trainmaster.plan.ledger import Ledger
from trainmaster.plan.quotas import (
    FREE,
    KINDS,
    NO_LIMIT,
    NOTHING,
    Amount,
    Claim,
    QuotaTurn,
    Share,
    beyond,
    minus,
    most_of,
    plus,
)
from trainmaster.settings import Quota

ALL = Amount(*(NO_LIMIT for _ in KINDS))
TEAM = Share((0, "team-a", "", ""), "namespace team-a", ALL._replace(gpus=8))
ALICE = Share((1, "", "alice", ""), "user alice", ALL._replace(gpus=6, jobs=3))


def gpus(number: int) -> Amount:
    return Amount(declared=1, jobs=1, replicas=1, gpus=number, vcores=1, memory=1024)


def claim(
    name: str,
    wants: int | None,
    since: float = 0.0,
    held: int | None = None,
    shares: tuple[Share, ...] = (TEAM,),
    namespace: str = "team-a",
) -> Claim:
    return Claim(
        name,
        namespace,
        f"{namespace}/{name}",
        since,
        shares,
        NOTHING if held is None else gpus(held),
        None if wants is None else gpus(wants),
    )


def holds(name: str, number: int, **more: str) -> Claim:
    return claim(name, number, held=number, **more)


def words(*claims: Claim) -> dict[str, str]:
    return {uid: turn.words for uid, turn in Ledger().through(claims).items()}


# --- what they are told

SAID: list[tuple[list[Claim], str]] = [
    ([holds("a", 2), claim("x", 4)], ""),
    ([holds("a", 4), claim("x", 4)], ""),
    (
        [holds("a", 4), holds("b", 2), claim("x", 4)],
        "namespace team-a may hold 8 GPUs: 6 are held by team-a/a and team-a/b; this job wants 4",
    ),
    (
        [holds("e", 1), holds("d", 1), holds("c", 1), holds("b", 1), holds("a", 3), claim("x", 4)],
        "namespace team-a may hold 8 GPUs: 7 are held by team-a/a, team-a/b, team-a/c and 2 more; this job wants 4",
    ),
    (
        [holds("a", 1), claim("w", 8, 1), claim("x", 1, 2)],
        "namespace team-a may hold 8 GPUs: 1 is held by team-a/a; this job wants 1; 1 job is before it in line, team-a/w first",
    ),
    (
        [holds("a", 1), *(claim(f"w{n}", 8, 1) for n in range(5)), claim("x", 1, 2)],
        "namespace team-a may hold 8 GPUs: 1 is held by team-a/a; this job wants 1; up to 8 jobs are before it in line",
    ),
    ([claim("x", 9)], "namespace team-a may hold 8 GPUs; this job wants 9"),
    (
        [holds("a", 6), claim("x", 4, held=1)],
        "namespace team-a may hold 8 GPUs: 7 are held by team-a/a and team-a/x; this job wants 3 more",
    ),
    (
        [holds("a", 4), holds("b", 9, namespace="team-b"), holds("c", 9, namespace="team-c"), claim("x", 4)],
        "namespace team-a may hold 8 GPUs: 22 are held by team-a/a and 2 of other namespaces; this job wants 4",
    ),
    (
        [holds("b", 8, namespace="team-b"), claim("x", 4)],
        "namespace team-a may hold 8 GPUs: 8 are held by 1 job of other namespaces; this job wants 4",
    ),
]


@pytest.mark.parametrize(("claims", "said"), SAID)
def test_who_waits_is_told_the_numbers_and_who_holds_them(claims: list[Claim], said: str) -> None:
    assert words(*claims)["x"] == said


def test_memory_is_told_in_the_units_of_a_job() -> None:
    share = replace(TEAM, most=ALL._replace(memory=2048))
    x = claim("x", 1, shares=(share,))
    assert words(holds("a", 1, shares=(share,)), replace(x, wants=gpus(1)._replace(memory=1500)))["x"] == (
        "namespace team-a may hold 2Gi of memory: 1Gi are held by team-a/a; this job wants 1500Mi"
    )


# --- whose turn it is


def may(*claims: Claim) -> set[str]:
    return {uid for uid, turn in Ledger().through(claims).items() if turn.may}


def test_jobs_are_let_in_in_the_order_in_which_they_came() -> None:
    assert may(claim("c", 4, 3), claim("a", 4, 1), claim("b", 4, 2)) == {"a", "b"}


def test_jobs_of_one_second_are_let_in_by_name_whatever_their_ids_are() -> None:
    """Kubernetes keeps whole seconds of a creation, and a successor knows of no finer order."""
    a, b = replace(claim("a", 6, 1.0), uid="id-2"), replace(claim("b", 6, 1.0), uid="id-1")
    assert may(b, a) == {"id-2"}


def test_a_small_one_passes_nobody_at_what_he_waits_for() -> None:
    assert may(holds("h", 6), claim("large", 4, 1), claim("small", 1, 2)) == set()
    assert may(holds("h", 6), claim("large", 4, 1), claim("none", 0, 2)) == {"none"}


def test_what_can_never_be_stands_in_nobodys_way() -> None:
    turns = Ledger().through([claim("giant", 9, 1), claim("small", 8, 2)])
    assert turns["giant"].never
    assert turns["small"].may


def test_a_share_that_shrank_ends_nothing_and_keeps_nobody_from_what_it_has() -> None:
    shrunk = replace(TEAM, most=ALL._replace(gpus=2))
    turns = Ledger().through(
        [
            claim("runs", 4, held=4, shares=(shrunk,)),
            claim("x", 0, 1, shares=(shrunk,)),
            claim("y", 1, 2, shares=(shrunk,)),
        ]
    )
    assert "runs" not in turns
    assert turns["x"].may
    assert not turns["y"].may
    assert beyond(claim("runs", 4, held=4, shares=(shrunk,))) is None


def test_who_waits_at_one_share_keeps_nothing_idle_of_those_after_it_and_what_it_has_of_those_before() -> (
    None
):
    both = (TEAM, ALICE)
    at_team = [holds("h", 8), claim("both", 6, 1, shares=both), claim("mine", 6, 2, shares=(ALICE,))]
    assert may(*at_team) == {"mine"}
    at_alice = [holds("h", 6, shares=(ALICE,)), claim("both", 6, 1, shares=both), claim("team", 3, 2)]
    assert may(*at_alice) == set()


def test_a_newcomer_is_judged_by_what_is_left_and_only_where_nobody_waits() -> None:
    ledger = Ledger()
    ledger.through([holds("h", 4)])
    assert ledger.last(claim("a", 3, 1)) == FREE
    refused = ledger.last(claim("b", 3, 2))
    assert refused
    assert not refused.may
    assert ledger.last(claim("c", 1, 3)) is None, "b is before it"
    assert ledger.last(claim("g", 99, 4)) == QuotaTurn(
        False, "namespace team-a may hold 8 GPUs; this job wants 99", never=True
    )
    assert ledger.last(claim("late", 2, 5, held=1)) is None, "what it holds wasn't counted"


# --- laws

SHARES = (
    TEAM,
    ALICE,
    Share((2, "", "", "root.ml"), "queue root.ml", ALL._replace(gpus=5, replicas=3)),
    Share((3, "", "", ""), "this controller", ALL._replace(gpus=9, jobs=4)),
)


@st.composite
def fleets(draw: st.DrawFn) -> list[Claim]:
    made = []
    for number in range(draw(st.integers(0, 9))):
        chosen = draw(st.sets(st.sampled_from(range(len(SHARES)))))
        wants = draw(st.none() | st.integers(0, 9))
        held = draw(st.none() | st.integers(0, 5))
        shares = tuple(SHARES[n] for n in sorted(chosen))
        made.append(claim(f"j{number}", wants, draw(st.integers(0, 4)), held, shares))
    return made


def held_in(share: Share, claims: Sequence[Claim]) -> Amount:
    total = NOTHING
    for each in claims:
        total = plus(total, each.held) if share in each.shares else total
    return total


def let_in(claims: Sequence[Claim]) -> list[Claim]:
    chosen = may(*claims)
    return [replace(c, held=most_of(c.held, c.wants or NOTHING)) if c.uid in chosen else c for c in claims]


@given(fleets())
def test_never_is_more_given_than_allowed_and_nothing_is_taken(claims: list[Claim]) -> None:
    after = let_in(claims)
    for share in SHARES:
        before, now = held_in(share, claims), held_in(share, after)
        assert all(n <= max(b, m) for b, n, m in zip(before, now, share.most, strict=True))


@given(fleets())
def test_whoever_waits_lacks_something_that_those_before_it_hold_or_wait_for(claims: list[Claim]) -> None:
    turns = Ledger().through(claims)
    after = let_in(claims)
    for one in after:
        if not any(one.needs) or turns[one.uid].may or turns[one.uid].never:
            continue
        ahead = [c for c in claims if c.order < one.order and any(c.needs) and not turns[c.uid].never]
        lacks = any(
            one.needs[kind] and one.needs[kind] > left
            for share in one.shares
            for kind, left in enumerate(
                minus(share.most, plus(held_in(share, claims), _wanted_by(share, ahead)))
            )
        )
        assert lacks


def _wanted_by(share: Share, claims: Sequence[Claim]) -> Amount:
    total = NOTHING
    for each in claims:
        total = plus(total, each.needs) if share in each.shares else total
    return total


@given(fleets())
def test_nobody_passes_another_at_what_it_waits_for(claims: list[Claim]) -> None:
    turns = Ledger().through(claims)
    for one in (c for c in claims if c.uid in turns and not turns[c.uid].may and not turns[c.uid].never):
        share = next(s for s in one.shares if turns[one.uid].words.startswith(f"{s.name} may hold"))
        for other in (c for c in claims if c.order > one.order and share in c.shares and c.uid in turns):
            if turns[other.uid].may:
                left = minus(share.most, held_in(share, claims))
                short = [kind for kind in KINDS if one.needs[kind] > left[kind]]
                assert not any(other.needs[kind] for kind in short)


@given(fleets(), st.randoms(use_true_random=False))
def test_nobody_waits_for_ever_whatever_comes_after_it(claims: list[Claim], chance: object) -> None:
    """Each time all that was let in ends, and a flood of small ones comes."""
    for turn in range(2 * len(claims) + 2):
        claims = let_in(claims)
        waiting = [c for c in claims if any(c.needs) and beyond(c) is None]
        flood = [claim(f"f{turn}-{n}", 1, 10 + turn, None, (SHARES[n],)) for n in range(len(SHARES))]
        if not [c for c in waiting if not c.uid.startswith("f")]:
            return
        claims = [replace(c, held=NOTHING) for c in waiting] + flood
    raise AssertionError([c.uid for c in claims])


@given(fleets())
def test_the_order_in_which_jobs_are_counted_changes_nothing(claims: list[Claim]) -> None:
    assert may(*claims) == may(*reversed(claims))


@given(fleets(), fleets())
def test_what_is_counted_on_from_before_is_the_same_as_what_is_counted_anew(
    before: list[Claim], now: list[Claim]
) -> None:
    ledger = Ledger()
    ledger.through(before)
    ledger.keep_only({c.uid for c in now})
    assert ledger.through(now) == Ledger().through(now)


# --- what a job holds and wants


def test_a_job_wants_the_most_of_its_stages() -> None:
    staged = job(
        roles={
            "prepare": {"replicas": 5, "resources": {"memory": "1Gi"}},
            "worker": {
                "replicas": 2,
                "resources": {"memory": "3Gi", "vcores": 4, "gpus": 2},
                "startAfter": [{"role": "prepare", "when": "Succeeded"}],
            },
        }
    )
    assert demand(staged) == Amount(1, 1, 5, 4, 8, 6144)


def test_a_job_holds_what_it_declares_from_its_application_to_the_end_of_that() -> None:
    world = World(job(worker=2))
    assert held_by(world.memory) == NOTHING
    assert held_by(world.runs().memory) == Amount(1, 1, 2, 0, 2, 2048)
    world.ends("worker-0", 0).ends("worker-1", 0)
    assert held_by(world.memory).jobs == 1, "it is being closed"


@pytest.mark.parametrize(
    ("policy", "more", "wanted"),
    [
        ({}, {}, True),
        ({"suspend": True}, {}, False),
        ({}, {"deleted": True}, False),
        ({}, {"duplicate_of": "other.yaml"}, False),
    ],
)
def test_of_what_nothing_is_wanted_nothing_is_asked_for(
    policy: dict[str, bool], more: dict[str, object], wanted: bool
) -> None:
    said = declared(job(worker=1, policy=policy), **more)
    assert (wanted_of(said, begun(said)) is not None) is wanted


def test_when_a_job_came_is_the_same_for_every_controller() -> None:
    said = declared(job(worker=1), created=50.0)
    assert came_at(said, replace(begun(said), queued_at=99.0)) == 50.0
    world = World(job(worker=1)).runs()
    assert came_at(replace(world.declared, created=50.0), world.memory) == world.memory.queued_at


# --- settings


def names(*quotas: Quota) -> list[str]:
    return [share.name for share in shares_of(quotas, "team-a", "alice", "root.ml.a")]


def test_a_quota_is_for_each_that_its_pattern_matches() -> None:
    assert names(
        Quota(namespace="team-*", gpus=1),
        Quota(namespace="other", gpus=1),
        Quota(user="alice", gpus=1),
        Quota(user="*", namespace="team-a", gpus=1),
        Quota(queue="root.ml.*", gpus=1),
        Quota(jobs=5),
    ) == [
        "namespace team-a",
        "user alice",
        "user alice in namespace team-a",
        "queue root.ml.a",
        "this controller",
    ]
    [a], [b] = (shares_of([Quota(namespace="*", gpus=1)], name, "u", "q") for name in "ab")
    assert a.key != b.key, "each has its own"


def test_what_is_not_written_has_no_limit() -> None:
    assert limits_of(Quota(gpus=3, memory="1Gi")) == ALL._replace(gpus=3, memory=1024)


def test_a_size_that_cannot_be_meant_is_told_at_the_start() -> None:
    with pytest.raises(InvalidError, match="less than 1 MiB"):
        limits_of(Quota(memory="64"))
    with pytest.raises(ValueError, match="a quota limits something"):
        Quota(namespace="a")


def test_a_job_that_no_quota_would_ever_let_in_is_told_before_it_is_declared() -> None:
    quotas = [Quota(namespace="default", replicas=2), Quota(user="*", jobs=0)]
    assert hopeless(quotas, job(worker=2), "") == FREE, "as whom it runs isn't known here"
    turn = hopeless(quotas, job(worker=3), "")
    assert turn.words == "namespace default may hold 2 replicas; this job wants 3"


# --- in a decision

WAITS = QuotaTurn(False, "namespace default may hold 8 GPUs: 8 are held by default/a; this job wants 4")
NEVER = QuotaTurn(False, "namespace default may hold 8 GPUs; this job wants 16", never=True)


def test_a_job_waits_for_room_and_is_no_failure() -> None:
    world = World(job(worker=1)).sees(quota=WAITS)
    assert not world.plan.actions
    assert world.condition("Accepted").status == "True"
    assert (world.condition("Queued").reason, world.condition("Queued").message) == (
        "WaitingForQuota",
        WAITS.words,
    )
    assert world.status.state == "Queued"
    assert world.sees(quota=FREE).plan.actions


def test_a_job_that_never_fits_says_so_and_waits_all_the_same() -> None:
    world = World(job(worker=1)).sees(quota=NEVER)
    assert not world.plan.actions
    assert (world.condition("Accepted").reason, world.condition("Accepted").message) == (
        "OverQuota",
        NEVER.words,
    )
    assert world.memory.verdict is None


@pytest.mark.parametrize(("turn", "reason"), [(WAITS, "WaitingForQuota"), (NEVER, "OverQuota")])
def test_an_edit_waits_and_what_runs_goes_on(turn: QuotaTurn, reason: str) -> None:
    larger: TrainingJob = job(worker=3)
    world = World(job(worker=2)).runs()
    world.seen = replace(world.seen, quota=turn)
    world.declares(larger)
    assert world.condition("Accepted").reason == reason
    assert world.condition("Accepted").message == f"{turn.words}; going on with the declaration before"
    assert len(world.memory.replicas) == 2
    assert world.condition("Running").status == "True"
    assert len(world.sees(quota=FREE).memory.replicas) == 3


def test_a_quota_that_shrank_ends_no_job_and_keeps_none_from_restarting() -> None:
    world = World(job(worker=2)).runs()
    world.sees(quota=WAITS).ends("worker-0", 1).later(60)
    assert world.memory.application
    assert world.plan.asks


def test_what_waits_can_be_suspended_and_what_runs_as_well() -> None:
    for world in (World(job(worker=1)), World(job(worker=1)).runs()):
        world.seen = replace(world.seen, quota=WAITS)
        world.declares(job(worker=1, policy={"suspend": True}))
        assert world.memory.suspended
