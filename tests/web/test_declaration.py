"""What the page shows of a declaration, and what it hides."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml

from observe.pictures import NOW, job, picture
from trainmaster.api.checkpoint_status import CheckpointStatus
from trainmaster.api.job import TrainingJob
from trainmaster.web.declaration import HIDDEN, shown
from trainmaster.web.pages import job_page


def with_command(command: str) -> TrainingJob:
    return TrainingJob.model_validate(
        {"metadata": {"name": "a"}, "spec": {"roles": {"worker": {"command": command}}}}
    )


def test_it_is_shown_as_it_was_written() -> None:
    assert yaml.safe_load(shown(job())) == {
        "framework": "TensorFlow",
        "queue": "gpu",
        "roles": {
            "ps": {"command": "python train.py --role ps"},
            "worker": {"command": "python train.py", "replicas": 2},
        },
    }


def test_no_value_of_a_variable_is_shown() -> None:
    secret = {"name": "HARMLESS", "value": "s3cret"}
    document = {
        "env": [secret],
        "template": [{"name": "PEERS", "value": "s3cret"}],
        "framework": "Custom",
        "roles": {"worker": {"command": "train", "env": [secret]}},
    }
    text = shown(TrainingJob.model_validate({"metadata": {"name": "a"}, "spec": document}))
    assert "s3cret" not in text
    assert text.count("HARMLESS") == 2


def test_where_a_value_comes_from_is_shown() -> None:
    env = [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "token"}}}]
    document = {"env": env, "roles": {"worker": {"command": "train"}}}
    text = shown(TrainingJob.model_validate({"metadata": {"name": "a"}, "spec": document}))
    assert yaml.safe_load(text)["env"] == env


@pytest.mark.parametrize(
    "command",
    [
        "train --api-token=s3cret --steps 5",
        "train --password s3cret --steps 5",
        "export AWS_SECRET_ACCESS_KEY='s3cret'; train --steps 5",
        'WANDB_API_KEY="s3cret" train --steps 5',
        "curl https://alice:s3cret@example.com/x && train --steps 5",
        "echo password: s3cret | train --steps 5",
    ],
)
def test_what_looks_like_a_secret_in_a_command_is_hidden_and_nothing_else(command: str) -> None:
    text = shown(with_command(command))
    assert "s3cret" not in text
    assert HIDDEN in text
    assert "train" in text
    assert "--steps 5" in text


@pytest.mark.parametrize("command", ["train --tokenizer bert", "python tokens.py", "train --monkey yes"])
def test_what_only_looks_a_little_like_it_may_be_hidden_but_the_program_is_not(command: str) -> None:
    assert command.partition(" ")[0] in shown(with_command(command))


def test_addresses_and_rules_are_gone_through_as_well() -> None:
    url = "https://alice:s3cret@example.com/a"
    document = {
        "inputPath": url,
        "files": [{"source": url, "name": "a"}],
        "failureRules": [{"stderr": "token=s3cret", "action": "FailJob"}],
        "roles": {"worker": {"command": "train"}},
    }
    text = shown(TrainingJob.model_validate({"metadata": {"name": "a"}, "spec": document}))
    assert "s3cret" not in text
    assert text.count("example.com") == 2


def test_no_field_of_the_page_shows_a_login() -> None:
    """Every text field of a spec that is shown beside the declaration, too."""
    shown_job = picture()
    assert shown_job.declared.job
    paths = dict.fromkeys(
        ("input_path", "checkpoint_path", "saved_model_path"), "s3a://AKIA:s3cret@bucket/x?sig=s3cret"
    )
    job_ = shown_job.declared.job.model_copy(
        update={"spec": shown_job.declared.job.spec.model_copy(update=paths)}
    )
    checkpoint = CheckpointStatus(path="s3a://AKIA:s3cret@bucket/x/ckpt-1", time="2025-06-15T15:06:40Z")
    page = job_page(
        replace(
            shown_job,
            declared=replace(shown_job.declared, job=job_),
            status=shown_job.status.model_copy(update={"checkpoint": checkpoint}),
        ),
        NOW,
    )
    assert page.count("bucket/x") == 7
    assert "s3cret" not in page
