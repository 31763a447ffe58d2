"""Where things lie below a store's root, and which names in jobs/ are jobs. Pure: names in, names out.

jobs/<any folders>/<name>.yaml          what people write
jobs/<any folders>/.<name>.yaml.delete  a mark: this job was deleted on purpose, no grace is needed
jobs/<any folders>/.<name>.yaml.now     the same, and its processes get no time to end in
jobs/<any folders>/.<file>,<name>@<namespace>.set
                                        what a command set in it (owned.py): another file that is applied must not undo it unasked
status/<same path>                      what the controller shows
status/<same path>,<name>@<namespace>   the same of one document, where the file holds several; marks beside the file as well
journal/<epoch>/<uid>.json              the controller's memory, for it alone
journal/epoch-000007                    that somebody leads, or led, in this epoch: nobody else ever does
known/<uid>.json                        what it knows of the file
lease/epoch-000007                      who leads
cleared-nodes/<host>                    a mark: somebody said that this node is well again
installation                            the identity of the installation whose journal this is
history/<month>/<day>/...json            runs that are over (api/history.py), unless the setting history.url names another folder
staging/<user>/<namespace>/<name>/      what the command line uploads for a job
confirm-deletions                       a mark: the files that vanished together were deleted on purpose
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from trainmaster.api.job import JOB_NAME, NAMESPACE_NAME

SUFFIXES = (".yaml", ".yml")
"""in letters of either case"""
MAX_SHARED_NAME = 100
"""bytes of the name of a file that holds several jobs: a status is called by it and by the job, and systems take 255"""
DELETE = "delete"
NOW = "now"
SET = "set"


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders of one store; paths without scheme and host, as Files takes them."""

    root: str

    @property
    def jobs(self) -> str:
        return self.under("jobs")

    @property
    def status(self) -> str:
        return self.under("status")

    @property
    def journal(self) -> str:
        return self.under("journal")

    @property
    def known(self) -> str:
        return self.under("known")

    @property
    def lease(self) -> str:
        return self.under("lease")

    @property
    def history(self) -> str:
        return self.under("history")

    @property
    def installation(self) -> str:
        return self.under("installation")

    @property
    def cleared(self) -> str:
        return self.under("cleared-nodes")

    @property
    def confirm(self) -> str:
        return self.under("confirm-deletions")

    @property
    def uploads(self) -> str:
        return self.under("staging")

    def staging(self, user: str, namespace: str, name: str) -> str:
        return f"{self.uploads}/{user}/{namespace}/{name}"

    def job(self, path: str) -> str:
        """The whole path of a job's file, which others may share."""
        return f"{self.jobs}/{file_of(path)}"

    def status_of(self, path: str) -> str:
        return f"{self.status}/{path}"

    def mark(self, path: str, kind: str) -> str:
        """The mark beside a job's file."""
        folder, slash, name = path.rpartition("/")
        return f"{self.jobs}/{folder}{slash}.{name}.{kind}"

    def set_mark(self, path: str, namespace: str, name: str) -> str:
        """The mark of what commands set in a job: the same whether it stands alone in its file or among others."""
        file = file_of(path)
        return self.mark(place_of(file, namespace, name) if may_share(file) else file, SET)

    def under(self, path: str) -> str:
        return f"{self.root.rstrip('/')}/{path}"

    def below_jobs(self, path: str) -> str:
        return path[len(self.jobs) + 1 :]


def is_job(path: str) -> bool:
    """Whether a path below jobs/ is a job's: not hidden, not a temporary name (`_...`, `... ._COPYING_`)."""
    parts = path.split("/")
    return path.lower().endswith(SUFFIXES) and not any(part.startswith((".", "_")) for part in parts)


def mark_of(path: str, kind: str) -> str | None:
    """The job's path that a mark stands beside; None for what is no such mark."""
    folder, slash, name = path.rpartition("/")
    inner = name[1:].removesuffix(f".{kind}")
    marked = name.startswith(".") and name.endswith(f".{kind}") and file_of(inner).lower().endswith(SUFFIXES)
    return f"{folder}{slash}{inner}" if marked else None


def place_of(path: str, namespace: str, name: str) -> str:
    """The path of one document in a file that holds several. No file has such a path, for a namespace has no dot; it doesn't
    tell where the document stands, so that nothing changes for it when others come and go."""
    return f"{path},{name}@{namespace}"


def numbered(path: str, number: int) -> str:
    """The path of a document that can't be told by its name, or whose name another one in its file has."""
    return f"{path},{number}"


def file_of(path: str) -> str:
    """The file in which a job stands: its path, but for a document among others."""
    return path if is_whole(path) else path.rpartition(",")[0]


def is_whole(path: str) -> bool:
    """Whether the path is that of a file, and not of a document among others in it."""
    return path.lower().endswith(SUFFIXES) or "," not in path


def may_share(path: str) -> bool:
    """Whether the path is that of a file, and documents may stand in it beside each other."""
    return is_whole(path) and len(path.rpartition("/")[2].encode()) <= MAX_SHARED_NAME


def places_of(path: str, namespace: str, name: str) -> tuple[str, ...]:
    """Where a controller may know a job: what stands alone in its file now may have stood among others at its last look."""
    return (path, place_of(path, namespace, name)) if may_share(path) else (path,)


def can_be_named(namespace: object, name: object) -> bool:
    """Whether these are a namespace and a name, as far as paths are concerned."""
    if not (isinstance(namespace, str) and isinstance(name, str) and len(namespace) <= 63 >= len(name)):
        return False
    return bool(re.fullmatch(NAMESPACE_NAME, namespace) and re.fullmatch(JOB_NAME, name))


def default_name(path: str) -> str:
    """The name of a job whose file gives none: the file's, without its ending. Of a document among others it is nobody's."""
    name = path.rpartition("/")[2]
    if not is_whole(path):
        return ""
    return name.rpartition(".")[0] if name.lower().endswith(SUFFIXES) else name


def default_namespace(path: str) -> str:
    """The namespace of a job whose file gives none: the first folder below jobs/."""
    first, slash, _ = path.partition("/")
    return first if slash else "default"
