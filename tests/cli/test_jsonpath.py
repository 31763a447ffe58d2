"""Templates as kubectl reads them; tests/real/test_jsonpath.py asks it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainmaster.cli.jsonpath import path, template
from trainmaster.errors import InvalidError

JOB = {
    "metadata": {"name": "mnist", "annotations": {"trainmaster.io/path": "a.yaml"}},
    "spec": {"roles": {"ps": {"replicas": 1}, "worker": {"replicas": 4}}},
    "status": {
        "state": "Running",
        "gpus": 8,
        "errors": [],
        "conditions": [
            {"type": "Accepted", "status": "True"},
            {"type": "Running", "status": "True", "n": 2},
            {"type": "Failed", "status": "False"},
        ],
    },
}
LIST = {"items": [JOB, {"metadata": {"name": "other"}}]}


TEMPLATES = [
    ("{.status.state}", "Running"),
    ("{$.status.state}", "Running"),
    ("{.status.gpus}", "8"),
    ("{.status.errors}", "[]"),
    ("{.spec.roles.ps}", '{"replicas":1}'),
    ("{.spec.roles.*.replicas}", "1 4"),
    ("{.nothing.there}", ""),
    ("is {.status.state}!", "is Running!"),
    (r"{.metadata.annotations.trainmaster\.io/path}", "a.yaml"),
    ("{.metadata.annotations['trainmaster.io/path']}", "a.yaml"),
    ('{.metadata["name"]}', "mnist"),
    ("{.status.conditions[0].type}", "Accepted"),
    ("{.status.conditions[-1].type}", "Failed"),
    ("{.status.conditions[7].type}", ""),
    ("{.status.conditions[*].type}", "Accepted Running Failed"),
    ("{.status.conditions[0:2].type}", "Accepted Running"),
    ("{.status.conditions[0,2].type}", "Accepted Failed"),
    ("{.status['state','gpus']}", "Running 8"),
    ('{.status.conditions[?(@.type=="Running")].status}', "True"),
    ("{.status.conditions[?(@.status!='True')].type}", "Failed"),
    ("{.status.conditions[?(@.n>1)].type}", "Running"),
    ("{.status.conditions[?(@.n)].type}", "Running"),
    ("{..type}", "Accepted Running Failed"),
    (
        '{range .status.conditions[*]}{.type}{"="}{.status}{"\\n"}{end}',
        "Accepted=True\nRunning=True\nFailed=False\n",
    ),
    ('{.status.state}{"\\t"}{.status.gpus}', "Running\t8"),
    ('{"{}"}', "{}"),
]
BEYOND = ("{.metadata.annotations['trainmaster.io/path']}", '{.metadata["name"]}')
"""what kubectl finds nothing by, or refuses"""


@pytest.mark.parametrize(("text", "expected"), TEMPLATES)
def test_a_template_of_one_job(text: str, expected: str) -> None:
    assert template(text)(JOB) == expected


def test_a_template_of_a_list() -> None:
    assert template("{.items[*].metadata.name}")(LIST) == "mnist other"
    assert (
        template('{range .items[*]}{.metadata.name}:{.status.state}{" "}{end}')(LIST)
        == "mnist:Running other: "
    )


@pytest.mark.parametrize(
    "text",
    ["{.a", ".a}", "{end}", "{range .a}{.b}", "{.a[}", "{.a[?(b)]}", "{.a[x]}", "{.a]}", '{"a}'],
)
def test_what_is_no_template_is_refused(text: str) -> None:
    with pytest.raises(InvalidError):
        template(text)


@given(st.text(alphabet="{}.[]'\"?@()*:,ab01=!<>\\$ \n", max_size=30))
def test_whatever_somebody_types_is_a_template_or_refused(text: str) -> None:
    try:
        made = template(text)
    except InvalidError:
        return
    assert isinstance(made(JOB), str)


def test_a_path_may_stand_without_braces() -> None:
    assert (
        path("status.state")(JOB) == path(".status.state")(JOB) == path("{.status.state}")(JOB) == ["Running"]
    )
    assert path(".status.nothing")(JOB) == []
