"""Which jobs a list shows: filters, orders and pages, as an address names them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from observe.pictures import fleet, picture, refused, replica, role
from trainmaster.api.status import ResourceStatus
from trainmaster.errors import InvalidError
from trainmaster.master.gpus import ClusterGpus, GpuCount
from trainmaster.master.picture import Picture
from trainmaster.plan.suspects import TOO_MANY, Suspect, Witness
from trainmaster.web.answers import LIMIT, jobs_json
from trainmaster.web.glance import glance
from trainmaster.web.listing import SIZE, Page, Query, parse, select
from web.serving import serving

JOBS = (
    picture("bert", "Running", namespace="speech", queue="gpu", gpus=8, restarts=2),
    picture("mnist", "Failed", namespace="vision", queue="cpu"),
    picture("resnet", "Running", namespace="vision", queue="gpu", gpus=1),
    refused("broken"),
)


def names(page: Page) -> list[str]:
    return [row.declared.name for row in page.rows]


def listed(**words: str) -> list[str]:
    return names(select(JOBS, parse(words)))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({}, ["bert", "broken", "mnist", "resnet"]),
        ({"state": "Running"}, ["bert", "resnet"]),
        ({"queue": "gpu", "namespace": "vision"}, ["resnet"]),
        ({"user": "alice", "state": "Failed"}, ["mnist"]),
        ({"text": "VISION/R"}, ["resnet"]),
        ({"text": "<script>"}, []),
        ({"sort": "gpus"}, ["broken", "mnist", "resnet", "bert"]),
        ({"sort": "-gpus"}, ["bert", "resnet", "broken", "mnist"]),
        ({"sort": "state"}, ["bert", "resnet", "mnist", "broken"]),
        ({"sort": "__class__", "page": "-1", "colour": "red"}, ["bert", "broken", "mnist", "resnet"]),
        ({"page": "٣", "state": " Failed "}, ["mnist"]),
    ],
)
def test_an_address_says_what_is_listed_and_what_it_says_wrongly_counts_as_unsaid(
    words: dict[str, str], expected: list[str]
) -> None:
    assert listed(**words) == expected


def many(number: int) -> list[Picture]:
    return [picture(f"job-{n:05}") for n in range(number)]


def test_pages_hold_each_job_once_and_a_page_beyond_the_last_is_the_last() -> None:
    jobs = many(2 * SIZE + 7)
    pages = [select(jobs, Query(page=n)) for n in (1, 2, 3)]
    assert [name for page in pages for name in names(page)] == [job.declared.name for job in jobs]
    assert names(select(jobs, Query(page=99))) == names(pages[2])
    assert (pages[0].pages, pages[0].found) == (3, len(jobs))


def test_states_are_counted_among_what_passes_the_other_filters() -> None:
    page = select(JOBS, parse({"queue": "gpu", "state": "Failed"}))
    assert page.states == (("Running", 2),)
    assert (page.found, page.pages) == (0, 1)


def test_links_keep_what_was_asked_for_and_lead_to_the_first_page() -> None:
    query = parse({"queue": "a&b", "page": "4", "sort": "age"})
    assert query.link(state="Running") == "?state=Running&queue=a%26b&sort=age"
    assert query.link(page=5) == "?queue=a%26b&sort=age&page=5"
    assert parse({"state": "Failed"}).link(state="") == "./"
    assert [query.order("age"), query.order("name")] == ["-age", "name"]


def test_an_answer_holds_so_many_jobs_and_says_where_the_next_ones_begin() -> None:
    shown = fleet(*many(7))
    first = jobs_json(shown, {"limit": "3"})
    assert (len(first["jobs"]), first["remaining"]) == (3, 4)  # type: ignore[arg-type]
    gone = replace(shown, jobs={u: p for u, p in shown.jobs.items() if p.declared.name != "job-00002"})
    rest = jobs_json(gone, {"continue": str(first["continue"])})
    assert [j["name"] for j in rest["jobs"]] == [f"job-{n:05}" for n in (3, 4, 5, 6)]  # type: ignore[attr-defined]
    assert "continue" not in rest


def test_an_answer_is_bounded_though_no_limit_is_given() -> None:
    assert len(jobs_json(fleet(*many(LIMIT + 1)), {})["jobs"]) == LIMIT  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "words", [{"limit": "0"}, {"limit": "501"}, {"limit": "9" * 5000}, {"limit": "x"}, {"continue": "x"}, {"continue": "é"}]
)  # fmt: skip
def test_a_place_or_a_limit_that_cannot_be_meant_is_refused(words: dict[str, str]) -> None:
    with pytest.raises(InvalidError, match=next(iter(words))):
        jobs_json(fleet(*JOBS), words)


def test_at_a_glance_queues_show_what_their_living_jobs_hold() -> None:
    granted = ResourceStatus(memory_mib=2048, vcores=1, gpus=2)
    holds = {"worker": role(2, 2, replicas=tuple(replica(i, "Running", granted=granted) for i in range(2)))}
    shown = fleet(
        picture("a", queue="gpu", roles=holds),
        picture("b", "Queued", queue="gpu"),
        picture("c", "Failed", queue="old"),
        gpus=ClusterGpus({"": GpuCount(1, 2, 3)}, {}),
    )
    seen = glance(shown)
    (queue,) = seen.queues
    assert (queue.name, queue.running, queue.waiting) == ("gpu", 1, 1)
    assert (queue.containers, queue.gpus, queue.memory_mib) == (2, 4, 4096)
    assert seen.gpus == (("", GpuCount(1, 2, 3)),)


async def test_nodes_that_failed_several_jobs_are_shown_without_the_jobs_names() -> None:
    """Whoever looks may not see all of them."""
    said = (Witness("secret/a", "GpuFault", 2, 1.0), Witness("secret/b", "NeverRan", 1, 1.0))
    shown = fleet(suspects=(Suspect("n7", 2, said), Suspect("n<8>", 2, said[:1], TOO_MANY)))
    async with serving(shown) as client:
        page = await (await client.get("/")).text()
    assert "2 jobs failed on this node: GpuFault, NeverRan. New containers are asked for elsewhere." in page
    assert "2 jobs failed on this node: GpuFault. It is not left alone: too many nodes failed." in page
    assert "n&lt;8&gt;" in page
    assert "secret" not in page
