"""What the API server refuses by schema and rules, beside what the models refuse: the same, with a few named exceptions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.declarations import BROKEN, MALFORMED, SOUND
from api.mistakes import CHANGES, Change, changed, nulls
from real.served import Served, job
from trainmaster.api import cel, messages
from trainmaster.api.cel_rule import Rule
from trainmaster.api.documents import read_object
from trainmaster.api.rules import MAX_BYTES
from trainmaster.local.kubernetes.controlplane import LocalKubernetes

ROLES = {"worker": {"command": "train"}}

ONLY_THE_MODELS = (
    r"is less than 1 MiB|is more than YARN can count",  # of a text: its amount has no rule in a field of two types
    r"is out of range: a duration",  # of a text: no pattern counts
    r"must be a mapping of fields, not '(5|True)'|must be a mapping of fields, not a list",  # resources has no type
    r"'(9x|x_y)://a' must be a URL",  # the exact form of a scheme is too long a pattern for the budget
    r"valueFrom\.file: (.* )?must be a URL",  # in lists of hundreds even a short pattern is beyond the budget
    r"is given twice in|unknown resource|: the unit of memory|a count has no unit|is not name=number",
    re.escape(messages.SAME_FILE_NAME).replace(r"\{name\}", ".*"),  # to compare all would cost too much
    re.escape(messages.NEVER_REACHED).replace(
        r"\{earlier\}", r"\d+"
    ),  # to compare each with each would cost too much
    *(
        re.escape(reason).replace(r"\{role\}", ".*")
        for reason in (messages.NEVER_ENDS, messages.ALWAYS_AGAIN, messages.NEVER_READY)
    ),  # what is said of another role than the one at hand
    re.escape(messages.ROUND_IN_CIRCLES).replace(r"\{circle\}", ".*"),
    re.escape(messages.BESIDE_A_PREPARATION).replace(r"\{later\}", ".*").replace(r"\{earlier\}", ".*"),
    re.escape(messages.WORLD_APART).replace(r"\{framework\}", ".*").replace(r"\{roles\}", ".*"),
    re.escape(messages.ELASTIC_PATIENCE),  # a role doesn't see the gang
    re.escape(messages.TOO_LARGE).replace(r"\{size\}", ".*").replace(r"\{limit\}", ".*"),
)
"""reasons of the models for which the API server has no words"""


@pytest.fixture(scope="module")
def served(kubernetes: LocalKubernetes) -> Iterator[Served]:
    """The namespace default: nothing is kept in it."""
    found = Served(kubernetes, "default")
    yield found
    found.close()


def told(spec: dict[str, Any]) -> list[str]:
    """What the models say of it."""
    _, problems = read_object(job(spec))
    return [f"{problem.field}: {problem.value!r} {problem.reason}" for problem in problems]


def unknown_to_the_server(sentences: Sequence[str]) -> bool:
    return all(any(re.search(pattern, sentence) for pattern in ONLY_THE_MODELS) for sentence in sentences)


@pytest.mark.parametrize("spec", SOUND)
def test_a_sound_job_is_taken(served: Served, spec: dict[str, Any]) -> None:
    assert served.refusal({"roles": ROLES, **spec}) == []


def _by_a_pattern_with_words(said: str, reason: str) -> bool:
    """Of a number or a text the server shows nothing but the pattern, which begins with the cure."""
    return f"should match '{reason.rpartition(': ')[2]}$^|" in said


@pytest.mark.parametrize(
    ("spec", "sentence"), BROKEN + MALFORMED, ids=[said for _, said in BROKEN + MALFORMED]
)
def test_a_broken_rule_is_told_in_the_same_words_at_the_same_field(
    served: Served, spec: dict[str, Any], sentence: str
) -> None:
    found = served.refusal({"roles": ROLES, **spec})
    if unknown_to_the_server([sentence]):
        assert found == []
        return
    ((field, said),) = found
    place, _, reason = sentence.partition(": ")
    if said.startswith("Duplicate value: "):  # the server's own words for entries of the same name
        assert place in (f"{_plain(field)}.name", f"{_plain(field)}.role")
        return
    assert said.startswith("Invalid value: ")
    assert said.endswith(reason) or _by_a_pattern_with_words(said, reason)
    assert _plain(field) == place or _told_further_up(field, reason)


def _plain(field: str) -> str:
    """A path with the keys of maps as people write them."""
    return re.sub(r"\[([a-z]+)\]", r".\1", field)


def _told_further_up(field: str, reason: str) -> bool:
    """A rule that looks at two places stands above both, and can't name the entry of a list, or any of several roles."""
    words = (
        "already holds",
        "isn't given",
        "have several processes in one replica",
        "only PyTorch has several processes",
        "names a role that",
        "wait for itself",
        "names what YARN does",
        "elastic says with how few",
        "has no elastic roles",
        "leave elastic out",
    )
    places = ("spec.env", "spec.template", "spec.roles", "spec.failureRules", "spec.failureRules[0].causes")
    return field in places and any(each in reason for each in words)


def test_every_rule_of_the_server_is_broken_somewhere_here(served: Served) -> None:
    """Those about edits are tried in test_crd.py."""
    told = [refusal for spec, _ in BROKEN + MALFORMED for refusal in served.refusal({"roles": ROLES, **spec})]
    told += [
        *served.refusal({"roles": ROLES}, "a" * 64),
        *served.refusal({"roles": {"Worker": {"command": "c"}}}),
        *served.refusal(
            {"roles": {"worker": {"command": "c", "startAfter": [{"role": "Ps", "when": "Running"}]}}}
        ),
        *served.refusal({"roles": ROLES, "failureRules": [{"action": "Restart", "roles": ["Worker"]}]}),
    ]
    unbroken = [rule for rule in cel.rules() if "== oldSelf" not in rule.true and not _is_told(rule, told)]
    assert unbroken == []


def _is_told(rule: Rule, told: Sequence[tuple[str, str]]) -> bool:
    place = ".".join(rule.at).replace("<name>", "worker").replace(".[]", "[0]") + rule.path
    values = {
        name: re.escape(value.strip("'\"")) if value[0] in "'\"" and " + " not in value else ".+"
        for name, value in rule.values.items()
    }
    form = re.sub(r"\\{(\w+)\\}", lambda found: values[found[1]], re.escape(rule.message))
    return any(_plain(field) == (place or "<nil>") and re.search(f"{form}$", said) for field, said in told)


def test_each_single_mistake_is_refused_by_both_or_by_neither(served: Served) -> None:
    disagreed = [disagreement for change in CHANGES if (disagreement := _disagreement(served, [change]))]
    assert disagreed == []


@settings(max_examples=150)
@given(changes=st.lists(st.sampled_from(CHANGES), min_size=2, max_size=4))
def test_several_mistakes_at_once_are_refused_by_both_or_by_neither(
    served: Served, changes: list[Change]
) -> None:
    assert _disagreement(served, changes) is None


def _disagreement(served: Served, changes: Sequence[Change]) -> object:
    """What one refuses and the other takes; None when they agree."""
    spec = changed(changes)
    ours, theirs = told(spec), served.refusal(spec)
    if bool(ours) == bool(theirs) or (ours and unknown_to_the_server(ours)):
        return None
    return {"changes": changes, "models": ours, "server": theirs}


def test_what_is_null_counts_as_left_out(served: Served) -> None:
    """The API server takes nulls away before anything else looks, and read_object does alike."""
    for change in nulls():
        spec, (path, _) = changed([change]), change
        left_out = changed([])
        node: Any = left_out
        for step in path[:-1]:
            node = node[step]
        del node[path[-1]]
        verdicts = [bool(served.refusal(spec)), bool(served.refusal(left_out)), bool(told(spec))]
        assert len(set(verdicts)) == 1, path


def many(count: int, entry: Callable[[int], Any]) -> list[Any]:
    return [entry(number) for number in range(count)]


def roles(count: int, **fields: Any) -> dict[str, Any]:
    return {f"role-{number}": {"command": "c", **fields} for number in range(count)}


VARIABLES = many(256, lambda number: {"name": f"VARIABLE_{number}", "value": "x" * 40})
LARGEST: dict[str, dict[str, Any]] = {
    "commands": {"roles": roles(11, command="x" * 65_536)},
    "variables": {
        "inputPath": "/i",
        "checkpointPath": "/c",
        "env": VARIABLES,
        "roles": roles(32, env=VARIABLES[:240]),
    },
    "files": {"roles": roles(32, files=many(64, lambda number: {"source": f"hdfs:///{'x' * 300}/{number}"}))},
    "long sources": {
        "roles": roles(6, files=many(60, lambda number: {"source": f"hdfs:///{'x' * 2030}/{number}"}))
    },
}
"""each near the size that a declaration may have"""


@pytest.mark.parametrize("spec", LARGEST.values(), ids=LARGEST)
def test_the_largest_jobs_are_judged_within_the_servers_budget(served: Served, spec: dict[str, Any]) -> None:
    assert len(json.dumps(spec)) > 0.6 * MAX_BYTES
    assert told(spec) == []
    assert served.refusal(spec) == []


@pytest.mark.parametrize("name", ["a" * 63, "a.b-c", "0"])
def test_a_name_that_yarn_takes_is_taken(served: Served, name: str) -> None:
    assert served.refusal({"roles": ROLES}, name) == []


@pytest.mark.parametrize("name", ["a" * 64, "A", "a_b", "-a"])
def test_a_name_that_yarn_would_not_take_is_refused(served: Served, name: str) -> None:
    assert served.refusal({"roles": ROLES}, name)
    _, problems = read_object(job({"roles": ROLES}, name))
    assert [problem.field for problem in problems] == ["metadata.name"]


@pytest.mark.parametrize(
    "field", ["gang.timeout", "runPolicy.activeDeadline", "roles.worker.resources.memory"]
)
def test_a_fraction_is_written_as_text(served: Served, field: str) -> None:
    """The one thing that the models take and the server can't: its type of two kinds knows whole numbers only."""
    spec = changed([(tuple(field.split(".")), 2**21 + 0.5 if field.endswith("memory") else 1.5)])
    assert told(spec) == []
    assert served.refusal(spec)[0][0] == f"spec.{field}"
