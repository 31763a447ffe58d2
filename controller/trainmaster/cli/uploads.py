"""Local files of a declaration: uploaded to the store's staging folder, and the declaration pointed at them.

A `files:` source without a scheme is a path on this machine, relative to the folder of its YAML file.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainmaster.cli.exits import MissingError

if TYPE_CHECKING:
    from trainmaster.settings import Settings

Entry = dict[str, Any]
"""one element of `files:` as it was written"""
Upload = Callable[[Path], tuple[str, bool]]
"""from a local file or folder to the URL that it has now, and whether that is an archive"""


def is_local(source: str) -> bool:
    """Without a scheme: a path on this machine."""
    return "://" not in source


def pointed(text: str, folder: Path, upload: Upload, more: Sequence[Path] = ()) -> str:
    """The text with each local source replaced by what `upload` says; all else stays as it was written.

    `more` are further local files and folders, for every role. Raises MissingError before anything is uploaded.
    """
    from ruamel.yaml import YAML

    yaml = YAML()  # round trip: keeps order, quotes and comments
    yaml.width = 1 << 16  # else it folds long commands
    tree = yaml.load(text)
    added = [{"source": str(path.absolute())} for path in more]
    local = [entry for entry in (*_entries(tree["spec"]), *added) if is_local(entry["source"])]
    if not local:
        return text
    _all_there([folder / entry["source"] for entry in local])
    for entry in local:
        _point(entry, folder / entry["source"], upload)
    if added:
        tree["spec"].setdefault("files", []).extend(added)
    changed = io.StringIO()
    yaml.dump(tree, changed)
    return changed.getvalue()


def to_staging(namespace: str, name: str, settings: Settings) -> Upload:
    """Uploads into the store's staging folder of one job, where its end cleans up."""
    from trainmaster.sources.staging import Staging

    staging = Staging(
        settings.store,
        hadoop_conf_dir=settings.hadoop_conf_dir,
        hadoop_ca_file=settings.hadoop_ca_file,
    )

    def upload(path: Path) -> tuple[str, bool]:
        staged = staging.upload(namespace, name, path)
        return staged.url, staged.archive

    return upload


def stand_in(path: Path) -> tuple[str, bool]:
    """Stands in for an upload while a declaration is only checked."""
    return f"hdfs:///staging/{path.name}", path.is_dir()


def _point(entry: Entry, path: Path, upload: Upload) -> None:
    entry["source"], archive = upload(path)
    entry.setdefault("name", path.resolve().name)
    if archive:
        entry["type"] = "Archive"


def _entries(spec: Entry) -> Iterator[Entry]:
    yield from spec.get("files") or ()
    for role in spec["roles"].values():
        yield from role.get("files") or ()


def _all_there(paths: Sequence[Path]) -> None:
    for path in paths:
        if not path.exists():
            raise MissingError(f"no such file or folder: {path}")
