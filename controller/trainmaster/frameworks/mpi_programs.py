"""The two small programs by which mpirun starts its daemons in containers instead of by ssh. Standard library only.

Lives here: their texts, which a Python 3.6 runs (that of RHEL 8). Never here: who runs which (mpi.py).

A worker's listens at the port that its peers know, and runs what it is told by whoever proves to know the job's secret. Both
sides make up a number. The caller signs both, the worker's name and the command: nobody can say again what he overheard, nor pass
it on to another worker. The worker signs both and the exit code: nobody else can answer for it. Who hasn't proved anything within
20 s, or is the oldest of 64 such, is hung up on. The other program is what mpirun calls in place of ssh, as
`AGENT [options] worker-3 orted …`; it ends with the exit code of what it had started. Whichever of the two goes first takes the
started process with it.
"""

from __future__ import annotations

_BOTH = """\
import hashlib, hmac, json, os, socket, struct, sys, time
def signed(*parts):
    return hmac.new(key, b"".join(struct.pack(">I", len(part)) + part for part in parts), hashlib.sha256).digest()
def exactly(there, count, until=None):
    data = b""
    while len(data) < count:
        if until:
            there.settimeout(max(0.001, until - time.monotonic()))
        piece = there.recv(min(65536, count - len(data)))
        if not piece:
            raise OSError("it closed the connection")
        data += piece
    return data
"""
"""what both begin with; `key` is the secret, which each takes from its environment in its own way"""

SERVE = (
    _BOTH
    + """\
import collections, signal, subprocess, threading
key = os.environ.pop("TRAINMASTER_PEER_SECRET", "").encode()
if not key:
    sys.exit("trainmaster: this process was given no secret of its job, and starts nothing for anybody")
name = (os.environ["TRAINMASTER_ROLE"] + "-" + os.environ["TRAINMASTER_INDEX"]).encode()
def proved(caller):
    until = time.monotonic() + 20
    number = os.urandom(32)
    caller.settimeout(20)
    caller.sendall(number)
    theirs, signature = exactly(caller, 32, until), exactly(caller, 32, until)
    size, = struct.unpack(">I", exactly(caller, 4, until))
    if size > 1 << 20:
        raise OSError
    command = exactly(caller, size, until)
    if not hmac.compare_digest(signature, signed(b"run", number, theirs, name, command)):
        raise OSError
    return number, theirs, command.decode()
def end(process):
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(5)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            pass
strangers, lock = collections.OrderedDict(), threading.Lock()
def known(caller):
    with lock:
        return strangers.pop(caller, None) is not None
def serve(caller):
    with caller:
        try:
            number, theirs, command = proved(caller)
        except (OSError, UnicodeDecodeError):
            known(caller)
            return
        if not known(caller):
            return
        try:
            caller.settimeout(None)
            caller.sendall(signed(b"begun", number, theirs))
        except OSError:
            return
        process = subprocess.Popen(["bash", "-c", command], stdin=subprocess.DEVNULL, start_new_session=True)
        def watch():
            try:
                caller.recv(1)
            except OSError:
                pass
            if process.poll() is None:
                end(process)
        threading.Thread(target=watch, daemon=True).start()
        code = process.wait()
        end(process)
        code = bytes([code if code >= 0 else 128 - code])
        try:
            caller.sendall(code + signed(b"ended", number, theirs, code))
        except OSError:
            pass
own = json.loads(os.environ["TRAINMASTER_CLUSTER"])[os.environ["TRAINMASTER_ROLE"]][int(os.environ["TRAINMASTER_INDEX"])]
listening = socket.socket(socket.AF_INET6 if own.startswith("[") else socket.AF_INET)
listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listening.bind(("", int(os.environ["TRAINMASTER_PORT"])))
listening.listen(64)
while True:
    caller, _ = listening.accept()
    with lock:
        oldest = strangers.popitem(last=False)[0] if len(strangers) >= 64 else None
        strangers[caller] = True
    if oldest:
        try:
            oldest.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
    threading.Thread(target=serve, args=(caller,), daemon=True).start()
"""
)

START = (
    _BOTH
    + """\
key = os.environ["TRAINMASTER_PEER_SECRET"].encode()
arguments = sys.argv[1:]
while arguments and arguments[0].startswith("-"):
    arguments = arguments[2 if arguments[0] in ("-l", "-p", "-o", "-i", "-F") else 1:]
name, command = arguments[0], " ".join(arguments[1:]).encode()
role, _, index = name.rpartition("-")
host, _, port = json.loads(os.environ["TRAINMASTER_CLUSTER"])[role][int(index)].rpartition(":")
def challenged():
    until = time.monotonic() + 300
    while True:
        try:
            there = socket.create_connection((host.strip("[]"), int(port)), 10)
            return there, exactly(there, 32)
        except OSError as error:
            if time.monotonic() > until:
                sys.exit("trainmaster: %s (%s:%s) can't be reached: %s" % (name, host, port, error))
            time.sleep(0.3)
def begun():
    for wait in (0.3, 1, 0):
        there, number = challenged()
        own = os.urandom(32)
        try:
            there.settimeout(30)
            signature = signed(b"run", number, own, name.encode(), command)
            there.sendall(own + signature + struct.pack(">I", len(command)) + command)
            if hmac.compare_digest(exactly(there, 32), signed(b"begun", number, own)):
                return there, number, own
        except OSError:
            pass
        there.close()
        time.sleep(wait)
    sys.exit("trainmaster: %s (%s:%s) doesn't take this job's word" % (name, host, port))
there, number, own = begun()
there.settimeout(None)
try:
    code = exactly(there, 1)
    signature = exactly(there, 32)
except OSError:
    sys.exit("trainmaster: %s went away" % name)
if not hmac.compare_digest(signature, signed(b"ended", number, own, code)):
    sys.exit("trainmaster: something else answered for %s" % name)
sys.exit(code[0])
"""
)
