"""One language at both doors: a document means the same as a file and as an object of the Kubernetes API."""

from __future__ import annotations

import json

import pytest
import yaml

from trainmaster.api.documents import read_job, read_object
from trainmaster.sources.files import Entry
from trainmaster.sources.reading import read_all

HEAD = "apiVersion: trainmaster.io/v1alpha1\nkind: TrainingJob\nmetadata: {name: a, namespace: n}\n"
SOUND: dict[str, str] = {
    "plain": HEAD + "spec: {roles: {worker: {command: c}}}\n",
    "null fields": HEAD
    + "spec: {queue: , env: null, gang: ~, user: , roles: {worker: {command: c, env: [{name: A, value: }]}}}\n",
    "null metadata": HEAD.replace("}", ", labels: , annotations: null}")
    + "spec: {roles: {worker: {command: c}}}\n",
    "a null role": HEAD + "spec: {roles: {ps: null, worker: {command: c}}}\n",
    "an alias": HEAD + "spec: {roles: {ps: &b {command: c}, worker: *b}}\n",
    "a merge": HEAD + "spec: {roles: {ps: &b {command: c}, worker: {<<: *b, replicas: 2}}}\n",
    "a merge with its own": HEAD + "spec: {roles: {ps: &b {command: c}, worker: {<<: *b, command: d}}}\n",
    "a merge of several": HEAD
    + "spec: {roles: {a: &a {command: a}, b: &b {command: b, replicas: 3}, worker: {<<: [*a, *b]}}}\n",
    "a merge of a merge": HEAD
    + "spec: {roles: {a: &a {command: a}, b: &b {<<: *a, replicas: 3}, worker: {<<: *b}}}\n",
    "a directive": "%YAML 1.1\n---\n" + HEAD + "spec: {roles: {worker: {command: c}}}\n",
    "an end": "---\n" + HEAD + "spec: {roles: {worker: {command: c}}}\n...\n",
    "an empty second": HEAD + "spec: {roles: {worker: {command: c}}}\n---\n# nothing\n",
    "json": json.dumps(yaml.safe_load(HEAD + "spec: {roles: {worker: {command: c}}}\n")),
    "printed by kubectl": HEAD.replace(
        "}",
        ", uid: x, generation: 3, resourceVersion: '7', creationTimestamp: '2026-01-01T00:00:00Z',"
        " managedFields: [{manager: kubectl}], finalizers: [trainmaster.io/yarn], ownerReferences: [], selfLink: /x}",
    )
    + "spec: {roles: {worker: {command: c}}}\nstatus: {state: Running, conditions: [{type: Ready}]}\n",
}
WORKER = "spec: {roles: {worker: {command: c}}}\n"
A, B = HEAD + WORKER, HEAD.replace("name: a", "name: b") + WORKER
WRONG = B.replace("command", "comand")
SEVERAL: dict[str, str] = {
    "two": f"{A}---\n{B}",
    "with nothing between": f"---\n# head\n---\n{A}---\n---\n# nothing\n---\n{B}---\n# end\n",
    "ended": f"{A}...\n---\n{B}...\n",
    "with directives": f"%YAML 1.1\n---\n{A}...\n%YAML 1.1\n---\n{B}",
    "on the line of the border": f"{A}--- # this one\n{B}--- {json.dumps(yaml.safe_load(A.replace('name: a', 'name: c')))}\n",
    "windows": f"{A}---\n{B}".replace("\n", "\r\n"),
    "one wrong": f"{A}---\n{WRONG}---\n{A.replace('name: a', 'name: c')}",
    "another kind": f"{A}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: b, namespace: n}}\n",
    "borders that are text": HEAD + 'spec: {roles: {worker: {command: "c\n  ---\n  d"}}}\n---\n' + B,
    "anchors of their own": f"{A.replace('command: c', 'command: &c c')}---\n{B.replace('command: c', 'command: &c d')}",
}
UNSOUND: dict[str, str] = {
    "a null command": HEAD + "spec: {roles: {worker: {command: }}}\n",
    "only null roles": HEAD + "spec: {roles: {worker: null}}\n",
    "a null entry": HEAD + "spec: {env: [null], roles: {worker: {command: c}}}\n",
    "no spec": HEAD + "spec:\n",
    "an unknown field": HEAD + "spec: {quue: x, roles: {worker: {command: c}}}\n",
}


def as_object(text: str) -> object:
    """As it goes over the wire to the API server: JSON."""
    (document,) = [each for each in yaml.safe_load_all(text) if each is not None]
    return json.loads(json.dumps(document))


@pytest.mark.parametrize("text", SOUND.values(), ids=SOUND)
def test_a_sound_document_is_the_same_job_at_both_doors(text: str) -> None:
    job, problems = read_job(text)
    assert problems == ()
    assert job == read_object(as_object(text))[0]  # type: ignore[arg-type]  # the table holds mappings


@pytest.mark.parametrize("text", UNSOUND.values(), ids=UNSOUND)
def test_what_is_wrong_is_wrong_at_both_doors_in_the_same_words(text: str) -> None:
    job, problems = read_job(text)
    _, others = read_object(as_object(text))  # type: ignore[arg-type]  # the table holds mappings
    assert job is None
    assert [(each.field, each.reason) for each in problems] == [(each.field, each.reason) for each in others]


@pytest.mark.parametrize("text", SEVERAL.values(), ids=SEVERAL)
def test_a_file_of_several_documents_gives_what_the_api_server_is_given_one_by_one(text: str) -> None:
    """kubectl sends each document by itself, and what is wrong with one refuses no other."""
    read = read_all("n/several.yaml", Entry("/several.yaml", len(text), 1, "alice", 0o644), text.encode())
    objects = [json.loads(json.dumps(each)) for each in yaml.safe_load_all(text) if each is not None]
    assert len(objects) > 1
    assert [each.name for each in read] == [each["metadata"]["name"] for each in objects]
    for mine, (job, problems) in zip(read, map(read_object, objects), strict=True):
        assert mine.job == job
        assert [(p.field, p.reason) for p in mine.problems] == [(p.field, p.reason) for p in problems]
        assert all(text.split("\n")[p.line - 1] for p in mine.problems)


@pytest.mark.parametrize(
    ("roles", "words"),
    [
        (
            "ps: &b {command: c}, worker: {command: d, <<: *b}",
            "'command' stands here, and << brings another: write << first, and what stands here wins",
        ),
        (
            "worker: {<<: 5, command: c}",
            "<< takes over the fields of a mapping that was named before: write <<: *name",
        ),
        ('worker: {"<<": {command: c}}', "unknown field '<<'"),
    ],
)
def test_a_merge_that_readers_take_in_two_ways_is_refused(roles: str, words: str) -> None:
    job, problems = read_job(f"{HEAD}spec: {{roles: {{{roles}}}}}\n")
    assert job is None
    assert words in "\n".join(map(str, problems))


def test_a_merged_mistake_is_told_with_the_line_of_the_merge() -> None:
    _, problems = read_job(
        f"{HEAD}x: &b {{replicas: no}}\nspec:\n  roles:\n    worker:\n      <<: *b\n      command: c\n"
    )
    assert "line 8: spec.roles.worker.replicas: must be a whole number, not 'False'" in map(str, problems)
