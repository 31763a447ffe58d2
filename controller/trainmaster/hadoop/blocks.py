"""Where the blocks of a path in the default file system lie: a few listings with locations, asked of the NameNode as a user.

ClientProtocol.getListing, which tells of up to a thousand files at once (dfs.ls.limit), and only of what that user may read.
A file may have ten thousand blocks: so they are added up in a thread, beside the loop that heartbeats.
Never here: what follows from it (plan/locality.py).
"""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from trainmaster.errors import NoSuchFileError, UnavailableError
from trainmaster.hadoop.configuration import HadoopConf
from trainmaster.hadoop.failover import Failover
from trainmaster.hadoop.namenode import PROTOCOL, login_as, name_nodes
from trainmaster.hadoop.proto import hdfs_pb2 as pb

LISTINGS = 60
"""calls for one path at most, each for a folder or a thousand of its files"""
BIGGEST = 500
"""files whose blocks count: the largest of those that were seen"""
_HIDDEN = (b"_", b".")
"""how names begin that Hadoop's readers of folders leave out, such as _SUCCESS (FileInputFormat.hiddenFileFilter)"""


DataNode = tuple[str, str]
"""its name and its address"""
File = tuple[int, int, Mapping[DataNode, int]]
"""its bytes, a number that only keeps two of the same size apart, and how many of the bytes each DataNode holds"""


@dataclass(frozen=True, slots=True)
class Located:
    """Bytes of the largest files of a path, and how many of them each DataNode holds, by its name and by its address."""

    size: int = 0
    hosts: Mapping[str, int] = field(default_factory=dict)


class BlockLocations:
    """One question at a time has a connection of its own: questions are seldom, and each is another user's."""

    def __init__(self, conf: HadoopConf, timeout: float = 5.0) -> None:
        self._conf, self._timeout = conf, timeout

    async def of(self, path: str, user: str) -> Located:
        """Raises NoSuchFileError, UnavailableError, DeniedError and RefusedError (the user may not read it)."""
        _, addresses = name_nodes(self._conf)
        rpc = Failover(addresses, PROTOCOL, login_as(self._conf, addresses, user), self._timeout)
        try:
            return await asyncio.to_thread(located, await _Walk(rpc).files(path))
        except UnavailableError as error:
            raise UnavailableError(f"the NameNode can't be asked for blocks: {error}") from error
        finally:
            await rpc.close()


class _Walk:
    """Folder by folder, those nearest to the top first, until enough was asked."""

    def __init__(self, rpc: Failover) -> None:
        self._rpc, self._left = rpc, LISTINGS
        self._biggest: list[File] = []
        """a heap by size"""
        self._seen = 0
        self._known: dict[DataNode, DataNode] = {}
        """each once, though thousands of blocks name it"""

    async def files(self, path: str) -> Sequence[File]:
        folders = deque(await self._folder(path))
        while folders and self._left:
            with suppress(NoSuchFileError):  # whoever writes there has moved it meanwhile
                folders.extend(await self._folder(folders.popleft()))
        return self._biggest

    async def _folder(self, path: str) -> list[str]:
        """The folders in it, no more than there are calls; its files are kept."""
        found, after, more = list[str](), b"", True
        while more and self._left:
            listing = await self._listing(path, after)
            found += await asyncio.to_thread(self._taken_in, path, listing.partialListing)
            more = listing.remainingEntries > 0 and bool(listing.partialListing)
            after = listing.partialListing[-1].path if more else b""
        return found[:LISTINGS]

    def _taken_in(self, path: str, listed: Iterable[pb.HdfsFileStatusProto]) -> list[str]:
        """The folders among these; the files are kept."""
        found = list[str]()
        for each in listed:
            if each.fileType == pb.HdfsFileStatusProto.IS_FILE and not _hidden(each.path):
                self._keep(each)
            elif each.fileType == pb.HdfsFileStatusProto.IS_DIR and not _hidden(each.path):
                with suppress(UnicodeDecodeError):  # whose name is no text nobody can ask for
                    found.append(f"{path.rstrip('/')}/{each.path.decode()}")
        return found

    async def _listing(self, path: str, after: bytes) -> pb.DirectoryListingProto:
        self._left -= 1
        request = pb.GetListingRequestProto(src=path, startAfter=after, needLocation=True)
        answer = await self._rpc.call("getListing", request, pb.GetListingResponseProto)
        if not answer.HasField("dirList"):
            raise NoSuchFileError(f"there is no {path}")
        return answer.dirList

    def _keep(self, file: pb.HdfsFileStatusProto) -> None:
        self._seen += 1
        smallest = self._biggest[0][0] if len(self._biggest) >= BIGGEST else -1
        if file.length > smallest:
            put = heapq.heappushpop if smallest >= 0 else _pushed
            put(self._biggest, (file.length, self._seen, self._held(file)))

    def _held(self, file: pb.HdfsFileStatusProto) -> Mapping[DataNode, int]:
        held: Counter[DataNode] = Counter()
        for block in file.locations.blocks:
            # Of a striped one (erasure coding) each node holds a part.
            size = block.b.numBytes // (len(block.locs) or 1) if block.blockIndices else block.b.numBytes
            for node in block.locs:
                names = node.id.hostName, node.id.ipAddr
                held[self._known.setdefault(names, names)] += size
        return held


def _pushed(heap: list[File], item: File) -> None:
    heapq.heappush(heap, item)


def _hidden(name: bytes) -> bool:
    return name.startswith(_HIDDEN)


def located(files: Sequence[File]) -> Located:
    """All of them together."""
    held: Counter[DataNode] = Counter()
    for _, _, of_file in files:
        held.update(of_file)
    hosts: Counter[str] = Counter()
    for node, size in held.items():
        for name in {*node}:
            hosts[name] += size
    return Located(sum(size for size, *_ in files), dict(hosts))
