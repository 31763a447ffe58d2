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
    MPI = (
        "MPI",
        "mpirun in the command of the launcher starts ranks in the workers' containers, without ssh",
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


class When(Word):
    """What another role must have come to before a role's processes begin."""

    RUNNING = "Running", "all of its processes run"
    READY = "Ready", "all of its processes were found ready, as its readiness says"
    SUCCEEDED = (
        "Succeeded",
        "all of it has ended with success. Containers are asked for only then, and it isn't run again when the job restarts",
    )


class Locality(Word):
    """Which nodes are asked first for a role's containers."""

    INPUT = (
        "Input",
        "those that hold most of spec.inputPath in HDFS, then others of their racks. Where they have no room, any node",
    )


class FailureAction(Word):
    """What follows on a failure that a rule of spec.failureRules matches."""

    RESTART = "Restart", "it is restarted, as restartScope says"
    RESTART_JOB = "RestartJob", "all processes of the job are restarted together"
    FAIL_JOB = "FailJob", "the job fails at once"
    IGNORE = "Ignore", "it is replaced as restartScope says, and never charged"


class FailureCause(Word):
    """What an end was judged to be, where that is a failure: what rules may name."""

    NODE_LOST = "NodeLost", "the ResourceManager lost its node, or gave its containers up"
    NODE_UNHEALTHY = "NodeUnhealthy", "its node's disks failed, or its node was called unhealthy"
    NODE_DECOMMISSIONED = "NodeDecommissioned", "its node was taken out of the cluster"
    PREEMPTED = "Preempted", "YARN preempted it"
    NEVER_RAN = "NeverRan", "it was never started, and YARN may not say why"
    LOCALIZATION_FAILED = "LocalizationFailed", "its node could not bring its files"
    LOGS_TOO_LARGE = "LogsTooLarge", "its logs grew beyond the NodeManager's limit"
    INFRASTRUCTURE = "Infrastructure", "another doing of YARN, its node or a controller"
    GPU_FAULT = (
        "GpuFault",
        "its last words tell of a GPU that failed, such as an Xid or an uncorrectable ECC error",
    )
    NODE_CHECK = "NodeCheckFailed", "its node failed the job's nodeCheck, before it began"
    PORT_TAKEN = "PortTaken", "the port that it was given was taken"
    MEMORY = "Memory", "it used more memory than it had asked for"
    LAUNCH_REFUSED = "LaunchRefused", "its NodeManager refused to launch it"
    CANNOT_RUN = "CannotRun", "a command, a script, an input or a file isn't there"
    PERMANENT = "Permanent", "exit codes of 1 to 127 under restartPolicy ExitCode"
    COMMUNICATION = (
        "Communication",
        "its last words tell of a peer that was lost or a collective operation that timed out",
    )
    KILLED = "Killed", "a signal from outside ended it, such as 9 or 15"
    CRASHED = "Crashed", "a signal that a process brings upon itself, such as 6, 8 or 11"
    HANG = "Hang", "it made no step for as long as runPolicy.progressDeadline allows"
    RETRYABLE = "Retryable", "another exit code"
    UNKNOWN = "Unknown", "nobody knows, or too many uncharged ends came before"


class ExitCodes(Word):
    """How exit codes are compared."""

    IN = "In", "the exit code is one of values"
    NOT_IN = "NotIn", "it is another than values, and none of YARN's own"


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
