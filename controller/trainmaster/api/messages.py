"""The sentences of rules and forms, each once: the models fill them in, and so does the API server (cel.py, cel_forms.py).

Lives here: what a person reads. Never here: when it is said.
"""

from __future__ import annotations

from typing import Final

JOB_NAME: Final = "must be lower-case letters, digits, - and ., with a letter or digit at both ends"
NAMESPACE_NAME: Final = "must be lower-case letters, digits and -, with a letter or digit at both ends"
ENV_NAME: Final = "must be letters, digits and _, and not begin with a digit"
FILE_NAME: Final = "must be a plain file name of letters, digits, '.', _ and -, without folders"
USER_NAME: Final = "is no user name: letters, digits and _ . @ $ -, not begun by a digit"
ACL_USER: Final = (
    "is no user name, and not * for everybody: letters, digits and _ . @ $ -, not begun by a digit"
)
GROUP_NAME: Final = "is no group name: letters, digits and _ . @ $ -, not begun by a digit"
NO_DURATION: Final = "{value} is not a duration: write 30s, 5m, 1h30m, 2d, or a number of seconds"
NO_SIZE: Final = "{value} is not a size: write 4G, 512Mi, 1.5Gi, or a number of bytes"
NO_PAIR: Final = "{pair} is not name=number: write memory=8G,vcores=2,gpu=2"
NO_MIN_AVAILABLE: Final = "must be a number of replicas from 1, or all"
NO_REPLICA: Final = "all roles together have no replica: at least one is needed"
TOO_MANY_REPLICAS: Final = "all roles together have {total} replicas: one job may have {limit}"
GANG_TOO_LARGE: Final = "{wanted} replicas must be there before the start, and the job has only {total}"
GANG_TIMEOUT: Final = (
    "must be from 1s to under 10m: YARN takes back containers that aren't started in 10 minutes"
)
PROGRESS_DEADLINE: Final = "must be 5s or more: processes report their steps once a second at most"
CHECK_TIMEOUT: Final = (
    "must be from 1s to 10m: meanwhile the process waits, and with it the other processes of the job"
)
METRICS_PORT: Final = "is the place of one of the replica's own ports, of which it has {ports}: raise `ports`"
NO_INPUT_TO_BE_NEAR: Final = "is to be near the input, and spec.inputPath isn't given"
BACKOFF_MAX: Final = "is less than base, which is {base}"
TTL_TO_DELETE_BY: Final = "needs ttlAfterFinished to say when"
NOBODY_TO_SUCCEED: Final = "{policy} needs a role {roles} with at least one replica"
ONE_CHIEF: Final = "a TensorFlow cluster has one chief (or master), not {count}"
NOBODY_TO_SERVE: Final = "parameter servers need a chief, master or worker to serve"
NOBODY_BUT_SIDES: Final = (
    "an evaluator alone trains nothing: TensorFlow needs a role chief, master or worker with a replica"
)
ONE_MASTER: Final = "PyTorch has one master (or chief), which is rank 0, not {count}"
NOBODY_TO_TRAIN: Final = "PyTorch needs a role chief, master or worker with at least one replica"
NOT_LIVE: Final = (
    "Live is for Generic: each process of {framework} is told at its start who all the others are"
)
ONE_SCHEDULER: Final = "MXNet has exactly one scheduler, not {count}: write scheduler with replicas 1"
NO_SERVER: Final = "MXNet's kvstore needs a role server with at least one replica"
NO_MXNET_WORKER: Final = "MXNet needs a role worker with at least one replica"
SERVERS_NOT_PS: Final = "MXNet's parameter servers are the role server: write server instead of ps"
XGBOOST_WORKERS_ONLY: Final = (
    "XGBoost has no parameter servers, and trainmaster runs its tracker: write workers only"
)
XGBOOST_ONE_MASTER: Final = "XGBoost has one master (or chief), which is rank 0, not {count}: write workers"
XGBOOST_NOBODY: Final = "XGBoost needs a role chief, master or worker with at least one replica"
JAX_NO_PS: Final = "JAX has no parameter servers: write workers only"
JAX_ONE_CHIEF: Final = "JAX has one chief (or master), which is process 0, not {count}: write workers"
JAX_NOBODY: Final = "JAX needs a role chief, master or worker with at least one replica"
HOROVOD_NO_PS: Final = "Horovod has no parameter servers: write workers only"
HOROVOD_ONE_CHIEF: Final = "Horovod has one chief (or master), which is rank 0, not {count}: write workers"
HOROVOD_NOBODY: Final = "Horovod needs a role chief, master or worker with at least one replica"
A_LIST: Final = (
    "a file holds jobs and no list of them: apply it with `trainmaster apply -f`, or write each item as a document of its own,"
    " with a line of --- between them"
)
MPI_ONE_LAUNCHER: Final = "an MPI job has one launcher, whose command calls mpirun, not {count}"
MPI_NO_WORKER: Final = "MPI needs a role worker with at least one replica: the launcher itself runs no rank"
MPI_RANKS_ARE_WORKERS: Final = (
    "the processes of an MPI job are its launcher's ranks: write launcher and worker only"
)
CAFFE_ALONE: Final = (
    "Caffe trains in one process with all its GPUs, not in {count}: give one replica more GPUs"
)
NO_TEMPLATE: Final = "framework Custom needs a template: the variables that its processes are told"
ONLY_CUSTOM: Final = "only framework Custom has a template: write framework Custom, or leave it out"
ONLY_PYTORCH: Final = "only PyTorch has several processes in one replica: leave it out"
ONLY_PYTORCH_AND_MPI: Final = (
    "only PyTorch and the worker of MPI have several processes in one replica: leave it out"
)
NO_SUCH_PLACEHOLDER: Final = "names {{{{{words}}}}}, which is no placeholder: {instead}"
LOOSE_BRACES: Final = "holds braces that open no placeholder: {text}"
NO_SUCH_ROLE: Final = "names the role {role}, and spec.roles has {roles}"
NO_RANK: Final = "a {role} has no rank, for {ranked} are counted: name the roles that are told it"
TOLD_NOTHING: Final = (
    "{role} is prepared before the others have a place, and is told nothing of them: give it env"
)
NOT_THERE: Final = "names {role}, which doesn't run when {me} starts"
EMPTY_ROLE: Final = "names the first {role}, which has no replica"
TOO_LONG_A_GRACE: Final = "is more than 1h: a process that is told to go holds its container all the while"
NO_PATTERN: Final = "must be one line with something in it besides *, which stands for anything"
NEVER_REACHED: Final = "is never reached: failureRules[{earlier}] matches all that it does"
NO_RESTART: Final = "means nothing with action FailJob: nothing is restarted"
IGNORED_AND_CHARGED: Final = "Ignore charges nothing: write Restart, or leave charged out"
NO_ROLE_FOR_RULE: Final = "names a role that spec.roles doesn't have"
NO_WORDS: Final = (
    "names what YARN does, of which no process has an exit code or last words: write a rule of its own"
)
NO_ROLE_TO_FOLLOW: Final = "names a role that spec.roles doesn't have"
AFTER_ITSELF: Final = "a role can't wait for itself"
ROUND_IN_CIRCLES: Final = "nothing would ever start: {circle}"
NEVER_ENDS: Final = "{role} never ends by itself, so it never succeeds: write Running or Ready"
ALWAYS_AGAIN: Final = "{role} has restartPolicy Always, so it never ends: write Running or Ready"
NEVER_READY: Final = "{role} has no readiness: give it one, or write Running"
BESIDE_A_PREPARATION: Final = (
    "it would hold containers while {later} waits until {earlier} has succeeded:"
    " have it start after {earlier} as well"
)
WORLD_APART: Final = (
    "{framework} tells {roles} of each other when they start: have them start after the same preparations"
)
PORT_OR_HTTP: Final = "is one of two: write port or httpGet"
READINESS_PORT: Final = (
    "is the place of one of the replica's own ports, of which it has {ports}: raise `ports`"
)
VALUE_OR_FROM: Final = "is one of two: write value or valueFrom"
ONE_PLACE: Final = "names one place: write secretKeyRef, configMapKeyRef or file"
TWICE: Final = "{name} stands in this list twice"
RESERVED: Final = "names that begin with TRAINMASTER_ are the controller's own"
BASHS_OWN: Final = "bash keeps {name} for itself, and a process wouldn't get what is written here"
HOLDS_A_PATH: Final = "{name} already holds {path}"
NO_URL: Final = "must be a URL with a scheme, such as hdfs:///code/train.py"
NO_FILE_NAME: Final = "the end of `source` can't be a file's name: give one"
SAME_FILE_NAME: Final = "another file is named {name} in the same folder"
NO_SUCH_PATH: Final = "names {placeholder}, and spec.{path} isn't given"
ROLE_NAME: Final = (
    "a role's name is lower-case letters, digits and -, begins with a letter and doesn't end with -"
)
JOB_NAME_TOO_LONG: Final = "metadata.name is longer than 63 characters"
CANT_CHANGE: Final = "can't change in the life of a job: it is {before} since the start"
TOO_LARGE: Final = "the declaration has {size} bytes as JSON, and may have {limit}: put scripts into files"
FEWER_THAN_MIN: Final = "is less than elastic.min, which is {min}: raise it, or lower elastic.min"
MORE_THAN_MAX: Final = "is more than elastic.max, which is {max}: lower it, or raise elastic.max"
ELASTIC_PATIENCE: Final = "must be from 1s to below gang.timeout, after which everything is given back"
GROW_AFTER: Final = "must be 1s at least"
ELASTIC_GANG: Final = "elastic says with how few replicas the job starts: leave gang.minAvailable out"
ELASTIC_ORDER: Final = "a job with startAfter has no elastic roles: leave one of both out"
NOT_ELASTIC: Final = "{framework} can train with another number of workers only: leave elastic out"
ALONE_IS_NOT_ELASTIC: Final = "Caffe trains in one process: leave elastic out"
