"""Which store a URL means. The stores' libraries are slow to import, so only the one that is asked for is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from trainmaster.errors import InvalidError
from trainmaster.settings import Settings
from trainmaster.sources.files import Files


def open_files(
    url: str,
    conf_dir: Path | None = None,
    hadoop: Mapping[str, str] | None = None,
    ca_file: Path | None = None,
) -> tuple[Files, str]:
    """The store of a URL, and the path in it. InvalidError names the schemes that there are."""
    parts = urlsplit(url if "://" in url else f"file://{Path(url).absolute()}")
    path = parts.path.rstrip("/") or "/"
    if parts.scheme == "file":
        from trainmaster.sources.local_files import LocalFiles

        return LocalFiles(), path
    if parts.scheme == "hdfs":
        from trainmaster.sources.hdfs_files import HdfsFiles

        return HdfsFiles(parts.netloc, conf_dir, hadoop or {}), path
    if parts.scheme in ("webhdfs", "swebhdfs"):
        from trainmaster.sources.webhdfs_files import WebHdfsFiles

        return WebHdfsFiles(parts, ca_file), path
    raise InvalidError(f"{url}: a store is an hdfs://, file://, webhdfs:// or swebhdfs:// URL")


def own_files(settings: Settings, url: str, store: tuple[Files, str]) -> tuple[Files, str]:
    """Where journal, lease and records lie: in the setting `state`, else in the store of jobs itself, which is at `url`.
    InvalidError where that can't keep them."""
    own = store
    if settings.state:
        own = open_files(settings.state, settings.hadoop_conf_dir, settings.hadoop)
    if not own[0].private:
        raise InvalidError(
            f"{settings.state or url}: the journal needs a store that replaces files atomically, which webhdfs:// "
            "doesn't; name an hdfs:// or file:// folder for it in the setting `state`"
        )
    return own
