"""The registry of log patterns: what is known of the last words of programs and frameworks, in order, first match wins.

Each pattern is plain text in which * stands for anything, like those of failureRules, so nothing can backtrack. Never here: how
they are matched (log_patterns.py), or what is done about it (ruling.py, repeats.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from trainmaster.plan.ends import Cause, FailureClass


class Kind(StrEnum):
    """What words tell of."""

    ROOT = "Root"
    """why this process ended"""
    CONSEQUENCE = "Consequence"
    """that another one was lost"""
    TEARDOWN = "Teardown"
    """that it was being ended"""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One kind of last words."""

    name: str
    kind: Kind
    blame: FailureClass
    retry_helps: bool
    """whether the same process may succeed when it is started again"""
    texts: tuple[str, ...]
    cause: Cause | None = None
    """what an end with these words is judged to be; None where its exit code says that"""


_HARDWARE, _PROGRAM, _EITHER = FailureClass.INFRASTRUCTURE, FailureClass.WORKLOAD, FailureClass.UNCLEAR


def _pattern(
    name: str, kind: Kind, blame: FailureClass, retry_helps: bool, texts: str, cause: Cause | None = None
) -> Pattern:
    return Pattern(name, kind, blame, retry_helps, tuple(texts.strip().splitlines()), cause)


REGISTRY = (
    # A GPU that is broken, gone, or kept by somebody else.
    _pattern("gpu-fault", Kind.ROOT, _HARDWARE, True, """
uncorrectable ECC error
NVRM: Xid
has fallen off the bus
CUDA error: hardware stack error
CUDA-capable device(s) is/are busy or unavailable
all CUDA-capable devices are busy or unavailable
CUDA error: unknown error
CUDA_ERROR_ECC_UNCORRECTABLE
CUDA_ERROR_SYSTEM_NOT_READY
CUDA error: system not yet initialized
Unable to determine the device handle for GPU
GPU is lost
NVLink error
""", Cause.GPU_FAULT),
    # What the program did with a GPU. An illegal access is mostly its own, and now and then a broken card's.
    _pattern("gpu-memory", Kind.ROOT, _EITHER, True, """
CUDA out of memory
OutOfMemoryError: CUDA
CUDA_ERROR_OUT_OF_MEMORY
ResourceExhaustedError
"""),
    _pattern("gpu-assert", Kind.ROOT, _PROGRAM, True, """
device-side assert triggered
"""),
    _pattern("gpu-error", Kind.ROOT, _EITHER, True, """
CUDA error:
CUDA_ERROR_
cudaError
CUBLAS_STATUS_
CUDNN_STATUS_
"""),
    # Peers that were lost: the words of whoever did not fail.
    _pattern("collective-timeout", Kind.CONSEQUENCE, _EITHER, True, """
Watchdog caught collective operation timeout
collective operation timeout
Timed out waiting * for recv operation
Timed out waiting * for send operation
Timed out waiting * clients to join
wait timeout after
DEADLINE_EXCEEDED
DeadlineExceededError
Barrier timed out
timed out after * waiting for
""", Cause.COMMUNICATION),
    _pattern("peer-lost", Kind.CONSEQUENCE, _EITHER, True, """
Connection closed by peer
Connection reset by peer
Connection refused
Broken pipe
Socket closed
ncclRemoteError
ncclSystemError
ncclInternalError
NCCL communicator was aborted
remote process exited or there was a network error
DistNetworkError
DistStoreError
DistBackendError
failed to connect to all addresses
UnavailableError
UNAVAILABLE:
AbortedError
ABORTED:
The tasks have crashed. Check the task logs
another task died
preempted or died
ConnectionResetError
ConnectionRefusedError
ConnectionAbortedError
BrokenPipeError
EOFError
HorovodInternalError
recv_fn: Connection
failed to recv, got 0 bytes
""", Cause.COMMUNICATION),
    # Somebody answered with nothing: often another service, for a moment.
    _pattern("nothing", Kind.ROOT, _EITHER, True, """
'NoneType' object
"""),
    # Why a program failed, and fails again: nothing of that lies at a node, or at a moment.
    _pattern("code", Kind.ROOT, _PROGRAM, False, """
SyntaxError:
IndentationError:
TabError:
NameError:
UnboundLocalError:
TypeError:
AttributeError:
NotImplementedError
RecursionError:
syntax error near unexpected token
syntax error: unexpected end of file
unexpected EOF while looking for matching
unbound variable
"""),
    _pattern("arguments", Kind.ROOT, _PROGRAM, False, """
error: unrecognized arguments
error: the following arguments are required
error: argument *: invalid
error: argument *: expected
error: unrecognized subcommand
Unknown command line flag
no such option:
unrecognized option
invalid option
"""),
    _pattern("shapes", Kind.ROOT, _PROGRAM, False, """
shapes cannot be multiplied
size mismatch
must match the size of tensor
Incompatible shapes
is incompatible with the layer
Dimensions must be equal
Expected all tensors to be on the same device
shapes * not aligned
could not be broadcast together
mismatch in its core dimension
Error(s) in loading state_dict
expected scalar type
"""),
    # What may be so on one node alone (a module, a GPU that an assertion counts), or with what one run was given.
    _pattern("data", Kind.ROOT, _EITHER, False, """
ZeroDivisionError:
IndexError:
KeyError:
AssertionError
"""),
    _pattern("module", Kind.ROOT, _EITHER, False, """
ModuleNotFoundError:
ImportError:
cannot open shared object file
No module named
command not found
"""),
    # A file may come yet, and the file system that it lies on be back in a moment.
    _pattern("file", Kind.ROOT, _EITHER, True, """
FileNotFoundError:
No such file or directory
IsADirectoryError:
NotADirectoryError:
NotFoundError:
"""),
    _pattern("denied", Kind.ROOT, _EITHER, True, """
PermissionError:
Permission denied
AccessControlException
Operation not permitted
"""),
    _pattern("disk", Kind.ROOT, _EITHER, True, """
No space left on device
Read-only file system
Input/output error
Disk quota exceeded
Stale file handle
"""),
    _pattern("limits", Kind.ROOT, _EITHER, True, """
MemoryError
std::bad_alloc
Cannot allocate memory
can't allocate memory
Too many open files
Resource temporarily unavailable
can't start new thread
OutOfMemoryError
DataLoader worker (pid * is killed by signal
Bus error
"""),
    _pattern("name-service", Kind.ROOT, _EITHER, True, """
Name or service not known
Temporary failure in name resolution
"""),
    _pattern("numbers", Kind.ROOT, _PROGRAM, True, """
FloatingPointError:
loss is nan
Loss is NaN
contains NaN
nan or inf
OverflowError:
"""),
    _pattern("value", Kind.ROOT, _EITHER, True, """
ValueError:
InvalidArgumentError
UnicodeDecodeError:
JSONDecodeError:
UnpicklingError:
OSError:
"""),
    # Of a program that was told to go.
    _pattern("told-to-go", Kind.TEARDOWN, _EITHER, True, """
KeyboardInterrupt
SignalException
SIGTERM
Terminated
got signal: 15
Received signal 15
SystemExit
"""),
    _pattern("runtime", Kind.ROOT, _EITHER, True, """
RuntimeError:
Error:
Exception:
Exception
panic:
fatal error
"""),
    _pattern("crash", Kind.ROOT, _EITHER, True, """
Segmentation fault
Fatal Python error
Aborted
core dumped
Floating point exception
Illegal instruction
"""),
)  # fmt: skip
