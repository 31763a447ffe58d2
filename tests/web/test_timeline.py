"""A job's timeline: which bars stand where, what they say, and what is left out of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from observe.pictures import NOW, picture, remembers
from plan.build import THROUGH_NEW, World, job
from trainmaster.master.picture import Picture
from trainmaster.plan.ends import Life
from trainmaster.plan.memory import Key, Memory, ReplicaMemory, replace
from trainmaster.web.logs import place_of
from trainmaster.web.pages import job_page
from trainmaster.web.timeline import LABELS, MOST, WIDTH, Timeline, timeline_of

BEGAN = NOW - 1000


def life(index: int, began: float, ended: float, code: int | None = 137, cause: str = "Retryable") -> Life:
    return Life("worker", index, 1, 1, f"c{index}", "a", "a:8042", BEGAN + began, BEGAN + ended, code, cause)


def memory(*lives: Life, running: int = 1, **fields: object) -> Memory:
    replicas = tuple(
        ReplicaMemory(Key("worker", i), 2, f"r{i}", "b:1", "b:8042", bound_at=BEGAN + 500, host="b")
        for i in range(running)
    )
    plain = Memory("u", "vision", "mnist", replicas=replicas, lives=lives, queued_at=BEGAN)
    return replace(plain, **fields)


def drawn(*lives: Life, **fields: object) -> Timeline:
    line = timeline_of(memory(*lives, **fields), NOW)  # type: ignore[arg-type]
    assert line
    return line


def test_a_job_that_nothing_was_started_of_has_none() -> None:
    assert timeline_of(None, NOW) is None
    assert timeline_of(Memory("u", "vision", "mnist", queued_at=BEGAN), NOW) is None


def test_bars_stand_where_their_times_are() -> None:
    (row,) = drawn(life(0, 0, 500)).rows
    before, now = row.bars
    middle = (LABELS + WIDTH) / 2
    assert (before.x, before.x + before.width, now.x, now.x + now.width) == (LABELS, middle, middle, WIDTH)
    assert (before.tone, now.tone) == ("bad", "good")
    assert (
        before.title
        == "worker-0, run 1, on a: 2025-06-15 14:50:00 to 14:58:20 (8m), Retryable (exit code 137)"
    )
    assert now.title.endswith("on b: 2025-06-15 14:58:20 to now (8m), running or starting")
    assert before.href == "logs/c0/stderr"


def test_causes_have_their_colours() -> None:
    causes = ("Succeeded", "Stopped", "", "Consequence", "Infrastructure", "Memory", "of another version")
    lives = [life(0, n, n + 1, cause=cause) for n, cause in enumerate(causes)]
    bars = drawn(*lives, running=0).rows[0].bars
    assert [bar.tone for bar in bars] == ["done", "calm", "calm", "calm", "warn", "bad", "bad"]


def test_an_end_of_which_nothing_was_heard_is_not_given_a_code() -> None:
    (bar,) = drawn(life(0, 0, 10, code=None, cause=""), running=0).rows[0].bars
    assert bar.title.endswith(", told to go")


def test_the_day_is_said_and_once_where_it_is_the_same() -> None:
    (bar,) = drawn(life(0, 0, 86_400), running=0).rows[0].bars
    assert "2025-06-15 14:50:00 to 2025-06-16 14:50:00 (1d)" in bar.title
    assert drawn(life(0, 0, 1)).begins == "2025-06-15 14:50:00"


# --- of jobs as the engine leaves them

FREE = {"backoff": {"base": 0}}


def world(scope: str = "Replica") -> World:
    """Two workers that waited for a minute, started for another one, and have run for ten."""
    roles = {"worker": {"restartScope": scope}}
    told = World(job("Generic", FREE, roles=roles, worker=2), limits=THROUGH_NEW)
    told.later(60)
    told.registers()
    told.grants("worker-0", "worker-1").later(60)
    return told.starts().later(600)


def phases(told: World) -> list[tuple[str, str]]:
    line = timeline_of(told.memory, told.now)
    assert line
    return [(bar.title.partition(":")[0], bar.title.partition(": ")[2]) for bar in line.phases]


def test_a_job_that_runs_has_waited_started_and_run() -> None:
    assert phases(world()) == [
        ("Waiting", "1970-01-01 02:46:40 to 02:47:40"),
        ("Starting", "1970-01-01 02:47:40 to 02:48:40"),
        ("Running", "1970-01-01 02:48:40 to 02:58:40"),
    ]


def test_a_job_that_ended_is_not_said_to_start() -> None:
    told = world().ends("worker-0", 0)
    told.now += 60
    told.ends("worker-1", 0).closes()
    assert told.memory.finished
    active = ("Active", "1970-01-01 02:47:40 to 02:59:40")
    assert phases(told.later(3600)) == [("Waiting", "1970-01-01 02:46:40 to 02:47:40"), active]


def test_a_job_that_restarted_is_not_said_to_have_been_starting_all_the_time() -> None:
    told = world("Job").ends("worker-0", 137).obeys().later(60)
    told.runs().later(60)
    assert [said for said, _ in phases(told)] == ["Waiting", "Active", "Running"]


def test_what_ran_before_it_was_suspended_belongs_to_the_run() -> None:
    told = world()
    suspended = job("Generic", {**FREE, "suspend": True}, worker=2)
    told.declares(suspended).closes().later(600)
    assert [said for said, _ in phases(told)] == ["Waiting", "Active"]
    assert phases(told)[1][1].endswith("to 02:58:40"), "it was at work until it was suspended"
    told.declares(job("Generic", FREE, worker=2)).runs().later(60)
    line = timeline_of(told.memory, told.now)
    assert line
    assert [len(row.bars) for row in line.rows] == [2, 2], "before and after"


def test_the_lives_of_an_earlier_run_are_left_to_its_own_page() -> None:
    told = world().ends("worker-0", 0).ends("worker-1", 0).closes().later(60)
    told.declares(job("Generic", {**FREE, "rerun": 1}, worker=2)).runs().later(60)
    assert told.memory.past_runs
    line = timeline_of(told.memory, told.now)
    assert line
    assert [len(row.bars) for row in line.rows] == [1, 1]


def test_replicas_that_ended_lead_to_their_logs() -> None:
    told = world().ends("worker-0", 0).ends("worker-1", 0).closes()
    shown = Picture(told.declared, told.memory, told.status, told.now)
    page = job_page(shown, told.now)
    _, _, rows = page.partition('<table class="replicas">')
    for container in ("c1", "c2"):
        assert rows.count(f'<td><a href="logs/{container}/stdout">') == 1
        assert rows.count(f"logs/{container}/stdout") == 1, "once"
        assert place_of(shown, container)


def test_of_many_replicas_those_with_most_lives_are_drawn() -> None:
    line = drawn(life(MOST + 5, 0, 10), life(MOST + 5, 20, 30), running=MOST + 9)
    assert len(line.rows) == MOST
    assert f"worker-{MOST + 5}" in {row.name for row in line.rows}
    assert line.left_out == 9


def test_a_long_host_is_not_written_where_it_has_no_room() -> None:
    short, long = drawn(life(0, 0, 1), life(0, 2, 900), running=0).rows[0].bars
    assert (short.text, long.text) == ("", "a")


times = st.floats(0, 10**8)


@given(st.lists(st.tuples(times, times), min_size=1, max_size=30), times)
def test_whatever_the_times_all_of_it_lies_on_the_picture(
    spans: list[tuple[float, float]], later: float
) -> None:
    lives = [life(i % 7, began, began + length) for i, (began, length) in enumerate(spans)]
    line = timeline_of(memory(*lives, active_since=BEGAN + 1), BEGAN + later)
    assert line
    for bar in (*line.phases, *(bar for row in line.rows for bar in row.bars)):
        assert LABELS <= bar.x <= WIDTH
        assert 0 < bar.width <= WIDTH - LABELS
    assert all(LABELS <= mark.x <= WIDTH for mark in line.marks)
    assert 1 <= len(line.marks) <= 12


def test_the_page_draws_it_and_escapes_what_it_says() -> None:
    evil = replace(life(0, 0, 500), host="<b>&", role='"><script>')
    page = job_page(remembers(picture(), lives=(evil,), queued_at=BEGAN), NOW)
    assert '<svg class="timeline"' in page
    assert "<b>&" not in page
    assert '"><script>' not in page
    assert "&lt;b&gt;&amp;" in page
