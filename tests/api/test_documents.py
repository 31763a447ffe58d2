"""From text to a job or to its problems: what a person is told of each mistake, and that no text can do harm."""

from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trainmaster.api import documents
from trainmaster.api.documents import MAX_PROBLEMS, read_document, read_job, read_object
from trainmaster.api.job import Framework, RestartPolicy, restart_fields
from trainmaster.api.yaml_tree import MAX_DEPTH, MAX_TEXT, MAX_VALUES, SECOND, read_tree

SOUND = """\
# a comment
apiVersion: trainmaster.io/v1alpha1
kind: TrainingJob
metadata: {name: mnist, namespace: vision, labels: {team: "42"}}
spec:
  framework: TensorFlow
  queue: gpu
  priority: 5
  user: alice
  inputPath: hdfs:///data/mnist
  checkpointPath: hdfs:///ckpt/mnist
  env: [{name: A, value: b}]
  files:
    - {source: hdfs:///code/train.py, name: train.py}
    - {source: hdfs:///envs/py311.tar.gz, name: env, type: Archive}
  roles:
    ps: {replicas: 2, resources: {memory: 4G, vcores: 2}, command: python train.py --role ps}
    worker:
      replicas: 2
      resources: memory=8G,vcores=2,gpu=2
      restartPolicy: ExitCode
      maxRestarts:
      command: |
        set -e
        python train.py "$@"
  successPolicy: AnyWorker
  gang: {minAvailable: all, timeout: 5m}
  runPolicy:
    backoffLimit: 3
    backoff: {base: 10s, max: 10m}
    activeDeadline: 12h
    pendingDeadline: 1h
    ttlAfterFinished: null
    suspend: no
"""


def told(text: str) -> list[str]:
    """The problems of a text, as sentences."""
    job, problems = read_job(text)
    assert job is None
    assert problems
    return [str(problem) for problem in problems]


def in_job(*lines: str) -> str:
    """A sound job with these lines at its end, inside spec; the first of them is line 5."""
    head = ["metadata: {name: a}", "spec:", "  roles:", "    worker: {command: c}"]
    return "\n".join([*head, *(f"  {line}" for line in lines)])


def test_a_sound_document_becomes_a_job() -> None:
    job, problems = read_job(SOUND)
    assert problems == ()
    assert job is not None
    worker = job.spec.roles["worker"]
    assert (job.metadata.name, job.spec.framework) == ("mnist", Framework.TENSORFLOW)
    assert (worker.resources.memory, worker.resources.gpus) == (8192, 2)
    assert worker.restart_policy is RestartPolicy.EXIT_CODE
    assert worker.command == 'set -e\npython train.py "$@"\n'
    assert job.spec.run_policy.active_deadline == 43200
    assert job.spec.roles["ps"].resources.memory == 3815


def test_a_document_without_a_name_takes_the_default() -> None:
    for text in ("spec: {roles: {w: {command: c}}}", "metadata:\nspec: {roles: {w: {command: c}}}"):
        job, _ = read_job(text, default_name="from-file")
        assert job is not None
        assert job.metadata.name == "from-file"


def test_a_given_name_is_stronger_than_the_default() -> None:
    job, _ = read_job(SOUND, default_name="from-file")
    assert job is not None
    assert job.metadata.name == "mnist"


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (
            ["replica: 2"],
            "line 5: spec.replica: unknown field 'replica' here: did you mean spec.roles.<name>.replicas?",
        ),
        (["prioritty: 2"], "line 5: spec.prioritty: unknown field 'prioritty': did you mean 'priority'?"),
        (["input_path: x"], "line 5: spec.input_path: unknown field 'input_path': did you mean 'inputPath'?"),
        (["priority: high"], "line 5: spec.priority: must be a whole number, not 'high'"),
        (['priority: "5"'], "line 5: spec.priority: must be a whole number: write 5 without quotes"),
        (["priority: 1.5"], "line 5: spec.priority: must be a whole number, not '1.5'"),
        (["priority: true"], "line 5: spec.priority: must be a whole number, not 'True'"),
        (["priority: -1"], "line 5: spec.priority: must be at least 0"),
        (["priority: 99999999999999999999"], "line 5: spec.priority: must be at most 2000000000"),
        (["priority:", "  1e999"], "line 5: spec.priority: must be a whole number, not 'inf'"),
        (
            ["framework: tensorflow"],
            "line 5: spec.framework: must be one of TensorFlow, PyTorch, MXNet, XGBoost, JAX, Horovod, MPI, Caffe, Custom,"
            " Generic: did you mean 'TensorFlow'?",
        ),
        (["queue: [a]"], "line 5: spec.queue: must be text, not a list"),
        (
            ["env: [{name: A}, ]", "files: [null]"],
            "line 6: spec.files[0]: must be a mapping of fields, and nothing is given",
        ),
        (['queue: ""'], "line 5: spec.queue: must not be empty"),
        (
            ["user: 1a"],
            "line 5: spec.user: is no user name: letters, digits and _ . @ $ -, not begun by a digit",
        ),
        (["env: {A: b}"], "line 5: spec.env: must be a list, not a mapping"),
        (
            ["env:", "  - name: A", "    value: yes"],
            'line 7: spec.env[0].value: must be text: put it in quotes, "yes"',
        ),
        (
            ["env:", "  - {name: A, value: 0x10}", "  - {name: B, value: 5}"],
            'line 7: spec.env[1].value: must be text: put it in quotes, "5"',
        ),
        (
            ["env: [{name: a-b}]"],
            "line 5: spec.env[0].name: must be letters, digits and _, and not begin with a digit",
        ),
        (["env: [{value: b}]"], "line 5: spec.env[0].name: must be given"),
        (
            ["gang: {timeout: soon}"],
            "line 5: spec.gang.timeout: 'soon' is not a duration: write 30s, 5m, 1h30m, 2d, or a number of seconds",
        ),
        (
            ["gang: {minAvailable: true}"],
            "line 5: spec.gang.minAvailable: must be a number of replicas from 1, or all",
        ),
        (
            ["gang: {minAvailable: 0}"],
            "line 5: spec.gang.minAvailable: must be a number of replicas from 1, or all",
        ),
        (["gang: none"], "line 5: spec.gang: must be a mapping of fields, not 'none'"),
        (
            ["runPolicy:", "  suspend: maybe"],
            "line 6: spec.runPolicy.suspend: must be true or false, not 'maybe'",
        ),
        (
            ["runPolicy:", "", "  # wait", "  backoff: {base: 1m, max: 1s}"],
            "line 8: spec.runPolicy.backoff.max: is less than base, which is 1m",
        ),
        (["queue: a", "queue: b"], "line 6: spec.queue: 'queue' stands here twice, first on line 5"),
        (
            ["files: [{source: hdfs:///a, name: a/b}]"],
            "line 5: spec.files[0].name: must be a plain file name of letters, digits, '.', _ and -, without folders",
        ),
        (
            ['inputPath: "a\\0b"'],
            "line 5: spec.inputPath: must not hold a NUL character: no process could be given it",
        ),
    ],
)
def test_a_mistake_is_told_with_line_field_and_reason(lines: list[str], sentence: str) -> None:
    assert told(in_job(*lines)) == [sentence]


def test_a_mistake_in_a_role_is_told_where_it_stands() -> None:
    text = "metadata: {name: a}\nspec:\n  roles:\n    worker:\n      command: c\n      replicas: many\n"
    (problem,) = read_job(text)[1]
    assert (problem.field, problem.value, problem.line) == ("spec.roles.worker.replicas", "many", 6)


def test_what_lacks_in_one_of_a_list_is_told_with_the_line_of_that_one() -> None:
    text = in_job("env:", "- {name: A, value: x}", "- name: B", "  value: x", "- {value: x}")
    assert told(text) == ["line 9: spec.env[2].name: must be given"]


def test_a_roles_name_is_checked() -> None:
    text = "metadata: {name: a}\nspec:\n  roles:\n    Worker_1:\n      command: c\n"
    (sentence,) = told(text)
    assert sentence.startswith("line 4: spec.roles.Worker_1: a role's name is lower-case letters")


def test_several_mistakes_are_told_at_once_in_the_order_of_lines() -> None:
    assert [s.partition(":")[0] for s in told(in_job("queue: 5", "priority: x", "gang: 3"))] == [
        "line 5",
        "line 6",
        "line 7",
    ]


def test_more_mistakes_than_anybody_reads_are_counted() -> None:
    sentences = told(in_job(*(f"x{i}: 1" for i in range(30))))
    assert len(sentences) == MAX_PROBLEMS + 1
    assert sentences[-1] == "and 10 more problems"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "line 1: the file is empty: it holds no job"),
        ("# only a comment\n", "line 1: the file is empty: it holds no job"),
        ("---\n---\n", "line 1: the file is empty: it holds no job"),
        ("hello", "line 1: must be a mapping of fields: apiVersion, kind, metadata, spec"),
        ("- a\n", "line 1: must be a mapping of fields: apiVersion, kind, metadata, spec"),
        ("a: b: c", "line 1: not YAML: mapping values are not allowed in this context"),
        ("a: b\n  c: d\n", "line 2: not YAML: mapping values are not allowed in this context"),
        ("a: [1, 2", "line 2: not YAML: while parsing a flow sequence, did not find expected ',' or ']'"),
        ("a: 'b", "line 1: not YAML: while scanning a quoted scalar, found unexpected end of stream"),
        ("ä: ö\n# ü\na: \x07\nb: c\n", "line 3: not YAML: control characters are not allowed"),
        ("a: 1\nb: \ud800", "line 2: holds half a character (a surrogate)"),
        ("kind: Deployment\nx: 1", "line 1: kind: must be TrainingJob, not Deployment"),
        ("kind: [a]", "line 1: kind: must be TrainingJob, not a list of 1"),
        ("\napiVersion: v1", "line 2: apiVersion: must be trainmaster.io/v1alpha1, not v1"),
        ("a: 1\n---\nb: 2\n", f"line 3: {SECOND}"),
        ("? [a]\n: b", "line 1: a list or mapping can't be a key"),
        ("a: &x 1\n*x : b", "line 2: an alias can't be a key"),
        ("a: *x", "line 1: the alias *x stands for nothing that was named before it"),
        ("a: &x [*x]", "line 1: the alias *x stands for nothing that was named before it"),
        ("a: !!python/object:os.system {}",
         "line 1: the tag 'tag:yaml.org,2002:python/object:os.system' isn't read here: write plain values"),
        ("a: !!binary aGk=", "line 1: the tag 'tag:yaml.org,2002:binary' isn't read here: write plain values"),
    ],
)  # fmt: skip
def test_a_text_that_is_no_job_says_why(text: str, sentence: str) -> None:
    assert told(text) == [sentence]


class TestHarmfulTexts:
    """Each of these costs little and says what is wrong."""

    def test_too_long(self) -> None:
        assert told("#" * (MAX_TEXT + 1)) == ["line 1: the text is longer than 1024 KiB"]

    @pytest.mark.parametrize("opener", ["[", "{a: ", "- ", "[{a: "])
    def test_too_deep(self, opener: str) -> None:
        assert told(opener * (500_000 // len(opener))) == [f"line 1: nested deeper than {MAX_DEPTH} levels"]

    def test_many_roles(self) -> None:
        text = "metadata: {name: a}\nspec:\n  roles:\n" + "".join(
            f"    r{i}: {{command: c}}\n" for i in range(10_000)
        )
        assert told(text) == ["line 3: spec.roles: has more than 32 entries"]

    def test_many_broken_roles(self) -> None:
        text = "metadata: {name: a}\nspec:\n  roles:\n" + "".join(
            f"    r{i}: {{comand: c}}\n" for i in range(10_000)
        )
        sentences = told(text)
        assert sentences[0] == "line 4: spec.roles.r0.command: must be given"
        assert (len(sentences), sentences[-1]) == (21, "and 19980 more problems")

    def test_many_values(self) -> None:
        (sentence,) = told("a: [" + "1," * (MAX_VALUES + 1) + "]")
        assert sentence == f"line 1: holds more than {MAX_VALUES} values"

    def test_a_billion_laughs(self) -> None:
        lines = ["a0: &a0 [lol, lol]"] + [
            f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)
        ]
        (sentence,) = told("\n".join(lines))
        assert f"holds more than {MAX_VALUES} values" in sentence

    def test_a_number_of_a_million_digits(self) -> None:
        (sentence,) = told(in_job(f"priority: {'9' * 1_000_000}"))
        assert sentence == f"line 5: spec.priority: must be a whole number: write {'9' * 80} without quotes"


def test_an_alias_stands_for_what_was_named() -> None:
    text = """
metadata: {name: a}
spec:
  roles:
    ps: {command: c, resources: &size {memory: 1Gi}}
    worker: {command: c, resources: *size}
"""
    job, problems = read_job(text)
    assert problems == ()
    assert job is not None
    assert job.spec.roles["worker"].resources == job.spec.roles["ps"].resources


def test_a_mistake_below_an_alias_is_told_where_the_alias_stands() -> None:
    text = """
metadata: {name: a}
spec:
  roles:
    ps: &role {command: c, replicas: x}
    worker: *role
"""
    assert [s.partition(":")[0] for s in told(text)] == ["line 5", "line 6"]
    listed = in_job("env:", "- &one {value: x}", "- {name: B, value: x}", "- *one")
    assert [s.partition(":")[0] for s in told(listed)] == ["line 6", "line 8"]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True), ("Yes", True), ("ON", True), ("no", False), ("off", False), ("False", False),
        ("~", None), ("null", None), ("5", 5), ("-5", -5), ("0", 0), ("1.5", 1.5), ("1e3", 1000.0), (".5", 0.5),
        ("y", "y"), ("010", "010"), ("0x10", "0x10"), ("12:30", "12:30"), ("2024-01-01", "2024-01-01"),
        ("1_000", "1_000"), (".inf", ".inf"), ("'5'", "5"), ('"yes"', "yes"), ("!!str 5", "5"), ("1.2.3", "1.2.3"),
        ("4G", "4G"),
    ],
)  # fmt: skip
def test_plain_words_are_read_as_kubectl_reads_them(written: str, value: object) -> None:
    assert read_tree(f"a: {written}").value == {"a": value}


def test_an_object_of_the_api_server_is_read_without_what_is_the_servers() -> None:
    metadata = {"name": "a", "namespace": "b", "uid": "1", "resourceVersion": "2", "managedFields": []}
    spec = {"roles": {"worker": {"command": "c", "maxRestarts": None}}}
    job, problems = read_object(
        {
            "apiVersion": "trainmaster.io/v1alpha1",
            "kind": "TrainingJob",
            "metadata": metadata,
            "spec": spec,
            "status": {"x": 1},
        }
    )
    assert problems == ()
    assert job is not None
    assert job.metadata.namespace == "b"


def test_null_in_an_object_counts_as_left_out() -> None:
    worker = {"command": "c", "replicas": None, "env": None, "resources": {"memory": None, "gpus": 1}}
    metadata = {"name": "a", "labels": None, "annotations": None, "creationTimestamp": None}
    job, problems = read_object({"metadata": metadata, "spec": {"queue": None, "roles": {"worker": worker}}})
    assert problems == ()
    assert job is not None
    assert restart_fields(job) == '{"roles":{"worker":{"command":"c","resources":{"gpus":1}}}}'


def test_null_in_a_list_of_an_object_is_a_mistake() -> None:
    _, problems = read_object(
        {"metadata": {"name": "a"}, "spec": {"env": [None], "roles": {"w": {"command": "c"}}}}
    )
    assert [problem.field for problem in problems] == ["spec.env[0]"]


def test_an_object_of_any_depth_is_only_a_mistake() -> None:
    deep: object = "4G"
    for _ in range(100_000):
        deep = [deep]
    resources = {"memory": deep}
    _, problems = read_object(
        {"metadata": {"name": "a"}, "spec": {"roles": {"w": {"command": "c", "resources": resources}}}}
    )
    assert [problem.field for problem in problems] == ["spec.roles.w.resources.memory"]


def test_an_object_has_the_same_problems_without_lines() -> None:
    _, problems = read_object({"metadata": {"name": "a"}, "spec": {"roles": {"worker": {"replica": True}}}})
    assert [str(p) for p in problems] == [
        "spec.roles.worker.command: must be given",
        "spec.roles.worker.replica: unknown field 'replica': did you mean 'replicas'?",
    ]


TOKENS = st.sampled_from(
    [
        "metadata", "name", "spec", "roles", "worker", "replicas", "command", "env", "files", "resources", "gang",
        ": ", ":\n", "\n", "\n  ", "\n    ", "- ", "{", "}", "[", "]", ", ", "&a ", "*a", "!!int ", "|\n", "'", '"', "#",
        "1", "-1", "1e9", "yes", "null", "9" * 50, "8G", "5m", "all", "\t", "---\n", "...", "%input_path%", "? ", "\0",
    ]
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text()
            | st.sampled_from(["metadata", "name", "spec", "roles", "worker", "env", "gang", "runPolicy"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


class TestNeverRaises:
    @settings(max_examples=300)
    @given(st.text(st.characters()))
    @example("\ud800")
    @example("\0")
    @example("\ufeff")
    @example('"\\UFFFFFFFF"')
    @example("%YAML 9.9\n---\n")
    def test_for_any_text(self, text: str) -> None:
        self._sound(read_job(text, default_name="a"))

    @settings(max_examples=500)
    @given(st.lists(TOKENS, max_size=40))
    def test_for_text_that_is_nearly_a_job(self, tokens: list[str]) -> None:
        self._sound(read_job("".join(tokens)))

    @settings(max_examples=300)
    @given(st.dictionaries(st.sampled_from(["metadata", "spec", "kind"]) | st.text(), JSON, max_size=4))
    @example({"[key]": []})
    def test_for_any_object(self, document: dict[str, object]) -> None:
        self._sound(read_object(document))

    def _sound(self, read: tuple[object, tuple[object, ...]]) -> None:
        job, problems = read
        assert (job is None) == bool(problems)
        for problem in problems:
            assert str(problem).isprintable()
            assert len(str(problem)) < 1000


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (["tfReplicaSpecs: {}"], "unknown field 'tfReplicaSpecs': declare the processes in spec.roles"),
        (["runPolicy: {activeDeadlineSeconds: 5}"], "'activeDeadlineSeconds': write `activeDeadline`"),
        (["  ps: {command: c, image: x}"], "unknown field 'image': YARN runs the command on its nodes"),
        (["  ps: {command: c, args: [x]}"], "unknown field 'args': write the arguments into `command`"),
        (
            ["  ps: {command: c, resources: {limits: {cpu: 1}}}"],
            "unknown field 'limits': write memory, vcores",
        ),
        (
            ["  ps: {command: c, resources: {cpu: 500m}}"],
            "unknown field 'cpu': write `vcores`, a whole number",
        ),
        (
            ["  ps: {command: c, resources: {nvidia.com/gpu: 1}}"],
            "unknown field 'nvidia.com/gpu': write `gpus`",
        ),
    ],
)
def test_who_comes_from_kubeflow_is_told_the_field_of_ours(lines: list[str], sentence: str) -> None:
    assert sentence in "\n".join(told(in_job(*lines)))


def test_copies_of_a_text_are_parsed_once_and_differ_in_their_names_alone() -> None:
    text = "apiVersion: trainmaster.io/v1alpha1\nkind: TrainingJob\nspec: {roles: {worker: {command: of copies}}}\n"
    with patch.object(documents, "read_tree", wraps=documents.read_tree) as parsed:
        found = [read_document(text, f"copy-{number}") for number in range(100)]
    assert parsed.call_count == 1
    jobs = [each.job for each in found if each.job]
    assert [job.metadata.name for job in jobs] == [f"copy-{number}" for number in range(100)]
    assert len({id(job.spec) for job in jobs}) == 1
    alone, _ = read_job(text, "copy-7")
    assert alone is not None
    assert jobs[7] == alone
    assert jobs[7].model_dump_json(exclude_unset=True) == alone.model_dump_json(exclude_unset=True)


@given(
    broken=st.sampled_from(
        ["", "metadata: {name: own}\n", "metadata: {name: null}\n", "metadata: []\n", "spec: {}\n", "x: ["]
    )
)
@example(broken="metadata: {name: Not One}\n")
def test_what_a_text_says_is_the_same_however_often_it_was_read(broken: str) -> None:
    text = f"kind: TrainingJob\n{broken}" + "spec: {roles: {worker: {command: c}}}\n"
    for name in ("", "a", "Bad_Name", "b" * 64, "ends-", "a"):
        read = read_document(text, name)
        assert (read.job, read.problems) == read_job(text, name)
