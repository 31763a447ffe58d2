"""Where the blocks of a path in the default file system lie: a few listings with locations, asked of the NameNode as a user.

ClientProtocol.getListing, which tells of up to a thousand files at once (dfs.ls.limit), and only of what that user may read.
Never here: what follows from it (plan/locality.py).
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Iterable, Mapping
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
            return located(await _Walk(rpc).files(path))
        except UnavailableError as error:
            raise UnavailableError(f"the NameNode can't be asked for blocks: {error}") from error
        finally:
            await rpc.close()


class _Walk:
    """Folder by folder, those nearest to the top first, until enough was asked."""

    def __init__(self, rpc: Failover) -> None:
        self._rpc, self._left = rpc, LISTINGS
        self._biggest: list[tuple[int, int, Located]] = []
        """a heap by size; the number in the middle only keeps two of the same size apart"""
        self._seen = 0

    async def files(self, path: str) -> Iterable[Located]:
        folders = deque([path])
        while folders and self._left:
            for name in await self._folder(folders.popleft()):
                if len(folders) < LISTINGS:
                    folders.append(name)
        return [each for _, _, each in self._biggest]

    async def _folder(self, path: str) -> list[str]:
        """The folders in it; its files are kept."""
        found, after, more = [], b"", True
        while more and self._left:
            listing = await self._listing(path, after)
            for each in listing.partialListing:
                after = each.path
                if each.fileType == pb.HdfsFileStatusProto.IS_FILE and not _hidden(each.path):
                    self._keep(each)
                elif each.fileType == pb.HdfsFileStatusProto.IS_DIR and not _hidden(each.path):
                    found.append(f"{path.rstrip('/')}/{each.path.decode(errors='surrogateescape')}")
            more = listing.remainingEntries > 0 and bool(listing.partialListing)
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
            put(self._biggest, (file.length, self._seen, _of_file(file)))


def _pushed(heap: list[tuple[int, int, Located]], item: tuple[int, int, Located]) -> None:
    heapq.heappush(heap, item)


def _hidden(name: bytes) -> bool:
    return name.startswith(_HIDDEN)


def _of_file(file: pb.HdfsFileStatusProto) -> Located:
    hosts: Counter[str] = Counter()
    for block in file.locations.blocks:
        for node in block.locs:
            for name in {node.id.hostName, node.id.ipAddr}:
                hosts[name] += block.b.numBytes
    return Located(file.length, hosts)


def located(files: Iterable[Located]) -> Located:
    """All of them together."""
    size, hosts = 0, Counter[str]()
    for file in files:
        size += file.size
        hosts.update(file.hosts)
    return Located(size, dict(hosts))
