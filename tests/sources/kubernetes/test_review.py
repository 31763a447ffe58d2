"""What the webhooks say of jobs that are created and edited; and that the engine says the same."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from sources.kubernetes.reviews import POLICY, REVIEWER, Object, creates, edited, edits, job, shown
from trainmaster.api.declared import Declared
from trainmaster.api.documents import read_object
from trainmaster.api.status import ConditionType, JobStatus
from trainmaster.plan.decide import begun, decide
from trainmaster.plan.values import Seen
from trainmaster.settings import PolicyRule
from trainmaster.sources.kubernetes.admission.envelope import Verdict
from trainmaster.sources.kubernetes.admission.review import LET_THROUGH, Reviewer
from trainmaster.sources.kubernetes.objects import FINALIZER
from trainmaster.sources.policy import KUBERNETES, refusal

WORKER = {"replicas": 2, "command": "train"}
INVALID: dict[str, tuple[dict[str, Any], str]] = {
    "a word that isn't known": ({"framework": "Tensorflow"}, "spec.framework"),
    "an unknown field": ({"framwork": "TensorFlow"}, "spec.framwork"),
    "text for a number": ({"roles": {"worker": {**WORKER, "replicas": "2"}}}, "spec.roles.worker.replicas"),
    "no process": ({"roles": {"worker": {**WORKER, "replicas": 0}}}, "spec.roles"),
    "no command": ({"roles": {"worker": {"replicas": 1}}}, "spec.roles.worker.command"),
    "a gang of more than there are": ({"gang": {"minAvailable": 3}}, "spec.gang.minAvailable"),
    "a gang that waits too long": ({"gang": {"timeout": "10m"}}, "spec.gang.timeout"),
    "backoff upside down": (
        {"runPolicy": {"backoff": {"base": "1h", "max": "1m"}}},
        "spec.runPolicy.backoff.max",
    ),
    "a deletion without a time": (
        {"runPolicy": {"ttlDeletesResource": True}},
        "spec.runPolicy.ttlDeletesResource",
    ),
    "nobody to succeed": ({"successPolicy": "Chief"}, "spec.successPolicy"),
    "two masters": (
        {"framework": "PyTorch", "roles": {"master": WORKER, "worker": WORKER}},
        "spec.roles",
    ),
    "a name twice": ({"env": [{"name": "A"}, {"name": "A"}]}, "spec.env[1].name"),
    "a name of ours": ({"env": [{"name": "TRAINMASTER_ROLE"}]}, "spec.env[0].name"),
    "a file without a scheme": ({"files": [{"source": "train.py"}]}, "spec.files[0].source"),
    "a path that isn't there": (
        {"roles": {"worker": {"command": "train %input_path%"}}},
        "spec.roles.worker.command",
    ),
    "somebody else's user": ({"user": "hdfs"}, "spec.user"),
    "somebody else's queue": ({"queue": "prod"}, "spec.queue"),
    "a user who isn't one": ({"user": "a b"}, "spec.user"),
}


def engine_says(document: Object) -> JobStatus:
    """The status that a new object gets when no webhook refused it."""
    metadata = document["metadata"]
    found, problems = read_object(document)
    declared = Declared(KUBERNETES, metadata["namespace"], metadata["name"], "u-1", "", job=found, problems=problems)  # fmt: skip
    no = refusal(declared, found, POLICY) if found else None
    return decide(declared, begun(declared), Seen(denied=no.reason if no else ""), now=1.0).status


@pytest.mark.parametrize(("spec", "field"), INVALID.values(), ids=INVALID.keys())
def test_webhook_and_engine_say_the_same(spec: dict[str, Any], field: str) -> None:
    document = job(spec)
    problems = REVIEWER.validate(creates(document)).problems
    assert problems[0].field == field

    status = engine_says(document)
    accepted = status.condition(ConditionType.ACCEPTED)
    assert accepted
    assert accepted.status == "False"
    assert problems[0].reason in accepted.message
    assert [p.reason for p in status.errors] in ([], [p.reason for p in problems])


def test_a_valid_job_is_let_through_by_both() -> None:
    assert REVIEWER.validate(creates(job())).problems == ()
    accepted = engine_says(job()).condition(ConditionType.ACCEPTED)
    assert accepted
    assert accepted.status == "True"


def test_all_problems_are_told_at_once() -> None:
    spec = {
        "env": [{"name": "A"}, {"name": "A"}],
        "files": [{"source": "train.py"}],
        "successPolicy": "Chief",
    }
    fields = {problem.field for problem in REVIEWER.validate(creates(job(spec))).problems}
    assert fields == {"spec.env[1].name", "spec.files[0].source", "spec.successPolicy"}


def test_a_namespace_without_a_rule_runs_nothing() -> None:
    verdict = Reviewer(POLICY).validate(creates(job(namespace="nlp")))
    assert [problem.field for problem in verdict.problems] == ["metadata.namespace"]
    assert verdict.denied


def test_what_may_not_be_done_is_told_apart_from_what_is_wrong() -> None:
    assert REVIEWER.validate(creates(job({"user": "hdfs"}))).denied
    assert not REVIEWER.validate(creates(job({"user": "a b"}))).denied


@pytest.mark.parametrize("namespace", ["vision", "nlp"])
def test_namespaces_of_other_controllers_are_none_of_ours(namespace: str) -> None:
    ours = Reviewer(POLICY, namespaces=("vision",))
    document = job({"user": "hdfs"}, namespace=namespace)
    assert bool(ours.validate(creates(document)).problems) == (namespace == "vision")
    assert bool(ours.mutate(creates(job(namespace=namespace))).patch) == (namespace == "vision")


# --- edits


def test_what_never_changes() -> None:
    old = job({"user": "alice"})
    new = edited(old, user="vision-svc", queue="gpu")
    assert {p.field for p in REVIEWER.validate(edits(old, new)).problems} == {"spec.user", "spec.queue"}
    verdict = REVIEWER.validate(edits(old, edited(old, user="hdfs")))
    assert [p.field for p in verdict.problems] == ["spec.user", "spec.user"]
    assert not verdict.denied, "it can't be had at all, by nobody"
    same = edited(job(), user="vision-svc")  # whom the namespace stands for anyway
    assert REVIEWER.validate(edits(job(), same)).problems == ()


def test_an_invalid_edit_is_refused() -> None:
    verdict = REVIEWER.validate(edits(job(), edited(job(), gang={"minAvailable": 3})))
    assert [problem.field for problem in verdict.problems] == ["spec.gang.minAvailable"]


INVALID_ALREADY = job({"env": [{"name": "A"}, {"name": "A"}]})
DENIED_ALREADY = job({"user": "bob"})


@pytest.mark.parametrize("old", [INVALID_ALREADY, DENIED_ALREADY], ids=["invalid", "denied"])
def test_what_was_wrong_before_is_only_warned_of(old: Object) -> None:
    verdict = REVIEWER.validate(edits(old, edited(old, runPolicy={"suspend": True})))
    assert verdict.problems == ()
    assert len(verdict.warnings) == 1
    assert verdict.warnings[0].startswith("spec.")


@pytest.mark.parametrize("old", [INVALID_ALREADY, DENIED_ALREADY], ids=["invalid", "denied"])
def test_what_is_wrong_anew_is_refused(old: Object) -> None:
    verdict = REVIEWER.validate(edits(old, edited(old, gang={"minAvailable": 3})))
    assert [problem.field for problem in verdict.problems] == ["spec.gang.minAvailable"]


@pytest.mark.parametrize(
    "changes",
    [{"labels": {"a": "b"}}, {"finalizers": []}, {"generation": 2}, {"ownerReferences": []}],
    ids=lambda changes: next(iter(changes)),
)
def test_an_edit_that_leaves_the_spec_alone_is_worth_no_word(changes: dict[str, Any]) -> None:
    old = copy.deepcopy(INVALID_ALREADY)
    new = {**old, "metadata": {**old["metadata"], **changes}}
    for edited_ in (new, shown(new)):
        assert REVIEWER.validate(edits(old, edited_)) == LET_THROUGH


def test_a_job_that_is_being_deleted_is_never_refused() -> None:
    old = job(deletionTimestamp="2026-01-01T00:00:00Z", finalizers=[FINALIZER])
    assert REVIEWER.validate(edits(old, edited(old, gang={"minAvailable": 9}))).problems == ()


# --- warnings

RUNNING = shown(job(), running=2)
TENSORFLOW = shown(job({"framework": "TensorFlow"}), running=2)
ENDED = "the job has ended: this edit starts nothing until runPolicy.rerun is raised above 0"
SCALED = {"worker": {**WORKER, "replicas": 3}}
ALONE = {**WORKER, "restartScope": "Replica", "elastic": {"min": 1}}
ELASTIC = shown(job({"roles": {"worker": ALONE}}), running=2)


@pytest.mark.parametrize(
    ("old", "edit", "words"),
    [
        (RUNNING, {"env": [{"name": "A"}]}, "this edit restarts all processes of the job once"),
        (RUNNING, {"priority": 3}, ""),
        (RUNNING, {"runPolicy": {"suspend": True}}, ""),
        (RUNNING, {"roles": SCALED}, "this edit restarts all processes of the job once"),
        (RUNNING, {"roles": SCALED, "scaling": "Live"}, ""),
        (TENSORFLOW, {"roles": SCALED}, "this edit restarts all processes of the job once"),
        (ELASTIC, {"roles": {"worker": {**ALONE, "replicas": 3}}}, ""),
        (
            ELASTIC,
            {"roles": {"worker": {**ALONE, "replicas": 1}}},
            "this edit restarts all processes of the job once",
        ),
        (shown(job()), {"env": [{"name": "A"}]}, ""),  # nothing runs that could be restarted
        (shown(job(), finished=True), {"priority": 3}, ENDED),
        (shown(job(), finished=True, running=1), {"env": []}, ENDED),
        (shown(job(), finished=True), {"runPolicy": {"rerun": 1}}, ""),
        (
            shown(job(), finished=True),
            {"runPolicy": {"rerun": 1, "suspend": True}},
            "the job runs again once runPolicy.suspend, which is true, is false",
        ),
        (
            RUNNING,
            {"runPolicy": {"rerun": 1}},
            "the job has not ended: raising runPolicy.rerun changes nothing",
        ),
        (job(), {"env": [{"name": "A"}]}, ""),
    ],
)
def test_effects_that_may_surprise_are_told(old: Object, edit: dict[str, Any], words: str) -> None:
    verdict = REVIEWER.validate(edits(old, edited(old, **edit)))
    assert verdict.problems == ()
    assert list(verdict.warnings) == ([words] if words else [])


# --- what a new job is given


def test_a_new_job_gets_the_finalizer_and_nothing_else() -> None:
    verdict = REVIEWER.mutate(creates(job()))
    assert verdict.patch == ({"op": "add", "path": "/metadata/finalizers", "value": [FINALIZER]},)


def test_the_finalizers_of_others_stay() -> None:
    verdict = REVIEWER.mutate(creates(job(finalizers=["example.com/other"])))
    assert verdict.patch == ({"op": "add", "path": "/metadata/finalizers/-", "value": FINALIZER},)


@pytest.mark.parametrize("prefix", ["mnist-", "x" * 57 + "-", "x" * 58 + "-", "x" * 253])
def test_a_name_that_is_yet_to_be_made_up(prefix: str) -> None:
    document = job()
    del document["metadata"]["name"]
    document["metadata"]["generateName"] = prefix
    assert REVIEWER.mutate(creates(document)).patch
    assert REVIEWER.validate(creates(document)).problems == ()


@pytest.mark.parametrize(
    "document",
    [
        job(finalizers=[FINALIZER]),
        job({"framework": "Tensorflow"}),
        job(deletionTimestamp="2026-01-01T00:00:00Z"),
    ],
    ids=["has it", "invalid", "going"],
)
def test_who_gets_no_finalizer(document: Object) -> None:
    assert REVIEWER.mutate(creates(document)).patch == ()


def test_an_edit_gives_nothing_so_that_a_finalizer_can_be_taken_off() -> None:
    assert REVIEWER.mutate(edits(job(finalizers=[FINALIZER]), job())).patch == ()


def test_rules_for_owners_of_files_mean_nobody_here() -> None:
    owners = Reviewer((PolicyRule(owner="alice", users=("vision-svc",)),))
    assert owners.validate(creates(job())).denied


@pytest.mark.parametrize(
    ("annotations", "patch"),
    [
        (None, {"path": "/metadata/annotations", "value": {"trainmaster.io/installation": "ours"}}),
        ({"a": "b"}, {"path": "/metadata/annotations/trainmaster.io~1installation", "value": "ours"}),
        (
            {"trainmaster.io/installation": "copied from another object"},
            {"path": "/metadata/annotations/trainmaster.io~1installation", "value": "ours"},
        ),
    ],
)
def test_a_new_job_is_given_the_name_of_who_drives_it(annotations: object, patch: dict[str, object]) -> None:
    named = Reviewer(POLICY, installation=lambda: "ours")
    verdict = named.mutate(creates(job(finalizers=[FINALIZER], annotations=annotations)))
    assert verdict.patch == ({"op": "add", **patch},)
    again = job(finalizers=[FINALIZER], annotations={"trainmaster.io/installation": "ours"})
    assert named.mutate(creates(again)).patch == ()


@pytest.mark.parametrize(
    ("role", "words"),
    [
        ({"resources": {"limits": {"cpu": 1}}}, "limits"),
        ({"resources": {"nvidia.com/gpu": 1}}, "gpus"),
        ({"resources": {"cpu": "500m"}}, "vcores"),
        ({"resources": {"memory": "512MB"}}, "512MB"),
        ({"replicas": "2"}, "replicas"),
    ],
)
def test_what_cannot_be_read_is_refused_before_the_schema_speaks(role: Object, words: str) -> None:
    """The API server asks mutating webhooks before it looks at the schema."""
    verdict = REVIEWER.mutate(creates(job({"roles": {"worker": {"command": "train", **role}}})))
    assert verdict.patch == ()
    assert words in str(verdict.problems[0])


def test_what_keeps_a_job_from_starting_is_a_warning_and_no_refusal() -> None:
    advised = Reviewer(POLICY, advise=lambda _: "YARN has no queue 'default'")
    words = ("as YARN is now, this job doesn't start: YARN has no queue 'default'",)
    assert advised.validate(creates(job())) == Verdict(warnings=words)
    assert advised.validate(edits(job(), edited(job(), priority=2))).warnings == words
    over = shown(job(), finished=True)
    assert advised.validate(edits(over, edited(over, priority=2))).warnings == (
        "the job has ended: this edit starts nothing until runPolicy.rerun is raised above 0",
    )
