"""In which folders below jobs/ a file is safe from other users: whoever owns a folder may exchange the files in it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Set
from itertools import chain, count

from trainmaster.errors import RefusedError
from trainmaster.sources.files import Entry, Files


def trusted_owners(files: Files, jobs: Entry) -> Set[str]:
    """Whose folders are as good as a file's own owner's: that of jobs/, and the store's superuser. Raises UnavailableError: who
    can't be asked for now is no reason to refuse what lies in his folders."""
    return {jobs.owner, *superusers(files)}


def superusers(files: Files) -> Set[str]:
    """Who owns the store's root; nobody, where we may not know. Raises UnavailableError."""
    try:
        return {files.stat("/").owner}
    except (RefusedError, PermissionError, FileNotFoundError):
        return set()


def places(files: Files, jobs: str, namespace: str, name: str) -> Iterator[str]:
    """Paths below jobs/ for a new job's file, the best first. Not in a folder of somebody else's, nor in a new one of ours that
    others would come to use: then it lies in jobs/ itself, and says which namespace it is in."""
    begin = (
        f"{namespace}/{name}" if _is_for_all(files, jobs, f"{jobs}/{namespace}") else f"{namespace}.{name}"
    )
    return (f"{begin}{ending}.yaml" for ending in chain([""], (f"-{i}" for i in count(2))))


def _is_for_all(files: Files, jobs: str, folder: str) -> bool:
    try:
        above = files.stat(jobs)
    except FileNotFoundError:
        return True  # the store is made by whoever comes first
    try:
        owner = files.stat(folder).owner
    except FileNotFoundError:
        return who_we_are(files, jobs) in trusted_owners(files, above)
    return owner in trusted_owners(files, above)


def who_we_are(files: Files, folder: str) -> str:
    """The store's own name for us, whatever the authentication: the owner of what we make."""
    path = f"{folder.rstrip('/')}/.{secrets.token_hex(8)}"
    files.replace(path, b"")
    try:
        return files.stat(path).owner
    finally:
        files.delete(path)
