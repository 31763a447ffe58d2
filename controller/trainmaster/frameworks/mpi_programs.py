"""The two small programs by which mpirun starts its daemons in containers instead of by ssh. Standard library only.

Lives here: their texts. Never here: who runs which (mpi.py).

A worker's listens at the port that its peers know, and runs what it is told by whoever proves to know the job's secret: the
answer to a number that it made up is a signature of that number and the command, so nobody can say again what he overheard. The
other one is what mpirun calls in place of ssh, as `AGENT [options] worker-3 orted …`; it ends with the exit code of what it had
started. Whichever of the two goes first takes the started process with it.
"""

from __future__ import annotations

SERVE = """\
import hmac, json, os, signal, socket, struct, subprocess, sys, threading
key = os.environ.pop("TRAINMASTER_PEER_SECRET", "").encode()
if not key:
    sys.exit("trainmaster: this process was given no secret of its job, and starts nothing for anybody")
def exactly(caller, count):
    data = b""
    while len(data) < count:
        piece = caller.recv(min(65536, count - len(data)))
        if not piece:
            raise ConnectionError
        data += piece
    return data
def command_of(caller):
    caller.settimeout(20)
    number = os.urandom(32)
    caller.sendall(number)
    signature = exactly(caller, 32)
    size, = struct.unpack(">I", exactly(caller, 4))
    if size > 1 << 20:
        raise ConnectionError
    command = exactly(caller, size)
    if not hmac.compare_digest(signature, hmac.digest(key, number + command, "sha256")):
        raise ConnectionError
    caller.settimeout(None)
    return command.decode()
def end(process):
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(5)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            pass
def serve(caller):
    with caller:
        try:
            command = command_of(caller)
        except (OSError, UnicodeDecodeError):
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
        try:
            caller.sendall(bytes([code if code >= 0 else 128 - code]))
        except OSError:
            pass
own = json.loads(os.environ["TRAINMASTER_CLUSTER"])[os.environ["TRAINMASTER_ROLE"]][int(os.environ["TRAINMASTER_INDEX"])]
family = socket.AF_INET6 if own.startswith("[") else socket.AF_INET
listening = socket.create_server(("", int(os.environ["TRAINMASTER_PORT"])), family=family, backlog=64)
slots = threading.BoundedSemaphore(16)
while True:
    caller, _ = listening.accept()
    if slots.acquire(blocking=False):
        def turn(caller=caller):
            try:
                serve(caller)
            finally:
                slots.release()
        threading.Thread(target=turn, daemon=True).start()
    else:
        caller.close()
"""

START = """\
import hmac, json, os, socket, struct, sys, time
arguments = sys.argv[1:]
while arguments and arguments[0].startswith("-"):
    arguments = arguments[2 if arguments[0] in ("-l", "-p", "-o", "-i", "-F") else 1:]
name, command = arguments[0], " ".join(arguments[1:]).encode()
role, _, index = name.rpartition("-")
host, _, port = json.loads(os.environ["TRAINMASTER_CLUSTER"])[role][int(index)].rpartition(":")
until = time.monotonic() + 300
while True:
    try:
        there = socket.create_connection((host.strip("[]"), int(port)), 10)
        number = b""
        while len(number) < 32:
            piece = there.recv(32 - len(number))
            if not piece:
                raise ConnectionError("it closed the connection")
            number += piece
        break
    except OSError as error:
        if time.monotonic() > until:
            sys.exit(f"trainmaster: {name} ({host}:{port}) can't be reached: {error}")
        time.sleep(0.3)
key = os.environ["TRAINMASTER_PEER_SECRET"].encode()
there.sendall(hmac.digest(key, number + command, "sha256") + struct.pack(">I", len(command)) + command)
there.settimeout(None)
try:
    code = there.recv(1)
except OSError:
    code = b""
if not code:
    sys.exit(f"trainmaster: {name} went away")
sys.exit(code[0])
"""
