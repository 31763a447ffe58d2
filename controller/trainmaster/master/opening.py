"""Having an application: id, submit, token, register, in a straight line, each step resting on the one written before.

Taken up again after a crash it goes on where the journal says: an id is submitted once (the ResourceManager ignores a second
submission of an id it knows), and one whose token was written is never submitted again, but registered.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from secrets import token_urlsafe

from trainmaster.api.job import TrainingJob
from trainmaster.errors import DeniedError, RefusedError, TrainmasterError, UnavailableError
from trainmaster.hadoop.calls import Calls, unheard
from trainmaster.hadoop.configuration import HadoopConf, get
from trainmaster.hadoop.containers import Registered
from trainmaster.hadoop.refusals import INVALID_TOKEN
from trainmaster.hadoop.resourcemanager import ResourceManager
from trainmaster.hadoop.scheduler import ApplicationMaster
from trainmaster.hadoop.values import ApplicationReport, ApplicationState, Submission
from trainmaster.master import clock
from trainmaster.master.delegation import submitted
from trainmaster.master.points import reach
from trainmaster.plan.memory import ApplicationMemory, Memory, replace
from trainmaster.plan.values import AppState

log = logging.getLogger(__name__)

Amend = Callable[[Callable[[Memory], Memory]], Awaitable[Memory]]
"""change the memory and have it written before this returns"""

Delegate = Callable[[str], Awaitable[str]]
"""a token of HDFS for an application of this user (master/delegation.py)"""


async def without_tokens(_: str) -> str:
    """Of a cluster without Kerberos."""
    return ""


ACLS = "yarn.acl.enable"
OVERRIDES = "yarn.scheduler.capacity.queue-mappings-override.enable"
ACCESS_CONTROL = "org.apache.hadoop.security.AccessControlException"
TOKEN_POLL = 0.03
"""seconds between looks for the token: the ResourceManager launches an unmanaged attempt in some tens of milliseconds"""
TOKEN_POLL_MOST = 1.0
INSTALLATION = "installation:"
TAG = 100
"""characters in one tag (YarnConfiguration.APPLICATION_MAX_TAG_LENGTH)"""


@dataclass(frozen=True, slots=True)
class Opened:
    """How it went: registered with a master, or the state that the application is in instead."""

    state: AppState
    words: str = ""
    master: ApplicationMaster | None = None
    registered: Registered | None = None
    fresh: bool = False
    """whether this was its first register: then there is no last answer to be replayed"""


async def open_application(
    memory: Memory,
    job: TrainingJob | None,
    user: str,
    rm: ResourceManager,
    conf: HadoopConf,
    amend: Amend,
    tracking_url: str,
    installation: str = "",
    calls: Calls = unheard,
    delegate: Delegate = without_tokens,
    declared_by: str = "",
    acls: tuple[str, str] = ("", ""),
) -> Opened:
    """Open the job's application, or take it up again: then `job` may be one that can't be read (None).

    `installation` is whose the controller is, for a tag, `declared_by` for the log; `acls` say who may view and modify it, in
    YARN's words. Raises UnavailableError when YARN can't
    be asked.
    """
    new = memory.application is None
    if new and job is not None:
        await _check_queue(rm, conf, user, job.spec.queue)
    memory = await _with_id(memory, job, user, rm, amend, delegate, acls)
    assert memory.application is not None
    if new:
        _note(memory, memory.application, declared_by)
    had_token = bool(memory.application.token)
    if not had_token:
        known = submission(memory.application, memory, installation)
        report = await _submitted(known, rm, new=new)
        if report.am_rm_token is None:
            return _without_token(report)
        token = base64.b64encode(report.am_rm_token).decode()
        memory = await amend(
            lambda m: replace(
                m, application=m.application and replace(m.application, token=token, token_at=clock.now())
            )
        )
        reach("token")
    assert memory.application is not None
    master = ApplicationMaster(conf, base64.b64decode(memory.application.token), calls=calls)
    opened = await _register(memory.application, rm, master, tracking_url)
    return replace(opened, fresh=not had_token)


async def _check_queue(rm: ResourceManager, conf: HadoopConf, user: str, queue: str) -> None:
    """DeniedError where YARN would refuse the user, before an id is asked for: then the job waits, and starts once he may. Only
    where ACLs of the queue that a job names count: YARN tells them also where it doesn't heed them, and where it has rules that
    put the job elsewhere."""
    if not _says(conf, ACLS) or _says(conf, OVERRIDES):
        return
    try:
        may = await rm.may_submit(queue)
    except DeniedError:
        raise
    except RefusedError:  # it isn't told there: YARN itself will judge
        return
    if not may:
        cure = "an administrator of YARN adds him to acl_submit_applications of the queue, or of one above it"
        raise DeniedError(
            ACCESS_CONTROL,
            f"{user} does not have permission to submit applications to the queue {queue}: {cure}",
        )


def _says(conf: HadoopConf, name: str) -> bool:
    return get(conf.properties, name).strip().lower() == "true"


def _note(memory: Memory, application: ApplicationMemory, declared_by: str) -> None:
    """Who runs what as whom, for whoever looks into it later. It is said before anything is submitted."""
    whose = {"declared_by": declared_by, "user": application.user, "queue": application.queue}
    what = {"namespace": memory.namespace, "job": memory.name, "uid": memory.uid}
    log.info("opening an application", extra={**what, "application": application.id, **whose})


async def _with_id(
    memory: Memory,
    job: TrainingJob | None,
    user: str,
    rm: ResourceManager,
    amend: Amend,
    delegate: Delegate,
    acls: tuple[str, str],
) -> Memory:
    if memory.application is not None:
        return memory
    assert job is not None
    new = await rm.new_application()
    application = ApplicationMemory(
        new.id,
        user=user,
        queue=job.spec.queue,
        priority=job.spec.priority,
        submitted_at=clock.now(),
        report_token=token_urlsafe(24),
        hdfs_token=await delegate(user),
        view_acl=acls[0],
        modify_acl=acls[1],
    )
    memory = await amend(lambda m: replace(m, application=application))
    reach("id")
    return memory


async def _submitted(application: Submission, rm: ResourceManager, *, new: bool) -> ApplicationReport:
    """Submit unless YARN has it already, and wait until it has a token, or never will. A `new` id can't have been submitted."""
    report = None if new else await rm.report(application.id)
    if report is None:
        await rm.submit(application)
        reach("submit")
    wait = TOKEN_POLL
    while report is None or not _decided(report):
        await asyncio.sleep(wait)
        wait = min(TOKEN_POLL_MOST, wait * 1.3)
        report = await rm.report(application.id)
        if report is None:
            raise UnavailableError(f"YARN has forgotten {application.id}, which was just submitted")
    return report


def _decided(report: ApplicationReport) -> bool:
    return bool(report.am_rm_token) or report.state.over or report.state is ApplicationState.RUNNING


def submission(application: ApplicationMemory, memory: Memory, installation: str) -> Submission:
    """What YARN is told of the job; people find it there by name and tags."""
    tags = ("trainmaster", f"job:{memory.namespace}/{memory.name}"[:TAG], uid_tag(memory.uid))
    whose = (installation_tag(installation),) if installation else ()
    return Submission(
        application.id,
        memory.name,
        application.queue,
        application.priority,
        (*tags, *whose),
        tokens=submitted(application),
        view_acl=application.view_acl,
        modify_acl=application.modify_acl,
    )


def uid_tag(uid: str) -> str:
    """The tag by which an application is known as that of one job, whoever names it."""
    return f"uid:{uid}"[:TAG]


def installation_tag(installation: str) -> str:
    """The tag by which an application is known as begun by the controllers of one installation, and of no other."""
    return f"{INSTALLATION}{installation}"[:TAG]


def _without_token(report: ApplicationReport) -> Opened:
    if report.state is ApplicationState.RUNNING:
        return Opened(AppState.TOKEN_LOST, report.diagnostics)
    if report.state is ApplicationState.FAILED and not report.attempt:
        return Opened(AppState.REFUSED, report.diagnostics)  # the scheduler did not take it
    # With an attempt it was taken, and nobody registered in time: the controller or its store was away.
    return Opened(ended_state(report), report.diagnostics)


def ended_state(report: ApplicationReport | None) -> AppState:
    """What the end of an application means that we did not end, by YARN's report."""
    if report is None or report.state is ApplicationState.FAILED:
        return AppState.LOST
    if report.state is ApplicationState.KILLED:
        return AppState.KILLED
    return AppState.CLOSED if report.state is ApplicationState.FINISHED else AppState.AWAY


async def _register(
    application: ApplicationMemory, rm: ResourceManager, master: ApplicationMaster, url: str
) -> Opened:
    try:
        registered = await master.register("localhost", -1, url)
    except RefusedError as error:
        await master.close()
        return await became_of(application, rm, error)
    reach("register")
    return Opened(AppState.REGISTERED, "", master, registered)


async def became_of(application: ApplicationMemory, rm: ResourceManager, error: RefusedError) -> Opened:
    """What a refusal of ours says of the application: the report tells whether it is over.

    Raises UnavailableError where it goes on and the refusal says nothing of us (some trouble inside the ResourceManager).
    """
    report = await rm.report(application.id)
    state = ended_state(report)
    if state is not AppState.AWAY:
        return Opened(state, report.diagnostics if report else str(error))
    if error.kind == INVALID_TOKEN:
        return Opened(AppState.TOKEN_LOST, str(error))
    raise UnavailableError(str(error)) from error


def refused_for_good(error: TrainmasterError) -> bool:
    """Whether YARN meant it. An exception of another family (a NullPointerException, say) is trouble of its own."""
    return isinstance(error, RefusedError) and error.kind.startswith("org.apache.hadoop.")
