"""The quick part of these tests on the oldest Hadoop that is promised: the wires, the stories of tests/yarn, and the life of a
job with its commonest accidents.

What holds on both releases is asserted by the very tests of the other files.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from real.cluster import SHORT, of_its_own
from real.reading import last_exit, states, trainers, worker
from real.rooms import Room
from real.test_crashes import (  # noqa: F401 - they run here as well
    test_an_exit_while_no_controller_lives_is_heard_later,
    test_the_resourcemanager_restarts_under_a_running_job,
)
from real.test_engine import (  # noqa: F401
    test_a_dropped_file_runs_to_success,
    test_a_killed_worker_comes_back_under_the_same_identity,
    test_deleting_the_file_stops_every_process,
)
from real.wires.conftest import app, conf, rest, rm  # noqa: F401
from real.wires.test_application import *  # noqa: F403
from real.wires.test_cluster import *  # noqa: F403
from real.wires.test_nodes import *  # noqa: F403
from real.wires.test_restarts import *  # noqa: F403
from real.wires.test_stories import test_the_real_yarn_does, world  # noqa: F401
from trainer.ledger import Ledger
from trainmaster.api.status import ConditionType as C
from trainmaster.api.status import ReplicaState
from trainmaster.hadoop.configuration import HadoopConf
from trainmaster.hadoop.expiry import Expiry, find
from trainmaster.hadoop.http import Http
from trainmaster.local.cluster import LocalHadoop

hadoop = of_its_own("hadoop-336", replace(SHORT, version="3.3.6"))


@pytest.fixture(scope="module")
def kind() -> str:
    """The source makes no difference to YARN."""
    return "folder"


async def test_it_says_how_long_it_waits_for_who_is_silent(conf: HadoopConf) -> None:  # noqa: F811 - the fixture is meant
    http = Http("tester")
    open_ = replace(conf, application_expiry=None, node_expiry=None)
    assert await find(open_, http) == Expiry(SHORT.am_expiry, SHORT.nm_expiry)
    await http.close()


def test_a_controller_restarted_during_a_backoff_starts_the_replacement(
    room: Room, ledger: Ledger, hadoop: LocalHadoop
) -> None:
    """This release hands a node's token out once per attempt, and again only at a register that lists live containers."""
    hadoop.kill("nodemanager-2")  # so that the replacement has to come to the node whose token was given
    first = room.controller()
    acts = [{"who": "worker-0", "run": 1, "step": 2, "do": "exit", "with": 41}]
    role = trainers(ledger, acts=acts, steps=4)
    room.drop("waiting", {"runPolicy": {"backoff": {"base": "8s"}}, "roles": {"worker": role}})
    room.until("waiting", lambda status: states(status) == [ReplicaState.BACKING_OFF])
    first.end()

    room.controller()
    status = room.until("waiting", lambda s: s.is_true(C.FINISHED) or last_exit(worker(s)).code < 0)

    assert last_exit(worker(status)).code == 0
    assert status.is_true(C.SUCCEEDED)
    assert status.restarts == 1
    assert len(ledger.starts()) == 2
