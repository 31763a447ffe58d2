"""`trainmaster top` as a person meets it: beside a controller that shows jobs, and without any."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from threading import Event, Thread

import pytest

from cli.running import Ran
from observe.pictures import NOW, fleet
from observe.use_pictures import told, training, uses
from trainmaster.cli import top as top_module
from trainmaster.cli import use_of as use_of_module
from trainmaster.cli.describe import description
from trainmaster.cli.exits import ExitCode
from trainmaster.cli.use_of import use_of
from trainmaster.errors import UnavailableError
from trainmaster.hadoop.container_use import HOW, UseTrouble
from trainmaster.observe.use.curves import UsePicture
from trainmaster.observe.use.values import Said
from trainmaster.sources.stored import StoredJob
from web.serving import serving

Run = Callable[..., Ran]
SHOWN = fleet(training("mnist", {"c1": "n1", "c2": "n2"}), training("bert", {"c3": "n2"}, memory=8192))
SAID = told(n1={"c1": uses(100, 0.5, peak=900)}, n2={"c2": uses(300, 1.0), "c3": uses(2048, 0.1)})
OFF = {f"{host}:8042": Said(host, trouble=UseTrouble.OFF, words=HOW) for host in ("n1", "n2")}


@pytest.fixture
def said() -> dict[str, Said]:
    return dict(SAID)


@pytest.fixture
def pages(said: dict[str, Said]) -> Iterator[str]:
    """A real controller's pages, in a thread."""
    ready, ended, urls = Event(), Event(), list[str]()

    async def serve() -> None:
        async with serving(SHOWN, uses=lambda: UsePicture(said)) as client:
            urls.append(client.url)
            ready.set()
            await asyncio.to_thread(ended.wait)

    thread = Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(30)
    yield urls[0]
    ended.set()
    thread.join(30)


def table(ran: Ran) -> list[list[str]]:
    return [line.split("   ") for line in ran.out.splitlines()]


def test_jobs_are_listed_with_what_they_use_of_what_they_asked_for(trainmaster: Run, pages: str) -> None:
    ran = trainmaster("top", "--controller", pages, "-A")
    head, *rows = (line.split() for line in ran.out.splitlines())
    assert head[:4] == ["NAMESPACE", "JOB", "STATE", "REPLICAS"]
    assert rows[1][1] == "mnist"
    assert "0.4 of 2.0 GiB   88 %" in ran.out
    assert "1.5 of 4" in ran.out


@pytest.mark.parametrize(
    ("sort", "first"), [("name", "bert"), ("memory", "bert"), ("cpu", "mnist"), ("peak", "mnist")]
)
def test_the_most_stands_first(trainmaster: Run, pages: str, sort: str, first: str) -> None:
    told_ = json.loads(
        trainmaster("top", "jobs", "--controller", pages, "-A", "--sort-by", sort, "-o", "json").out
    )
    assert told_["rows"][0]["job"] == first


def test_of_one_job_its_replicas_and_without_names_of_columns(trainmaster: Run, pages: str) -> None:
    ran = trainmaster("top", "replicas", "mnist", "-n", "vision", "--controller", pages, "--no-headers")
    assert [line.split()[2] for line in ran.out.splitlines()] == ["worker-0", "worker-1"]


def test_nodes_have_the_sums_of_what_is_on_them(trainmaster: Run, pages: str) -> None:
    ran = trainmaster("top", "nodes", "--controller", pages, "-A")
    assert [line.split()[:2] for line in ran.out.splitlines()] == [
        ["NODE", "REPLICAS"],
        ["n1", "1"],
        ["n2", "2"],
    ]


def test_a_job_that_is_not_there_is_missing_and_a_namespace_without_any_is_not(
    trainmaster: Run, pages: str
) -> None:
    missing = trainmaster("top", "jobs", "nobody", "-n", "vision", "--controller", pages)
    assert (missing.code, missing.out) == (ExitCode.MISSING, "")
    assert "vision/nobody" in missing.error
    none = trainmaster("top", "-n", "speech", "--controller", pages)
    assert (none.code, none.error) == (0, "Nothing has containers.")


@pytest.mark.parametrize("said", [OFF])
def test_where_nothing_is_measured_it_says_how_to_switch_it_on(trainmaster: Run, pages: str) -> None:
    ran = trainmaster("top", "-A", "--controller", pages)
    assert ran.error.startswith("warning: n1 and 1 more: Off: the NodeManager measures nothing")
    assert "yarn.nodemanager.container-metrics.period-ms" in ran.error
    assert "- of 2.0 GiB" in ran.out


EVIL = Said("n1", trouble=UseTrouble.DENIED, words="no\x1b]0;mine\x07\nerror: broken")


@pytest.mark.parametrize("said", [{"n1:8042": EVIL}])
def test_what_a_node_says_can_not_drive_the_terminal(trainmaster: Run, pages: str) -> None:
    ran = trainmaster("top", "-A", "--controller", pages)
    assert ran.error.isprintable()
    assert ran.error.startswith("warning: n1: Denied: no ]0;mine  error: broken")


def test_what_does_not_go_together_is_refused(trainmaster: Run, pages: str) -> None:
    for words in (("jobs", "mnist", "-A"), ("-A", "-l", "a=b=c")):
        assert trainmaster("top", *words, "--controller", pages).code == ExitCode.USAGE


def test_where_no_controller_is_there_the_cure_is_told(trainmaster: Run) -> None:
    ran = trainmaster("top", "-A", "--controller", "http://127.0.0.1:9")
    assert ran.code == ExitCode.UNAVAILABLE
    assert ran.error.endswith("name the address of a controller's pages with --controller")


def test_a_watch_goes_on_while_the_controller_is_away(
    trainmaster: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when it restarts: the first answer must be there, a later one may fail."""
    answer = {"rows": [], "troubles": [], "leftOut": 0}
    answers = iter([answer, UnavailableError("http://c tells nothing of use"), answer, KeyboardInterrupt()])

    def asked(*_: object) -> object:
        said = next(answers)
        if isinstance(said, BaseException):
            raise said
        return said

    monkeypatch.setattr(top_module, "asked", asked)
    monkeypatch.setattr(top_module, "WATCH", 0.0)
    ran = trainmaster("top", "-A", "-w")
    nothing = "Nothing has containers."
    assert ran.err.splitlines() == [nothing, "warning: http://c tells nothing of use", nothing]
    assert ran.code == ExitCode.INTERRUPTED


def test_describe_tells_what_containers_use_and_goes_by_their_ids(pages: str) -> None:
    """Whoever answers at the address may drive another job of the same name."""
    shown = next(p for p in SHOWN.jobs.values() if p.declared.name == "mnist")
    used = use_of(pages, None)
    told_ = used("vision", "mnist")
    assert told_ == {
        "c1": "0.1 of 1.0 GiB, peak 0.9; 0.5 of 2 cores",
        "c2": "0.3 of 1.0 GiB, peak 0.3; 1.0 of 2 cores",
    }
    stored = StoredJob("mnist.yaml", "", "vision", "mnist", None, (), "alice", NOW, shown.status)
    lines = description(stored, NOW, used=used)
    assert next(line for line in lines if "worker-0" in line).endswith(told_["c1"])
    other = description(stored, NOW, used=lambda *_: {"c7": "lies"})
    assert "lies" not in "\n".join(other)


@pytest.mark.parametrize(
    "cpu", [{"usedCores": "x", "requestedVcores": 1}, {"usedCores": [1]}, {"usedCores": 1}]
)
def test_describe_goes_without_it_where_something_else_answers(
    cpu: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"container": "c1", "told": 1, "memory": {}, "cpu": cpu}
    monkeypatch.setattr(use_of_module, "asked", lambda *_: {"rows": [row]})
    assert use_of("http://somebody", None)("vision", "mnist") == {}


def test_describe_goes_without_it_where_nobody_answers() -> None:
    used = use_of("http://127.0.0.1:9", None)
    assert used("vision", "mnist") == used("vision", "bert") == {}
