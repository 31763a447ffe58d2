"""One sound spec, and single changes of it that are sound or mistakes: what the models and a real API server both judge.

A change is a path of wire names and the value that goes there.
"""

import copy
from collections.abc import Iterator, Sequence
from typing import Any

Path = tuple[str | int, ...]
Change = tuple[Path, Any]

SPEC: dict[str, Any] = {
    "inputPath": "hdfs:///data",
    "env": [{"name": "A", "value": "1"}],
    "files": [{"source": "hdfs:///code/train.py"}],
    "gang": {"minAvailable": 2, "timeout": "5m"},
    "runPolicy": {"backoff": {"base": "10s", "max": "10m"}},
    "roles": {
        "worker": {
            "command": "train",
            "replicas": 2,
            "resources": {"memory": "4G", "vcores": 2},
            "env": [{"name": "B", "value": "2"}],
            "files": [{"source": "hdfs:///env.tar.gz", "name": "env", "type": "Archive"}],
        },
    },
}

DURATIONS = (
    0, 1, 599, 600, -1, 10**9, 10**30, True, "", "5", "0.5", ".5m", "5.", "5.s", "30s", "5m", "9m59s", "10m", "1h30m",
    "1m1h", "250ms", "5m250ms", "1.5m", "5 m", " 5m", "5m\n", "-5m", "+5m", "5M", "m", "soon", "1d", "0d", "1d2h",
    "5000d", "1e3", "1.2.3", "9" * 40, "9" * 41, [], {},
)  # fmt: skip
SIZES = (
    0, 1, 2**20, 2**20 - 1, 2**51, 2**52, 10**30, -1, True, "", "4G", "512Mi", "1.5Gi", "1.Gi", ".5G", "+4G", "-4G",
    "4GB", "4g", "1Ki", "1K", "1k", "5000m", "1e9", "1E9", "1e99", "1e100", "1e9G", "2E", "9E", "4 G", "4G\n", "Gi", ".",
    "1.2.3", "9" * 40, "9" * 41, [], {},
)  # fmt: skip
COUNTS = (
    0, 1, 2, 3, 16, 17, 1000, 1001, 10_000, 10_001, 1_000_000, 1_000_001, 2_000_000_000, 2_000_000_001, -1, 10**30, True,
    "2", "", [],
)  # fmt: skip
TRUTHS = (True, False, "true", "no", 1, [])
TEXTS = (
    "", "x", "x" * 255, "x" * 256, "x" * 4096, "x" * 4097, "ä" * 255, "a\0b", "\u2028", "a\nb", 5, True, [], {},
)  # fmt: skip
WORDS = (
    "TensorFlow", "PyTorch", "Generic", "tensorflow", "OnFailure", "Always", "Never", "ExitCode", "Replica", "Job",
    "Chief", "AnyWorker", "AllWorkers", "File", "Archive", "", 1, [],
)  # fmt: skip
NAMES = (
    "A", "_", "a1", "1a", "a-b", "", "a b", "A" * 256, "A" * 257, "TRAINMASTER_X", "TRAINMASTER", "INPUT_PATH", "UID", "BASHPID",
    "CHECKPOINT_PATH", "SAVED_MODEL_PATH", "ä", "A\n", 5,
)  # fmt: skip
SOURCES = (
    "hdfs:///a", "hdfs:///a/", "hdfs://", "s3a://b/ä", "s3a://b/a b", "train.py", "/a/b", "://a", "9x://a", "x_y://a",
    "a:b://c", "http://h/a?x=1", "file:///" + "a" * 2040, "file:///" + "a" * 2041, "", "a\0://b", "hdfs:///a\nb", 5,
)  # fmt: skip
FILES = (
    "a", "a.b-c_d", ".a", "-a", "a/b", "", "..", "a b", "ä", "a" * 255, "a" * 256, "a\n", 5,
)  # fmt: skip
USERS = (
    "alice", "_a", "a.b@c", "svc$", "a-b", "1a", "a b", "", "a" * 128, "a" * 129, "a\n", 5,
)  # fmt: skip
ROLES = (
    "worker", "a", "a-1", "a-", "-a", "A", "1a", "a_b", "a.b", "a" * 32, "a" * 33, "",
)  # fmt: skip
RESOURCES = (
    "memory=8G,vcores=2,gpu=2", "memory=8G", " memory = 8G ", "vcores=2", "MEMORY=8g", "memory-mb=512", "yarn.io/gpu=1",
    "gpus=1", "memory", "memory=", "=8G", "", "memory=8G,", "memory=8G,memory=9G", "memory=8X", "cpu=2", "a=b",
    "memory=8G,vcores=2,gpu=2,x=1", "vcores=" + " " * 248 + "2", "vcores=" + " " * 249 + "2",
    {}, {"memory": "1Gi"}, {"vcores": 1}, {"gpus": 0}, {"memory": "1Gi", "gpus": 1},
    {"memory": "1Gi", "vcores": 1, "gpus": 1}, {"memroy": "1Gi"}, {"memory": "1Gi", "gpu": 1},
    {"memory": "1Gi", "vcores": 1, "gpus": 1, "x": 1}, 5, True, [], ["memory=8G"],
)  # fmt: skip
GANGS = (
    0, 1, 2, 3, -1, 10**30, True, "all", "ALL", "All", "2", "", [], {},
)  # fmt: skip
COMMANDS = (
    "", "x", "x" * 65536, "x" * 65537, "%input_path%", "%checkpoint_path%", "%saved_model_path%", "100%", "a\0", "ä\n\t",
    5, [],
)  # fmt: skip

WORKER: Path = ("roles", "worker")
VALUES: Sequence[tuple[Sequence[Path], Sequence[Any]]] = (
    (
        [("gang", "timeout"), ("runPolicy", "backoff", "base"), ("runPolicy", "backoff", "max")]
        + [(*WORKER, "terminationGracePeriod")]
        + [("runPolicy", name) for name in ("activeDeadline", "pendingDeadline", "progressDeadline", "ttlAfterFinished")],
        DURATIONS,
    ),
    ([(*WORKER, "resources", "memory")], SIZES),
    (
        [(*WORKER, name) for name in ("replicas", "ports", "metricsPort", "maxRestarts")]
        + [(*WORKER, "resources", name) for name in ("vcores", "gpus")]
        + [("priority",), ("runPolicy", "backoffLimit")],
        COUNTS,
    ),
    ([("runPolicy", "suspend"), ("runPolicy", "ttlDeletesResource")], TRUTHS),
    ([("inputPath",), ("checkpointPath",), ("savedModelPath",), ("queue",), ("env", 0, "value")], TEXTS),
    (
        [("framework",), ("successPolicy",), ("files", 0, "type")]
        + [(*WORKER, name) for name in ("restartPolicy", "restartScope")],
        WORDS,
    ),
    ([("env", 0, "name"), (*WORKER, "env", 0, "name")], NAMES),
    ([("files", 0, "source"), (*WORKER, "files", 0, "source")], SOURCES),
    ([("files", 0, "name"), (*WORKER, "files", 0, "name")], FILES),
    ([("user",)], USERS),
    (
        [("links",)],
        [
            [{"name": "x", "url": url}]
            for url in (
                "http://worker-0", "https://h.example:8443/a?b=c#d", "http://[::1]:80/", "http://u:p@h/", "javascript:x",
                "http://h/a b", "http://h/ä", "http://", "http://h:123456/", "", 5, "http://h\n",
            )
        ]
        + [[{}], [{"name": "", "url": "http://h"}], [{"name": "x", "url": "http://h", "port": 17}], ["http://h"], [5], {}]
        + [[{"name": "x", "url": "http://h"}] * 21],
    ),
    ([("roles", name) for name in ROLES], [{"command": "c"}]),
    ([(*WORKER, "resources")], RESOURCES),
    ([("gang", "minAvailable")], GANGS),
    ([(*WORKER, "command")], COMMANDS),
    ([("env", 1), (*WORKER, "env", 1)], [{"name": "A"}, {"name": "B"}, {"value": "x"}, {}, "A", {"name": "C", "x": 1}]),
    (
        [("env", 0, "valueFrom"), ("env", 1), (*WORKER, "env", 1)],
        [
            {"name": "C", "valueFrom": value} | more
            for value in (
                {}, {"file": "hdfs:///k"}, {"file": "k"}, {"file": ""}, {"file": None}, {"secretKeyRef": {"name": "k"}},
                {"secretKeyRef": {"name": "k", "key": "k"}}, {"secretKeyRef": {"name": "K", "key": "k"}},
                {"configMapKeyRef": {"name": "k", "key": "/"}},
                {"configMapKeyRef": {"name": "k", "key": "k"}, "file": "hdfs:///k"}, {"x": 1}, "hdfs:///k", [], 5,
            )
            for more in ({}, {"value": "x"})
        ],
    ),
    (
        [("files", 1), (*WORKER, "files", 1)],
        [{"source": "hdfs:///x/train.py"}, {"source": "hdfs:///x", "name": "env"}, {}, "hdfs:///x"],
    ),
    ([("roles", "chief"), ("roles", "master"), ("roles", "ps")], [{"command": "c", "replicas": n} for n in (0, 1, 2)] + [5]),
    ([("gang",), ("runPolicy",), ("runPolicy", "backoff"), ("env",), ("files",), ("roles",), WORKER], [{}, [], "x", 5]),
    (
        [("failureRules",)],
        [
            [{"action": action, field: value}]
            for action in ("Restart", "RestartJob", "FailJob", "Ignore", "Count", 1)
            for field, value in (
                ("roles", ["worker"]), ("roles", ["ps"]), ("roles", []), ("roles", "worker"), ("causes", ["NodeLost"]),
                ("causes", ["Stopped"]), ("charged", True), ("charged", False), ("charged", "yes"), ("avoidNode", True),
                ("stderr", "a*b"), ("stderr", "**"), ("stderr", ""),
                ("stderr", "\t"), ("stderr", "x" * 200), ("stderr", "x" * 201),
                ("stderr", 5), ("exitCodes", {"operator": "In", "values": [1, 255]}), ("exitCodes", {"values": [1]}),
                ("exitCodes", {"operator": "In", "values": []}), ("exitCodes", {"operator": "In", "values": [0]}),
                ("exitCodes", {"operator": "NotIn", "values": [256]}), ("exitCodes", [1]), ("onExitCodes", {}),
            )
        ] + [[{}], [5], {}, "Restart", [{"action": "Restart"}] * 33],
    ),
    (
        [(*WORKER, "startAfter")],
        [
            [], [{}], {}, "ps", [{"role": "worker", "when": "Running"}], [{"role": "ps", "when": "Running"}],
            [{"role": "", "when": "Running"}], [{"role": "Ps", "when": "Running"}], [{"role": 5, "when": "Running"}],
            [{"role": "ps"}], [{"when": "Ready"}], [{"role": "ps", "when": "ready"}], [{"role": "ps", "when": "Ready", "x": 1}],
        ],
    ),
    (
        [(*WORKER, "readiness")],
        [
            {}, [], 5, "8080", {"port": 1}, {"port": 0}, {"port": 2}, {"port": 17}, {"port": "1"}, {"port": True}, {"x": 1},
            {"httpGet": {}}, {"httpGet": {"path": "/a?b=%25"}}, {"httpGet": {"path": "a"}}, {"httpGet": {"path": "/a b"}},
            {"httpGet": {"path": ""}}, {"httpGet": {"path": "/" + "a" * 1024}}, {"httpGet": {"port": 2}}, {"httpGet": "/"},
            {"port": 1, "httpGet": {}}, {"httpGet": {"path": "/\r\nX: y"}}, {"httpGet": {"host": "x"}},
        ],
    ),
    ([("image",), ("gang", "timout"), ("runPolicy", "suspended"), (*WORKER, "nodeLabel")], ["x"]),
)  # fmt: skip

CHANGES: Sequence[Change] = [(path, value) for paths, values in VALUES for path in paths for value in values]


def changed(changes: Sequence[Change]) -> dict[str, Any]:
    """The sound spec with these changes, in their order. One below something that an earlier one replaced is left out."""
    spec = copy.deepcopy(SPEC)
    for path, value in changes:
        _put(spec, path, copy.deepcopy(value))
    return spec


def _put(spec: dict[str, Any], path: Path, value: Any) -> None:
    node: Any = spec
    for step in path[:-1]:
        if isinstance(step, int):
            node = node[step] if isinstance(node, list) and step < len(node) else None
        else:
            node = node.setdefault(step, {}) if isinstance(node, dict) else None
    if isinstance(node, dict):
        node[path[-1]] = value
    elif isinstance(node, list) and isinstance(path[-1], int):
        node[path[-1] : path[-1] + 1] = [value]


def nulls(node: Any = SPEC, path: Path = ()) -> Iterator[Change]:
    """Every field of the sound spec, given as null; entries of lists are no fields."""
    steps = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for step, child in steps:
        if isinstance(step, str):
            yield (*path, step), None
        yield from nulls(child, (*path, step))
