"""XGBoost: a tracker at which the workers meet, and who each of them is.

The tracker is XGBoost's own and runs beside the first worker. XGBoost doesn't read these variables by itself: a script hands
them to CommunicatorContext, as docs/frameworks.md shows.
Tried on XGBoost 3.2: the survivors of a lost worker end a second later, one that comes back alone waits for ever, and
all of them restarted go on; so all restart together, with a new tracker.
https://xgboost.readthedocs.io/en/stable/python/python_api.html#module-xgboost.tracker
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trainmaster.api.job import Compatibility, TrainingJob
from trainmaster.frameworks.beside import beside
from trainmaster.frameworks.placed import Placed, positions
from trainmaster.frameworks.traits import Tell, Traits, all_or_alone, by_rank, is_first

TRACKER = """\
import os
from xgboost.tracker import RabitTracker
host, port = os.environ["DMLC_TRACKER_URI"], int(os.environ["DMLC_TRACKER_PORT"])
tracker = RabitTracker(n_workers=int(os.environ["DMLC_NUM_WORKER"]), host_ip=host, port=port, sortby="task")
tracker.start()
tracker.wait_for()
"""
"""for XGBoost 2.1 and newer; ranks go by task id, so that they are ours"""


def environments(job: TrainingJob, placed: Sequence[Placed]) -> Tell:
    """The names are those of XGBoost's arguments (dmlc_tracker_uri and so on) in capitals."""
    group = by_rank(job, placed)
    ids = positions(group)

    def tell(me: Placed) -> Mapping[str, str]:
        number = ids.get((me.role, me.index))
        if number is None:
            return {}
        return {
            "DMLC_TRACKER_URI": group[0].host,
            "DMLC_TRACKER_PORT": str(group[0].ports[0]),
            "DMLC_NUM_WORKER": str(len(group)),
            "DMLC_TASK_ID": f"{number:05}",  # sorted as text
        }

    return tell


def script(job: TrainingJob, me: Placed, command: str) -> str:
    """Scripts written for Kubeflow's operator start a tracker themselves."""
    ours = job.spec.compatibility is not Compatibility.KUBEFLOW
    return beside(TRACKER, command) if ours and is_first(job, me.role, me.index) else command


TRAITS = Traits(environments, all_or_alone, is_first, script=script, fixed_world=True)
