"""Containers at their NodeManagers, and who may do what."""

from __future__ import annotations

import asyncio
import shlex
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest

from trainmaster.errors import DeniedError, RefusedError, UnavailableError
from trainmaster.hadoop.configuration import HadoopConf
from trainmaster.hadoop.containers import (
    GrantedContainer,
    LaunchContext,
    LocalResource,
    NmState,
    Reinitialising,
    ResourceKind,
)
from trainmaster.hadoop.http import Http
from trainmaster.hadoop.nodeweb import NodeWeb
from trainmaster.hadoop.proto.common_pb2 import TokenProto
from trainmaster.hadoop.resourcemanager import ResourceManager
from trainmaster.hadoop.scheduler import ApplicationMaster
from trainmaster.hadoop.values import (
    NodeState,
)
from trainmaster.master.launch import launch
from yarn.app import App, script, until


async def test_stopping_ends_with_yarns_word_for_it(app: App) -> None:
    container = await app.running(script("sleep 600"))
    foreign, never = "container_1410901177871_0001_01_000001", container.id[:-6] + "999999"
    said = await app.nms.stop(container.node, app.nm_tokens[container.node], [container.id, foreign, never])
    assert said[container.id] is None
    assert "is not handled by this NodeManager" in str(said[never])
    assert isinstance(said[foreign], RefusedError)
    assert (await app.end_of(container)).exit == -105


async def test_every_container_asked_about_is_known_unknown_or_refused(app: App) -> None:
    container = await app.running(script("exit 3"))
    await app.end_of(container)
    foreign, never = "container_1410901177871_0001_01_000001", container.id[:-6] + "999999"
    asked = [container.id, foreign, never]
    said = await app.nms.statuses(container.node, app.nm_tokens[container.node], asked)
    assert (said.known[container.id].state, said.known[container.id].exit) == (NmState.COMPLETE, 3)
    assert said.unknown == {never}
    assert set(said.refused) == {foreign}


async def test_a_container_is_started_once_and_a_second_start_tells_so(app: App) -> None:
    container = await app.running(script("sleep 600"))
    with pytest.raises(UnavailableError, match="was told before to start it"):
        await app.start(container, script("sleep 600"))
    assert await app.status(container) is NmState.RUNNING


TRAP = "trap 'sleep 0.1; echo gone $NUMBER >> $LEDGER; exit 7' TERM"
LEAVES = f"echo begun $NUMBER >> $LEDGER; {TRAP}; while :; do sleep 0.02; done"


@pytest.mark.parametrize(
    "command", [LEAVES, f"/bin/bash -c {shlex.quote(LEAVES)}\ntrue"], ids=["itself", "a child"]
)
async def test_what_our_launcher_runs_can_be_started_anew_and_one_goes_before_the_next_comes(
    command: str, app: App, tmp_path: Path
) -> None:
    """Whatever code the program goes with; and its child, of which the shell between them knows nothing."""
    ledger = tmp_path / "ledger"

    def of(number: int) -> LaunchContext:
        told = {"NUMBER": str(number), "LEDGER": str(ledger)}
        return launch(told, command, "127.0.0.1", (), {}, order=number)

    async def says(*lines: str) -> None:
        async def said() -> bool:
            return ledger.exists() and ledger.read_text().splitlines() == [*lines]

        await until(said, 20)

    container = await app.running(of(1))
    await says("begun 1")
    assert await app.anew(container, of(2)) is Reinitialising.ACCEPTED
    await says("begun 1", "gone 1", "begun 2")
    await until(lambda: _runs(app, container))
    assert await app.anew(container, of(3)) is Reinitialising.ACCEPTED
    await says("begun 1", "gone 1", "begun 2", "gone 2", "begun 3")
    await app.beat()
    assert not app.ended


async def _runs(app: App, container: GrantedContainer) -> bool:
    return await app.status(container) is NmState.RUNNING


async def test_a_nodes_web_server_tells_without_a_token_whether_a_container_is_over(
    app: App, conf: HadoopConf
) -> None:
    http = Http()
    web = NodeWeb(conf, http)
    container = await app.running(script("sleep 600"))
    assert not await web.over(container.http, container.id)
    assert await web.over(container.http, container.id[:-6] + "999999")
    await app.nms.stop(container.node, app.nm_tokens[container.node], [container.id])
    await app.end_of(container)
    assert await web.over(container.http, container.id)
    await http.close()


async def test_files_come_from_hdfs_and_a_changed_one_is_never_run(app: App, store: str) -> None:
    filesystem, path = fsspec.core.url_to_fs(store)
    filesystem.pipe_file(f"{path}/data ü.txt", b"from hdfs")
    info = filesystem.info(f"{path}/data ü.txt")
    file = LocalResource(
        f"{store}/data ü.txt", info["size"], int(info["modification_time"]), ResourceKind.FILE
    )
    good, changed = await app.gather(2)
    launch = script('[ "$(cat in.txt)" = "from hdfs" ] && exit 7')
    await app.start(good, replace(launch, resources={"in.txt": file}))
    await app.start(changed, replace(launch, resources={"in.txt": replace(file, timestamp=1)}))
    assert (await app.end_of(good)).exit == 7
    assert (await app.end_of(changed)).exit == -1000
    assert "changed on src filesystem" in app.ended[changed.id].diagnostics


async def test_an_idle_connection_is_hung_up_and_made_again(app: App) -> None:
    container = await app.running(script("sleep 600"))
    assert len(app.nms._lines) == 1
    await asyncio.sleep(1.3)
    assert app.nms._lines == {}
    assert await app.status(container) is NmState.RUNNING


async def test_a_forged_token_is_denied_with_the_servers_reason(app: App) -> None:
    forged = TokenProto.FromString(app.token)
    forged.password = b"x" * len(forged.password)
    stranger = ApplicationMaster(app.conf, forged.SerializeToString())
    with pytest.raises(DeniedError, match=r"(?i)digest|mismatched response"):
        await stranger.register("localhost", 0, "")


async def test_one_nodes_token_does_not_open_another(app: App, rm: ResourceManager) -> None:
    [container] = await app.gather(1)
    [other] = [n.node for n in await rm.cluster_nodes([NodeState.RUNNING]) if n.node != container.node]
    with pytest.raises((DeniedError, RefusedError)) as caught:
        await app.nms.start(other, app.nm_tokens[container.node], container.container_token, script("true"))
    assert str(caught.value)
