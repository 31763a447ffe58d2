"""No status, event or history record holds a login that a URL held: they reach further than the declaration does."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from trainmaster.api.checkpoint_status import CheckpointStatus, SavedModelStatus
from trainmaster.api.history import EndedRun, KeptEnd, decode, encode
from trainmaster.api.status import Condition, ConditionType, EarlierRun, ExitStatus, FieldProblem, JobStatus
from trainmaster.plan.values import Event

NOW = "2026-11-22T22:22:22Z"
WORDS = "no such bucket: s3a://AKIA:Xk3vQ9@bucket/data"
RUN = {"state": "Failed", "reason": "PermanentExit", "completion_time": NOW, "restarts": 0}


@pytest.mark.parametrize(
    "made",
    [
        CheckpointStatus(path="s3a://AKIA:Xk3vQ9@bucket/ckpt-1", time=NOW),
        SavedModelStatus(path="s3a://AKIA:Xk3vQ9@bucket/model", files=1, size=1),
        Condition(
            type=ConditionType.FAILED, status="True", reason="a", message=WORDS, last_transition_time=NOW
        ),
        ExitStatus(code=1, cause="Permanent", message=WORDS, node="", container="c", time=NOW, log_url=""),
        EarlierRun.model_validate({"rerun": 0, "message": WORDS, **RUN}),
        FieldProblem(field="spec.inputPath", value="s3a://AKIA:Xk3vQ9@bucket", reason=WORDS),
        JobStatus(state="Running", scheduler_message=WORDS),
        KeptEnd(role="worker", index=0, code=1, cause="Permanent", message=WORDS),
        EndedRun(uid="u", namespace="a", name="b", state="Failed", message=WORDS, ended_at=NOW),
    ],
    ids=lambda made: type(made).__name__,
)
def test_what_is_told_holds_no_login(made: BaseModel) -> None:
    assert "Xk3vQ9" not in made.model_dump_json()
    assert "bucket" in made.model_dump_json()


def test_neither_does_an_event() -> None:
    assert "Xk3vQ9" not in Event(warning=True, reason="a", message=WORDS).message


def test_nor_a_record_that_was_written_with_one() -> None:
    run = EndedRun(uid="u", namespace="a", name="b", state="Failed", message="WORDS", ended_at=NOW)
    assert decode(encode(run).replace(b"WORDS", WORDS.encode())).message == WORDS.replace(
        "AKIA:Xk3vQ9", "(hidden)"
    )
