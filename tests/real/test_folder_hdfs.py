"""The folder source, its journal and its lease on the real HDFS."""

from __future__ import annotations

import asyncio
import getpass
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from real.cluster import until
from sources.building import GRACE, LEASE, Clock, job_text
from sources.stalls import Lead, stalled
from trainmaster.api.declared import Declared
from trainmaster.api.status import JobStatus
from trainmaster.errors import FencedError, InvalidError, NoStoreError, TrainmasterError, UnavailableError
from trainmaster.local.cluster import LocalHadoop
from trainmaster.settings import Settings
from trainmaster.sources.facts import FileFacts
from trainmaster.sources.files import Files
from trainmaster.sources.folder import FolderSource
from trainmaster.sources.journal import FolderJournal
from trainmaster.sources.staging import Staging
from trainmaster.sources.store import JobStore
from trainmaster.sources.stores import open_files
from trainmaster.sources.threads import Threads

CONTROLLER = Path(__file__).parents[2] / "controller"


@pytest.fixture
def settings(hadoop: LocalHadoop) -> Settings:
    return Settings(HADOOP_CONF_DIR=hadoop.conf_dir, deletion_grace=GRACE, lease_duration=LEASE)


@pytest.fixture
def files(store: str, hadoop: LocalHadoop) -> Iterator[Files]:
    opened, _ = open_files(store, hadoop.conf_dir)
    yield opened
    opened.close()


@pytest.fixture
def root(store: str) -> str:
    return urlsplit(store).path


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def source(store: str, settings: Settings, clock: Clock) -> FolderSource:
    made = FolderSource(store, settings, clock)
    assert await made.lease.acquire()
    made.adopt({})
    await made.look()
    return made


def put(files: Files, root: str, path: str, text: str) -> None:
    target = f"{root}/jobs/{path}"
    files.make_folder(target.rpartition("/")[0])
    files.replace(target, text.encode())


def only(picture: object) -> Declared:
    assert isinstance(picture, dict)
    (declared,) = picture.values()
    assert isinstance(declared, Declared)
    return declared


_RECORDS = (b"a record", b"a record that is longer than two of its blocks\n" * 50_000)
_DYING = """
import functools, os, signal, sys
from trainmaster.sources import hdfs_files
from trainmaster.sources.stores import open_files
hdfs_files.WriteOptions = functools.partial(hdfs_files.WriteOptions, block_size=1 << 20)
files, root = open_files(sys.argv[1])
for number in range(32):
    record = b"a record" if number % 2 else b"a record that is longer than two of its blocks\\n" * 50_000
    files.replace(f"{root}/journal/{number}", record)
os.kill(os.getpid(), signal.SIGKILL)
"""


def _reported(read: Callable[[str, int], bytes], path: str) -> bytes:
    """What a file holds, once its DataNode has told the new NameNode of its blocks."""

    def whole() -> tuple[bytes] | None:
        try:
            return (read(path, 16 << 20),)
        except UnavailableError:
            return None

    held: tuple[bytes] = until(whole)
    return held[0]


def test_what_a_dead_writer_left_open_is_read_though_the_namenode_was_restarted(
    store: str, files: Files, root: str, hadoop: LocalHadoop
) -> None:
    paths = [f"{root}/journal/{number}" for number in range(32)]
    files.make_folder(f"{root}/journal")
    env = os.environ | {"PYTHONPATH": str(CONTROLLER)}
    died = subprocess.run([sys.executable, "-c", _DYING, store], env=env, check=False)
    assert died.returncode == -signal.SIGKILL
    wanted = {path: _RECORDS[(number + 1) % 2] for number, path in enumerate(paths)}
    assert {path: files.read(path, 16 << 20) for path in paths} == wanted

    hadoop.kill("namenode")
    hadoop.start("namenode")
    hadoop.wait_ready(60)

    read = {path: _reported(files.read, path) for path in paths}
    left_open = [path for path in paths if read[path] != wanted[path]]
    assert left_open, "a NameNode is asked to close a file half a second after its blocks are whole"
    assert {len(read[path]) for path in left_open} == {0, 2 << 20}, "whole blocks alone"
    assert {path: _reported(files.read_own, path) for path in paths} == wanted
    assert {path: files.read(path, 16 << 20) for path in paths} == wanted


async def test_a_job_from_file_to_status_to_deletion(
    source: FolderSource, files: Files, root: str, clock: Clock
) -> None:
    put(files, root, "vision/mnist.yaml", job_text())
    declared = only(await source.look())
    assert (declared.namespace, declared.name) == ("vision", "mnist")
    assert declared.owner == files.stat(f"{root}/jobs/vision/mnist.yaml").owner
    await source.publish(declared, JobStatus(state="Running"))
    await source.publish(declared, JobStatus(state="Succeeded"))
    assert b"state: Succeeded" in files.read(f"{root}/status/vision/mnist.yaml", 1 << 20)
    files.delete(f"{root}/jobs/vision/mnist.yaml")
    assert not only(await source.look()).deleted
    clock.pass_(GRACE)
    gone = only(await source.look())
    assert gone.deleted
    await source.lease.acquire()
    await source.gone(gone)
    assert await source.look() == {}
    with pytest.raises(FileNotFoundError):
        files.stat(f"{root}/status/vision/mnist.yaml")


async def test_hdfs_put_over_a_job_edits_it(
    source: FolderSource, files: Files, root: str, hadoop: LocalHadoop, tmp_path: Path
) -> None:
    """`hdfs dfs -put -f` writes ._COPYING_, deletes the old file and renames."""
    put(files, root, "mnist.yaml", job_text())
    first = only(await source.look())
    put(files, root, "mnist.yaml._COPYING_", job_text(command="python half.py"))
    assert only(await source.look()) is first
    files.delete(f"{root}/jobs/mnist.yaml")
    assert not only(await source.look()).deleted
    put(files, root, "mnist.yaml", job_text(command="python other.py"))
    files.delete(f"{root}/jobs/mnist.yaml._COPYING_")
    edited = only(await source.look())
    assert (edited.uid, edited.generation) == (first.uid, 2)


async def test_a_file_under_construction_is_no_job_yet(source: FolderSource, root: str, store: str) -> None:
    from hdfs_native import Client, WriteOptions

    writer = Client(store).create(f"{root}/jobs/slow.yaml", WriteOptions())
    writer.write(job_text()[:40].encode())
    writer.hsync()
    assert await source.look() == {}
    writer.write(job_text()[40:].encode())
    await asyncio.to_thread(writer.close)
    assert only(await source.look()).name == "slow"


async def test_files_of_others_are_theirs_and_open_folders_are_refused(
    source: FolderSource, root: str, store: str
) -> None:
    from hdfs_native import Client

    client = Client(store)
    admin, _ = open_files(store)
    put(admin, root, "alice.yaml", job_text())
    client.set_owner(f"{root}/jobs/alice.yaml", "alice")
    assert only(await source.look()).owner == "alice"
    client.set_permission(f"{root}/jobs/alice.yaml", 0o664)
    refused = only(await source.look())
    assert "others" in refused.problems[0].reason
    assert refused.job is not None  # what runs goes on as it was


async def test_an_edit_by_an_administrator_leaves_the_owner(
    source: FolderSource, root: str, store: str
) -> None:
    from hdfs_native import Client

    commands = JobStore(store)
    commands.apply(job_text("mnist", "vision"))
    Client(store).set_owner(f"{root}/jobs/vision/mnist.yaml", "alice")
    first = only(await source.look())
    edited = commands.edit("vision", "mnist", {("spec", "runPolicy", "suspend"): True})
    assert edited.owner == "alice"
    assert only(await source.look()).uid == first.uid


def test_an_unreadable_folder_hides_nothing_else(store: str, root: str, files: Files) -> None:
    put(files, root, "open/a.yaml", job_text())
    put(files, root, "shut/b.yaml", job_text())
    from hdfs_native import Client

    Client(store).set_permission(f"{root}/jobs/shut", 0o700)
    code = (
        "import sys; from trainmaster.sources.stores import open_files\n"
        f"listing = open_files({store!r})[0].walk({root + '/jobs'!r})\n"
        "print(sorted(e.path.rpartition('/')[2] for e in listing.entries), listing.blind)"
    )
    out = _as_user("bob", code)
    assert out.strip() == f"['a.yaml', 'open', 'shut'] ('{root}/jobs/shut',)"


@pytest.mark.parametrize("scheme", ["hdfs", "webhdfs"])
async def test_a_folder_too_deep_blinds_nobody(
    store: str, root: str, files: Files, hadoop: LocalHadoop, source: FolderSource, scheme: str
) -> None:
    put(files, root, "team/alice.yaml", job_text())
    # HDFS takes 1,000 (MAX_PATH_DEPTH), but a NameNode that starts again goes down them by recursion (InitQuotaTask), and this
    # one is restarted by other tests.
    files.make_folder(f"{root}/jobs/bob/" + "/".join(["d"] * 100))
    found = {d.name: d for d in (await source.look()).values()}
    assert found.pop("alice").job
    (notice,) = found.values()
    assert "deeper than" in str(notice.problems[0])
    other = store if scheme == "hdfs" else f"webhdfs://{hadoop.addresses.namenode_web}{root}"
    assert {job.name for job in JobStore(other, hadoop.conf_dir).list()} == {"alice", notice.name}


def test_a_refusal_of_hdfs_keeps_its_words(store: str, root: str, files: Files) -> None:
    files.make_folder(f"{root}/journal", 0o700)
    files.replace(f"{root}/journal/x", b"secret", 0o600)
    code = (
        "from trainmaster.sources.stores import open_files; from trainmaster.errors import DeniedError\n"
        f"files = open_files({store!r})[0]\n"
        f"for call in (lambda: files.read('{root}/journal/x', 1), lambda: files.replace('{root}/journal/x', b'1')):\n"
        "    try: call()\n"
        "    except DeniedError as e: print(e)\n"
    )
    lines = _as_user("bob", code).splitlines()
    assert len(lines) == 2
    assert all("AccessControlException: Permission denied: user=bob" in line for line in lines)


async def test_the_journal_is_durable_and_private(source: FolderSource, files: Files, root: str) -> None:
    for number in range(20):
        await source.journal.write("u1", b'{"n": %d}' % number)
    assert await source.journal.load() == {"u1": b'{"n": 19}'}
    own = f"{root}/journal/{source.lease.epoch:06d}"
    assert files.stat(f"{own}/u1.json").mode == 0o600
    assert files.stat(f"{root}/journal").mode == files.stat(own).mode == 0o700


@pytest.mark.parametrize("meanwhile", ["replaced", "removed"])
async def test_a_write_that_was_stalled_changes_nothing_of_a_later_leader(
    store: str, root: str, files: Files, meanwhile: str
) -> None:
    other, _ = open_files(store)
    await stalled(files, other, f"{root}/journal", meanwhile)


async def test_of_leaders_that_take_over_at_once_the_latest_has_the_records(store: str, root: str) -> None:
    def of(epoch: int) -> FolderJournal:
        return FolderJournal(open_files(store)[0], f"{root}/journal", Threads(2), Lead(epoch))

    await of(1).write("u1", b"1")
    many = [of(epoch) for epoch in range(2, 8)]
    found = await asyncio.gather(*(each.load() for each in many), return_exceptions=True)
    assert all(each == {"u1": b"1"} or isinstance(each, TrainmasterError) for each in found), found
    assert await many[-1].load() == {"u1": b"1"}
    for each in many[:-1]:
        with pytest.raises((FencedError, UnavailableError)):
            await each.write("u1", b"late")
    assert await many[-1].load() == {"u1": b"1"}


async def test_a_thousand_records_are_written_at_once_and_loaded(source: FolderSource) -> None:
    await asyncio.gather(*(source.journal.write(f"u{n}", b"{}") for n in range(1000)))
    assert len(await source.journal.load()) == 1000


def test_a_record_survives_the_death_of_its_writer_at_any_moment(store: str, root: str, files: Files) -> None:
    """The writer is killed right after the rename, while the file's lease is still open."""
    files.make_folder(f"{root}/journal", 0o700)
    code = (
        "import os; from trainmaster.sources.stores import open_files\n"
        f"files = open_files({store!r})[0]\n"
        f"for n in range(5): files.replace(f'{root}/journal/u{{n}}.json', b'x' * 5000, 0o600)\n"
        "os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", code], env=_environment(), check=False)
    assert done.returncode == 9
    for number in range(5):
        assert files.read(f"{root}/journal/u{number}.json", 1 << 20) == b"x" * 5000
        files.replace(f"{root}/journal/u{number}.json", b"y", 0o600)
        assert files.read(f"{root}/journal/u{number}.json", 1 << 20) == b"y"


async def test_of_many_creators_one_succeeds(store: str, root: str) -> None:
    stores = [open_files(store)[0] for _ in range(8)]
    for attempt in range(5):

        def create(each: Files, path: str = f"{root}/epoch-{attempt}") -> bool:
            try:
                each.create(path, b"")
            except FileExistsError:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(create, stores)) == 1


async def test_a_standby_takes_over_and_the_old_leader_writes_nothing(
    source: FolderSource, store: str, settings: Settings, clock: Clock
) -> None:
    await source.journal.write("u1", b"1")
    standby = FolderSource(store, settings, clock)
    assert not await standby.lease.acquire()
    clock.pass_(LEASE / 2)
    assert await source.lease.acquire()
    assert not await standby.lease.acquire()
    clock.pass_(LEASE)
    assert await standby.lease.acquire()
    assert standby.lease.epoch == source.lease.epoch + 1
    with pytest.raises(FencedError):
        await source.journal.write("u1", b"2")
    assert not await source.lease.acquire()
    assert await standby.journal.load() == {"u1": b"1"}
    await standby.lease.release()
    assert await source.lease.acquire()


async def test_a_look_at_many_jobs_reads_only_what_changed(
    source: FolderSource, files: Files, root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(10):
        files.make_folder(f"{root}/jobs/n{number}")

    def write(number: int) -> None:
        files.replace(f"{root}/jobs/n{number % 10}/j{number}.yaml", job_text().encode())

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(write, range(500)))
    files.close()  # hdfs-native closes files late, and each close changes their time
    assert len(await source.look()) == 500
    monkeypatch.setattr(source._files, "read", None)  # any read would raise
    assert len(await source.look()) == 500


async def test_a_store_that_is_down_is_unavailable(settings: Settings) -> None:
    made = FolderSource("hdfs://127.0.0.1:1/x", settings)
    async with asyncio.timeout(60):  # by default hdfs-native would try for minutes
        assert not await made.lease.acquire()
        with pytest.raises(UnavailableError):
            await made.look()


async def test_facts_and_staging(store: str, settings: Settings, hadoop: LocalHadoop, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("print(1)")
    staged = Staging(store).upload("vision", "mnist", tmp_path / "train.py")
    facts, us = FileFacts(settings), getpass.getuser()
    fact = await facts.stat(staged.url, us)
    assert (fact.url, fact.size, fact.folder) == (staged.url, 8, False)
    plain = urlsplit(staged.url).path
    assert await facts.stat(plain, us) == fact
    assert (await facts.stat(f"hdfs://{plain}", us)).url == staged.url
    with pytest.raises(InvalidError, match="nothing"):
        await facts.stat(f"{store}/nothing", us)


def test_webhdfs_serves_the_command_line(hadoop: LocalHadoop, store: str, root: str) -> None:
    user = open_files(store)[0].stat(root).owner
    commands = JobStore(f"webhdfs://{user}@{hadoop.addresses.namenode_web}{root}")
    with pytest.raises(NoStoreError):
        commands.list()
    assert commands.apply(job_text("mnist", "vision")).outcome == "created"
    assert commands.apply(job_text("mnist", "vision", command="python b.py")).outcome == "configured"
    assert "b.py" in JobStore(store).get("vision", "mnist").text
    commands.delete("vision", "mnist")
    assert commands.list() == []


async def test_jobs_are_read_over_webhdfs_when_the_journal_lies_elsewhere(
    hadoop: LocalHadoop, store: str, root: str, settings: Settings, clock: Clock
) -> None:
    user = open_files(store)[0].stat(root).owner
    url = f"webhdfs://{user}@{hadoop.addresses.namenode_web}{root}"
    made = FolderSource(url, settings.model_copy(update={"state": f"{store}/own"}), clock)
    assert await made.lease.acquire()
    made.adopt({})
    await made.look()
    JobStore(store).apply(job_text("mnist", "vision"))
    declared = only(await made.look())
    await made.journal.write(declared.uid, b"{}")
    await made.publish(declared, JobStatus(state="Queued"))
    await made.publish(declared, JobStatus(state="Running"))
    shown = JobStore(store).get("vision", "mnist").status
    assert shown is not None
    assert shown.state == "Running"
    assert await made.journal.load() == {declared.uid: b"{}"}
    await made.close()


def _environment(user: str = "") -> dict[str, str]:
    named = {"HADOOP_USER_NAME": user} if user else {}
    return {**os.environ, "PYTHONPATH": str(CONTROLLER), **named}


def _as_user(user: str, code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], env=_environment(user), check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout
