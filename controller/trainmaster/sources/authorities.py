"""Which stores the `files:` of jobs may lie in: those of the cluster's own configuration, and those that a setting adds. Pure.

Whoever may name any host has the controller call it, and waits there with its threads.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from trainmaster.errors import NoSuchFileError
from trainmaster.hadoop.configuration import HadoopConf, get

SCHEMES = ("hdfs", "file")
HDFS_PORT = ":8020"
"""what a NameNode's URL means without a port (HdfsClientConfigKeys.DFS_NAMENODE_RPC_PORT_DEFAULT)"""


@dataclass(frozen=True, slots=True)
class Authorities:
    """Beginnings of URLs, such as hdfs://nameservice1 or file://."""

    default: str
    """the default file system, which a path without a scheme means"""
    own: frozenset[str]
    """the cluster's and the controller's own"""
    added: frozenset[str] = frozenset()

    def qualified(self, url: str) -> str:
        """The whole URL. A plain path is one of the default file system, as everywhere in Hadoop."""
        if "://" not in url and not url.startswith("/"):
            raise NoSuchFileError(f"{url}: a file is named by a URL or an absolute path")
        whole = url if "://" in url else f"{self.default}{url}"
        begin = _begin(_split(whole))
        if begin == "hdfs://" and self.default.startswith(begin):
            return f"{self.default}{whole.removeprefix(begin)}"
        return whole

    def store_of(self, url: str) -> str:
        """The store of a whole URL. NoSuchFileError says which there are."""
        parts = _split(url)
        if parts.scheme not in SCHEMES:
            raise NoSuchFileError(f"{url}: files come from hdfs:// or file:// URLs")
        begin = _begin(parts)
        if begin not in self.own | self.added:
            known = ", ".join(sorted(self.own | self.added))
            raise NoSuchFileError(
                f"{url}: the files of jobs may lie in {known}; others are added by the setting `file_stores`"
            )
        return begin


def authorities(conf: HadoopConf, store: str, added: Iterable[str]) -> Authorities:
    """What the configuration of Hadoop, the folder source's store (empty: there is none) and the setting allow."""
    default = conf.default_fs.rstrip("/") if not conf.default_fs.startswith("file:") else "file://"
    named = [default, *_name_services(conf), *([store] if store else [])]
    own = frozenset(_begin(_split(url if "://" in url else f"file://{url}")) for url in named)
    return Authorities(default, own - {"hdfs://"}, frozenset(_begin(_split(url)) for url in added))


def _name_services(conf: HadoopConf) -> list[str]:
    names = get(conf.properties, "dfs.nameservices").split(",")
    return [f"hdfs://{name.strip()}" for name in names if name.strip()]


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError as error:  # such as half an IPv6 address
        raise NoSuchFileError(f"{url}: that is no URL: {error}") from error


def _begin(parts: SplitResult) -> str:
    authority = parts.netloc.lower() if parts.scheme != "file" else ""
    return f"{parts.scheme}://{authority.removesuffix(HDFS_PORT) if parts.scheme == 'hdfs' else authority}"
