"""The model: what a person wrote, what an edit of it does, and that a job survives being written down."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from trainmaster.api import schema
from trainmaster.api.commands import expand
from trainmaster.api.documents import read_object
from trainmaster.api.edits import EDIT_KEY, Edit
from trainmaster.api.fields import describe
from trainmaster.api.job import Role, Spec, TrainingJob, immutable_fields, job_to_document, restart_fields
from trainmaster.api.rules import immutable_changes

LATER = ("image", "tensorboard", "nodeLabel", "antiAffinity")
"""fields that come with their behaviour, not before"""


def declared(**spec: Any) -> TrainingJob:
    return TrainingJob.model_validate(
        {"metadata": {"name": "mnist"}, "spec": {"roles": {"worker": {"command": "train"}}, **spec}},
        by_alias=True,
        by_name=False,
    )


def with_worker(**fields: Any) -> TrainingJob:
    return declared(roles={"worker": {"command": "train", **fields}})


class TestRestartFields:
    def test_hold_only_what_was_written(self) -> None:
        assert restart_fields(declared()) == '{"roles":{"worker":{"command":"train"}}}'

    @pytest.mark.parametrize(
        "changed",
        [
            with_worker(command="other"),
            with_worker(env=[{"name": "A", "value": "b"}]),
            with_worker(files=[{"source": "hdfs:///a"}]),
            with_worker(resources={"memory": "2Gi"}),
            with_worker(resources="gpu=1"),
            with_worker(ports=2),
            declared(framework="PyTorch"),
            declared(env=[{"name": "A"}]),
            declared(files=[{"source": "hdfs:///a"}]),
            declared(inputPath="hdfs:///in"),
            declared(checkpointPath="hdfs:///c"),
            declared(savedModelPath="hdfs:///s"),
            declared(roles={"worker": {"command": "train"}, "ps": {"command": "train"}}),
            declared(roles={"trainer": {"command": "train"}}),
        ],
    )
    def test_tell_a_restart_edit(self, changed: TrainingJob) -> None:
        assert restart_fields(changed) != restart_fields(declared())

    @pytest.mark.parametrize(
        "changed",
        [
            with_worker(replicas=7),
            with_worker(restartPolicy="Never"),
            with_worker(restartScope="Job"),
            with_worker(maxRestarts=1),
            declared(priority=3),
            declared(successPolicy="AllWorkers"),
            declared(gang={"minAvailable": 1, "timeout": "1m"}),
            declared(runPolicy={"suspend": True, "backoffLimit": 0}),
            declared(queue="gpu", user="alice"),
        ],
    )
    def test_stay_the_same_under_a_live_edit(self, changed: TrainingJob) -> None:
        assert restart_fields(changed) == restart_fields(declared())

    def test_do_not_tell_two_ways_of_writing_the_same_apart(self) -> None:
        one = with_worker(resources={"memory": "8Gi", "vcores": 2})
        other = with_worker(resources="vcores=2,memory=8G")
        assert restart_fields(one) == restart_fields(other)

    def test_survive_the_journal(self) -> None:
        job = with_worker(resources="memory=8G,gpu=2", replicas=4)
        again = TrainingJob.model_validate_json(job.model_dump_json(by_alias=True, exclude_unset=True))
        assert restart_fields(again) == restart_fields(job)
        assert again == job


def test_queue_and_user_never_change() -> None:
    begun = {"spec.queue": "default", "spec.user": "alice"}
    assert immutable_changes(begun, declared(), owner="alice") == ()
    assert immutable_changes(begun, declared(user="alice"), owner="bob") == ()
    (problem,) = immutable_changes(begun, declared(queue="gpu"), owner="alice")
    assert (problem.field, problem.value) == ("spec.queue", "gpu")
    assert str(problem) == "spec.queue: can't change in the life of a job: it is 'default' since the start"
    assert [p.field for p in immutable_changes(begun, declared(user="bob"))] == ["spec.user"]


def test_a_field_that_was_not_remembered_is_not_judged() -> None:
    assert immutable_changes({}, declared(queue="gpu")) == ()


def test_immutable_fields_are_those_that_are_marked() -> None:
    marked = {
        f"spec.{'.'.join(path)}"
        for path, node in schema.field_paths(schema.job_schema()["properties"]["spec"])
        if node.get(EDIT_KEY) == Edit.IMMUTABLE
    }
    assert marked == set(immutable_fields(declared()))


def test_every_declared_field_says_what_it_is_and_what_an_edit_of_it_does() -> None:
    for path, node in schema.field_paths(schema.job_schema()["properties"]["spec"], ("spec",)):
        if path[-1] in ("[]", "<name>"):
            continue
        field = describe(tuple(0 if step == "[]" else step for step in path))
        assert field is not None
        assert node.get("description"), path
        assert field.edit or path == ("spec", "roles"), path


@pytest.mark.parametrize("name", LATER)
def test_what_a_later_release_brings_is_an_unknown_field(name: str) -> None:
    job, problems = read_object(
        {"metadata": {"name": "a"}, "spec": {name: "x", "roles": {"worker": {"command": "c", name: "x"}}}}
    )
    assert job is None
    assert {p.field for p in problems} == {f"spec.{name}", f"spec.roles.worker.{name}"}
    assert all("unknown field" in p.reason for p in problems)


def test_a_framework_that_is_none_is_refused() -> None:
    with pytest.raises(ValidationError, match="framework"):
        declared(framework="Theano")


def test_a_model_goes_where_the_checkpoints_are_unless_told() -> None:
    assert declared(checkpointPath="hdfs:///c").spec.model_target == "hdfs:///c"
    assert declared(checkpointPath="hdfs:///c", savedModelPath="hdfs:///s").spec.model_target == "hdfs:///s"


def test_a_file_is_named_as_its_source_unless_told() -> None:
    job = declared(files=[{"source": "hdfs:///code/train.py"}, {"source": "hdfs:///e.tar.gz", "name": "env"}])
    assert [file.target for file in job.spec.files] == ["train.py", "env"]


def test_commands_name_the_paths() -> None:
    spec = declared(inputPath="hdfs:///in $x", checkpointPath="/c").spec
    said = expand("a %input_path% %checkpoint_path%|%saved_model_path% %other% 100%", spec)
    assert said == "a hdfs:///in $x /c|/c %other% 100%"


def test_a_path_that_holds_a_placeholder_is_not_replaced_again() -> None:
    spec = declared(inputPath="%checkpoint_path%", checkpointPath="/c").spec
    assert expand("%input_path%", spec) == "%checkpoint_path%"


def test_a_job_is_frozen() -> None:
    with pytest.raises(ValidationError):
        declared().spec.queue = "other"  # type: ignore[misc] - that it can't be set is the point


@pytest.mark.parametrize("model", [TrainingJob, Spec, Role])
def test_python_names_are_no_wire_names(model: type[BaseModel]) -> None:
    wire = {field.alias for field in model.model_fields.values()}
    assert not any("_" in str(name) for name in wire)


ENV = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from("ABC"), "value": st.text(st.characters(exclude_categories=["Cs"]))}
    ),
    max_size=1,
)
ROLE = st.fixed_dictionaries(
    {"command": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0%"), min_size=1)},
    optional={
        "replicas": st.integers(1, 9),
        "resources": st.fixed_dictionaries(
            {}, optional={"memory": st.sampled_from(["1Gi", "8G", 2**31]), "gpus": st.integers(0, 8)}
        ),
        "restartPolicy": st.sampled_from(["Never", "OnFailure", "Always", "ExitCode"]),
        "maxRestarts": st.none() | st.integers(0, 9),
        "env": ENV,
    },
)
SPEC = st.fixed_dictionaries(
    {"roles": st.dictionaries(st.sampled_from(["worker", "ps", "chief"]), ROLE, min_size=1)},
    optional={
        "gang": st.fixed_dictionaries({}, optional={"timeout": st.floats(1, 599.5)}),
        "runPolicy": st.fixed_dictionaries(
            {}, optional={"activeDeadline": st.none() | st.integers(0, 10**6)}
        ),
        "env": ENV,
    },
)


@given(SPEC)
def test_a_job_written_down_reads_back_as_the_same(spec: dict[str, Any]) -> None:
    job, problems = read_object({"metadata": {"name": "a"}, "spec": spec})
    if job is None:
        assert problems
        return
    document = job_to_document(job)
    again, none = read_object(json.loads(json.dumps(document)))
    assert none == ()
    assert again == job
    assert again is not None
    assert restart_fields(again) == restart_fields(job)
    assert job_to_document(again) == document
