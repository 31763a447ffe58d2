"""Links that a job itself declares: names of its replicas lead to where these run, whatever else is said leads nowhere new."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observe.pictures import NOW, picture, replica, role
from trainmaster.api.documents import read_object
from trainmaster.cli.describe import description
from trainmaster.master.picture import Picture
from trainmaster.observe.job_links import job_links
from trainmaster.sources.stored import StoredJob
from trainmaster.web import pages


def declares(*links: Any) -> Picture:
    """Of two workers the first runs on n1, with the ports 20000 and 20001."""
    spec = {"roles": {"worker": {"command": "train", "replicas": 2, "ports": 2}}, "links": list(links)}
    job, problems = read_object({"metadata": {"name": "mnist", "namespace": "vision"}, "spec": spec})
    assert problems == ()
    replicas = (replica(0, "Running", node="n1", ports=(20000, 20001)), replica(1, "Starting", node="n2"))
    shown = picture(roles={"worker": role(2, 1, replicas=replicas)})
    return replace(shown, declared=replace(shown.declared, job=job))


def links_of(shown: Picture) -> list[str]:
    assert shown.declared.job
    return [url for _, url in job_links(shown.declared.job, shown.status)]


@pytest.mark.parametrize(
    ("link", "url"),
    [
        ({"url": "http://worker-0"}, "http://n1:20000"),
        ({"url": "https://worker-0/tree?x=1#y"}, "https://n1:20000/tree?x=1#y"),
        ({"url": "http://worker-0/", "port": 2}, "http://n1:20001/"),
        ({"url": "http://worker-0:7070/"}, "http://n1:7070/"),
        ({"url": "http://worker-0:7070/", "port": 2}, "http://n1:20001/"),
        ({"url": "https://wandb.example/worker-0"}, "https://wandb.example/worker-0"),
        ({"url": "http://mlflow-1:5000/"}, "http://mlflow-1:5000/"),
    ],
)
def test_the_name_of_a_replica_leads_to_where_it_runs(link: dict[str, Any], url: str) -> None:
    assert links_of(declares({"name": "x"} | link)) == [url]


@pytest.mark.parametrize(
    "link", [{"url": "http://worker-1/"}, {"url": "http://worker-7/"}, {"url": "http://worker-0/", "port": 3}]
)
def test_what_does_not_run_or_has_no_such_port_is_left_out(link: dict[str, Any]) -> None:
    assert links_of(declares({"name": "x"} | link)) == []


def test_what_looks_like_a_secret_is_hidden_as_everywhere() -> None:
    assert links_of(declares({"name": "x", "url": "http://worker-0/?token=abc"})) == [
        "http://n1:20000/?token=(hidden)"
    ]


def test_the_page_and_describe_show_them_beside_those_of_the_settings() -> None:
    shown = declares({"name": "<Board>", "url": "http://worker-0/\"'<"})
    assert '<a href="http://n1:20000/&#34;&#39;&lt;" rel="noreferrer">&lt;Board&gt;</a>' in pages.job_page(
        shown, NOW
    )
    declared = shown.declared
    stored = StoredJob("mnist.yaml", "", "vision", "mnist", declared.job, (), "alice", NOW, shown.status)
    assert any(
        line.split() == ["Links:", "<Board>:", "http://n1:20000/\"'<"] for line in description(stored, NOW)
    )


@pytest.mark.parametrize(
    "link",
    [
        {"name": "x", "url": "javascript:alert(1)"},
        {"name": "x", "url": "http://me:secret@worker-0/"},
        {"name": "x", "url": "http://worker-0/a b"},
        {"name": "x", "url": "//worker-0/"},
        {"name": "", "url": "http://worker-0/"},
        {"name": "x", "url": "http://worker-0/", "port": 17},
        {"url": "http://worker-0/"},
    ],
)
def test_what_is_no_link_is_refused(link: dict[str, Any]) -> None:
    spec = {"roles": {"worker": {"command": "train"}}, "links": [link]}
    _, problems = read_object({"metadata": {"name": "mnist"}, "spec": spec})
    assert [problem.field.startswith("spec.links[0]") for problem in problems] == [True]


@given(
    st.text(min_size=1, max_size=30).filter(
        lambda text: not set(text) & set("/?#@{}\0") and not any(map(str.isspace, text))
    )
)
def test_no_host_becomes_another_one(host: str) -> None:
    job, problems = read_object(
        {
            "metadata": {"name": "m"},
            "spec": {
                "roles": {"worker": {"command": "x"}},
                "links": [{"name": "x", "url": f"http://{host}/"}],
            },
        }
    )
    if job is not None:
        for _, url in job_links(job, picture().status):
            assert url == f"http://{host}/" or urlsplit(url).netloc.partition(":")[0] == "node1"
    else:
        assert problems
