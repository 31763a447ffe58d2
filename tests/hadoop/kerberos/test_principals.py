"""Names of Kerberos as Hadoop reads them."""

from __future__ import annotations

import pytest

from trainmaster.hadoop.kerberos.principals import is_expected, of_host, problem, short


@pytest.mark.parametrize(
    ("principal", "name"),
    [("alice@R", "alice"), ("trainmaster/h.example@R", "trainmaster"), ("bob", "bob"), ("yarn/h", "yarn")],
)
def test_hadoop_calls_somebody_by_the_first_part(principal: str, name: str) -> None:
    assert short(principal) == name


@pytest.mark.parametrize(
    ("principal", "there"),
    [
        ("yarn/_HOST@R", "yarn/node.example@R"),
        ("yarn/_HOST", "yarn/node.example"),
        ("yarn/other@R", "yarn/other@R"),
        ("yarn/my_HOST@R", "yarn/my_HOST@R"),
        ("_HOST@R", "_HOST@R"),
    ],
)
def test_host_stands_for_the_host_in_small_letters(principal: str, there: str) -> None:
    assert of_host(principal, "Node.Example") == there


@pytest.mark.parametrize(
    ("configured", "pattern", "expected"),
    [
        ("yarn/_HOST@R", "", True),
        ("yarn/rm.example@R", "", True),
        ("yarn/_HOST", "", True),
        ("yarn/elsewhere@R", "", False),
        ("rm/_HOST@R", "", False),
        ("yarn/elsewhere@R", "yarn/*@R", True),
        ("yarn/_HOST@R", "rm/*", False),
        ("", "", False),
    ],
)
def test_a_server_is_who_the_configuration_names(configured: str, pattern: str, expected: bool) -> None:
    assert is_expected("yarn", "rm.example", configured, ("10.0.0.1", "RM.example"), pattern) is expected


@pytest.mark.parametrize("good", ["alice", "alice@R", "trainmaster/_HOST@EXAMPLE.COM", "a/b"])
def test_what_is_a_principal(good: str) -> None:
    assert problem(good) == ""


@pytest.mark.parametrize("bad", ["", "@R", "a@", "a/b/c@R", "a b@R", "a@R@S", "a//b", "/b"])
def test_what_is_none_is_told(bad: str) -> None:
    assert "is no principal" in problem(bad)
