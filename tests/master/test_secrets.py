"""Values of variables that come from Secrets, ConfigMaps and files: waited for, given at a start, and written nowhere else."""

from __future__ import annotations

import asyncio
import base64
import gzip
import logging
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from master.controllers import controller
from master.folder import Folder
from master.office import job
from master.test_launch import begun
from master.virtual import until, virtual
from trainmaster.api.status import ConditionType as C
from trainmaster.errors import InvalidError, UnavailableError
from trainmaster.hadoop.containers import LocalResource
from trainmaster.hadoop.values import Resource
from trainmaster.master.desk import no_private_files
from trainmaster.master.launch import NAME, launch, script, value_file
from trainmaster.master.secrets import Given, Secrets
from yarn.nodemanager import NodeManager
from yarn.wires import Yarn

HUSH = "hush-7dd1c0"
KEYS = ("default", "Secret", "keys")


def wants(**more: Any) -> dict[str, Any]:
    return {
        "env": [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "token"}}}],
        **more,
    }


def yarn() -> Yarn:
    return Yarn(*(NodeManager(host, Resource(65536, 64)) for host in ("n1", "n2")))


def scripts(room: Yarn) -> list[str]:
    """What processes were told, unpacked."""
    launched = (process.launch.environment for _, process in room.processes())
    packed = (
        "".join(part for name, part in sorted(each.items()) if name.startswith(NAME)) for each in launched
    )
    return [gzip.decompress(base64.b64decode(text)).decode() for text in packed]


def why(folder: Folder, uid: str, of: C = C.QUEUED) -> tuple[str, str]:
    found = (
        next((c for c in folder.shown[uid].conditions if c.type == of), None) if uid in folder.shown else None
    )
    return (found.reason, found.message) if found else ("", "")


@contextmanager
def logged() -> Iterator[list[logging.LogRecord]]:
    """All that is logged meanwhile, whatever its level."""
    records: list[logging.LogRecord] = []
    handler, root = logging.Handler(), logging.getLogger()
    handler.emit = records.append  # type: ignore[method-assign]
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield records
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


@virtual
async def test_what_is_not_there_is_waited_for_and_nothing_is_asked_of_yarn() -> None:
    folder, room = Folder(), yarn()
    async with controller(folder, room):
        folder.put("a", job(worker=2, spec=wants()))
        await until(lambda: why(folder, "a") == ("WaitingForValue", "Secret default/keys isn't there"))
        await asyncio.sleep(600)
        assert room.applications == {}
        folder.objects[KEYS] = {"other": b"x"}
        await until(lambda: why(folder, "a")[1] == "Secret default/keys has no key token")
        folder.objects[KEYS] = {"token": HUSH.encode()}
        await until(lambda: len(room.running()) == 2)
        assert all(f"export TOKEN={HUSH}" in text for text in scripts(room))
    assert folder.reads[KEYS] < 40, "it is looked for again now and then, not all the time"


@virtual
async def test_no_value_is_written_or_told_anywhere_but_in_the_launch() -> None:
    folder, room, registry = Folder(), yarn(), CollectorRegistry()
    folder.objects[KEYS] = {"token": HUSH.encode()}
    with logged() as records:
        async with controller(folder, room, registry) as ours:
            folder.put("a", job(worker=2, spec=wants()))
            await until(lambda: len(room.running()) == 2)
            room.exits(room.running()[0], 1)
            await until(lambda: folder.shown["a"].restarts == 1 and len(room.running()) == 2, 120)
            said = [repr(ours.picture()), repr(ours._masters["a"].__dict__), repr(folder.told)]
    [opened] = [record for record in records if record.getMessage() == "opening an application"]
    told = {key: opened.__dict__[key] for key in ("declared_by", "user", "job", "application")}
    assert told == {"declared_by": "u", "user": "u", "job": "a", "application": "application_1_0001"}
    everything = [
        *said,
        *(record.decode(errors="replace") for record in folder.journal.records.values()),
        *(status.model_dump_json() for status in folder.shown.values()),
        generate_latest(registry).decode(),
        *(f"{record.getMessage()} {record.__dict__}" for record in records),
        repr(folder.journal.memory("a")),
        repr([process.launch for _, process in room.processes()]),
        repr([process.launch.command for _, process in room.processes()]),
        repr(room.applications),
    ]
    assert HUSH in "".join(scripts(room)), "else this test looks for nothing"
    assert not [text for text in everything if HUSH in text]


@virtual
async def test_a_new_value_reaches_what_starts_next_and_one_that_is_gone_is_waited_for() -> None:
    folder, room = Folder(), yarn()
    folder.objects[KEYS] = {"token": b"first"}
    async with controller(folder, room):
        folder.put("a", job(worker=2, spec=wants()))
        await until(lambda: len(room.running()) == 2)
        await asyncio.sleep(60)
        folder.objects[KEYS] = {"token": b"second"}
        room.exits(room.running()[0], 1)
        await until(lambda: len(room.running()) == 2, 120)
        assert sum("TOKEN=second" in text for text in scripts(room)) == 1
        await asyncio.sleep(60)
        del folder.objects[KEYS]
        room.exits(room.running()[0], 1)
        await until(lambda: "Secret default/keys isn't there" in why(folder, "a", C.RUNNING)[1], 120)
        await asyncio.sleep(60)
        assert len(room.running()) == 1
        folder.objects[KEYS] = {"token": b"third"}
        await until(lambda: len(room.running()) == 2, 120)
        await until(lambda: "isn't there" not in why(folder, "a", C.RUNNING)[1], 10)


@virtual
async def test_nobody_goes_on_waiting_for_a_container_that_is_gone() -> None:
    """YARN takes back what isn't started for ten minutes, and another one is asked for. Who went on waiting for the first would
    also keep its node from being asked whether anything runs in it, and so the second from being started."""
    folder, room = Folder(), yarn()
    folder.objects[KEYS] = {"token": b"first"}
    async with controller(folder, room) as ours:
        folder.put("a", job(worker=2, spec=wants()))
        await until(lambda: len(room.running()) == 2)
        del folder.objects[KEYS]
        room.exits(room.running()[0], 1)
        secrets = ours._masters["a"].desk.secrets
        await until(lambda: secrets._waiting == {"a": 1}, 120)
        [waits_for] = [id_ for a in room.applications.values() for id_ in a.live if id_ not in room.running()]
        room.preempt(waits_for)
        await until(lambda: waits_for not in {id_ for a in room.applications.values() for id_ in a.live}, 120)
        await asyncio.sleep(120)
        begun_ones = [what for kind, what in ours._masters["a"].contact.doing.works._tasks if kind == "start"]
        assert len(begun_ones) == 1
        assert waits_for not in begun_ones
        folder.objects[KEYS] = {"token": b"second"}
        await until(lambda: len(room.running()) == 2, 120)
        assert secrets._waiting == {}
        assert secrets.lacks("a") == ""


@virtual
async def test_a_gang_reads_an_object_once_and_nothing_is_held_for_long() -> None:
    folder, room = Folder(), yarn()
    folder.objects[KEYS] = {"token": HUSH.encode()}
    async with controller(folder, room) as ours:
        folder.put("a", job(worker=40, spec=wants()))
        await until(lambda: len(room.running()) == 40, 120)
        assert folder.reads[KEYS] <= 3
        await asyncio.sleep(30)
        assert ours._masters["a"].desk.secrets._known == {}


@virtual
async def test_a_look_up_costs_the_same_however_many_others_are_held() -> None:
    """10,000 jobs that are taken over look up theirs within seconds of each other."""

    class Table(dict[Any, Any]):
        gone_through = 0

        def items(self) -> Any:
            self.gone_through += 1
            return super().items()

    async def fetch(*_: str) -> Mapping[str, bytes]:
        return {"token": b"x"}

    secrets = Secrets(fetch, no_private_files, lambda _: None)
    secrets._known = table = Table()
    for number in range(100):
        assert await secrets._object("default", "Secret", f"s{number}") == {"token": b"x"}
    assert secrets._known is table
    assert len(table) == 100
    assert table.gone_through == 0
    await asyncio.sleep(6)
    assert table == {}, "and none is held longer than it serves"


@virtual
async def test_what_nobody_foresaw_ends_no_search() -> None:
    folder, room = Folder(), yarn()
    folder.objects[KEYS] = ValueError(f"what is in it: {HUSH}")
    words = "the values of its variables can't be looked up (ValueError)"
    with logged() as records:
        async with controller(folder, room):
            folder.put("a", job(worker=1, spec=wants()))
            await until(lambda: why(folder, "a") == ("WaitingForValue", words))
            folder.objects[KEYS] = {"token": b"x"}
            await until(lambda: len(room.running()) == 1, 60)
            await asyncio.sleep(10)
            folder.objects[KEYS] = ValueError(f"what is in it: {HUSH}")
            room.exits(room.running()[0], 1)
            await until(lambda: words in why(folder, "a", C.RUNNING)[1], 120)
            folder.objects[KEYS] = {"token": b"x"}
            await until(lambda: len(room.running()) == 1, 60)
    assert any("look up" in record.getMessage() for record in records)
    assert not [record for record in records if HUSH in f"{record.getMessage()} {record.__dict__}"]


@virtual
async def test_an_api_server_that_is_away_fails_nothing() -> None:
    folder, room = Folder(), yarn()
    folder.objects[KEYS] = UnavailableError("the API server does not answer")
    async with controller(folder, room):
        folder.put("a", job(worker=1, spec=wants()))
        folder.put("b", job(worker=1))
        await until(lambda: why(folder, "a") == ("WaitingForValue", "the API server does not answer"))
        await until(lambda: len(room.running()) == 1)
        folder.objects[KEYS] = {"token": b"x"}
        await until(lambda: len(room.running()) == 2, 60)


@virtual
async def test_of_what_may_not_run_nothing_is_read() -> None:
    folder, room = Folder(), yarn()
    folder.objects[KEYS] = {"token": b"x"}
    async with controller(folder, room):
        folder.put("a", job(worker=1, spec=wants(), policy={"suspend": True}))
        folder.put("b", job(worker=1))
        await until(lambda: len(room.running()) == 1)
        await asyncio.sleep(30)
        assert not folder.reads


@virtual
async def test_a_deleted_job_is_looked_for_no_more() -> None:
    folder, room = Folder(), yarn()
    async with controller(folder, room) as ours:
        folder.put("a", job(worker=1, spec=wants()))
        await until(lambda: why(folder, "a")[0] == "WaitingForValue")
        secrets = ours._masters["a"].desk.secrets
        folder.jobs["a"] = replace(folder.jobs["a"], deleted=True)
        await until(lambda: not ours._masters)
        assert not secrets._looks
        assert not secrets._at_start


BAD: list[tuple[bytes, str]] = [
    (b"\xff\xfe", "Secret default/keys, key token: it is no text in UTF-8, and a variable holds text"),
    (b"a\0b", "Secret default/keys, key token: it holds a NUL character, which no process could be given"),
    (
        b"x" * 200_000,
        "Secret default/keys, key token: 200000 bytes are more than a variable may have (131008)",
    ),
]


@pytest.mark.parametrize(("value", "words"), BAD)
def test_what_is_no_variable_is_told_without_its_value(value: bytes, words: str) -> None:
    @virtual
    async def tried() -> None:
        folder, room = Folder(), yarn()
        folder.objects[KEYS] = {"token": value}
        async with controller(folder, room):
            folder.put("a", job(worker=1, spec=wants()))
            await until(lambda: why(folder, "a") == ("WaitingForValue", words))

    tried()


# --- files


@virtual
async def test_a_file_is_brought_by_yarn_under_a_name_of_ours() -> None:
    folder, room = Folder(), yarn()
    asked: list[tuple[str, str]] = []
    refusal: list[str] = ["hdfs:///k: others may read or write it (mode 644): chmod 400 is needed"]

    async def private(ref: Any, user: str) -> LocalResource:
        asked.append((ref.source, user))
        if refusal:
            raise InvalidError(refusal[0])
        return LocalResource("hdfs://nn/k", 5, 7)

    async with controller(folder, room, private_files=private):
        folder.put("a", job(worker=1, spec={"env": [{"name": "KEY", "valueFrom": {"file": "hdfs:///k"}}]}))
        await until(lambda: why(folder, "a") == ("WaitingForValue", refusal[0]))
        refusal.clear()
        await until(lambda: len(room.running()) == 1)
        [(_, process)] = room.processes()
        assert process.launch.resources[value_file("KEY")] == LocalResource("hdfs://nn/k", 5, 7)
        assert set(asked) == {("hdfs:///k", "u")}


# --- in the container


def test_a_process_gets_its_values_byte_for_byte_and_no_argument_has_them(tmp_path: Path) -> None:
    value = 'it\'s "$HOME" `x` \\ {{X}} }} <LOG_DIR> ! \n two\tlines é'
    (tmp_path / value_file("KEY")).write_text("of a file\n")
    command = (
        'printf %s "$TOKEN" >token; printf %s "$KEY" >key; for p in /proc/[0-9]*; do'
        ' tr "\\0" " " <$p/cmdline; done >arguments 2>&1'
    )
    given = Given({"TOKEN": value}, {"KEY": LocalResource("hdfs://nn/k", 5, 7)})
    context = launch({"TOKEN": "framework's"}, command, "127.0.0.1", (), {}, order=1, given=given)
    assert set(context.resources) == {value_file("KEY")}
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy/launch_container.sh").write_text("a NodeManager's copy")
    with_logs = {**context.environment, "LOG_DIRS": f"{tmp_path}/none,{tmp_path}/copy"}
    assert begun(replace(context, environment=with_logs), tmp_path).returncode == 0
    assert (tmp_path / "token").read_text() == value
    assert (tmp_path / "key").read_text() == "of a file"
    assert "two\tlines" not in (tmp_path / "arguments").read_text()
    assert not (tmp_path / "copy/launch_container.sh").exists(), "it has all that was given"
    assert value not in context.command


@pytest.mark.parametrize("name", ["order", "sh", "check", "process", "PATH", "all", "value"])
def test_a_value_comes_through_under_any_name_and_none_is_told(name: str, tmp_path: Path) -> None:
    """Files of ours have names as well, and programs are found by a variable."""
    work = tmp_path / "work"
    work.mkdir()
    values = {name: f"/{HUSH}", "THEN": HUSH}
    for variable, value in values.items():
        (work / value_file(variable)).write_text(f"{value}\n")
        (work / value_file(variable)).chmod(0o500)
    given = Given({}, {variable: LocalResource("hdfs://nn/k", 5, 7) for variable in values})
    context = launch({}, f'printf %s "${name} $THEN" >given', "127.0.0.1", (), {}, given=given)
    done = begun(context, work)
    assert done.returncode == 0
    assert (work / "given").read_text() == f"/{HUSH} {HUSH}"
    assert HUSH.encode() not in done.stdout + done.stderr


def test_what_is_no_number_of_an_order_is_not_told(tmp_path: Path) -> None:
    (tmp_path / ".trainmaster.order").write_text(HUSH)
    done = begun(launch({}, "touch ran", "127.0.0.1", (), {}), tmp_path)
    assert HUSH.encode() not in done.stdout + done.stderr
    assert not (tmp_path / "ran").exists()


def test_a_file_with_a_nul_starts_nothing_as_a_secret_with_one(tmp_path: Path) -> None:
    (tmp_path / value_file("KEY")).write_bytes(f"{HUSH}\0b".encode())
    given = Given({}, {"KEY": LocalResource("hdfs://nn/k", 5, 7)})
    text = script({}, "touch ran", "127.0.0.1", (), given=given)
    done = subprocess.run(["bash", "-c", text], cwd=tmp_path, check=False, capture_output=True)
    assert done.returncode == 70
    assert done.stderr == b"trainmaster: the file for KEY holds a NUL character\n"
    assert not (tmp_path / "ran").exists()


def test_a_file_that_is_not_there_starts_nothing(tmp_path: Path) -> None:
    given = Given({}, {"KEY": LocalResource("hdfs://nn/k", 5, 7)})
    text = script({}, "touch ran", "127.0.0.1", (), given=given)
    done = subprocess.run(
        ["bash", "-c", text], cwd=tmp_path, check=False, capture_output=True, env=dict(os.environ)
    )
    assert done.returncode == 70
    assert not (tmp_path / "ran").exists()


@virtual
async def test_a_controller_that_takes_over_gives_the_values_as_well() -> None:
    folder, room = Folder(), yarn()
    folder.objects[KEYS] = {"token": HUSH.encode()}
    async with controller(folder, room):
        folder.put("a", job(worker=1, spec=wants()))
        await until(lambda: len(room.running()) == 1)
    folder.lease.ours = True
    async with controller(folder, room):
        await until(lambda: "a" in folder.shown)
        await asyncio.sleep(5)
        room.exits(room.running()[0], 1)
        await until(lambda: folder.shown["a"].restarts == 1 and len(room.running()) == 1, 120)
        assert any(HUSH in text for text in scripts(room))
