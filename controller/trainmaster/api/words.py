"""The closed lists of words that a declaration may hold, each word with its meaning. Never here: what follows from a word."""

from __future__ import annotations

from trainmaster.api.base import Word


class Framework(Word):
    """The framework in whose words the processes are told about each other."""

    TENSORFLOW = "TensorFlow", "TF_CONFIG names the cluster and the task of each process"
    PYTORCH = (
        "PyTorch",
        "MASTER_ADDR, MASTER_PORT, RANK and WORLD_SIZE are set; rank 0 is the master, else the first worker",
    )
    MXNET = "MXNet", "DMLC_ROLE and where the scheduler is; heartbeats are on, so that a loss is noticed"
    XGBOOST = (
        "XGBoost",
        "a tracker runs beside the first worker; DMLC_TRACKER_URI, DMLC_TRACKER_PORT and DMLC_TASK_ID are set",
    )
    JAX = (
        "JAX",
        "JAX_COORDINATOR_ADDRESS, JAX_NUM_PROCESSES and JAX_PROCESS_ID are set; process 0 is the coordinator",
    )
    HOROVOD = (
        "Horovod",
        "HOROVOD_RANK, HOROVOD_SIZE and the like for its gloo controller; its rendezvous runs beside the first worker",
    )
    CAFFE = "Caffe", "one process with its GPUs: only the variables that begin with TRAINMASTER_ are set"
    CUSTOM = "Custom", "the variables that spec.template describes"
    GENERIC = "Generic", "only the variables that begin with TRAINMASTER_ are set, which every process gets"


class Launcher(Word):
    """Who starts the processes of one replica, where it has several."""

    COMMAND = "Command", "the command does, as torchrun does: it runs once for each replica"
    TRAINMASTER = (
        "Trainmaster",
        "the command runs once for each process, each with its own RANK and LOCAL_RANK; the first that fails ends the replica",
    )


class Compatibility(Word):
    """Another system whose variables are set too, so that scripts written for it run unchanged."""

    TONY = "TonY", "CLUSTER_SPEC, JOB_NAME, TASK_INDEX and TASK_NUM; for PyTorch RANK, WORLD and INIT_METHOD"
    KUBEFLOW = (
        "Kubeflow",
        "what its operator sets for jobs of this framework, such as WORKER_ADDRS for XGBoost",
    )


class RestartPolicy(Word):
    """Which ends of a replica are followed by a restart."""

    NEVER = "Never", "no end: the first failure of a replica fails the job"
    ON_FAILURE = "OnFailure", "every end with another exit code than 0"
    ALWAYS = "Always", "every end, with exit code 0 too"
    EXIT_CODE = (
        "ExitCode",
        "exit codes of 128 and above, signals (129 to 192) among them; 1 to 127 are permanent and fail the job",
    )


class RestartScope(Word):
    """What is restarted when one replica of a role ends."""

    REPLICA = "Replica", "that replica alone, under the same index; the others go on"
    JOB = "Job", "all processes of the job, those that run in the containers that they have"


class SuccessPolicy(Word):
    """Whose success is the job's."""

    CHIEF = "Chief", "that of the chief or master; for TensorFlow without either, that of worker 0"
    ANY_WORKER = "AnyWorker", "that of the first worker that succeeds"
    ALL_WORKERS = "AllWorkers", "that of all workers"


class Scaling(Word):
    """What another number of replicas does to the processes that run, each of which was told a number at its start."""

    RESTART = "Restart", "all processes of the job are restarted once, uncharged, and told the new number"
    LIVE = (
        "Live",
        "they go on with TRAINMASTER_REPLICAS and TRAINMASTER_CLUSTER as they were told; only new ones are told the new"
        " numbers. Only for Generic",
    )


class FileType(Word):
    """How a file arrives in the working folder."""

    FILE = "File", "as it is, under its name"
    ARCHIVE = "Archive", "unpacked into a folder of that name: .zip, .jar, .tar, .tar.gz or .tgz"
