"""What real daemons tell of failures, and what follows: rules on exit codes and last words, and the same mistake twice."""

from __future__ import annotations

import shlex
import sys

from rare import at_one_door
from real.reading import SMALL, last_exit, message, reason, worker
from real.rooms import Room, eager
from trainer.ledger import Ledger
from trainmaster.api import reasons
from trainmaster.api.status import ConditionType as C

pytestmark = at_one_door("folder")


def python(program: str) -> str:
    return f"exec {shlex.quote(sys.executable)} -c {shlex.quote(program)}"


def test_a_rule_on_the_last_words_fails_the_job_at_once(shared: Room) -> None:
    said = "import sys; print('step 1', file=sys.stderr); sys.exit('lost license server 7 for good')"
    job = eager(worker={"command": python(said)} | SMALL)
    job["failureRules"] = [{"action": "FailJob", "stderr": "license server * good"}]
    shared.drop("words", job)

    status = shared.until_true("words", C.FINISHED)
    assert reason(status, C.FAILED) == reasons.FAILURE_RULE
    assert "failureRules[0] says that this fails the job" in message(status, C.FAILED)
    assert status.restarts == 0


def test_an_exit_code_that_a_rule_ignores_is_replaced_and_never_charged(shared: Room, ledger: Ledger) -> None:
    flag = ledger.folder / "been"
    ledger.folder.mkdir(parents=True, exist_ok=True)
    once = f"[ -e {flag} ] || {{ touch {flag}; exit 43; }}"
    job = eager(worker={"command": once} | SMALL)
    job["runPolicy"] |= {"backoffLimit": 0}
    rule = {"action": "Ignore", "roles": ["worker"], "exitCodes": {"operator": "In", "values": [43]}}
    job["failureRules"] = [rule, {"action": "FailJob"}]
    shared.drop("ignored", job)

    status = shared.until_true("ignored", C.FINISHED)
    assert status.is_true(C.SUCCEEDED)
    assert status.restarts == 0


def test_the_same_mistake_twice_ends_the_job_early_and_says_so(shared: Room) -> None:
    job = eager(worker={"command": python("loss = undefined_model(3)")} | SMALL)
    job["runPolicy"] |= {"backoffLimit": 9}
    shared.drop("mistaken", job)

    status = shared.until_true("mistaken", C.FINISHED)
    assert reason(status, C.FAILED) == reasons.REPEATED_FAILURE
    said = message(status, C.FAILED)
    assert "NameError: name 'undefined_model' is not defined" in said
    assert "with no progress in between: trying again can't help" in said
    assert status.restarts == 1


def test_a_process_that_somebody_kills_is_told_from_one_that_crashes(shared: Room) -> None:
    for name, number, cause in (("killed", 9, "Killed"), ("crashed", 11, "Crashed")):
        job = eager(worker={"command": f"kill -{number} $$; sleep 9"} | SMALL)
        job["runPolicy"] |= {"backoffLimit": 0}
        shared.drop(name, job)
        last = last_exit(worker(shared.until_true(name, C.FINISHED)))
        assert (last.code, last.cause) == (128 + number, cause)
