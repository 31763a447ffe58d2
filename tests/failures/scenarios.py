"""Real failures to be recorded: a program for each rank, and which rank fails of what. Nothing here runs by itself (record.py).

`help` says whether trying again may help: no where the program is at fault, elsewhere where it may be the node, yes else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Help = Literal["no", "elsewhere", "yes"]


@dataclass(frozen=True)
class Scenario:
    """One failure. `programs` has one for each rank, or one for all of them."""

    name: str
    python: str
    """plain, torch, tensorflow, or bash for a script of it"""
    programs: tuple[str, ...]
    first: int
    """the rank that fails"""
    help: Help
    ranks: int = 1


def alone(name: str, program: str, help_: Help, python: str = "plain") -> Scenario:
    return Scenario(name, python, (program,), 0, help_)


PARSER = "import argparse\np = argparse.ArgumentParser('train.py')\n"
THREADS = """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor() as pool:
    pool.submit(lambda: undefined).result()
"""
FILES = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
kept = [open('/dev/null') for _ in range(99)]
"""
POOL = """
import os, signal
from concurrent.futures import ProcessPoolExecutor
def die():
    os.kill(os.getpid(), signal.SIGKILL)
with ProcessPoolExecutor(1) as pool:
    pool.submit(die).result()
"""
NO = [
    ("name", "model = build_model(layers=3)"),
    ("type", "def step(rate):\n    return rate * 2\nstep()"),
    ("attribute", "import json\njson.laod('x')"),
    ("unbound", "def f():\n    x += 1\nf()"),
    ("recursion", "def f(n):\n    return f(n + 1)\nf(0)"),
    ("abstract", "class M:\n    def forward(self):\n        raise NotImplementedError\nM().forward()"),
    ("syntax", "exec(compile('def f(:\\n  pass', 'train.py', 'exec'))"),
    ("indentation", "exec(compile('def f():\\npass', 'train.py', 'exec'))"),
    ("argument-unknown", f"{PARSER}p.parse_args(['--epochs', '3'])"),
    ("argument-missing", f"{PARSER}p.add_argument('--data', required=True)\np.parse_args([])"),
    ("argument-invalid", f"{PARSER}p.add_argument('--lr', type=float)\np.parse_args(['--lr', 'fast'])"),
    ("chained", "try:\n    {}['a']\nexcept KeyError as error:\n    raise TypeError('no such column') from error"),
    ("in-a-thread-pool", THREADS),
]  # fmt: skip
ELSEWHERE = [
    ("assertion", "assert 3 % 2 == 0, 'batch size must be even'"),
    ("zero", "print(10 / len([]))"),
    ("index", "shards = [1, 2]\nprint(shards[7])"),
    ("key", "config = {'lr': 1}\nprint(config['learning_rate'])"),
    ("module", "import torchvision_extras"),
    ("import-name", "from json import loadz"),
    ("shared-object", "import ctypes\nctypes.CDLL('libcudnn_missing.so.9')"),
]
YES = [
    ("type-none", "batch = None\nprint(batch['x'])"),
    ("is-a-folder", "open('/tmp').read()"),
    ("folder", "import os\nos.listdir('/mnt/dataset')"),
    ("file", "open('/data/train/part-0000.csv')"),
    ("value", "float('12,5')"),
    ("json", "import json\njson.loads('{\"a\": ')"),
    ("unicode", "b'\\xff\\xfe'.decode('utf-8')"),
    ("pickle", "import pickle\npickle.loads(b'not a pickle')"),
    ("memory", "import resource\nresource.setrlimit(resource.RLIMIT_AS, (300 << 20, 300 << 20))\nx = bytearray(2 << 30)"),
    ("disk-full", "with open('/dev/full', 'w') as f:\n    f.write('x' * 100000)"),
    ("files-open", FILES),
    ("connection-refused", "import socket\nsocket.create_connection(('127.0.0.1', 9))"),
    ("name-service", "import socket\nsocket.getaddrinfo('master.invalid', 80)"),
    ("timeout", "import socket\ns = socket.socket()\ns.bind(('127.0.0.1', 0))\ns.listen()\ns.settimeout(0.2)\ns.accept()"),
    ("interrupt", "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(9)"),
    ("terminated", "import os, signal, time\nos.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(9)"),
    ("killed", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"),
    ("segfault", "import ctypes\nctypes.string_at(0)"),
    ("segfault-told", "import ctypes, faulthandler\nfaulthandler.enable()\nctypes.string_at(0)"),
    ("abort", "import os\nos.abort()"),
    ("exit-words", "import sys\nsys.exit('validation failed: accuracy is 0.1')"),
    ("exit-silent", "import sys\nsys.exit(3)"),
    ("runtime", "raise RuntimeError('the optimizer did not converge')"),
    ("worker-killed", POOL),
    ("subprocess", "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'raise SystemExit(4)'], check=True)"),
]  # fmt: skip
SHELL: list[tuple[str, str, Help]] = [
    ("bash-unbound", 'set -u; echo "$DATA_FOLDER"', "no"),
    ("bash-syntax", "if true; then echo x; fi; done", "no"),
    ("bash-false", "set -e; false", "yes"),
    ("bash-cat", "cat /data/missing.txt", "yes"),
    ("bash-option", "ls --no-such-option", "no"),
    ("bash-killed-child", "python3 -c 'import os; os.kill(os.getpid(), 9)'", "yes"),
]

DDP = """
import os, sys, torch, torch.distributed as dist
from datetime import timedelta
rank = int(os.environ["RANK"])
dist.init_process_group("gloo", timeout=timedelta(seconds=20))
model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(8, 2))
opt = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(400):
    x = torch.randn(4, 8)
    if rank == FAILS and step == 3:
        ACT
    opt.zero_grad(); model(x).sum().backward(); opt.step()
"""
RING = """
import os, socket, sys, time
rank, size, port = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]), int(os.environ["MASTER_PORT"])
def peers():
    if rank == 0:
        server = socket.create_server(("127.0.0.1", port))
        return [server.accept()[0] for _ in range(size - 1)]
    while True:
        try:
            return [socket.create_connection(("127.0.0.1", port))]
        except ConnectionRefusedError:
            time.sleep(0.05)
mine = peers()
for step in range(1000):
    if rank == FAILS and step == 5:
        ACT
    for each in mine:
        each.sendall(b"x" * 64)
    for each in mine:
        if len(each.recv(64, socket.MSG_WAITALL)) < 64:
            raise ConnectionResetError("peer went away")
    time.sleep(0.01)
"""
MIRRORED = """
import os, json
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "1"
import tensorflow as tf
rank = int(os.environ["RANK"])
strategy = tf.distribute.MultiWorkerMirroredStrategy()
with strategy.scope():
    model = tf.keras.Sequential([tf.keras.layers.Dense(4), tf.keras.layers.Dense(1)])
    model.compile("sgd", "mse")
data = tf.data.Dataset.from_tensor_slices((tf.random.normal((64, 8)), tf.random.normal((64, 1)))).repeat().batch(8)
class At(tf.keras.callbacks.Callback):
    def on_train_batch_begin(self, batch, logs=None):
        if rank == FAILS and batch == 5:
            ACT
model.fit(data, epochs=1, steps_per_epoch=4000, verbose=0, callbacks=[At()])
"""
ACTS: list[tuple[str, str, Help]] = [
    ("type", "raise TypeError(\"forward() got an unexpected keyword argument 'mask'\")", "no"),
    ("name", "undefined_metric(3)", "no"),
    ("index", "[][3]", "elsewhere"),
    ("killed", "os.kill(os.getpid(), 9)", "yes"),
    ("segfault", "import ctypes; ctypes.string_at(0)", "yes"),
    ("module", "import apex_missing", "elsewhere"),
    ("value", "raise ValueError('loss is nan')", "yes"),
    ("file", "open('/data/shard-7')", "yes"),
]
TORCH_ONLY: list[tuple[str, str, Help]] = [
    ("shape", "model(torch.randn(4, 9))", "no"),
    ("state", "torch.nn.Linear(3, 3).load_state_dict(torch.nn.Linear(2, 2).state_dict())", "no"),
    ("exit", "sys.exit(3)", "yes"),
    ("memory", "torch.empty(1 << 45)", "yes"),
    ("numpy", "import numpy as np; np.zeros((2, 3)) @ np.zeros((2, 3))", "no"),
]
TF_ONLY: list[tuple[str, str, Help]] = [
    ("shape", "tf.matmul(tf.zeros((2, 3)), tf.zeros((2, 3)))", "yes"),
]


def gang(
    name: str, python: str, template: str, act: str, help_: Help, fails: int = 1, ranks: int = 2
) -> Scenario:
    program = template.replace("FAILS", str(fails)).replace("ACT", act)
    return Scenario(name, python, (program,), fails, help_, ranks)


SCENARIOS = (
    *(alone(name, program, "no") for name, program in NO),
    *(alone(name, program, "elsewhere") for name, program in ELSEWHERE),
    *(alone(name, program, "yes") for name, program in YES),
    *(alone(name, program, help_, "bash") for name, program, help_ in SHELL),
    *(gang(f"ring-{name}", "plain", RING, act, help_, fails=2, ranks=4) for name, act, help_ in ACTS),
    *(
        gang(f"ring-first-{name}", "plain", RING, act, help_, fails=0, ranks=3)
        for name, act, help_ in ACTS[:4]
    ),
    *(gang(f"ddp-{name}", "torch", DDP, act, help_) for name, act, help_ in (*ACTS, *TORCH_ONLY)),
    *(gang(f"ddp-first-{name}", "torch", DDP, act, help_, fails=0, ranks=3) for name, act, help_ in ACTS[:4]),
    *(
        gang(f"mirrored-{name}", "tensorflow", MIRRORED, act, help_)
        for name, act, help_ in (*ACTS[:5], *TF_ONLY)
    ),
)
