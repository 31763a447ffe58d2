"""Rules across fields: for each, what breaks it and what the person is told."""

from typing import Any

import pytest

from api.declarations import BROKEN, MALFORMED, SOUND
from trainmaster.api.documents import read_object
from trainmaster.api.failure_rules import LARGEST_CODE, OnExitCodes
from trainmaster.api.rules import RULES


def told(**spec: Any) -> list[str]:
    """The problems of a job with this spec, as sentences."""
    spec.setdefault("roles", {"worker": {"command": "train"}})
    job, problems = read_object({"metadata": {"name": "mnist"}, "spec": spec})
    assert (job is None) == bool(problems)
    return [str(problem) for problem in problems]


@pytest.mark.parametrize("spec", SOUND)
def test_a_sound_job_is_taken(spec: dict[str, Any]) -> None:
    assert told(**spec) == []


@pytest.mark.parametrize(("spec", "sentence"), BROKEN + MALFORMED)
def test_a_broken_rule_is_told_with_its_field(spec: dict[str, Any], sentence: str) -> None:
    assert told(**spec) == [sentence]


def test_all_broken_rules_are_told_at_once() -> None:
    said = told(
        gang={"minAvailable": 9, "timeout": "1h"}, successPolicy="Chief", env=[{"name": "A"}, {"name": "A"}]
    )
    assert [sentence.partition(":")[0] for sentence in said] == [
        "spec.gang.minAvailable",
        "spec.gang.timeout",
        "spec.successPolicy",
        "spec.env[1].name",
    ]


def test_the_success_of_a_step_on_the_way_is_not_the_jobs() -> None:
    steps = {
        "chief": {"command": "train"},
        "export": {"command": "export", "startAfter": [{"role": "chief", "when": "Succeeded"}]},
    }
    assert told(roles=steps, successPolicy="Chief") == [
        "spec.successPolicy: Chief needs a role chief or master with at least one replica"
    ]


def test_every_rule_is_broken_somewhere_here() -> None:
    broken = [rule for rule in RULES if any(list(rule(_spec(spec))) for spec, _ in BROKEN)]
    assert broken == list(RULES)


def _spec(spec: dict[str, Any]) -> Any:
    from trainmaster.api.job import Spec

    return Spec.model_validate(
        {"roles": {"worker": {"command": "train"}}, **spec}, by_alias=True, by_name=False
    )


def test_what_a_rule_matches_is_worked_out_once_however_many_stand_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []
    match = OnExitCodes.match
    monkeypatch.setattr(OnExitCodes, "match", lambda self, code: asked.append(code) or match(self, code))
    codes = {"operator": "NotIn", "values": list(range(1, 65))}
    rules = [{"action": "FailJob", "exitCodes": codes, "stderr": f"line {n}"} for n in range(32)]
    assert told(failureRules=rules) == []
    assert len(asked) <= 32 * LARGEST_CODE
