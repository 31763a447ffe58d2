"""Where the command line puts what it uploads for jobs of an API server, and its removal together with the job.

The job's `files` name it, which people write: so only that goes which lies where the command line puts files of this very job,
and belongs to the user whom the job runs as, who could remove it himself.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from trainmaster.api.declared import Declared
from trainmaster.api.job import TrainingJob
from trainmaster.errors import NoSuchFileError, TrainmasterError, UnavailableError
from trainmaster.settings import Settings
from trainmaster.sources.files import STICKY, Files
from trainmaster.sources.lookups import LookUps
from trainmaster.sources.policy import refusal

log = logging.getLogger(__name__)

PAUSE = 60.0
"""seconds until a store that could not be asked is asked again"""

_PLACE = re.compile(
    r"(?P<folder>(?:/.*)?/staging/(?P<user>[^/]+)/@[0-9a-f]+/(?P<namespace>[^/]+)/(?P<name>[^/]+))/[0-9a-f]{16}/[^/]+"
)


class Staged:
    def __init__(self, settings: Settings) -> None:
        self._stores = LookUps(settings)
        self._rules = settings.policy
        self._all = f"{settings.store.rstrip('/')}/staging"

    async def prepare(self) -> None:
        """Make the folder of all uploads, for everybody: else it would be that of whoever uploads first, and nobody else would
        entrust it with what his processes run. In a store that may hold no files of jobs there is nothing to make."""
        while True:
            try:
                return await self._stores.as_ourselves(self._all, "", _make)
            except NoSuchFileError:
                return None
            except UnavailableError:
                await asyncio.sleep(PAUSE)
            except TrainmasterError as error:
                log.warning(
                    "the folder of uploads could not be made: an administrator must make it, with the mode 1777",
                    extra={"url": self._all, "error": str(error)},
                )
                return None

    async def remove(self, declared: Declared) -> None:
        """Remove the job's uploads. A store that can't be asked keeps them, and the log says so."""
        job = declared.job
        if job is None or refusal(declared, job, self._rules):
            return
        user = job.spec.user or declared.owner
        for url in folders(job, declared, user):
            try:
                await self._stores.as_ourselves(url, user, lambda files, path: _delete(files, path, user))
            except TrainmasterError as error:
                log.warning("what was uploaded could not be removed", extra={"url": url, "error": str(error)})

    def close(self) -> None:
        self._stores.close()


def folders(job: TrainingJob, declared: Declared, user: str) -> list[str]:
    """URLs of the folders of its uploads."""
    return sorted({url for url in _urls(job, (user, declared.namespace, declared.name)) if url})


def _urls(job: TrainingJob, whose: tuple[str, str, str]) -> Iterator[str]:
    lists = (job.spec.files, *(role.files for role in job.spec.roles.values()))
    for source in (file.source for files in lists for file in files):
        parts = urlsplit(source)
        found = _PLACE.fullmatch(parts.path)
        if found and found.group("user", "namespace", "name") == whose and ".." not in parts.path.split("/"):
            yield f"{parts.scheme}://{parts.netloc}{found['folder']}"


def _make(files: Files, path: str) -> None:
    files.make_folder(path, STICKY | 0o777)


def _delete(files: Files, path: str, user: str) -> None:
    """The four folders are the user's, who may have put links into them."""
    top, *below = path.rsplit("/", 4)
    try:
        if files.stat(path).owner == user:
            files.delete_below(top, "/".join(below))
    except FileNotFoundError:
        return
