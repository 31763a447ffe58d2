"""What a job meets outside of itself on real Hadoop: GPUs that are taken, a store that goes away."""

from __future__ import annotations

import time

from real.cluster import Rest, until
from real.reading import held, processes, reason, trainers, worker
from real.rooms import Room, eager
from trainer.ledger import Ledger
from trainmaster.api import reasons
from trainmaster.api.status import ConditionType as C


def test_gpus_are_asked_for_and_waited_for(room: Room, ledger: Ledger) -> None:
    room.controller()
    _one_gpu(room, "first", ledger)
    status = room.until_true("first", C.RUNNING)
    _one_gpu(room, "second", Ledger(ledger.folder / "second"))
    room.until_true("second", C.RUNNING)
    _one_gpu(room, "third", Ledger(ledger.folder / "third"))
    third = room.until("third", lambda s: reason(s, C.QUEUED) == reasons.GATHERING_CONTAINERS)

    granted = worker(status).granted
    assert granted
    assert (granted.gpus, status.gpus, third.gpus) == (1, 1, 0)
    assert _gpus_in_use(room.rest) == 2
    ledger.go()
    room.until_true("third", C.RUNNING)
    assert _gpus_in_use(room.rest) == 2


def _one_gpu(room: Room, name: str, ledger: Ledger) -> None:
    wait = [{"who": "worker-0", "step": 1, "do": "wait", "with": "go"}]
    role = trainers(ledger, acts=wait, steps=1) | {"resources": {"memory": "64Mi", "gpus": 1}}
    room.drop(name, eager(worker=role) | {"queue": "gpu"})


def _gpus_in_use(rest: Rest) -> int:
    kinds = (
        kind
        for node in rest.nodes()
        for kind in node["usedResource"]["resourceInformations"]["resourceInformation"]
    )
    return sum(int(kind["value"]) for kind in kinds if kind["name"] == "yarn.io/gpu")


def test_while_the_store_is_away_training_goes_on_and_nothing_is_decided(room: Room, ledger: Ledger) -> None:
    controller = room.controller()
    room.drop("steady", eager(worker=held(ledger, 2)))
    room.until_true("steady", C.RUNNING)
    survivor, victim = sorted(processes(ledger, 2), key=lambda e: e.index)

    room.take_away()
    victim.kill()
    until(lambda: controller.metric("trainmaster_store_up") == 0)
    time.sleep(2)
    assert len(ledger.starts()) == 2, "what can't be written down isn't done"
    assert survivor.alive
    room.bring_back()

    until(lambda: len(ledger.starts("worker-1")) == 2)
    until(lambda: controller.metric("trainmaster_store_up") == 1)
    ledger.go()
    status = room.until_true("steady", C.SUCCEEDED)
    assert status.restarts == 1
    assert len(ledger.starts("worker-0")) == 1
    assert ledger.twice() == []
