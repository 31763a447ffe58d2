"""What people declare: jobs as YAML and JSON, reviews of admission, objects of an API server, kubeconfigs."""

from __future__ import annotations

import json
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from kubernetes.client import Configuration
from kubernetes.config import ConfigException

from fuzz.mutations import Draws, bitten, edited, json_text
from fuzz.target import Target
from sources.kubernetes.reviews import POLICY, job, shown
from trainmaster.api.documents import read_document, read_job, read_object
from trainmaster.errors import InvalidError
from trainmaster.json_text import loads
from trainmaster.sources.files import Entry
from trainmaster.sources.kubernetes.admission.envelope import answered
from trainmaster.sources.kubernetes.admission.review import Reviewer
from trainmaster.sources.kubernetes.errors import Call, refusal
from trainmaster.sources.kubernetes.kubeconfig import Kubeconfig
from trainmaster.sources.kubernetes.objects import seen_in
from trainmaster.sources.kubernetes.resources import SECRETS, TRAININGJOBS
from trainmaster.sources.reading import read_all

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*/job.yaml"))
ANCHORS = b"""apiVersion: trainmaster.io/v1alpha1
kind: TrainingJob
metadata: {name: one}
spec:
  roles:
    chief: &role {replicas: 1, command: train, env: &env [{name: A, value: "1"}]}
    worker: {<<: *role, replicas: 2}
---
%YAML 1.1
---
kind: TrainingJob
metadata: {name: two}
spec: {roles: {worker: {command: !!str 12, env: *env}}}
"""
NOBODY = b"spec: {roles: {worker: {command: x, replicas: 0}}}\n"
POD = b"kind: Pod\n"
LIST = b"kind: List\nitems: [{kind: TrainingJob}]\n"
TEXTS = [POD, NOBODY, ANCHORS, ANCHORS.partition(b"---")[0], LIST, *(each.read_bytes() for each in EXAMPLES)]
JOB: dict[str, Any] = {
    "apiVersion": "trainmaster.io/v1alpha1",
    "kind": "TrainingJob",
    "metadata": {
        "name": "mnist",
        "namespace": "vision",
        "labels": {"team": "a"},
        "annotations": {"note": "x"},
    },
    "spec": {
        "framework": "PyTorch",
        "queue": "default",
        "user": "alice",
        "priority": 3,
        "files": [
            {"source": "hdfs:///user/alice/train.py"},
            {"source": "hdfs:///a.zip", "name": "a", "type": "Archive"},
        ],
        "env": [
            {"name": "A", "value": "1"},
            {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
        ],
        "roles": {
            "worker": {
                "replicas": 2,
                "command": "python train.py",
                "resources": {"memory": "2Gi", "vcores": 2, "gpus": 1},
                "restartPolicy": "OnFailure",
            }
        },
        "failureRules": [{"action": "FailJob", "exitCodes": {"operator": "In", "values": [42]}}],
        "runPolicy": {"suspend": False, "backoffLimit": 3, "activeDeadline": "10m"},
    },
}
ENTRY = Entry("/jobs/vision/mnist.yaml", 100, 1, "alice", 0o644)

# --- jobs as YAML


def read_yaml(draws: Draws) -> None:
    """Of an example its text with bites, or of a whole job its tree with edits."""
    number = draws.number()
    edits, bites = draws.edits(), draws.seldom()
    data = TEXTS[number // 2 % len(TEXTS)] if number % 2 == 0 else json_text(JOB, edits).encode()
    data = bitten(data, bites or edits if number % 2 == 0 else bites)
    text = data.decode(errors="surrogateescape" if number % 3 else "replace")
    found, problems = read_job(text, "mnist")
    assert bool(found) != bool(problems), "a job or problems, one of both"
    for problem in problems:
        assert len(str(problem)) < 5_000, "a problem is told in few words"
    read_document(text)
    for each in read_all("vision/mnist.yaml", ENTRY, data):
        assert bool(each.job) != bool(each.problems)
        json.dumps([problem.model_dump() for problem in each.problems]).encode()


yaml = Target(
    "yaml",
    read_yaml,
    ("api.yaml_tree", "api.documents", "api.yaml_documents", "sources.reading"),
    frozenset(
        {
            "declared_in",
            "read_object",
            "_own",
            "read_file",
            "with_namespace",
            "why_not_trusted",
            "FileRead.order",
        }
    ),
)

# --- admission, and objects that an API server shows

OLD = job()
REVIEW: dict[str, Any] = {
    "apiVersion": "admission.k8s.io/v1",
    "kind": "AdmissionReview",
    "request": {
        "uid": "r-1",
        "operation": "UPDATE",
        "namespace": "vision",
        "name": "mnist",
        "object": {
            **shown(
                JOB
                | {"metadata": {**JOB["metadata"], "uid": "u-1", "resourceVersion": "7", "generation": 1}},
                running=1,
            )
        },
        "oldObject": shown(OLD, finished=True),
        "userInfo": {"username": "alice", "groups": ["a"]},
        "dryRun": False,
    },
}
CREATED = {**REVIEW, "request": {**REVIEW["request"], "operation": "CREATE", "oldObject": None}}
EDITED = {
    **REVIEW,
    "request": {
        **REVIEW["request"],
        "oldObject": shown(JOB | {"spec": JOB["spec"] | {"env": []}}, running=1),
    },
}
AGAIN = {
    **REVIEW,
    "request": {
        **REVIEW["request"],
        "object": shown(job({"env": [{"name": "A", "value": "1"}]}), finished=True),
    },
}
FEWER = edited(JOB, [])
FEWER["spec"]["roles"]["worker"]["replicas"] = 1
SCALED = {**REVIEW, "request": {**REVIEW["request"], "oldObject": shown(FEWER, running=1)}}
NAMELESS = {**CREATED, "request": {**CREATED["request"], "object": job(name="", generateName="mnist-")}}
REVIEWS = (REVIEW, CREATED, NAMELESS, EDITED, AGAIN, SCALED)
REVIEWER = Reviewer(POLICY, installation=lambda: "ours", advise=lambda _: "no such queue")


def read_review(draws: Draws) -> None:
    number, edits, bites = draws.number(), draws.edits(), draws.seldom()
    tree = edited(REVIEWS[number % len(REVIEWS)], edits)
    body = bitten(json_text(tree).encode(), bites)
    for judge in (REVIEWER.validate, REVIEWER.mutate):
        with suppress(InvalidError):
            said = loads(answered(body, judge))
            assert said["response"]["allowed"] in (True, False)


reviews = Target(
    "reviews",
    read_review,
    ("sources.kubernetes.admission.envelope", "sources.kubernetes.admission.review"),
)

STATUS = {
    "kind": "Status",
    "status": "Failure",
    "message": 'User "alice" cannot create trainingjobs',
    "reason": "Forbidden",
    "details": {"causes": [{"field": "spec", "message": "no"}]},
    "code": 403,
}


def read_objects(draws: Draws) -> None:
    """What an API server shows of an object, but for what it vouches for, and its refusals."""
    number, status, edits = draws.number(), draws.number(), draws.edits()
    shown_object: Any = None
    with suppress(ValueError):  # nested too deep
        shown_object = loads(json_text(REVIEW["request"]["object"], edits))
    if isinstance(shown_object, dict):
        vouched = {
            "uid": "u-1",
            "namespace": "vision",
            "name": "mnist",
            "resourceVersion": "7",
            "generation": 1,
        }
        kept = shown_object.get("metadata")
        annotations = kept.get("annotations") if isinstance(kept, dict) else None
        well = isinstance(annotations, dict) and all(isinstance(each, str) for each in annotations.values())
        seen_in(shown_object | {"metadata": vouched | ({"annotations": annotations} if well else {})})
        read_object(shown_object)
    call = Call("create", (TRAININGJOBS, SECRETS)[number % 2], "vision", "mnist")
    codes = (401, 403, 404, 409, 422, 429, 500, 302, 400)
    assert str(
        refusal(call, codes[status % len(codes)], json_text(STATUS, edits).encode(errors="replace"), "us")
    )


objects = Target(
    "objects",
    read_objects,
    ("sources.kubernetes.objects", "sources.kubernetes.errors"),
    frozenset({"Seen.revision", "Seen.identity", "Seen.held", "revision", "unreadable"}),
)

# --- kubeconfig

KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "here",
    "clusters": [
        {"name": "c", "cluster": {"server": "https://127.0.0.1:6443", "insecure-skip-tls-verify": True}}
    ],
    "users": [{"name": "u", "user": {"token": "secret"}}],
    "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "vision"}}],
}
FOLDER = tempfile.TemporaryDirectory(prefix="fuzz")


def read_kubeconfig(draws: Draws) -> None:
    edits, bites = draws.edits(), draws.seldom()
    file = Path(FOLDER.name) / "config"
    file.write_bytes(bitten(json_text(KUBECONFIG, edits).encode(), bites))
    named = Kubeconfig.at(str(file))
    assert named.is_there in (True, False)
    with suppress(ConfigException):
        context = named.current_context
        assert isinstance(named.load(context, Configuration()), str)


kubeconfig = Target(
    "kubeconfig",
    read_kubeconfig,
    ("sources.kubernetes.kubeconfig",),
    part=0.15,
)

TARGETS = (yaml, reviews, objects, kubeconfig)
