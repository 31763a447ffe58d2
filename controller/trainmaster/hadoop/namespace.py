"""What one user may see of HDFS's names: a NameNode is asked as that user, by our ticket and his name, and judges his rights.

ClientProtocol (org.apache.hadoop.hdfs.protocol). Never here: what files hold, which DataNodes tell, or who asks.
"""

from __future__ import annotations

from collections.abc import Sequence

from trainmaster.hadoop.configuration import HadoopConf
from trainmaster.hadoop.failover import Failover
from trainmaster.hadoop.namenode import PROTOCOL, login_as, name_nodes
from trainmaster.hadoop.proto.hdfs_pb2 import (
    AclEntryProto,
    CheckAccessRequestProto,
    CheckAccessResponseProto,
    DirectoryListingProto,
    GetFileInfoRequestProto,
    GetFileInfoResponseProto,
    GetListingRequestProto,
    GetListingResponseProto,
    HdfsFileStatusProto,
)


class View:
    """One name service as one user sees it. Connects at the first call, and again after a loss.

    Every call raises UnavailableError when no NameNode could be asked, RefusedError when it said no, and DeniedError when this
    user may not, or we may not speak for him.
    """

    def __init__(self, conf: HadoopConf, authority: str, user: str, timeout: float = 10.0) -> None:
        """`authority` is that of an hdfs:// URL. Raises InvalidError without a user."""
        _, addresses = name_nodes(conf, authority)
        self._rpc = Failover(addresses, PROTOCOL, login_as(conf, addresses, user), timeout)

    async def status(self, path: str) -> HdfsFileStatusProto | None:
        """One file or folder; None where there is none."""
        answer = await self._rpc.call(
            "getFileInfo", GetFileInfoRequestProto(src=path), GetFileInfoResponseProto
        )
        return answer.fs if answer.HasField("fs") else None

    async def listing(
        self, path: str, after: bytes = b""
    ) -> tuple[Sequence[HdfsFileStatusProto], int] | None:
        """What lies in a folder behind a name, in its order, and how much more there is; None where there is no folder."""
        request = GetListingRequestProto(src=path, startAfter=after, needLocation=False)
        answer = await self._rpc.call("getListing", request, GetListingResponseProto)
        if not answer.HasField("dirList"):
            return None
        found: DirectoryListingProto = answer.dirList
        return found.partialListing, found.remainingEntries

    async def check_read(self, path: str) -> None:
        """DeniedError unless this user may read what the file holds."""
        request = CheckAccessRequestProto(path=path, mode=AclEntryProto.READ)
        await self._rpc.call("checkAccess", request, CheckAccessResponseProto)

    async def close(self) -> None:
        await self._rpc.close()
