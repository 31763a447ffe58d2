"""Specs that are sound, and specs that break a rule or a form, each with the sentence about it.

The rules are tried on them in Python and on a real API server.
"""

from typing import Any

from trainmaster.api import messages


def roles(**replicas: int) -> dict[str, dict[str, Any]]:
    return {name: {"command": "train", "replicas": count} for name, count in replicas.items()}


def with_worker(**fields: Any) -> dict[str, Any]:
    return {"roles": {"worker": {"command": "train", **fields}}}


def ordered(**after: dict[str, str]) -> dict[str, Any]:
    """Roles with what each starts after, such as worker={"data": "Succeeded"}."""
    return {
        name: {"command": "train", "startAfter": [{"role": r, "when": w} for r, w in those.items()]}
        for name, those in after.items()
    }


READY = {"command": "serve", "readiness": {}}


SOUND: list[dict[str, Any]] = [
    {},
    {"roles": roles(worker=10_000)},
    {"roles": roles(worker=2, ps=0)},
    {"roles": roles(worker=2, ps=2), "gang": {"minAvailable": 4, "timeout": "9m59s"}},
    {"gang": {"timeout": "1s"}},
    {"runPolicy": {"progressDeadline": "5s"}},
    {"roles": {"worker": {"command": "x", "ports": 2, "metricsPort": 2}}},
    {"roles": {"worker": {"command": "x", "metricsPort": 1}}},
    {"links": [{"name": "TensorBoard", "url": "http://worker-0/#scalars", "port": 2}]},
    {"inputPath": "hdfs:///in", "roles": {"worker": {"command": "x", "locality": "Input"}}},
    {"runPolicy": {"progressDeadline": "2h"}},
    {"nodeCheck": {"command": "nvidia-smi -L"}},
    {"nodeCheck": {"command": "true", "timeout": "1s"}},
    {"nodeCheck": {"command": "true", "timeout": "10m"}},
    {"framework": "TensorFlow", "roles": roles(chief=1, ps=2, worker=2), "successPolicy": "Chief"},
    {"framework": "TensorFlow", "roles": roles(worker=2), "successPolicy": "Chief"},
    {"framework": "TensorFlow", "roles": roles(worker=2), "successPolicy": "AnyWorker"},
    {"framework": "PyTorch", "roles": roles(master=1, worker=2)},
    {"framework": "PyTorch", "roles": roles(worker=2), "successPolicy": "AllWorkers"},
    {"framework": "PyTorch", "roles": roles(master=1), "successPolicy": "Chief"},
    {"framework": "PyTorch", "roles": roles(chief=1)},
    {"framework": "PyTorch", "launcher": "Trainmaster", **with_worker(processesPerReplica=2)},
    {"framework": "MXNet", "roles": roles(scheduler=1, server=2, worker=2, evaluator=1)},
    {"framework": "XGBoost", "roles": roles(worker=2)},
    {"framework": "JAX", "roles": roles(chief=1, worker=2), "compatibility": "Kubeflow"},
    {"framework": "Horovod", "roles": roles(worker=2)},
    {"framework": "MPI", "roles": roles(launcher=1, worker=2)},
    {"framework": "MPI", "roles": roles(launcher=1, worker=2), "successPolicy": "Chief"},
    {"framework": "MPI", "roles": roles(launcher=1, worker=2), "successPolicy": "AllWorkers"},
    {"framework": "MPI", "roles": {**roles(launcher=1), **with_worker(processesPerReplica=4)["roles"]}},
    {"framework": "Caffe", "roles": roles(trainer=1), "compatibility": "TonY"},
    {"framework": "Custom", "template": [{"name": "A", "value": "{{rank}} {x} }} {{json hosts worker}}"}]},
    {
        "framework": "Custom",
        "roles": roles(a=1, b=1),
        "template": [
            {"name": "A", "roles": ["a"]},
            {"name": "A", "value": "{{first a host}}", "roles": ["b"]},
        ],
    },
    {"roles": roles(trainer=1)},
    {"roles": roles(trainer=1), "successPolicy": "AllWorkers"},
    {"roles": roles(chief=1), "successPolicy": "AnyWorker"},
    {"roles": roles(chief=1, worker=0), "successPolicy": "AllWorkers"},
    {"framework": "TensorFlow", "roles": roles(trainer=1), "successPolicy": "AllWorkers"},
    {"env": [{"name": "A"}], "roles": {"worker": {"command": "c", "env": [{"name": "A"}]}}},
    {"env": [{"name": "INPUT_PATH", "value": "x"}]},
    {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "a.b_c-D"}}}]},
    {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "settings.v1", "key": "a"}}}]},
    {
        "roles": {
            "worker": {
                "command": "c",
                "env": [{"name": "A", "valueFrom": {"file": "hdfs:///user/alice/key"}}],
            }
        }
    },
    {"checkpointPath": "/c", "roles": {"worker": {"command": "t %checkpoint_path% %saved_model_path%"}}},
    {"files": [{"source": "hdfs:///a/train.py"}, {"source": "file:///b/train.py", "name": "other.py"}]},
    {"runPolicy": {"backoff": {"base": "0s", "max": "0s"}}},
    {"runPolicy": {"ttlAfterFinished": "1h", "ttlDeletesResource": True}},
    {"scaling": "Live"},
    {
        "roles": ordered(
            data={}, index={"data": "Succeeded"}, worker={"index": "Succeeded", "data": "Succeeded"}
        )
    },
    {"roles": {**ordered(worker={"ps": "Ready"}), "ps": {**READY, "ports": 2, "readiness": {"port": 2}}}},
    {
        "roles": {
            **ordered(worker={"ps": "Ready"}),
            "ps": {**READY, "readiness": {"httpGet": {"path": "/ok"}}},
        }
    },
    {
        "framework": "TensorFlow",
        "roles": ordered(data={}, ps={"data": "Succeeded"}, worker={"data": "Succeeded", "ps": "Running"}),
    },
    {"framework": "Caffe", "roles": ordered(data={}, trainer={"data": "Succeeded"})},
    {"framework": "PyTorch", "roles": ordered(worker={}, export={"worker": "Succeeded"})},
    {
        "roles": roles(chief=1, worker=2),
        "failureRules": [
            {"action": "FailJob", "exitCodes": {"operator": "In", "values": [42, 255]}},
            {"action": "Ignore", "roles": ["worker"], "exitCodes": {"operator": "NotIn", "values": [1]}},
            {"action": "RestartJob", "causes": ["NodeLost", "Preempted"], "charged": True, "avoidNode": True},
            {"action": "Restart", "stderr": "CUDA error*illegal", "charged": False},
            {"action": "Restart"},
        ],
    },
    {"failureRules": []},
    with_worker(terminationGracePeriod="1h"),
    with_worker(terminationGracePeriod=0),
    {"framework": "PyTorch", "roles": roles(worker=2), "scaling": "Restart"},
    {
        "framework": "PyTorch",
        **with_worker(replicas=4, elastic={"min": 4, "max": 4, "patience": "1s", "growAfter": "1s"}),
    },
    {
        "roles": {"any": {"command": "x", "replicas": 2, "elastic": {"min": 1}}},
        "gang": {"minAvailable": "all"},
    },
]

BROKEN: list[tuple[dict[str, Any], str]] = [
    (
        {"roles": roles(worker=0, ps=0)},
        "spec.roles: all roles together have no replica: at least one is needed",
    ),
    (
        {"roles": roles(worker=9_000, ps=1_001)},
        "spec.roles: all roles together have 10001 replicas: one job may have 10000",
    ),
    (
        {"roles": roles(worker=2, ps=1), "gang": {"minAvailable": 4}},
        "spec.gang.minAvailable: 4 replicas must be there before the start, and the job has only 3",
    ),
    (
        {"gang": {"timeout": "10m"}},
        "spec.gang.timeout: must be from 1s to under 10m:"
        " YARN takes back containers that aren't started in 10 minutes",
    ),
    (
        {"gang": {"timeout": 0}},
        "spec.gang.timeout: must be from 1s to under 10m:"
        " YARN takes back containers that aren't started in 10 minutes",
    ),
    (
        {"roles": {"worker": {"command": "x", "ports": 2, "metricsPort": 3}}},
        "spec.roles.worker.metricsPort: is the place of one of the replica's own ports, of which it has 2: raise `ports`",
    ),
    (
        {"roles": {"worker": {"command": "x", "locality": "Input"}}},
        "spec.roles.worker.locality: is to be near the input, and spec.inputPath isn't given",
    ),
    (
        {"roles": ordered(worker={"wroker": "Running"})},
        "spec.roles.worker.startAfter[0].role: names a role that spec.roles doesn't have",
    ),
    (
        {"roles": ordered(worker={"worker": "Running"})},
        "spec.roles.worker.startAfter[0].role: a role can't wait for itself",
    ),
    (
        {
            "roles": ordered(
                a={}, b={"c": "Running"}, c={"d": "Succeeded"}, d={"a": "Running", "b": "Running"}
            )
        },
        "spec.roles.b.startAfter: nothing would ever start: b waits for c and c waits for d and d waits for b",
    ),
    (
        {
            "roles": {
                **ordered(a={}),
                "b": {"command": "x", "startAfter": [{"role": "a", "when": "Running"}] * 2},
            }
        },
        "spec.roles.b.startAfter[1].role: a stands in this list twice",
    ),
    (
        {"framework": "TensorFlow", "roles": ordered(ps={}, worker={"ps": "Succeeded"})},
        "spec.roles.worker.startAfter[0].when: ps never ends by itself, so it never succeeds: write Running or Ready",
    ),
    (
        {
            "roles": {
                **ordered(worker={"data": "Succeeded"}),
                "data": {"command": "x", "restartPolicy": "Always"},
            }
        },
        "spec.roles.worker.startAfter[0].when: data has restartPolicy Always, so it never ends: write Running or Ready",
    ),
    (
        {"roles": ordered(ps={}, worker={"ps": "Ready"})},
        "spec.roles.worker.startAfter[0].when: ps has no readiness: give it one, or write Running",
    ),
    (
        {"roles": ordered(data={}, ps={}, worker={"data": "Succeeded", "ps": "Running"})},
        "spec.roles.ps.startAfter: it would hold containers while worker waits until data has succeeded:"
        " have it start after data as well",
    ),
    (
        {"framework": "JAX", "roles": ordered(chief={}, worker={"chief": "Succeeded"})},
        "spec.roles: JAX tells chief and worker of each other when they start: have them start after the same preparations",
    ),
    (
        with_worker(readiness={"port": 1, "httpGet": {}}),
        "spec.roles.worker.readiness: is one of two: write port or httpGet",
    ),
    (
        with_worker(readiness={"port": 2}),
        "spec.roles.worker.readiness.port: is the place of one of the replica's own ports, of which it has 1: raise `ports`",
    ),
    (
        with_worker(readiness={"httpGet": {"port": 3}}, ports=2),
        "spec.roles.worker.readiness.httpGet.port: is the place of one of the replica's own ports, of which it has 2:"
        " raise `ports`",
    ),
    (
        {"runPolicy": {"progressDeadline": "4s"}},
        "spec.runPolicy.progressDeadline: must be 5s or more: processes report their steps once a second at most",
    ),
    (
        {"runPolicy": {"progressDeadline": 0}},
        "spec.runPolicy.progressDeadline: must be 5s or more: processes report their steps once a second at most",
    ),
    *(
        (
            {"nodeCheck": {"command": "true", "timeout": timeout}},
            "spec.nodeCheck.timeout: must be from 1s to 10m: meanwhile the process waits, and with it the other processes"
            " of the job",
        )
        for timeout in ("0s", 0, "999ms", "601s", "1h")
    ),
    (
        {"runPolicy": {"backoff": {"base": "1m", "max": "30s"}}},
        "spec.runPolicy.backoff.max: is less than base, which is 1m",
    ),
    (
        {"runPolicy": {"ttlDeletesResource": True}},
        "spec.runPolicy.ttlDeletesResource: needs ttlAfterFinished to say when",
    ),
    (
        {"successPolicy": "Chief"},
        "spec.successPolicy: Chief needs a role chief or master with at least one replica",
    ),
    (
        {"successPolicy": "Chief", "roles": roles(chief=0, worker=1)},
        "spec.successPolicy: Chief needs a role chief or master with at least one replica",
    ),
    (
        {"successPolicy": "Chief", "framework": "TensorFlow", "roles": roles(evaluator=1)},
        "spec.successPolicy: Chief needs a role chief or master or worker with at least one replica",
    ),
    (
        {"successPolicy": "AllWorkers", "framework": "TensorFlow", "roles": roles(evaluator=1, worker=0)},
        "spec.successPolicy: AllWorkers needs a role chief or master or worker with at least one replica",
    ),
    (
        {"framework": "TensorFlow", "roles": roles(evaluator=1, worker=0)},
        "spec.roles: an evaluator alone trains nothing: TensorFlow needs a role chief, master or worker with a replica",
    ),
    (
        {"framework": "TensorFlow", "roles": roles(chief=1, master=1)},
        "spec.roles: a TensorFlow cluster has one chief (or master), not 2",
    ),
    (
        {"framework": "TensorFlow", "roles": roles(chief=3)},
        "spec.roles: a TensorFlow cluster has one chief (or master), not 3",
    ),
    (
        {"framework": "XGBoost", "roles": roles(worker=2, ps=1)},
        "spec.roles: XGBoost has no parameter servers, and trainmaster runs its tracker: write workers only",
    ),
    (
        {"framework": "XGBoost", "roles": roles(worker=2, master=2)},
        "spec.roles: XGBoost has one master (or chief), which is rank 0, not 2: write workers",
    ),
    (
        {"framework": "XGBoost", "roles": roles(worker=0, evaluator=1)},
        "spec.roles: XGBoost needs a role chief, master or worker with at least one replica",
    ),
    (
        {"framework": "MXNet", "roles": roles(server=1, worker=1)},
        "spec.roles: MXNet has exactly one scheduler, not 0: write scheduler with replicas 1",
    ),
    (
        {"framework": "MXNet", "roles": roles(scheduler=2, server=1, worker=1)},
        "spec.roles: MXNet has exactly one scheduler, not 2: write scheduler with replicas 1",
    ),
    (
        {"framework": "MXNet", "roles": roles(scheduler=1, worker=1)},
        "spec.roles: MXNet's kvstore needs a role server with at least one replica",
    ),
    (
        {"framework": "MXNet", "roles": roles(scheduler=1, server=1)},
        "spec.roles: MXNet needs a role worker with at least one replica",
    ),
    (
        {"framework": "MXNet", "roles": roles(scheduler=1, server=1, worker=1, ps=1)},
        "spec.roles: MXNet's parameter servers are the role server: write server instead of ps",
    ),
    (
        {"framework": "JAX", "roles": roles(worker=1, ps=1)},
        "spec.roles: JAX has no parameter servers: write workers only",
    ),
    (
        {"framework": "JAX", "roles": roles(chief=1, master=1)},
        "spec.roles: JAX has one chief (or master), which is process 0, not 2: write workers",
    ),
    (
        {"framework": "JAX", "roles": roles(trainer=1)},
        "spec.roles: JAX needs a role chief, master or worker with at least one replica",
    ),
    (
        {"framework": "Horovod", "roles": roles(worker=1, ps=1)},
        "spec.roles: Horovod has no parameter servers: write workers only",
    ),
    (
        {"framework": "Horovod", "roles": roles(chief=2)},
        "spec.roles: Horovod has one chief (or master), which is rank 0, not 2: write workers",
    ),
    (
        {"framework": "Horovod", "roles": roles(trainer=1)},
        "spec.roles: Horovod needs a role chief, master or worker with at least one replica",
    ),
    (
        {"framework": "MPI", "roles": roles(worker=2)},
        "spec.roles: an MPI job has one launcher, whose command calls mpirun, not 0",
    ),
    (
        {"framework": "MPI", "roles": roles(launcher=1)},
        "spec.roles: MPI needs a role worker with at least one replica: the launcher itself runs no rank",
    ),
    (
        {"framework": "MPI", "roles": roles(launcher=1, worker=1, master=1)},
        "spec.roles: the processes of an MPI job are its launcher's ranks: write launcher and worker only",
    ),
    (
        {"framework": "Caffe", "roles": roles(worker=2)},
        "spec.roles: Caffe trains in one process with all its GPUs, not in 2: give one replica more GPUs",
    ),
    (
        {"framework": "JAX", "launcher": "Trainmaster"},
        "spec.launcher: only PyTorch has several processes in one replica: leave it out",
    ),
    (
        {"framework": "JAX", **with_worker(processesPerReplica=2)},
        "spec.roles.worker.processesPerReplica: "
        "only PyTorch and the worker of MPI have several processes in one replica: leave it out",
    ),
    (
        {"framework": "Custom"},
        "spec.template: framework Custom needs a template: the variables that its processes are told",
    ),
    (
        {"template": [{"name": "A"}]},
        "spec.template: only framework Custom has a template: write framework Custom, or leave it out",
    ),
    (
        {"framework": "Custom", "template": [{"name": "TRAINMASTER_A"}]},
        "spec.template[0].name: names that begin with TRAINMASTER_ are the controller's own",
    ),
    (
        {"framework": "Custom", "template": [{"name": "PPID"}]},
        "spec.template[0].name: bash keeps PPID for itself, and a process wouldn't get what is written here",
    ),
    (
        {"framework": "Custom", "inputPath": "/i", "template": [{"name": "INPUT_PATH"}]},
        "spec.template[0].name: INPUT_PATH already holds spec.inputPath",
    ),
    (
        {"framework": "Custom", "checkpointPath": "/c", "template": [{"name": "CHECKPOINT_PATH"}]},
        "spec.template[0].name: CHECKPOINT_PATH already holds spec.checkpointPath",
    ),
    (
        {"framework": "Custom", "resumeFrom": "/r", "template": [{"name": "RESUME_FROM"}]},
        "spec.template[0].name: RESUME_FROM already holds spec.resumeFrom",
    ),
    (
        {"framework": "Custom", "savedModelPath": "/m", "template": [{"name": "SAVED_MODEL_PATH"}]},
        "spec.template[0].name: SAVED_MODEL_PATH already holds spec.savedModelPath",
    ),
    (
        {"framework": "TensorFlow", "roles": roles(ps=2)},
        "spec.roles: parameter servers need a chief, master or worker to serve",
    ),
    (
        {"framework": "PyTorch", "roles": roles(master=2)},
        "spec.roles: PyTorch has one master (or chief), which is rank 0, not 2",
    ),
    (
        {"framework": "PyTorch", "roles": roles(master=1, chief=1)},
        "spec.roles: PyTorch has one master (or chief), which is rank 0, not 2",
    ),
    (
        {"framework": "PyTorch", "roles": roles(trainer=2, worker=0)},
        "spec.roles: PyTorch needs a role chief, master or worker with at least one replica",
    ),
    (
        with_worker(replicas=2, elastic={"min": 3}),
        "spec.roles.worker.replicas: is less than elastic.min, which is 3: raise it, or lower elastic.min",
    ),
    (
        with_worker(replicas=4, elastic={"min": 1, "max": 3}),
        "spec.roles.worker.replicas: is more than elastic.max, which is 3: lower it, or raise elastic.max",
    ),
    (
        with_worker(replicas=2, elastic={"min": 1, "growAfter": 0}),
        "spec.roles.worker.elastic.growAfter: must be 1s at least",
    ),
    (
        {**with_worker(replicas=2, elastic={"min": 1}), "gang": {"minAvailable": 2}},
        "spec.roles.worker.elastic: elastic says with how few replicas the job starts: leave gang.minAvailable out",
    ),
    (
        {"roles": {**with_worker(elastic={"min": 1})["roles"], **ordered(b={"worker": "Running"})}},
        "spec.roles.worker.elastic: a job with startAfter has no elastic roles: leave one of both out",
    ),
    (
        {
            "framework": "TensorFlow",
            "roles": {**roles(worker=1), "ps": {"command": "x", "elastic": {"min": 1}}},
        },
        "spec.roles.ps.elastic: TensorFlow can train with another number of workers only: leave elastic out",
    ),
    (
        {"framework": "Caffe", "roles": {"trainer": {"command": "x", "elastic": {"min": 1}}}},
        "spec.roles.trainer.elastic: Caffe trains in one process: leave elastic out",
    ),
    *(
        (
            with_worker(replicas=2, elastic={"min": 1, "patience": patience}),
            "spec.roles.worker.elastic.patience:"
            " must be from 1s to below gang.timeout, after which everything is given back",
        )
        for patience in (0, "5m")
    ),
    (
        {"framework": "TensorFlow", "roles": roles(worker=2), "scaling": "Live"},
        "spec.scaling: Live is for Generic: each process of TensorFlow is told at its start who all the others are",
    ),
    ({"env": [{"name": "A"}, {"name": "B"}, {"name": "A"}]}, "spec.env[2].name: A stands in this list twice"),
    (
        {"roles": {"worker": {"command": "c", "env": [{"name": "TRAINMASTER_ROLE"}]}}},
        "spec.roles.worker.env[0].name: names that begin with TRAINMASTER_ are the controller's own",
    ),
    (
        {"env": [{"name": "UID", "value": "1000"}]},
        "spec.env[0].name: bash keeps UID for itself, and a process wouldn't get what is written here",
    ),
    (
        with_worker(env=[{"name": "RANDOM"}]),
        "spec.roles.worker.env[0].name: bash keeps RANDOM for itself, and a process wouldn't get what is written here",
    ),
    (
        {"inputPath": "hdfs:///in", "env": [{"name": "INPUT_PATH", "value": "x"}]},
        "spec.env[0].name: INPUT_PATH already holds spec.inputPath",
    ),
    (
        {"env": [{"name": "A", "value": "", "valueFrom": {"file": "hdfs:///k"}}]},
        "spec.env[0].valueFrom: is one of two: write value or valueFrom",
    ),
    (
        with_worker(env=[{"name": "A", "value": "x", "valueFrom": {"file": "hdfs:///k"}}]),
        "spec.roles.worker.env[0].valueFrom: is one of two: write value or valueFrom",
    ),
    (
        with_worker(env=[{"name": "A", "valueFrom": {}}]),
        "spec.roles.worker.env[0].valueFrom: names one place: write secretKeyRef, configMapKeyRef or file",
    ),
    (
        {
            "env": [
                {"name": "A", "valueFrom": {"file": "hdfs:///k", "secretKeyRef": {"name": "k", "key": "k"}}}
            ]
        },
        "spec.env[0].valueFrom: names one place: write secretKeyRef, configMapKeyRef or file",
    ),
    (
        with_worker(env=[{"name": "A", "valueFrom": {"file": "/user/alice/key"}}]),
        "spec.roles.worker.env[0].valueFrom.file: must be a URL with a scheme, such as hdfs:///code/train.py",
    ),
    (
        {"files": [{"source": "train.py"}]},
        "spec.files[0].source: must be a URL with a scheme, such as hdfs:///code/train.py",
    ),
    (
        {"files": [{"source": "hdfs:///code/"}]},
        "spec.files[0].name: the end of `source` can't be a file's name: give one",
    ),
    (
        {"files": [{"source": "hdfs:///a/x"}, {"source": "hdfs:///b/x"}]},
        "spec.files[1].name: another file is named x in the same folder",
    ),
    (
        {
            "files": [{"source": "hdfs:///a/x"}],
            "roles": {"worker": {"command": "c", "files": [{"source": "hdfs:///b", "name": "x"}]}},
        },
        "spec.roles.worker.files[0].name: another file is named x in the same folder",
    ),
    (
        {"roles": {"worker": {"command": "train --data %input_path%"}}},
        "spec.roles.worker.command: names %input_path%, and spec.inputPath isn't given",
    ),
    (
        {"env": [{"name": "TRAINMASTER_JOB"}]},
        "spec.env[0].name: names that begin with TRAINMASTER_ are the controller's own",
    ),
    (
        {"checkpointPath": "/c", "env": [{"name": "CHECKPOINT_PATH"}]},
        "spec.env[0].name: CHECKPOINT_PATH already holds spec.checkpointPath",
    ),
    (
        {"resumeFrom": "/r", "env": [{"name": "RESUME_FROM"}]},
        "spec.env[0].name: RESUME_FROM already holds spec.resumeFrom",
    ),
    (
        {"checkpointPath": "/c", "env": [{"name": "SAVED_MODEL_PATH"}]},
        "spec.env[0].name: SAVED_MODEL_PATH already holds spec.savedModelPath",
    ),
    (
        {"inputPath": "/i", **with_worker(env=[{"name": "INPUT_PATH"}])},
        "spec.roles.worker.env[0].name: INPUT_PATH already holds spec.inputPath",
    ),
    (
        {"checkpointPath": "/c", **with_worker(env=[{"name": "CHECKPOINT_PATH"}])},
        "spec.roles.worker.env[0].name: CHECKPOINT_PATH already holds spec.checkpointPath",
    ),
    (
        {"resumeFrom": "/r", **with_worker(env=[{"name": "RESUME_FROM"}])},
        "spec.roles.worker.env[0].name: RESUME_FROM already holds spec.resumeFrom",
    ),
    (
        {"savedModelPath": "/m", **with_worker(env=[{"name": "SAVED_MODEL_PATH"}])},
        "spec.roles.worker.env[0].name: SAVED_MODEL_PATH already holds spec.savedModelPath",
    ),
    (
        with_worker(files=[{"source": "train.py"}]),
        "spec.roles.worker.files[0].source: must be a URL with a scheme, such as hdfs:///code/train.py",
    ),
    (
        with_worker(files=[{"source": "hdfs:///code/"}]),
        "spec.roles.worker.files[0].name: the end of `source` can't be a file's name: give one",
    ),
    (
        with_worker(command="train %checkpoint_path%"),
        "spec.roles.worker.command: names %checkpoint_path%, and spec.checkpointPath isn't given",
    ),
    (
        with_worker(command="train %resume_from%"),
        "spec.roles.worker.command: names %resume_from%, and spec.resumeFrom isn't given",
    ),
    (
        with_worker(command="train %saved_model_path%"),
        "spec.roles.worker.command: names %saved_model_path%, and spec.savedModelPath isn't given",
    ),
    (
        with_worker(terminationGracePeriod="61m"),
        "spec.roles.worker.terminationGracePeriod: is more than 1h: a process that is told to go holds its container all the"
        " while",
    ),
    (
        {"failureRules": [{"action": "Restart", "roles": ["worker", "ps"]}]},
        "spec.failureRules[0].roles[1]: names a role that spec.roles doesn't have",
    ),
    (
        {"failureRules": [{"action": "FailJob", "charged": False}]},
        "spec.failureRules[0].charged: means nothing with action FailJob: nothing is restarted",
    ),
    (
        {"failureRules": [{"action": "FailJob", "avoidNode": True}]},
        "spec.failureRules[0].avoidNode: means nothing with action FailJob: nothing is restarted",
    ),
    (
        {"failureRules": [{"action": "Ignore", "charged": True}]},
        "spec.failureRules[0].charged: Ignore charges nothing: write Restart, or leave charged out",
    ),
    (
        {"failureRules": [{"action": "Restart", "causes": ["Killed", "NodeLost"], "stderr": "Xid"}]},
        "spec.failureRules[0].causes[1]: names what YARN does, of which no process has an exit code or last words: write a rule"
        " of its own",
    ),
    (
        {
            "failureRules": [
                {"action": "Restart", "roles": ["worker"]},
                {"action": "FailJob", "causes": ["Killed"]},
            ]
        },
        "spec.failureRules[1]: is never reached: failureRules[0] matches all that it does",
    ),
    (
        {"env": [{"name": f"A{i}", "value": "x" * 32_000} for i in range(25)]},
        "spec: the declaration has 800688 bytes as JSON, and may have 786432: put scripts into files",
    ),
]

_SOON = "'soon' is not a duration: write 30s, 5m, 1h30m, 2d, or a number of seconds"
_VARIABLE = "must be letters, digits and _, and not begin with a digit"
_FILE = "must be a plain file name of letters, digits, '.', _ and -, without folders"
_NAME = "must be lower-case letters, digits, - and ., with a letter or digit at both ends"


def _from(kind: str) -> list[dict[str, Any]]:
    """A variable that names an object by what can't be a name."""
    return [{"name": "A", "valueFrom": {kind: {"name": "Keys-", "key": "k"}}}]


_ACL = {"users": messages.ACL_USER, "groups": messages.GROUP_NAME}

MALFORMED: list[tuple[dict[str, Any], str]] = [
    ({"env": _from("secretKeyRef")}, f"spec.env[0].valueFrom.secretKeyRef.name: {_NAME}"),
    ({"env": _from("configMapKeyRef")}, f"spec.env[0].valueFrom.configMapKeyRef.name: {_NAME}"),
    (
        with_worker(env=_from("secretKeyRef")),
        f"spec.roles.worker.env[0].valueFrom.secretKeyRef.name: {_NAME}",
    ),
    (
        with_worker(env=_from("configMapKeyRef")),
        f"spec.roles.worker.env[0].valueFrom.configMapKeyRef.name: {_NAME}",
    ),
    (
        {"failureRules": [{"action": "Restart", "stderr": " * "}]},
        "spec.failureRules[0].stderr: must be one line with something in it besides *, which stands for anything",
    ),
    (
        {"failureRules": [{"action": "Restart", "stderr": "a\nb"}]},
        "spec.failureRules[0].stderr: must be one line with something in it besides *, which stands for anything",
    ),
    ({"gang": {"timeout": "soon"}}, f"spec.gang.timeout: {_SOON}"),
    ({"gang": {"minAvailable": "2"}}, "spec.gang.minAvailable: must be a number of replicas from 1, or all"),
    ({"runPolicy": {"backoff": {"base": "soon"}}}, f"spec.runPolicy.backoff.base: {_SOON}"),
    ({"runPolicy": {"backoff": {"max": "soon"}}}, f"spec.runPolicy.backoff.max: {_SOON}"),
    ({"runPolicy": {"activeDeadline": "soon"}}, f"spec.runPolicy.activeDeadline: {_SOON}"),
    ({"runPolicy": {"pendingDeadline": "soon"}}, f"spec.runPolicy.pendingDeadline: {_SOON}"),
    ({"runPolicy": {"ttlAfterFinished": "soon"}}, f"spec.runPolicy.ttlAfterFinished: {_SOON}"),
    ({"user": "1a"}, "spec.user: is no user name: letters, digits and _ . @ $ -, not begun by a digit"),
    *(
        ({"acls": {right: {kind: ["a b"]}}}, f"spec.acls.{right}.{kind}[0]: {_ACL[kind]}")
        for right in ("view", "modify")
        for kind in ("users", "groups")
    ),
    ({"env": [{"name": "a-b"}]}, f"spec.env[0].name: {_VARIABLE}"),
    (with_worker(env=[{"name": "1a"}]), f"spec.roles.worker.env[0].name: {_VARIABLE}"),
    ({"framework": "Custom", "template": [{"name": "a b"}]}, f"spec.template[0].name: {_VARIABLE}"),
    (
        {"framework": "Custom", "template": [{"name": "A", "roles": ["Worker"]}]},
        "spec.template[0].roles[0]: a role's name is lower-case letters, digits and -, begins with a letter and"
        " doesn't end with -",
    ),
    ({"files": [{"source": "hdfs:///a", "name": "a/b"}]}, f"spec.files[0].name: {_FILE}"),
    (with_worker(files=[{"source": "hdfs:///a", "name": ".a"}]), f"spec.roles.worker.files[0].name: {_FILE}"),
]
"""values without the form that their field has, each with the sentence about it"""
