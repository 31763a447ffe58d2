"""Makes what the examples need on this machine, once, below ~/.cache/trainmaster, and prints where it is.

    python3 examples/environments.py tensorflow    an interpreter with TensorFlow
    python3 examples/environments.py tensorflow1   an interpreter with TensorFlow 1.15, made of a Python 3.7 of this machine
    python3 examples/environments.py horovod       the same with Horovod, which is built here: that wants cmake, g++ and minutes
    python3 examples/environments.py torch         an interpreter with Debian's PyTorch
    python3 examples/environments.py xgboost       an interpreter with XGBoost
    python3 examples/environments.py mxnet         an interpreter with MXNet, made of a Python 3.8 of this machine
    python3 examples/environments.py jax           an interpreter with JAX
    python3 examples/environments.py mpi           an interpreter with mpi4py, beside Debian's Open MPI
    python3 examples/environments.py spark         an interpreter with PySpark, beside a Java of this machine
    python3 examples/environments.py digits        the digits, as digits.csv.gz

Several at once print a line each. Needs the standard library only. A second run finds everything there and only
prints. What pip fetches is held to the hashes in requirements.txt.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "trainmaster" / "examples"
TENSORFLOW1 = HERE / "tensorflow-estimator" / "requirements.txt"
SOURCES = ("--no-binary=gast,horovod", "--no-build-isolation")
"""of which there are no wheels"""
DEBIAN_PYTHON = "/usr/bin/python3"
TORCH_PACKAGES = ("python3-torch", "python3-venv")


def tensorflow() -> Path:
    requirements = HERE / "tensorflow-ps" / "requirements.txt"
    return environment("tensorflow", sys.executable, requirements) / "bin" / "python"


def tensorflow1() -> Path:
    return environment("tensorflow1", older_python("3.7"), TENSORFLOW1, pip=SOURCES) / "bin" / "python"


def horovod() -> Path:
    """Horovod's build looks for the frameworks that are there: so it comes second."""
    python, second = older_python("3.7"), HERE / "horovod" / "requirements.txt"
    os.environ.update(HOROVOD_WITH_TENSORFLOW="1", HOROVOD_WITH_GLOO="1", HOROVOD_WITHOUT_MPI="1")
    return environment("horovod", python, TENSORFLOW1, second, pip=SOURCES) / "bin" / "python"


def torch() -> Path:
    if not succeeds(DEBIAN_PYTHON, "-c", "import torch, ensurepip"):
        install_packages(TORCH_PACKAGES)
    requirements = HERE / "pytorch-ddp" / "requirements.txt"
    folder = environment("torch", DEBIAN_PYTHON, requirements, venv=("--system-site-packages",))
    return folder / "bin" / "python"


def xgboost() -> Path:
    return environment("xgboost", sys.executable, HERE / "xgboost" / "requirements.txt") / "bin" / "python"


def jax() -> Path:
    return environment("jax", sys.executable, HERE / "jax" / "requirements.txt") / "bin" / "python"


def mpi() -> Path:
    if not shutil.which("mpirun"):
        install_packages(("openmpi-bin",))
    return environment("mpi", sys.executable, HERE / "mpi" / "requirements.txt") / "bin" / "python"


def spark() -> Path:
    """PySpark has no wheel: it is unpacked by its own setup.py, with build tools that are pinned as well."""
    needs = HERE / "spark-preparation"
    source = ("--no-binary=pyspark", "--no-build-isolation")
    folder = environment(
        "spark",
        sys.executable,
        needs / "requirements.txt",
        pip=source,
        tools=needs / "requirements-build.txt",
    )
    return folder / "bin" / "python"


def mxnet() -> Path:
    folder = environment("mxnet", older_python("3.8"), HERE / "mxnet-kvstore" / "requirements.txt")
    return folder / "bin" / "python"


def older_python(version: str) -> str:
    """An interpreter of this version: of the PATH, or one that pyenv or uv brought here."""
    homes = (Path.home() / ".pyenv" / "versions", Path.home() / ".local" / "share" / "uv" / "python")
    found = (path for home in homes for path in sorted(home.glob(f"*{version}.*/bin/python{version}")))
    for python in (f"python{version}", *map(str, found)):
        if succeeds(python, "-c", "import ensurepip"):
            return python
    raise SystemExit(f"Python {version} is needed, and isn't here. To get one: uv python install {version}")


def digits() -> Path:
    folder = environment("digits", sys.executable, HERE / "digits" / "requirements.txt", pip=("--no-deps",))
    return next(folder.glob("lib/python*/site-packages/sklearn/datasets/data/digits.csv.gz"))


def environment(
    name: str,
    python: str,
    *requirements: Path,
    venv: tuple[str, ...] = (),
    pip: tuple[str, ...] = (),
    tools: Path | None = None,
) -> Path:
    """A virtual environment of these requirements, one after the other, made with `tools` in it; made anew when they or the
    interpreter changed."""
    version = subprocess.check_output([python, "-VV"])
    key = hashlib.sha256(b"".join([version, *(each.read_bytes() for each in requirements)])).hexdigest()[:12]
    folder = CACHE / f"{name}-{key}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            steps = [["-r", str(tools)]] if tools else []
            steps += [[*pip, "-r", str(each)] for each in requirements]
            make(folder, [python, "-m", "venv", *venv], *steps)
    return folder


def make(folder: Path, venv: list[str], *steps: list[str]) -> None:
    print(f"making {folder}: this takes a minute", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    run(*venv, str(folder), hint="on Debian: apt-get install python3-venv")
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    # Bytecode is made of what is imported, when it is: most of a framework never is.
    for step in steps:
        run(
            *pip,
            "--no-compile",
            "--only-binary=:all:",
            "--require-hashes",
            *step,
            hint="is the package index reachable from here?",
        )
    (folder / "complete").touch()


def install_packages(packages: tuple[str, ...]) -> None:
    """With apt-get where that may be done without asking; else say what a person has to install."""
    command = ("apt-get", "install", "--yes", "--no-install-recommends", *packages)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise SystemExit(f"missing: {' '.join(packages)}. On Debian: sudo {' '.join(command)}")
    run("apt-get", "update", "--quiet", hint="is the package mirror reachable from here?")
    run(*command, hint=f"this example needs Debian's {packages[0]}")


def run(*command: str, hint: str) -> None:
    """Run a program whose output belongs on stderr: stdout is for the answer alone."""
    if subprocess.run(command, stdout=sys.stderr, check=False).returncode != 0:
        raise SystemExit(f"failed: {' '.join(command)}\n{hint}")


def succeeds(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


WHAT: dict[str, Callable[[], Path]] = {
    "tensorflow": tensorflow,
    "tensorflow1": tensorflow1,
    "horovod": horovod,
    "torch": torch,
    "xgboost": xgboost,
    "jax": jax,
    "mpi": mpi,
    "mxnet": mxnet,
    "spark": spark,
    "digits": digits,
}

if __name__ == "__main__":
    if not sys.argv[1:] or not WHAT.keys() >= set(sys.argv[1:]):
        raise SystemExit(__doc__)
    for what in sys.argv[1:]:
        print(WHAT[what]())
