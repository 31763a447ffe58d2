"""Pages of jobs that ran more than once, and of edits that aren't taken over."""

from __future__ import annotations

from observe.pictures import condition, fleet, picture
from trainmaster.api.status import ConditionType, EarlierLog, EarlierRun
from web.serving import serving


async def test_each_run_has_a_page_that_stays_its_own() -> None:
    earlier = EarlierRun(
        rerun=0,
        state="Failed",
        reason="PermanentExit",
        message="worker-0 ended: <exit code 1>",
        application_ids=("application_1_0000",),
        completion_time="2025-06-15T15:06:40Z",
        logs=(
            EarlierLog(role="worker", index=0, code=1, log_url="http://a:8042/ws/v1/node/containers/c1/logs"),
        ),
    )
    async with serving(fleet(picture(rerun=1, earlier_runs=(earlier,)))) as client:
        pages = {}
        for rerun, code in ((0, 200), (1, 200), (2, 404)):
            async with client.get(f"/jobs/vision/mnist/runs/{rerun}/") as answer:
                assert answer.status == code
                pages[rerun] = await answer.text()
        async with client.get("/jobs/vision/mnist/") as answer:
            page = await answer.text()
    assert "worker-0 ended: &lt;exit code 1&gt;" in pages[0]
    assert 'href="logs/c1/stderr"' in pages[0]
    assert 'href="../../../../../"' in pages[1]
    assert "Earlier runs" in page
    assert "application_1_0000" in page


async def test_the_job_page_says_what_is_not_taken_over() -> None:
    no = condition(ConditionType.ACCEPTED, "NeverFits", "role worker wants more", status="False")
    shown = picture(conditions=(no, condition(ConditionType.RUNNING, "AllRunning")))
    async with serving(fleet(shown)) as client, client.get("/jobs/vision/mnist/") as answer:
        page = await answer.text()
    assert "The newest declaration is not taken over: role worker wants more" in page
