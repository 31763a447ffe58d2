"""Where blocks lie, as a NameNode tells it: page by page and folder by folder, no further than was agreed."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import pytest

from hadoop.fake import Call, Server, serving
from trainmaster.errors import DeniedError, NoSuchFileError, RefusedError, UnavailableError
from trainmaster.hadoop import blocks
from trainmaster.hadoop.blocks import BlockLocations, Located
from trainmaster.hadoop.configuration import HadoopConf, parse
from trainmaster.hadoop.proto import hdfs_pb2 as pb

DENIED = "org.apache.hadoop.security.AccessControlException"
Tree = dict[str, dict[str, list[tuple[str, int]] | None]]
"""folder -> name -> None of a folder in it, else the blocks of a file: the host and bytes of each"""


def status(name: str, file: list[tuple[str, int]] | None) -> pb.HdfsFileStatusProto:
    kind = pb.HdfsFileStatusProto.IS_DIR if file is None else pb.HdfsFileStatusProto.IS_FILE
    told = pb.HdfsFileStatusProto(
        fileType=kind,
        path=name.encode(),
        length=sum(n for _, n in file or ()),
        permission=pb.FsPermissionProto(perm=0o644),
        owner="alice",
        group="users",
        modification_time=1,
        access_time=1,
    )
    for host, size in file or ():
        node = pb.DatanodeInfoProto(id=pb.DatanodeIDProto(ipAddr=f"ip-{host}", hostName=host))
        told.locations.blocks.append(
            pb.LocatedBlockProto(b=pb.ExtendedBlockProto(numBytes=size), locs=[node])
        )
    return told


class NameNode:
    """Answers as FSNamesystem.getListing does: names in order, and a file under its own path without a name."""

    def __init__(self, tree: Tree, page: int = 1000) -> None:
        self.tree, self.page, self.asked = tree, page, list[tuple[str, bytes]]()

    def __call__(self, server: Server, call: Call) -> None:
        request = call.request(pb.GetListingRequestProto)
        assert (call.method, request.needLocation) == ("getListing", True)
        self.asked.append((request.src, request.startAfter))
        folder, _, name = request.src.rpartition("/")
        if request.src in self.tree:
            names = sorted(n for n in self.tree[request.src] if n.encode() > request.startAfter)
            told = [status(n, self.tree[request.src][n]) for n in names]
        elif self.tree.get(folder, {}).get(name) is not None:
            told = [status("", self.tree[folder][name])]
        else:
            return call.reply(pb.GetListingResponseProto())
        page, rest = told[: self.page], told[self.page :]
        listing = pb.DirectoryListingProto(partialListing=page, remainingEntries=len(rest))
        return call.reply(pb.GetListingResponseProto(dirList=listing))


def conf(server: Server) -> HadoopConf:
    return parse({"fs.defaultFS": f"hdfs://{server.address}"})


async def look(tree: Tree, path: str, page: int = 1000) -> tuple[Located, NameNode]:
    node = NameNode(tree, page)
    async with serving(node) as server:
        found = await BlockLocations(conf(server)).of(path, "alice")
        assert {context.userInfo.effectiveUser for context in server.contexts} == {"alice"}
        return found, node


async def test_a_folder_with_folders_is_told_of_by_name_and_address() -> None:
    tree: Tree = {
        "/in": {"day=1": None, "part-0": [("a", 10), ("b", 5)], "empty": []},
        "/in/day=1": {"part-0": [("a", 1)]},
    }
    found, node = await look(tree, "/in")
    assert found == Located(16, {"a": 11, "ip-a": 11, "b": 5, "ip-b": 5})
    assert node.asked == [("/in", b""), ("/in/day=1", b"")]


async def test_a_file_is_told_of_as_well() -> None:
    found, _ = await look({"/in": {"one": [("a", 7)]}}, "/in/one")
    assert found == Located(7, {"a": 7, "ip-a": 7})


async def test_of_a_block_that_is_striped_each_node_holds_a_part() -> None:
    """Of erasure coded files: all of its nodes together hold it, and not each of them."""
    told = status("", [("a", 90), ("b", 0), ("c", 0)])
    striped, *others = told.locations.blocks
    striped.locs.extend(other.locs[0] for other in others)
    striped.blockIndices = bytes((0, 1, 2))
    del told.locations.blocks[1:]

    def answer(_server: Server, call: Call) -> None:
        listing = pb.DirectoryListingProto(partialListing=[told], remainingEntries=0)
        call.reply(pb.GetListingResponseProto(dirList=listing))

    async with serving(answer) as server:
        found = await BlockLocations(conf(server)).of("/in", "alice")
    assert found == Located(90, {name: 30 for host in "abc" for name in (host, f"ip-{host}")})


async def test_long_folders_come_page_by_page() -> None:
    tree: Tree = {"/in": {f"f{n}": [("a", 1)] for n in range(5)}}
    found, node = await look(tree, "/in", page=2)
    assert (found.size, node.asked) == (5, [("/in", b""), ("/in", b"f1"), ("/in", b"f3")])


async def test_what_readers_of_folders_leave_out_is_left_out() -> None:
    tree: Tree = {
        "/in": {"_SUCCESS": [("x", 1)], ".part.crc": [("x", 1)], "_temporary": None, "p": [("a", 2)]}
    }
    found, node = await look(tree, "/in")
    assert (found, len(node.asked)) == (Located(2, {"a": 2, "ip-a": 2}), 1)


async def test_the_biggest_files_count_when_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BIGGEST", 2)
    tree: Tree = {"/in": {"a": [("a", 5)], "b": [("b", 1)], "c": [("c", 9)], "d": [("d", 2)]}}
    found, _ = await look(tree, "/in")
    assert found == Located(14, {"a": 5, "ip-a": 5, "c": 9, "ip-c": 9})


async def test_blocks_are_added_up_beside_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file may have ten thousand of them, and whoever heartbeats must not wait for that."""
    where = set[int]()

    class Noting(Counter[Any]):
        def __init__(self, *of: Any) -> None:
            where.add(threading.get_ident())
            super().__init__(*of)

    monkeypatch.setattr(blocks, "Counter", Noting)
    found, _ = await look({"/in": {"a": [("a", 5)], "b": [("a", 2)]}}, "/in")
    assert found == Located(7, {"a": 7, "ip-a": 7})
    assert where
    assert threading.get_ident() not in where


async def test_one_look_asks_so_often_at_most() -> None:
    tree: Tree = {"/in": {f"d{n:03}": None for n in range(200)}}
    tree |= {f"/in/d{n:03}": {"f": [("a", 1)]} for n in range(200)}
    found, node = await look(tree, "/in")
    assert (len(node.asked), found.size) == (blocks.LISTINGS, blocks.LISTINGS - 1)


async def test_a_folder_that_has_gone_meanwhile_is_passed_over() -> None:
    tree: Tree = {"/in": {"day=1": None, "day=2": None}, "/in/day=2": {"f": [("a", 3)]}}
    found, node = await look(tree, "/in")
    assert (found.size, len(node.asked)) == (3, 3)


async def test_a_folder_whose_name_is_no_text_is_passed_over() -> None:
    """Nobody can ask for it: names in requests are UTF-8."""
    odd, file = status("", None), status("f", [("a", 3)])
    odd.path = b"\xff\xfe"

    def answer(_server: Server, call: Call) -> None:
        listing = pb.DirectoryListingProto(partialListing=[odd, file], remainingEntries=0)
        call.reply(pb.GetListingResponseProto(dirList=listing))

    async with serving(answer) as server:
        found = await BlockLocations(conf(server)).of("/in", "alice")
    assert found.size == 3


async def test_what_is_not_there_or_may_not_be_read_is_said() -> None:
    with pytest.raises(NoSuchFileError, match="there is no /none"):
        await look({}, "/none")

    def deny(server: Server, call: Call) -> None:
        call.reply(kind=DENIED, words=f"{DENIED}: Permission denied: user=alice")

    async with serving(deny) as server:
        with pytest.raises((DeniedError, RefusedError), match="Permission denied"):
            await BlockLocations(conf(server)).of("/in", "alice")


async def test_no_namenode_is_no_answer() -> None:
    with pytest.raises(UnavailableError, match="the NameNode can't be asked for blocks"):
        await BlockLocations(parse({"fs.defaultFS": "hdfs://127.0.0.1:1"})).of("/in", "alice")
