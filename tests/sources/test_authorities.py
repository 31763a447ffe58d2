"""In which stores the files of jobs may lie."""

from __future__ import annotations

import pytest

from trainmaster.errors import InvalidError
from trainmaster.hadoop.configuration import parse
from trainmaster.sources.authorities import Authorities, authorities


def allowed(store: str = "", *added: str, **properties: str) -> Authorities:
    given = {"fs.defaultFS": "hdfs://main", "dfs.nameservices": "main, other"} | properties
    return authorities(parse(given), store, added)


@pytest.mark.parametrize(
    ("url", "store"),
    [
        ("/code/train.py", "hdfs://main"),
        ("hdfs:///code/train.py", "hdfs://main"),
        ("hdfs://main/code/train.py", "hdfs://main"),
        ("hdfs://MAIN:8020/code/train.py", "hdfs://main"),
        ("hdfs://other/train.py", "hdfs://other"),
        ("hdfs://third:9000/train.py", "hdfs://third:9000"),
        ("hdfs://jobs:8020/train.py", "hdfs://jobs"),
    ],
)
def test_allowed(url: str, store: str) -> None:
    rules = allowed("hdfs://jobs/trainmaster", "hdfs://third:9000")
    assert rules.store_of(rules.qualified(url)) == store


@pytest.mark.parametrize(
    "url",
    [
        "hdfs://elsewhere/x",
        "hdfs://main:9000/x",
        "hdfs://user@main/x",
        "hdfs://main.evil/x",
        "file:///etc/shadow",
        "file://main/x",
        "s3://main/x",
        "http://main/x",
        "train.py",
        "hdfs://[half/x",
    ],
)
def test_refused_by_name(url: str) -> None:
    rules = allowed("hdfs:///trainmaster")
    with pytest.raises(InvalidError) as caught:
        rules.store_of(rules.qualified(url))
    assert url in str(caught.value)


def test_the_refusal_says_what_is_allowed_and_how_to_add_to_it() -> None:
    with pytest.raises(InvalidError, match=r"may lie in hdfs://main, hdfs://other; .* setting `file_stores`"):
        allowed().store_of("hdfs://elsewhere/x")


@pytest.mark.parametrize("store", ["file:///srv/jobs", "/srv/jobs"])
def test_a_store_on_this_machine_lets_files_lie_there(store: str) -> None:
    assert allowed(store).store_of("file:///srv/code/train.py") == "file://"


def test_without_hadoops_configuration_the_default_file_system_is_this_machine() -> None:
    rules = authorities(parse({}), "hdfs:///trainmaster", ())
    assert rules.store_of(rules.qualified("/code/train.py")) == "file://"
    with pytest.raises(InvalidError):
        rules.store_of(rules.qualified("hdfs:///code/train.py"))
