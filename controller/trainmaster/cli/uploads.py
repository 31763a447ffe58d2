"""Local files of a declaration: uploaded to the store's staging folder, and the declaration pointed at them.

A `files:` source without a scheme is a path on this machine, relative to the folder of its YAML file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainmaster.cli.exits import MissingError
from trainmaster.errors import InvalidError, UnavailableError

if TYPE_CHECKING:
    from trainmaster.api.job import FileRef, Spec
    from trainmaster.settings import Settings
    from trainmaster.sources.staging import Staging
    from trainmaster.sources.stored import StoredJob
    from trainmaster.sources.yaml_text import Plain

Entry = dict[str, Any]
"""one element of `files:` as it was written"""
Where = tuple[str | int, ...]
"""the path of such an element"""
Upload = Callable[[Path], tuple[str, bool]]
"""from a local file or folder to the URL that it has now, and whether that is an archive"""


def is_local(source: str) -> bool:
    """Without a scheme: a path on this machine."""
    return "://" not in source


def pointed(text: str, folder: Path, upload: Upload, more: Sequence[Path] = ()) -> str:
    """The text with each local source replaced by what `upload` says; all else stays as it was written.

    `more` are further local files and folders, for every role. Raises MissingError before anything is uploaded.
    """
    from trainmaster.api.yaml_tree import read_tree
    from trainmaster.sources.editing import edited

    spec: Any = read_tree(text).value
    spec = spec["spec"]
    given = len(spec.get("files") or ())
    added = [(("spec", "files", given + i), {"source": str(path.absolute())}) for i, path in enumerate(more)]
    local = [each for each in (*_entries(spec), *added) if is_local(each[1]["source"])]
    _all_there([folder / entry["source"] for _, entry in local])
    changes: dict[Where, Plain] = {}
    for where, entry in local:
        changes |= _changes(where, entry, folder / entry["source"], upload)
    return edited(text, changes)


def to_staging(namespace: str, name: str, settings: Settings) -> Upload:
    """Uploads into the store's staging folder of one job, where its end cleans up. `namespace` with the scope of its place.

    The store is opened for the first file: who has none to upload needs no way to it. Raises InvalidError, UnavailableError.
    """

    @cache
    def staging() -> Staging:
        from trainmaster.sources.staging import Staging

        return Staging(
            settings.store,
            hadoop_conf_dir=settings.hadoop_conf_dir,
            hadoop_ca_file=settings.hadoop_ca_file,
        )

    def upload(path: Path) -> tuple[str, bool]:
        try:
            staged = staging().upload(namespace, name, path)
        except (InvalidError, UnavailableError) as error:
            cure = "or bring it yourself to where the nodes reach it, and name its URL"
            raise type(error)(f"{path} can't be uploaded to {settings.store}: {error}; {cure}") from error
        return staged.url, staged.archive

    return upload


def not_yet(before: StoredJob | None, store: str) -> Upload:
    """Tells where files would lie, and brings none there: what the job as it is has already is known by its content."""
    from trainmaster.sources.staging import place

    spec = before.job.spec if before and before.job else None
    known = [file.source for files in _file_lists(spec) for file in files] if spec else []

    def told(path: Path) -> tuple[str, bool]:
        end = place(path)
        new = f"{store.rstrip('/')}/staging/to-be-uploaded{end}"
        return next((url for url in known if url.endswith(end)), new), path.is_dir()

    return told


def _file_lists(spec: Spec) -> Iterator[Sequence[FileRef]]:
    yield spec.files
    yield from (role.files for role in spec.roles.values())


def stand_in(path: Path) -> tuple[str, bool]:
    """Stands in for an upload while a declaration is only checked."""
    return f"hdfs:///staging/{path.name}", path.is_dir()


def _changes(where: Where, entry: Entry, path: Path, upload: Upload) -> dict[Where, Plain]:
    """What makes one source point at its upload."""
    url, archive = upload(path)
    changes: dict[Where, Plain] = {(*where, "source"): url}
    if entry.get("name") is None:
        changes[(*where, "name")] = path.resolve().name
    return changes | ({(*where, "type"): "Archive"} if archive else {})


def _entries(spec: Entry) -> Iterator[tuple[Where, Entry]]:
    for i, entry in enumerate(spec.get("files") or ()):
        yield ("spec", "files", i), entry
    for name, role in spec["roles"].items():
        for i, entry in enumerate(role.get("files") or ()):
            yield ("spec", "roles", name, "files", i), entry


def _all_there(paths: Sequence[Path]) -> None:
    for path in paths:
        if not path.exists():
            raise MissingError(f"no such file or folder: {path}")
