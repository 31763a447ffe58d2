"""What was uploaded for a job of an API server goes with it, and nothing else does, whatever a job names."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sources.kubernetes.told import Told, kubeconfig
from trainmaster.api.declared import Declared
from trainmaster.api.documents import read_object
from trainmaster.errors import DeniedError, UnavailableError
from trainmaster.settings import Kubernetes as KubernetesSettings
from trainmaster.settings import PolicyRule, Settings
from trainmaster.sources.kubernetes.source import KubernetesSource
from trainmaster.sources.kubernetes.staged import Staged
from trainmaster.sources.local_files import LocalFiles
from trainmaster.sources.staging import Staging

ME = getpass.getuser()
SCOPE = "@0123456789ab/"


def declared(*sources: str, namespace: str = "vision", name: str = "mnist", **spec: Any) -> Declared:
    role = {"command": "train", "files": [{"source": each} for each in sources]}
    metadata = {"name": name, "namespace": namespace}
    job, problems = read_object({"metadata": metadata, "spec": {"roles": {"worker": role}, **spec}})
    assert not problems
    return Declared("kubernetes", namespace, name, "u", "", ME, job=job)


def settings(*users: str) -> Settings:
    rule = PolicyRule(namespace="vision", users=users or (ME,))
    return Settings(file_stores=("file://",), policy=(rule,), source="kubernetes")


@pytest.fixture
async def staged() -> AsyncIterator[Staged]:
    made = Staged(settings())
    yield made
    made.close()


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Of a file that the command line has uploaded for vision/mnist."""
    (tmp_path / "train.py").write_text("print(1)")
    staging = Staging(f"file://{tmp_path}/store", hadoop_conf_dir=None)
    return staging.upload(f"{SCOPE}vision", "mnist", tmp_path / "train.py").url


def path(url: str) -> Path:
    return Path(url.removeprefix("file://"))


def written(place: str) -> str:
    """The URL of a file there."""
    path(place).parent.mkdir(parents=True)
    path(place).write_text("")
    return f"file://{place}"


async def test_uploads_go_with_their_job(staged: Staged, url: str) -> None:
    beside = path(url).parents[3] / "mnist-2"
    beside.mkdir()
    await staged.remove(declared(url, "file:///nowhere/else.py"))
    assert not path(url).parents[1].exists()
    assert beside.exists()
    await staged.remove(declared(url))  # again, after a crash in between


@pytest.mark.parametrize(
    "other",
    [
        {"name": "other"},
        {"namespace": "vision-2"},
    ],
)
async def test_those_of_another_job_stay(staged: Staged, url: str, other: dict[str, str]) -> None:
    await staged.remove(declared(url, **other))
    assert path(url).exists()


@pytest.mark.parametrize(
    "place",
    [
        "{root}/staging/{me}/vision/mnist/0123456789abcdef/train.py",  # of a job of the store
        "{root}/staging/{me}/@0123456789ab/vision/mnist/train.py",
        "{root}/staging/{me}/@0123456789ab/vision/mnist/0123456789abcdef/below/train.py",
        "{root}/staging/bob/@0123456789ab/vision/mnist/0123456789abcdef/train.py",
        "{root}/other/{me}/@0123456789ab/vision/mnist/0123456789abcdef/train.py",
    ],
)
async def test_what_lies_elsewhere_stays(staged: Staged, tmp_path: Path, place: str) -> None:
    file = written(place.format(root=tmp_path, me=ME))
    await staged.remove(declared(file))
    assert path(file).exists()


async def test_a_link_on_the_way_to_uploads_leads_nowhere(staged: Staged, url: str) -> None:
    """Whoever made the folders may exchange one of them for a link between the look at whose they are and the removal."""
    namespace = path(url).parents[2]
    elsewhere = namespace.rename(namespace.parents[2] / "elsewhere")
    namespace.symlink_to(elsewhere)
    await staged.remove(declared(url))
    assert path(url).exists()


async def test_a_user_whom_the_policy_does_not_grant_removes_nothing(url: str) -> None:
    made = Staged(settings("nobody"))
    await made.remove(declared(url, user=ME))
    assert path(url).exists()
    made.close()


async def test_what_belongs_to_somebody_else_stays(tmp_path: Path) -> None:
    """The job runs as `nobody`, and the folder that is called so is somebody else's."""
    made = Staged(settings("nobody"))
    file = written(f"{tmp_path}/staging/nobody/@0123456789ab/vision/mnist/0123456789abcdef/train.py")
    await made.remove(declared(file, user="nobody"))
    assert path(file).exists()
    made.close()


async def test_a_store_that_may_not_be_used_holds_up_no_end(staged: Staged) -> None:
    place = f"staging/{ME}/@0123456789ab/vision/mnist/0123456789abcdef"
    await staged.remove(
        declared(f"hdfs://elsewhere:8020/{place}/a.py", f"hdfs://elsewhere:8020/a/{place}/b.py")
    )


async def test_the_folder_of_all_uploads_is_the_controllers_and_open_to_everybody(tmp_path: Path) -> None:
    """Whoever uploads first would else own it, and could exchange what the others' processes run."""
    staged = Staged(settings().model_copy(update={"store": f"file://{tmp_path}/store"}))
    await staged.prepare()
    assert (tmp_path / "store/staging").stat().st_mode & 0o7777 == 0o1777
    (tmp_path / "store/staging").chmod(0o700)
    await staged.prepare()
    assert (tmp_path / "store/staging").stat().st_mode & 0o7777 == 0o700, "an administrator's stays as it is"
    staged.close()


async def test_it_is_tried_again_where_the_store_is_away_and_only_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answers: list[Exception] = [UnavailableError("away"), DeniedError("403", "not yours")]

    def refuse(*_: object) -> None:
        raise answers.pop(0)

    monkeypatch.setattr(LocalFiles, "make_folder", refuse)
    monkeypatch.setattr("trainmaster.sources.kubernetes.staged.PAUSE", 0.0)
    staged = Staged(settings().model_copy(update={"store": f"file://{tmp_path}/store"}))
    await staged.prepare()
    assert answers == []
    assert len(caplog.records) == 1
    staged.close()


async def test_the_source_makes_it_when_it_starts_and_waits_for_no_store(told: Told, tmp_path: Path) -> None:
    own = KubernetesSettings(namespace="own", namespaces=("vision",))
    more = {"store": f"file://{tmp_path}/store", "kubernetes": own}
    source = KubernetesSource(settings().model_copy(update=more), kubeconfig(told, tmp_path, token="t"))
    try:
        await source.start()
        async with asyncio.timeout(30):
            while not (tmp_path / "store/staging").exists():
                await asyncio.sleep(0.01)
    finally:
        await source.close()
