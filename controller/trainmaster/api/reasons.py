"""Every reason that a condition, an event or a verdict may carry: one CamelCase word each, for machines.

Lives here: the words and what they mean. Never here: the sentence beside a reason, which is written where the
decision is made.
"""

from typing import Final

# --- Accepted

ACCEPTED: Final = "Accepted"
"""The declaration is valid and this controller takes care of it."""
INVALID: Final = "Invalid"
"""The declaration breaks a rule; status.errors names each field."""
DUPLICATE_NAME: Final = "DuplicateName"
"""Another declaration holds this namespace and name already."""
NEVER_FITS: Final = "NeverFits"
"""More is asked than YARN's configured limits could ever grant."""
QUEUE_NOT_FOUND: Final = "QueueNotFound"
"""YARN has no queue of that name."""
QUEUE_STOPPED: Final = "QueueStopped"
"""The queue exists and takes no applications at present."""
DRIVEN_ELSEWHERE: Final = "DrivenElsewhere"
"""Another installation's controllers drive the job; this one's leave it alone."""
DENIED: Final = "Denied"
"""Whoever declared the job may not run it as that user, or in that queue; or YARN lets the controller not speak for that user."""
OVER_QUOTA: Final = "OverQuota"
"""More is asked than a quota of the controller's settings allows in all; asking for less, or a larger quota, mends that."""
IMMUTABLE_FIELD: Final = "ImmutableField"
"""An edit changed a field that can't change in the life of a job; the job goes on as it was."""

# --- Queued

WAITING_FOR_APPLICATION: Final = "WaitingForApplication"
"""YARN has the application and hasn't let it in yet."""
WAITING_FOR_QUOTA: Final = "WaitingForQuota"
"""Other jobs hold what a quota allows, or came first; this one, or an edit of it, is taken in once there is room."""
WAITING_FOR_VALUE: Final = "WaitingForValue"
"""A Secret, ConfigMap or file that variables take their values from isn't there, or can't be had; it is looked for again."""
WAITING_FOR_TURN: Final = "WaitingForTurn"
"""Another job is gathering the same scarce resource; this one starts when that has what it needs."""
GATHERING_CONTAINERS: Final = "GatheringContainers"
"""Containers are asked for, and some are still missing."""
GANG_TIMEOUT: Final = "GangTimeout"
"""The gang wasn't complete in time: everything was given back, and is asked for again later."""
IN_DOUBT: Final = "InDoubt"
"""An earlier process may still run on a node that doesn't answer: nothing is started beside it."""
INPUT_LOCALITY: Final = "InputLocality"
"""How many replicas of roles with locality Input run on nodes that hold a part of the input, and how much of it that is."""
INPUT_UNKNOWN: Final = "InputUnknown"
"""Where the input lies couldn't be told, so that its nodes weren't asked first; containers are taken anywhere."""
NO_PORTS: Final = "NoPorts"
"""A host has no free port in the range that is configured."""
NO_ROOM: Final = "NoRoom"
"""More is asked than today's nodes or the queue have; nodes may come."""
PRIORITY_REFUSED: Final = "PriorityRefused"
"""YARN refuses the edited priority; the job goes on with the one it has."""
YARN_AWAY: Final = "YarnAway"
"""The ResourceManager can't be asked at present; what runs goes on."""

# --- Starting, Running

STARTING_PROCESSES: Final = "StartingProcesses"
"""The containers are there, and their processes are being started."""
STAGE_SUCCEEDED: Final = "StageSucceeded"
"""What had to succeed first has; containers for the roles after it are asked for."""
ALL_RUNNING: Final = "AllRunning"
"""Every replica that should run does."""
SOME_RUNNING: Final = "SomeRunning"
"""The gang's minimum runs, and further replicas are still wanted."""
NODE_UNSEEN: Final = "NodeUnseen"
"""A replica's node hasn't been heard of since the ResourceManager restarted; nothing is decided on that."""

# --- Restarting

BACKING_OFF: Final = "BackingOff"
"""A restart waits for the end of its backoff."""
REPLICA_RESTART: Final = "ReplicaRestart"
"""One replica ended and is replaced alone."""
GANG_RESTART: Final = "GangRestart"
"""One replica's end restarts all processes of the job."""
SPEC_CHANGED: Final = "SpecChanged"
"""An edit restarts the job once, uncharged."""
APPLICATION_LOST: Final = "ApplicationLost"
"""YARN lost the application; it is submitted anew, uncharged, a few times at most."""

HANGING: Final = "Hanging"
"""Processes made no step for as long as runPolicy.progressDeadline allows, and are asked for their stacks; or go on again."""
STRAGGLER: Final = "Straggler"
"""A replica makes steps more slowly than others of its role, or than it did."""

SHRUNK: Final = "Shrunk"
"""An elastic role goes on with fewer replicas than before, since there was no room for all of them; uncharged."""
GROWN: Final = "Grown"
"""An elastic role goes on with more replicas than before, since there is room again; uncharged."""

# --- Suspended

SUSPENDING: Final = "Suspending"
"""The job is being stopped, and its containers given back."""
SUSPENDED: Final = "Suspended"
"""Everything is given back; runPolicy.suspend holds the job."""
RESUMED: Final = "Resumed"
"""runPolicy.suspend was lifted, and the job queues again."""

RERUN: Final = "Rerun"
"""runPolicy.rerun was raised after the end, and the job queues again."""

# --- Succeeded, Failed

JOB_SUCCEEDED: Final = "JobSucceeded"
"""The success policy is met."""
PERMANENT_EXIT: Final = "PermanentExit"
"""A replica ended in a way that its restart policy doesn't retry."""
REPEATED_FAILURE: Final = "RepeatedFailure"
"""A process failed twice of the same, with no progress in between, and trying again can't help."""
FAILURE_RULE: Final = "FailureRule"
"""One of spec.failureRules says that a failure of this kind fails the job."""
CANNOT_RUN: Final = "CannotRun"
"""A command, a script, an input or one of `files` isn't there: trying again can't help."""
BACKOFF_LIMIT_EXCEEDED: Final = "BackoffLimitExceeded"
"""The job had more charged restarts than runPolicy.backoffLimit."""
MAX_RESTARTS_EXCEEDED: Final = "MaxRestartsExceeded"
"""One replica had more charged restarts than its role's maxRestarts."""
ACTIVE_DEADLINE_EXCEEDED: Final = "ActiveDeadlineExceeded"
"""The job was active for longer than runPolicy.activeDeadline."""
PENDING_DEADLINE_EXCEEDED: Final = "PendingDeadlineExceeded"
"""The job waited for its start longer than runPolicy.pendingDeadline."""
KILLED_OUTSIDE: Final = "KilledOutside"
"""Somebody ended the application in YARN."""
TOKEN_LOST: Final = "TokenLost"  # noqa: S105 - the word for an event, no secret
"""The application's token never reached the journal: nobody can speak for it, so it was ended."""
CANNOT_END: Final = "CannotEnd"
"""An application that nobody can speak for can't be ended at present: it is tried again, and the message says why."""
SUBMISSION_REFUSED: Final = "SubmissionRefused"
"""YARN refused the application for a reason that stays."""
LAUNCH_REFUSED: Final = "LaunchRefused"
"""A NodeManager refused to start a process."""

# --- Deletion and after

DELETING: Final = "Deleting"
"""The declaration is gone, and everything of the job is being stopped."""
