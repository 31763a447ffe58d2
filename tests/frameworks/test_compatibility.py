"""What `compatibility` has processes told in the words of other systems."""

from __future__ import annotations

from frameworks.jobs import a_job, everywhere, having, told
from trainmaster.api.job import Compatibility, Framework, TrainingJob
from trainmaster.frameworks import Placed, environment, script

F = Framework


def test_kubeflows_xgboost_scripts_start_their_own_tracker() -> None:
    job = having(a_job(F.XGBOOST, worker=2), compatibility=Compatibility.KUBEFLOW)
    assert script(job, everywhere(job)[0]) == "true"
    known = told(job, "worker", 1)
    assert (known["MASTER_ADDR"], known["MASTER_PORT"], known["RANK"], known["WORLD_SIZE"]) == (
        "n1",
        "20000",
        "1",
        "2",
    )
    assert (known["WORKER_ADDRS"], known["WORKER_PORT"]) == ("n2", "20002")


def test_tony_tells_of_all_roles_and_of_ones_own() -> None:
    job = having(a_job(F.TENSORFLOW, ps=1, worker=2), compatibility=Compatibility.TONY)
    known = told(job, "worker", 1)
    assert {
        name: known[name] for name in ("CLUSTER_SPEC", "JOB_NAME", "TASK_INDEX", "TASK_NUM", "IS_CHIEF")
    } == {
        "CLUSTER_SPEC": '{"ps": ["n1:20000"], "worker": ["n2:20002", "n1:20004"]}',
        "JOB_NAME": "worker",
        "TASK_INDEX": "1",
        "TASK_NUM": "2",
        "IS_CHIEF": "false",
    }
    assert "chief" not in known["TF_CONFIG"], "TonY's scripts are told the roles as they are declared"


def test_tony_tells_who_shows_the_training_at_which_port() -> None:
    def boards(job: TrainingJob) -> dict[str, str]:
        told = {f"{p.role}-{p.index}": environment(job, everywhere(job), p) for p in everywhere(job)}
        return {who: known["TB_PORT"] for who, known in told.items() if "TB_PORT" in known}

    def tony(**roles: int) -> TrainingJob:
        return having(a_job(F.TENSORFLOW, **roles), compatibility=Compatibility.TONY)

    assert boards(tony(ps=1, chief=1, worker=2)) == {"chief-0": "20003"}
    assert boards(tony(ps=1, worker=2)) == {"worker-0": "20003"}
    assert boards(tony(worker=2, tensorboard=1)) == {"tensorboard-0": "20004"}
    assert boards(having(tony(chief=1), compatibility=None)) == {}


def test_a_chief_of_a_single_port_has_none_to_show_the_training_at() -> None:
    job = having(a_job(F.TENSORFLOW, chief=1, worker=1), compatibility=Compatibility.TONY)
    placed = [Placed(role, 0, "n1", (20000 + at,), 1) for at, role in enumerate(("chief", "worker"))]
    assert "TB_PORT" not in environment(job, placed, placed[0])


def test_tony_tells_pytorch_where_to_meet() -> None:
    job = having(a_job(F.PYTORCH, worker=2), compatibility=Compatibility.TONY)
    known = told(job, "worker", 1)
    assert (known["RANK"], known["WORLD"], known["INIT_METHOD"]) == ("1", "2", "tcp://n1:20000")


def test_kubeflow_tells_jax_and_mxnet_in_its_words() -> None:
    known = told(having(a_job(F.JAX, worker=2), compatibility=Compatibility.KUBEFLOW), "worker", 1)
    assert (known["COORDINATOR_ADDRESS"], known["COORDINATOR_PORT"]) == ("n1", "20000")
    assert (known["NUM_PROCESSES"], known["PROCESS_ID"]) == ("2", "1")
    job = having(a_job(F.MXNET, scheduler=1, server=1, worker=1), compatibility=Compatibility.KUBEFLOW)
    assert told(job, "server")["MX_CONFIG"] == (
        '{"cluster": {"scheduler": [{"url": "n1", "port": 20000}], "server": [{"url": "n2", "port": 20002}],'
        ' "worker": [{"url": "n1", "port": 20004}]}, "labels": {"scheduler": "", "server": "", "worker": ""},'
        ' "task": {"type": "server", "index": 0}}'
    )
    ids = [told(job, role).get("DMLC_WORKER_ID") for role in ("scheduler", "server", "worker")]
    assert ids == [None, None, "0"]


def test_what_another_system_tells_never_wins_over_the_frameworks_own() -> None:
    for framework in Framework:
        if framework is F.CUSTOM:
            continue
        job = a_job(framework, scheduler=1, server=1, worker=2)
        for system in Compatibility:
            placed = everywhere(job)
            for p in placed:
                plain = environment(job, placed, p)
                if framework is F.TENSORFLOW:
                    continue
                assert plain.items() <= environment(having(job, compatibility=system), placed, p).items()
