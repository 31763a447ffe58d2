"""The files of a process as YARN must be told of them, looked up for as long as it takes.

Never here: where files may lie, and how one is asked for (the sources say that).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from trainmaster.api.job import FileRef
from trainmaster.errors import NoSuchFileError, UnavailableError
from trainmaster.hadoop.containers import LocalResource
from trainmaster.master.desk import Desk

log = logging.getLogger(__name__)

RETRY = 1.0
"""seconds before a store that could not be asked is asked again"""
PATIENCE = 2
"""times that a file is looked for again which isn't there: who replaces one (`hdfs dfs -put -f`) removes it first"""


async def looked_up(desk: Desk, wanted: Mapping[str, FileRef], user: str) -> dict[str, LocalResource]:
    """What YARN must be told of these files, by their names. NoSuchFileError and RefusedError name one that can't be had.

    A store that is away is no fault of the node that they are to be brought to: it is asked again.
    """
    missed = 0
    while True:
        try:
            found = await asyncio.gather(*(desk.files(ref, user) for ref in wanted.values()))
        except UnavailableError as error:
            log.info("files can't be looked up yet", extra={"error": str(error)})
        except NoSuchFileError:
            missed += 1
            if missed > PATIENCE:
                raise
        else:
            return dict(zip(wanted, found, strict=True))
        await asyncio.sleep(RETRY)
