"""The sentences of the rules across fields, each once: rules.py fills them in, and so does the API server (cel.py).

Lives here: what a person reads. Never here: when it is said.
"""

from __future__ import annotations

from typing import Final

NO_REPLICA: Final = "all roles together have no replica: at least one is needed"
TOO_MANY_REPLICAS: Final = "all roles together have {total} replicas: one job may have {limit}"
GANG_TOO_LARGE: Final = "{wanted} replicas must be there before the start, and the job has only {total}"
GANG_TIMEOUT: Final = (
    "must be from 1s to under 10m: YARN takes back containers that aren't started in 10 minutes"
)
BACKOFF_MAX: Final = "is less than base, which is {base}"
TTL_TO_DELETE_BY: Final = "needs ttlAfterFinished to say when"
NOBODY_TO_SUCCEED: Final = "{policy} needs a role {roles} with at least one replica"
ONE_CHIEF: Final = "a TensorFlow cluster has one chief (or master), not {chiefs}"
NOBODY_TO_SERVE: Final = "parameter servers need a chief, master or worker to serve"
ONE_MASTER: Final = "PyTorch has one master (or chief), which is rank 0, not {masters}"
NOBODY_TO_TRAIN: Final = "PyTorch needs a role chief, master or worker with at least one replica"
NOT_LIVE: Final = (
    "Live is for Generic: each process of {framework} is told at its start who all the others are"
)
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
