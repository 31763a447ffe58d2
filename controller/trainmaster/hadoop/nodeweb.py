"""What a NodeManager's web server says of a container, for whoever has no token of that node any more.

Never here: what it means that a container is over.
"""

from __future__ import annotations

from trainmaster.errors import RefusedError, UnavailableError
from trainmaster.hadoop.configuration import HadoopConf
from trainmaster.hadoop.containers import NmState, NmStatus, NmStatuses
from trainmaster.hadoop.http import Http

NOT_FOUND = "404"
OVER = frozenset(
    {
        "EXITED_WITH_SUCCESS",
        "EXITED_WITH_FAILURE",
        "CONTAINER_CLEANEDUP_AFTER_KILL",
        "CONTAINER_RESOURCES_CLEANINGUP",
        "DONE",
    }
)
"""states of a container without a process (ContainerImpl's own ContainerState, as NMWebServices.getNodeContainer shows it)"""


class NodeWeb:
    """All NodeManagers' web servers. Raises UnavailableError when one could not be asked, or says something else."""

    def __init__(self, conf: HadoopConf, http: Http) -> None:
        self._scheme, self._http = conf.scheme, http

    async def over(self, http: str, container: str) -> bool:
        """Whether it has ended on the node with this web address (host:port), or the node doesn't know it (any more)."""
        url = f"{self._scheme}://{http}/ws/v1/node/containers/{container}"
        try:
            document = await self._http.json(url)
            return document["container"]["state"] in OVER
        except RefusedError as error:
            if error.kind == NOT_FOUND:
                return True
            raise
        except (KeyError, TypeError) as error:
            raise UnavailableError(f"{url} did not tell a container's state") from error


def by_web(id_: str, over: bool) -> NmStatuses:
    """What a NodeManager's web server says of a container, as the NodeManager itself would."""
    lives = NmStatus(id_, NmState.RUNNING, None, "")
    return NmStatuses({}, frozenset({id_}), {}) if over else NmStatuses({id_: lives}, frozenset(), {})
