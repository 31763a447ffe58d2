"""What is used, as the API and the page of a job tell it: against what was asked for, to those who may see it, and bounded."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from observe.gpu_pictures import said as gpus_said
from observe.gpu_pictures import training as with_gpus
from observe.pictures import NOW, fleet
from observe.use_pictures import MIB, told, training, uses
from trainmaster.api.status import ResourceStatus, RoleStatus
from trainmaster.errors import InvalidError
from trainmaster.hadoop.container_use import UseTrouble
from trainmaster.master.picture import FleetPicture, Picture
from trainmaster.observe.gpus.values import GpuPicture, Holders
from trainmaster.observe.use.curves import Curve, Sample, UsePicture, later
from trainmaster.observe.use.values import Said
from trainmaster.plan.cluster import Node, Size
from trainmaster.web import pages, use
from trainmaster.web.curves import HEIGHT, TOP, WIDTH, charts_of
from trainmaster.web.use import use_json
from web.serving import serving

SHOWN = fleet(
    training("mnist", {"c1": "n1", "c2": "n2"}, memory=1024, vcores=2),
    training("bert", {"c3": "n2"}, memory=4096, vcores=1),
    nodes=(Node("n2", "/r", Size(1, 1, 1), Size(65536, 16, 8)),),
)
SAID = told(n1={"c1": uses(100, 0.5, peak=900)}, n2={"c2": uses(300, 1.0), "c3": uses(64, 0.1)})


def rows(of: str, shown: FleetPicture = SHOWN, gpus: GpuPicture = GpuPicture(), **words: str) -> list[Any]:  # noqa: B008 - frozen
    return list(use_json(shown, shown.nodes, gpus, UsePicture(SAID), of, words)["rows"])


def test_a_jobs_sums_are_those_of_its_replicas() -> None:
    (bert, mnist) = rows("jobs")
    assert bert["job"] == "bert"
    assert (mnist["replicas"], mnist["told"]) == (2, 2)
    assert mnist["memory"] == {
        "requested": 2048 * MIB,
        "used": 400 * MIB,
        "peak": 1200 * MIB,
        "peakRatio": round(900 / 1024, 4),
    }
    assert mnist["cpu"] == {"requestedVcores": 4, "usedCores": 1.5, "peakCores": 1.5}
    assert mnist["memory"]["used"] == sum(r["memory"]["used"] for r in rows("replicas", job="mnist"))


def test_a_node_has_the_sums_of_what_is_ours_there_and_what_it_has() -> None:
    first, second = rows("nodes")
    assert (first["node"], first["total"]) == ("n1", {})
    assert second["memory"]["used"] == 364 * MIB
    assert second["total"] == {"memory": 65536 * MIB, "vcores": 16, "gpus": 8}


def test_what_is_not_told_is_absent_and_no_zero() -> None:
    (row,) = rows("replicas", fleet(training(containers={"c9": "n9"})))
    assert row["memory"] == {"requested": 1024 * MIB}
    assert row["cpu"] == {"requestedVcores": 2}
    assert row["told"] == 0


def test_gpus_come_with_whoever_holds_them() -> None:
    shown = fleet(with_gpus("mnist", {"c1": "n1"}))
    gpus = GpuPicture({"n1:8042": gpus_said("n1", {0: "c1"}, 87, 5)}, Holders().of(shown))
    (row,) = rows("gpus", shown, gpus)
    assert (row["job"], row["role"], row["gpu"], row["utilization"]) == ("mnist", "worker", 0, 0.87)
    assert row["memory"]["used"] == 1024 * MIB
    assert rows("jobs", shown, gpus)[0]["utilization"] == 0.87


def labelled(shown: Picture, **labels: str) -> Picture:
    job = shown.declared.job
    assert job
    metadata = job.metadata.model_copy(update={"labels": labels})
    return replace(shown, declared=replace(shown.declared, job=job.model_copy(update={"metadata": metadata})))


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        ({}, ["bert", "mnist"]),
        ({"namespace": "vision"}, ["bert", "mnist"]),
        ({"namespace": "speech"}, []),
        ({"job": "bert"}, ["bert"]),
        ({"selector": "team=a"}, ["bert"]),
        ({"selector": "!team"}, ["mnist"]),
    ],
)
def test_jobs_are_chosen_as_everywhere(words: dict[str, str], chosen: list[str]) -> None:
    shown = fleet(training("mnist"), labelled(training("bert"), team="a"))
    assert [row["job"] for row in rows("jobs", shown, **words)] == chosen


def test_what_is_no_selector_is_told() -> None:
    with pytest.raises(InvalidError, match="is no label selector"):
        rows("jobs", selector="a=b=c")


def test_an_answer_is_bounded_and_says_what_it_leaves_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(use, "MOST", 2)
    answer = use_json(SHOWN, (), GpuPicture(), UsePicture(SAID), "replicas", {})
    assert (len(answer["rows"]), answer["leftOut"]) == (2, 1)


def test_each_reason_for_telling_nothing_is_told_once() -> None:
    off = {f"{host}:8042": Said(host, trouble=UseTrouble.OFF, words="switch it on") for host in ("n1", "n2")}
    answer = use_json(SHOWN, (), GpuPicture(), UsePicture(off), "jobs", {})
    assert answer["troubles"] == [{"trouble": "Off: switch it on", "nodes": 2, "first": "n1"}]


def test_where_nobody_is_asked_that_is_told() -> None:
    answer = use_json(SHOWN, (), GpuPicture(), UsePicture(asked=False), "jobs", {})
    said = "nobody is asked: the controller's setting use.poll_interval is 0"
    assert answer["troubles"] == [{"trouble": said, "nodes": 2, "first": "n1"}]


async def test_the_api_serves_it_and_says_what_is_wrong() -> None:
    async with serving(SHOWN) as client:
        async with client.get("/api/use/jobs?job=bert") as answer:
            assert [row["job"] for row in (await answer.json())["rows"]] == ["bert"]
        async with client.get("/api/use/jobs?selector=a%3Db%3Dc") as answer:
            assert (answer.status, "no label selector" in (await answer.json())["error"]) == (400, True)
        async with client.get("/api/use/everything") as answer:
            assert answer.status == 404


# --- the page


def test_the_job_page_shows_what_each_replica_uses_and_why_a_node_tells_nothing() -> None:
    shown = training(containers={"c1": "n1", "c2": "n2", "c3": "n2"})
    off = Said("n2", trouble=UseTrouble.OFF, words="<script>switch it on</script>")
    said = told(n1={"c1": uses(100, 0.5, peak=512)}) | {"n2:8042": off}
    page = pages.job_page(shown, NOW, use=UsePicture(said))
    assert "0.1 of 1.0 GiB (peak 0.5), 0.5 cores of 2 vcores" in page
    assert "Off: &lt;script&gt;switch it on" in page
    assert page.count("switch it on") == 1, "not once for each replica"
    assert "Last hour" not in page


def test_the_last_hour_is_drawn_by_role() -> None:
    page = pages.job_page(training(), NOW, use=UsePicture({}, {"uid-mnist": {"worker": curve(0, 1, 2)}}))
    assert 'aria-label="worker: Memory of the last hour, at present 0.5 GiB of 1.0 GiB"' in page
    assert "GPUs busy" not in page, "nothing is known of any"


MINUTE = int(NOW // 60)


def curve(*minutes_ago: int, memory: float = 512.0, most: float | None = None) -> Curve:
    made: Any = {}
    for ago in sorted(minutes_ago, reverse=True):
        minute = MINUTE - ago
        sample = Sample(minute, memory, most or memory, 0.5, 1.0)
        made = later(made, {"u": {"worker": sample}}, minute)
    found: Curve = made["u"]["worker"]
    return found


def drawn(curve_: Curve, memory: int = 1024) -> Any:
    role = RoleStatus(wanted=1, asked=ResourceStatus(memory_mib=memory, vcores=2))
    (of_role,) = charts_of({"worker": curve_}, {"worker": role, "ps": role}, NOW)
    return of_role.charts[0]


def points(line: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, _, y in (each.partition(",") for each in line.split())]


def test_all_points_lie_inside_of_the_picture_from_old_to_new() -> None:
    chart = drawn(curve(*range(60), most=2048.0))
    for line in (*chart.mean, *chart.most):
        found = points(line)
        assert all(0 <= x <= WIDTH and TOP <= y <= HEIGHT for x, y in found)
        assert found == sorted(found, key=lambda each: each[0])
    assert len(points(chart.mean[0])) == 60


def test_a_line_is_broken_where_nobody_told() -> None:
    chart = drawn(curve(30, 29, 28, 5, 4))
    assert [len(points(line)) for line in chart.mean] == [3, 2]
    (alone,) = drawn(curve(9)).mean
    assert len(points(alone)) == 2, "a single sample is seen as well"


def test_a_request_is_a_line_where_it_does_not_press_the_others_flat() -> None:
    assert drawn(curve(1, 0)).limit is not None
    wide = drawn(curve(1, 0), memory=512 * 100)
    assert wide.limit is None
    assert wide.now.endswith("of 50.0 GiB")


def test_no_number_that_is_not_known_is_drawn() -> None:
    nothing = Sample(MINUTE, math.nan, math.nan, math.nan, math.nan, 0.5)
    made = later({}, {"u": {"worker": nothing}}, MINUTE)["u"]
    role = RoleStatus(wanted=1, asked=ResourceStatus())
    (of_role,) = charts_of(made, {"worker": role}, NOW)
    assert [(chart.title, chart.now) for chart in of_role.charts] == [("GPUs busy", "50 %")]
