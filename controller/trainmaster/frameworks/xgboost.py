"""XGBoost: a tracker at which the workers meet, and who each of them is.

The tracker is XGBoost's own and runs beside the first worker. XGBoost doesn't read these variables by itself: a script hands
them to CommunicatorContext, as docs/frameworks.md shows.
Tried on XGBoost 3.2: the survivors of a lost worker end a second later, one that comes back alone waits for ever, and
all of them restarted go on; so all restart together, with a new tracker.
https://xgboost.readthedocs.io/en/stable/python/python_api.html#module-xgboost.tracker
"""

from __future__ import annotations

from collections.abc import Sequence

from trainmaster.api.deciding import ranked
from trainmaster.api.job import Compatibility, TrainingJob
from trainmaster.frameworks.beside import beside
from trainmaster.frameworks.placed import Placed
from trainmaster.frameworks.traits import Tell, Traits, all_or_alone, is_first, told_by_rank

TRACKER = """\
import os, socket, threading
from xgboost.tracker import RabitTracker
host, door = os.environ["DMLC_TRACKER_URI"], int(os.environ["DMLC_TRACKER_PORT"])
tracker = RabitTracker(n_workers=int(os.environ["DMLC_NUM_WORKER"]), host_ip=host, sortby="task")
tracker.start()
told = b"%d\\n" % tracker.worker_args()["dmlc_tracker_port"]
family = socket.AF_INET6 if ":" in host else socket.AF_INET
listening = socket.create_server(("", door), family=family)
def tell():
    while True:
        caller, _ = listening.accept()
        with caller:
            caller.sendall(told)
threading.Thread(target=tell, daemon=True).start()
tracker.wait_for()
"""
"""For XGBoost 2.1 and newer; ranks go by task id, so that they are ours. The tracker can't listen again at a port for a minute
after it left it (it doesn't set SO_REUSEADDR), so it takes any, and tells it at the port that all know."""

ASK = """\
until read -r port <"/dev/tcp/$DMLC_TRACKER_URI/$DMLC_TRACKER_PORT"; do sleep 0.5; done 2>/dev/null
export DMLC_TRACKER_PORT=$port
"""
"""each worker begins when the tracker is there, and knows its port"""


def environments(job: TrainingJob, placed: Sequence[Placed]) -> Tell:
    return told_by_rank(job, placed, _worker)


def _worker(group: Sequence[Placed], number: int) -> dict[str, str]:
    """The names are those of XGBoost's arguments (dmlc_tracker_uri and so on) in capitals."""
    return {
        "DMLC_TRACKER_URI": group[0].host,
        "DMLC_TRACKER_PORT": str(group[0].ports[0]),
        "DMLC_NUM_WORKER": str(len(group)),
        "DMLC_TASK_ID": f"{number:05}",  # sorted as text
    }


def script(job: TrainingJob, me: Placed, command: str) -> str:
    """Scripts written for Kubeflow's operator start a tracker themselves."""
    if job.spec.compatibility is Compatibility.KUBEFLOW or me.role not in ranked(job.spec):
        return command
    asking = ASK + command
    return beside(TRACKER, asking) if is_first(job, me.role, me.index) else asking


TRAITS = Traits(environments, all_or_alone, is_first, script=script, fixed_world=True)
