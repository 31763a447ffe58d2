"""What processes and those who look send: reports, logs, names of checkpoints, requests, and answers about bad nodes."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from fuzz.mutations import Draws, bitten, edited, json_text
from fuzz.playing import well_typed
from fuzz.target import Target
from trainmaster.cli.log_lines import Log, Shown, harmless, last_lines
from trainmaster.cli.log_times import time_of
from trainmaster.errors import InvalidError
from trainmaster.frameworks.checkpoints import Listed, candidates, may_be_checkpoint, newest, step_of
from trainmaster.json_text import loads
from trainmaster.plan import end_words, first_cause, health, last_words, log_patterns
from trainmaster.plan.classify import lacked_by_node, lacks_file
from trainmaster.reports.book import Book, Job, RefusalError, place_of, report_of
from trainmaster.settings import Access
from trainmaster.sources.cleared import from_text
from trainmaster.web.access import Asked, DeniedError, Gate
from trainmaster.web.listing import parse, select
from trainmaster.web.log_text import lines

# --- reports of training processes

REPORT = {"step": 10, "total": 100, "metrics": {"loss": 0.5, "examples/s": 12}}
PLACES = (
    ("worker", "0", "1", "1"),
    ("worker", "1", "2", "3"),
    ("chief", "0", "1", "1"),
    ("worker", "٣", "-1", "9" * 12),
)
LIVE = {"u-1": Job("token", {"worker": 2, "chief": 1})}


def read_reports(draws: Draws) -> None:
    """Some reports, one after the other, and what the controller is told of them."""
    book = Book()
    book.live(LIVE)
    for second in range(1 + draws.number() % 8):
        number, edits, bites = draws.number(), draws.seldom(), draws.seldom()
        with suppress(RefusalError, ValueError):
            place = place_of(LIVE["u-1"], *PLACES[number % len(PLACES)])
            report = report_of(loads(bitten(json_text(REPORT, edits).encode(), bites)))
            well_typed(report)
            book.take("u-1", place, report, float(6 * second))
    book.blind(1.0)
    for line in book.news(100.0):
        assert len(line) < 20_000
        assert loads(line) is not None


reports = Target(
    "reports",
    read_reports,
    ("reports.book",),
    frozenset({"Book.found_ready", "Book.too_soon"}),
)

# --- logs, and the last words that YARN tells

WORDS = [
    b"[2026-11-28 10:00:00.123]Exception from container-launch.\nContainer id: container_1_0001_01_000001\nExit code: 1\n\n"
    b"[2026-11-28 10:00:00.124]Container exited with a non-zero exit code 1. Error file: prelaunch.err.\n"
    b"Last 4096 bytes of prelaunch.err :\nLast 4096 bytes of stderr :\n"
    b'Traceback (most recent call last):\n  File "train.py", line 3, in <module>\n    import torch\n'
    b"ModuleNotFoundError: No module named 'torch'\n\n\n[2026-11-28 10:00:00.124]Container exited\n",
    b"Last 4096 bytes of stderr :\n.trainmaster.sh: line 3: python3: command not found\n",
    b"Last 4096 bytes of stderr :\npython: can't open file '/x/train.py': [Errno 2] No such file or directory\n",
    b"Last 4096 bytes of stderr :\nRuntimeError: CUDA out of memory. Tried to allocate 2 GiB\nterminate called\n",
    b"trainmaster: nodeCheck nvidia-smi failed\n2026-11-28T10:00:00 step 1\r step 2\r\n\x1b[31mred\x1b[0m\n1128 10:00:00.1 x\n",
]


def read_logs(draws: Draws) -> None:
    number, code, bites, more = draws.number(), draws.number(), draws.edits(), draws.seldom()
    data = bitten(WORDS[number % len(WORDS)], bites)
    text = data.decode(errors="replace")
    _read_words(text, code - 120)
    for find in ("", "Error", "İ"):
        for line in lines(data, whole=bool(number % 2), find=find).lines:
            assert "\x1b" not in "".join(line.pieces)
    log = Shown(Log("worker-0", "container", "node", "stderr"), "", safe=True)
    for line in (*log.take(data, len(data)), *log.take(bitten(data, more), len(data)), *log.last()):
        assert "\x1b]" not in line
        time_of(line)
    assert len(last_lines(data, 3)) <= len(data)


def _read_words(text: str, code: int) -> None:
    words = last_words
    told = (words.last_words(text), words.stderr_of(text), words.failed_check(text))
    assert max(map(len, told)) <= 2 * words.LONGEST, "what is quoted is short"
    words.shortened(words.shortened(text))
    words.missing_script(text)
    words.names_missing(text, "/x/train.py")
    if sign := log_patterns.sign_of(text):
        assert len(sign.fingerprint) < 1_000
    end_words.describe(code, text, "node")
    first_cause.first_cause_first(code, text)
    lacked_by_node(code, text)
    lacks_file(code, text, "hdfs:///x/train.py")
    harmless(text)


logs = Target(
    "logs",
    read_logs,
    ("plan.last_words", "plan.log_patterns", "web.log_text"),
    frozenset({"Sign.cause"}),
)

# --- names in a folder of checkpoints

NAMES = (
    *(
        "checkpoint",
        "ckpt-12.index",
        "ckpt-12.data-00000-of-00001",
        "model.weights.h5",
        "step_500.pt",
        "checkpoint-500",
    ),
    *(
        "1000.orbax-checkpoint-tmp-1",
        "net-0010.params",
        "model_12.ubj",
        "global_step100",
        "20261128",
        "epoch=3-step=900.ckpt",
    ),
)
STATE = b'model_checkpoint_path: "ckpt-12"\nall_model_checkpoint_paths: "ckpt-11"\n'


def read_names(draws: Draws) -> None:
    names = [(draws.number(), draws.number(), draws.seldom()) for _ in range(1 + draws.number() % 6)]
    bites = draws.seldom()
    listed = [
        Listed(
            bitten(NAMES[number % len(NAMES)].encode(), edits).decode(errors="surrogateescape"),
            bool(size % 2),
            size,
            size * 10**9,
        )
        for number, size, edits in names
    ]
    state = bitten(STATE, bites).decode(errors="replace")
    kept = candidates(listed, 3)
    assert len(kept) <= 3
    found = newest(listed, kept, state)
    assert found is None or found[0] in {each.name.removesuffix(".index") for each in listed}
    for each in listed:
        may_be_checkpoint(each)
        assert (step_of(each.name) or 0) < 10**9


names = Target(
    "checkpoints",
    read_names,
    ("frameworks.checkpoints",),
)

# --- those who look at pages, and those who call nodes bad

GATE = Gate(Access(header="X-User", proxies=("10.0.0.0/8",), yarn_proxies=("10.0.0.0/8",)), loopback=False)
QUERY = {"text": "mnist", "state": "Running", "sort": "-name", "page": "2", "namespace": "vision"}
HEADERS = {
    "X-User": "alice",
    "Authorization": "Bearer token",
    "X-Trainmaster-Viewer": "alice 1 ab",
    "Via": "1.1 trainmaster",
}
REMOTES = ("10.0.0.1", "::ffff:10.0.0.1", "fe80::1%eth0", "", "nonsense", "999.1.1.1")
BAD_NODES = {"nodes": [{"node": "node1", "reason": "XID 79"}]}
SERIES = {
    "status": "success",
    "data": {"resultType": "vector", "result": [{"metric": {"node": "node1"}, "value": [1, "1"]}]},
}
MARKS = {"node1": 1764320000.5, "node-2.example": 1764320000}


def read_requests(draws: Draws) -> None:
    number, edits = draws.number(), draws.edits()
    query, headers = _words(edited(QUERY, edits)), _words(edited(HEADERS, edits))
    assert select((), parse(query)).found == 0
    assert parse(query).link(page=2).isascii()
    with suppress(DeniedError):
        viewer = GATE.viewer(
            Asked(REMOTES[number % len(REMOTES)], headers, _words(edited(HEADERS, edits[1:]))), 0.0
        )
        assert viewer.name == viewer.name.strip()
    for document, understood in (
        (BAD_NODES, health.of_document),
        (["node1"], health.of_document),
        (SERIES, _of_series),
    ):
        with suppress(InvalidError, ValueError):
            found = understood(loads(json_text(document, edits)))
            assert all(isinstance(each, str) for pair in found.items() for each in pair)
    well_typed(dict(from_text(json_text(MARKS, edits))))


def _of_series(document: Any) -> Any:
    return health.of_query(document, "node")


def _words(tree: Any) -> dict[str, str]:
    """As a server hands them on: text by text."""
    return {str(key): str(value)[:8000] for key, value in tree.items()} if isinstance(tree, dict) else {}


requests = Target(
    "requests",
    read_requests,
    ("sources.cleared",),
    frozenset({"check_host", "read_marks", "mark", "to_text"}),
)

TARGETS = (reports, logs, names, requests)
