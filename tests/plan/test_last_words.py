"""What an end is told as: the last telling words of the process, the cure, and nothing that doesn't belong into a status."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan.build import World, job
from trainmaster.plan.end_words import describe
from trainmaster.plan.last_words import KEPT, LONGEST, names_missing, shortened, stderr_of


def diagnostics(code: int, stderr: str) -> str:
    """As Hadoop 3.4 tells them: ContainerLaunch.handleContainerExitWithFailure, and once more by ContainerImpl."""
    once = (
        f"[2026-11-26 18:00:00.123]Container exited with a non-zero exit code {code}. Error file: prelaunch.err.\n"
        f"Last 4096 bytes of prelaunch.err :\nLast 4096 bytes of stderr :\n{stderr}\n\n"
    )
    return f"[2026-11-26 18:00:00.121]Exception from container-launch.\nContainer id: c\nExit code: {code}\n\n{once}{once}"


TRACEBACK = """Epoch 1/5
Traceback (most recent call last):
  File "/data/nm/train.py", line 12, in <module>
    main()
  File "/data/nm/train.py", line 9, in main
    return table["x"]
KeyError: 'x'
"""
SAID = [
    (
        127,
        "./.trainmaster.sh: line 14: pyhton: command not found\n",
        "command not found: pyhton (exit code 127); is it in `files`, or on the nodes?",
    ),
    (
        127,
        "./.trainmaster.sh: line 14: ./train.sh: No such file or directory\n",
        "no such file: ./train.sh (exit code 127); is it in `files`, or on the nodes?",
    ),
    (
        126,
        "./.trainmaster.sh: line 14: ./train.sh: Permission denied\n",
        "not executable: ./train.sh (exit code 126); name its interpreter (bash, python), for files that YARN brings "
        "have no right to be executed",
    ),
    (127, "", "exit code 127, by which bash says that a command was not found"),
    (
        2,
        "python3: can't open file '/data/nm/train.py': [Errno 2] No such file or directory\n",
        "no such file: train.py (exit code 2); is it in `files`, or on the nodes?",
    ),
    (1, TRACEBACK, "exit code 1: KeyError: 'x' (train.py, line 9)"),
    (1, "loading\nERROR: no GPU\nbye\n", "exit code 1: ERROR: no GPU"),
    (1, "one\ntwo\n", "exit code 1: two"),
    (1, "10%\r20%\r30%", "exit code 1: 30%"),
    (1, "\x1b[31mError\x1b[0m: a\x07b\n", "exit code 1: Error: ab"),
    (
        134,
        "terminate called after throwing 'x'\n",
        "signal 6 ended it (exit code 134): terminate called after throwing 'x'",
    ),
    (137, "step 12\n", "signal 9 ended it (exit code 137)"),
    (75, "trainmaster: port 1 of a is taken\n", "its port was taken (exit code 75)"),
]


@pytest.mark.parametrize(("code", "stderr", "said"), SAID)
def test_an_end_is_told_by_its_last_words(code: int, stderr: str, said: str) -> None:
    whole = diagnostics(code, stderr)
    assert describe(code, whole) == said
    assert describe(code, shortened(whole)) == said


@given(st.text())
def test_what_is_quoted_is_short_and_plain(stderr: str) -> None:
    said = stderr_of(diagnostics(1, stderr))
    assert len(said) <= LONGEST
    assert said.isprintable()


@given(st.text(max_size=10_000))
def test_what_is_remembered_of_an_end_is_bounded(stderr: str) -> None:
    assert len(shortened(diagnostics(1, stderr))) < KEPT + LONGEST + 100


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        ("FileNotFoundError: [Errno 2] No such file or directory: '/data/mnist/train.gz'", True),
        ("File does not exist: hdfs://nn:9000/data/mnist", True),
        ("FileNotFoundError: [Errno 2] No such file or directory: '/data/mnist2'", False),
        ("Permission denied: /data/mnist", False),
        ("FileNotFoundError: [Errno 2] No such file or directory: 'ckpt/3'", False),
    ],
)
def test_an_input_is_missing_where_its_path_is_named(words: str, missing: bool) -> None:
    assert names_missing(words, "hdfs:///data/mnist") is missing


@pytest.mark.parametrize("policy", ["OnFailure", "Always", "ExitCode"])
@pytest.mark.parametrize(("code", "stderr"), [(127, ""), (126, ""), (2, SAID[4][1])])
def test_what_cant_run_fails_at_once_under_any_policy(policy: str, code: int, stderr: str) -> None:
    roles = {"worker": {"restartPolicy": policy}}
    world = (
        World(job("Generic", worker=2, roles=roles)).runs().ends("worker-0", code, diagnostics(code, stderr))
    )
    assert world.memory.verdict
    assert (world.memory.verdict.reason, world.memory.charged) == ("CannotRun", 0)
    assert "trying again can't help" in world.memory.verdict.message


def test_a_missing_input_fails_at_once_and_another_missing_file_does_not() -> None:
    wanted = job("Generic", worker=1, spec={"inputPath": "hdfs:///data/mnist"})
    words = "FileNotFoundError: [Errno 2] No such file or directory: '/data/mnist/x'\n"
    assert World(wanted).runs().ends("worker-0", 1, diagnostics(1, words)).memory.verdict
    assert (
        not World(wanted)
        .runs()
        .ends("worker-0", 1, diagnostics(1, words.replace("mnist", "cifar")))
        .memory.verdict
    )


def test_a_file_that_is_not_there_fails_at_once() -> None:
    world = World(job("Generic", worker=1)).registers().grants("worker-0")
    world.ends("worker-0", -9997, "hdfs:///code/train.py: no such file")
    assert world.memory.verdict
    assert world.memory.verdict.message.startswith(
        "worker-0 ended on a: one of its files can't be had: hdfs:///code/train.py: no such file; trying again can't help"
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("User eve not found", "its node knows no user eve: whoever has jobs must be known to every"),
        ("Requested user bin is banned", "its node lets nothing run as bin: banned.users"),
        (
            "Requested user tm is not whitelisted and has id 999,which is below the minimum allowed 1000",
            "its node lets nothing run as tm: min.user.id and allowed.system.users",
        ),
    ],
)
def test_a_user_whom_a_node_cannot_become_is_told_with_the_cure(line: str, said: str) -> None:
    """As LinuxContainerExecutor.startLocalizer passes on what container-executor.c wrote."""
    output = (
        f"main : command provided 0\nmain : run as user is eve\nmain : requested yarn user is eve\n{line}"
    )
    diagnostics = (
        f"Application application_1_0001 initialization failed (exitCode=255) with output: {output}\n"
    )
    assert describe(-1000, diagnostics).startswith(said)
    assert describe(-1000, shortened(diagnostics)) == describe(-1000, diagnostics)
