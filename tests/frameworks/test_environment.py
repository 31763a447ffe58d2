"""What a process is told: whole environments, and who wins over whom."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from frameworks.jobs import a_job, everywhere, of
from trainmaster.api.job import Framework
from trainmaster.frameworks import Placed, environment
from trainmaster.settings import OF_PROCESSES

TF, TORCH, GENERIC = Framework.TENSORFLOW, Framework.PYTORCH, Framework.GENERIC
DOCS = Path(__file__).parents[2] / "docs"
OWN_ROLES = {Framework.MXNET: {"scheduler": 1, "server": 1}, Framework.MPI: {"launcher": 1}}


def test_every_process_is_told_who_it_is_and_where_all_are() -> None:
    job = a_job(GENERIC, worker=2, logger=1)
    placed = everywhere(job, run=3)
    assert environment(job, placed, of(placed, "worker", 1)) == {
        "TRAINMASTER_JOB": "digits",
        "TRAINMASTER_NAMESPACE": "vision",
        "TRAINMASTER_ROLE": "worker",
        "TRAINMASTER_INDEX": "1",
        "TRAINMASTER_RUN": "3",
        "TRAINMASTER_GENERATION": "1",
        "TRAINMASTER_REPLICAS": "2",
        "TRAINMASTER_CLUSTER": '{"logger": ["n1:20004"], "worker": ["n1:20000", "n2:20002"]}',
        "TRAINMASTER_PORT": "20002",
        "TRAINMASTER_PORTS": "20002,20003",
    }


def test_a_command_in_a_process_takes_none_of_these_for_a_misspelled_setting() -> None:
    job = a_job(GENERIC, worker=1)
    told = environment(job, everywhere(job), everywhere(job)[0])
    assert {name for name in told if name.startswith("TRAINMASTER_")} == OF_PROCESSES


def test_a_tensorflow_process_that_is_alone_gets_no_cluster() -> None:
    alone, pair = a_job(TF, worker=1), a_job(TF, worker=2)
    assert "TF_CONFIG" not in environment(alone, everywhere(alone), everywhere(alone)[0])
    assert "TF_CONFIG" in environment(pair, everywhere(pair), everywhere(pair)[0])


def test_a_replica_without_a_place_leaves_its_position_empty() -> None:
    job = a_job(GENERIC, worker=3)
    placed = [p for p in everywhere(job) if p.index != 1]
    told = environment(job, placed, of(placed, "worker", 2))
    assert json.loads(told["TRAINMASTER_CLUSTER"]) == {"worker": ["n1:20000", "", "n1:20004"]}


def test_a_cluster_too_long_for_a_variable_is_left_out() -> None:
    job = a_job(GENERIC, worker=5000)
    placed = everywhere(job, hosts=("node-0001.example.com",))
    told = environment(job, placed, placed[0])
    assert "TRAINMASTER_CLUSTER" not in told
    assert max(map(len, told.values())) < 100


def test_an_ipv6_host_is_bracketed_in_addresses_and_bare_as_a_host() -> None:
    job = a_job(TORCH, worker=1)
    me = Placed("worker", 0, "fd00::1", (20000,), 1)
    told = environment(job, [me], me)
    assert json.loads(told["TRAINMASTER_CLUSTER"]) == {"worker": ["[fd00::1]:20000"]}
    assert (told["MASTER_ADDR"], told["PET_RDZV_ENDPOINT"]) == ("fd00::1", "[fd00::1]:20000")


PATHS = {"input_path": "hdfs:///in", "checkpoint_path": "hdfs:///ckpt", "saved_model_path": "hdfs:///out"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, {}),
        (
            PATHS,
            {
                "INPUT_PATH": "hdfs:///in",
                "CHECKPOINT_PATH": "hdfs:///ckpt",
                "SAVED_MODEL_PATH": "hdfs:///out",
            },
        ),
        ({"checkpoint_path": "hdfs:///c"}, {"CHECKPOINT_PATH": "hdfs:///c", "SAVED_MODEL_PATH": "hdfs:///c"}),
    ],
)
def test_paths_are_told_where_the_job_gives_them(given: dict[str, str], told: dict[str, str]) -> None:
    job = a_job(GENERIC, worker=1)
    job = job.model_copy(update={"spec": job.spec.model_copy(update=given)})
    placed = everywhere(job)
    env = environment(job, placed, placed[0])
    assert {name: value for name, value in env.items() if name.endswith("_PATH")} == told


def test_the_role_wins_over_the_job_and_the_user_over_the_framework() -> None:
    job = a_job(
        TORCH,
        env={"A": "job", "B": "job", "PET_RDZV_BACKEND": "static"},
        role_env={"B": "role", "TRAINMASTER_INDEX": "7"},
        worker=2,
    )
    placed = everywhere(job)
    told = environment(job, placed, of(placed, "worker", 1))
    assert (told["A"], told["B"], told["PET_RDZV_BACKEND"]) == ("job", "role", "static")
    assert told["TRAINMASTER_INDEX"] == "1", "nobody can be told to be another process"


def tf_config(job_roles: dict[str, int], role: str, index: int = 0) -> dict[str, object] | None:
    job = a_job(TF, **job_roles)
    placed = everywhere(job, hosts=("n",))
    told = environment(job, placed, of(placed, role, index))
    return json.loads(told["TF_CONFIG"]) if "TF_CONFIG" in told else None


PS_JOB = {"chief": 1, "ps": 2, "worker": 2, "evaluator": 1}
PS_CLUSTER = {"chief": ["n:20000"], "worker": ["n:20006", "n:20008"], "ps": ["n:20002", "n:20004"]}


@pytest.mark.parametrize(
    ("role", "index"), [("chief", 0), ("ps", 1), ("worker", 0), ("worker", 1), ("evaluator", 0)]
)
def test_tensorflow_is_told_one_cluster_and_ones_own_task(role: str, index: int) -> None:
    config = tf_config(PS_JOB, role, index)
    assert config == {"cluster": PS_CLUSTER, "task": {"type": role, "index": index}}


def test_a_master_is_tensorflows_chief() -> None:
    config = tf_config({"master": 1, "worker": 1}, "master")
    assert config == {
        "cluster": {"chief": ["n:20000"], "worker": ["n:20002"]},
        "task": {"type": "chief", "index": 0},
    }


def test_a_role_that_tensorflow_does_not_know_gets_no_tf_config() -> None:
    assert tf_config({"worker": 1, "reader": 1}, "reader") is None
    assert tf_config({"worker": 1, "reader": 1}, "worker") == {
        "cluster": {"worker": ["n:20000"]},
        "task": {"type": "worker", "index": 0},
    }


def test_pytorch_is_told_rank_size_and_where_rank_0_is() -> None:
    job = a_job(TORCH, gpus=2, worker=2, master=1)
    placed = everywhere(job)
    told = environment(job, placed, of(placed, "worker", 1))
    assert {name: value for name, value in told.items() if not name.startswith("TRAINMASTER_")} == {
        "MASTER_ADDR": "n1",
        "MASTER_PORT": "20004",
        "RANK": "2",
        "WORLD_SIZE": "3",
        "LOCAL_RANK": "0",
        "LOCAL_WORLD_SIZE": "1",
        "PET_NNODES": "3",
        "PET_NPROC_PER_NODE": "2",
        "PET_NODE_RANK": "2",
        "PET_MASTER_ADDR": "n1",
        "PET_MASTER_PORT": "20004",
        "PET_RDZV_BACKEND": "c10d",
        "PET_RDZV_ENDPOINT": "n1:20004",
        "PET_RDZV_ID": "vision.digits",
        "PET_RDZV_CONF": "is_host=false",
    }


def test_only_rank_0_hosts_torchruns_meeting() -> None:
    job = a_job(TORCH, master=1, worker=2)
    placed = everywhere(job)
    hosts = [environment(job, placed, p)["PET_RDZV_CONF"] for p in placed]
    assert hosts == ["is_host=true", "is_host=false", "is_host=false"]


def test_a_role_beside_the_process_group_has_no_rank() -> None:
    job = a_job(TORCH, worker=2, evaluator=1)
    placed = everywhere(job)
    assert "RANK" not in environment(job, placed, of(placed, "evaluator"))
    assert environment(job, placed, of(placed, "worker"))["WORLD_SIZE"] == "2"


def test_pytorch_roles_of_other_names_form_the_group_together() -> None:
    job = a_job(TORCH, trainer=2, helper=1)
    placed = everywhere(job)
    ranks = [environment(job, placed, p)["RANK"] for p in placed]
    assert ranks == ["0", "1", "2"]


@pytest.mark.parametrize("framework", [*Framework])
def test_the_docs_tell_of_every_variable_that_a_process_gets(framework: Framework) -> None:
    text = "".join((DOCS / name).read_text() for name in ("process-environment.md", "frameworks.md"))
    job = a_job(framework, gpus=2, worker=2, **OWN_ROLES.get(framework, {"chief": 1}))
    placed = everywhere(job)
    names = {name for each in placed for name in environment(job, placed, each)}
    told = set(re.findall(r"[A-Z][A-Z0-9_]*[A-Z0-9]", text))
    begun = tuple(re.findall(r"([A-Z][A-Z_]*_)…", text))
    assert names
    assert [name for name in sorted(names) if name not in told and not name.startswith(begun)] == []
