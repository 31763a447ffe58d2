"""Looking fields up, in a terminal and on the reference page."""

import pytest

from trainmaster.api import schema
from trainmaster.api.explain import explain
from trainmaster.api.reference import reference_markdown
from trainmaster.errors import InvalidError


def test_a_field_with_its_type_default_and_edit() -> None:
    assert explain("spec.roles.worker.replicas").splitlines() == [
        "spec.roles.worker.replicas  (trainmaster.io/v1alpha1)",
        "  type:     whole number, 0 to 10000",
        "  default:  1",
        "  an edit:  taken over live",
        "",
        "  Number of processes; all roles together have 1 to 10000. `kubectl scale` sets that of the role",
        "  worker. Every process is told it at its start: so an edit restarts all processes of the job once,",
        "  unless spec.scaling is Live.",
    ]


def test_a_closed_list_tells_what_each_word_means() -> None:
    assert explain("spec.files.type").splitlines()[-2:] == [
        "  File: as it is, under its name",
        "  Archive: unpacked into a folder of that name: .zip, .jar, .tar, .tar.gz or .tgz",
    ]


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("", "TrainingJob  (trainmaster.io/v1alpha1)"),
        ("", "  spec  <fields, required>"),
        (
            "spec",
            "  framework  <TensorFlow, PyTorch, MXNet, XGBoost, JAX, Horovod, MPI, Caffe, Custom, Generic, default Generic>",
        ),
        ("tj.spec.queue", "  an edit:  refused"),
        ("trainingjob.spec.gang.timeout", "  type:     duration"),
        ("spec.roles", "  command  <text, required>"),
        ("spec.roles.command", "spec.roles.<name>.command"),
        ("spec.roles.ps.resources.memory", "  type:     size"),
        ("spec.roles.resources", "  an edit:  restarts the job once"),
        ("spec.env.name", "  required: yes"),
        ("spec.env[3].name", "  an edit:  restarts the job once"),
        ("spec.gang.minAvailable", "  type:     whole number or all"),
        ("spec.runPolicy.suspend", "  default:  false"),
        ("gang.timeout", "spec.gang.timeout  (trainmaster.io/v1alpha1)"),
        ("roles.ps.ports", "spec.roles.ps.ports  ("),
        ("backoffLimit", "spec.runPolicy.backoffLimit  ("),
        ("spec.env.name", "spec.env[].name  ("),
        ("status.conditions.reason", "One CamelCase word"),
    ],
)
def test_a_path_may_leave_out_what_is_clear(path: str, says: str) -> None:
    assert says in explain(path)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("spec.replica", "no field 'spec.replica': known here: framework, template"),
        ("spec.run_policy", "no field 'spec.run_policy': did you mean spec.runPolicy?"),
        ("spek", "did you mean spec?"),
        ("replica", "no field 'replica': did you mean replicas?"),
        ("spec.roles.worker.resources.mem", "did you mean spec.roles.worker.resources.memory?"),
        ("spec.queue.name", "no field 'spec.queue.name': known here: none"),
    ],
)
def test_an_unknown_field_names_the_nearest(path: str, says: str) -> None:
    with pytest.raises(InvalidError) as error:
        explain(path)
    assert says in str(error.value)


def test_a_bare_name_that_stands_in_several_places_lists_them() -> None:
    lines = explain("memoryMiB").splitlines()
    assert lines == [
        "memoryMiB stands in 2 places:",
        "  status.roles.<name>.asked.memoryMiB",
        "  status.roles.<name>.replicas[].granted.memoryMiB",
    ]


def test_every_field_can_be_explained() -> None:
    for path, _ in schema.field_paths(schema.job_schema()):
        steps = [step for step in path if step != "[]"]
        assert explain(".".join(steps).replace("<name>", "x"))


def test_the_reference_names_every_field() -> None:
    page = reference_markdown()
    for path, node in schema.field_paths(schema.job_schema()):
        if path[-1] not in ("[]", "<name>") and len(path) > 1:
            assert f"`{path[-1]}`" in page, path
            assert node["description"].replace("|", "\\|") in page, path
