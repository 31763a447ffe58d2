"""Which store a URL means. The stores' libraries are slow to import, so only the one that is asked for is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from trainmaster.errors import InvalidError
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
