"""Brings what an example needs into HDFS, and prints its job, ready to be applied.

    python examples/stage.py tensorflow-ps [--root URL] [--set NAME=VALUE …] > job.yaml

Runs with the interpreter that trainmaster is installed for. Makes the example's own interpreter first (see
environments.py) and names it in the job; --set changes other variables of its environment, such as SLOW=1.
--root is where the files go and what the job's hdfs:///examples is replaced by; hdfs:///… needs HADOOP_CONF_DIR.
"""

from __future__ import annotations

import argparse
import json
import re
from importlib.resources import files
from pathlib import Path

import environments
import fsspec

HERE = Path(__file__).resolve().parent
ROOT = "hdfs:///examples"
"""as the job files have it"""
DIGITS = "digits/digits.csv.gz"
CHECKPOINTS = "digits/checkpoints.py"
"""which is no file of the examples: it is the one that `trainmaster init` writes"""
INTERPRETERS = {
    "tensorflow-ps": environments.tensorflow,
    "tensorflow-mirrored": environments.tensorflow,
    "tensorflow-estimator": environments.tensorflow1,
    "horovod": environments.horovod,
    "pytorch-ddp": environments.torch,
    "pytorch-processes": environments.torch,
    "pytorch-torchrun": environments.torch,
    "pytorch-elastic": environments.torch,
    "mxnet-kvstore": environments.mxnet,
    "spark-preparation": environments.xgboost,
    "xgboost": environments.xgboost,
    "custom-template": environments.jax,
    "custom-pytorch": environments.torch,
    "jax": environments.jax,
    "mpi": environments.mpi,
}


def main() -> None:
    options = parse()
    variables = {"EXAMPLE_PYTHON": str(INTERPRETERS[options.example]()), **dict(options.set)}
    upload(options.example, options.root)
    print(render((HERE / options.example / "job.yaml").read_text(), options.root, variables), end="")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("example", choices=sorted(INTERPRETERS))
    parser.add_argument("--root", default=ROOT)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", type=assignment)
    return parser.parse_args()


def assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"not NAME=VALUE: {text}")
    return name, value


def upload(example: str, root: str) -> None:
    """The digits, and the files that the example's job names."""
    fs, folder = fsspec.url_to_fs(root)
    named = re.findall(rf'"{ROOT}/([^"]+)"', (HERE / example / "job.yaml").read_text())
    for name in {DIGITS, *named}:
        fs.makedirs(f"{folder}/{Path(name).parent}", exist_ok=True)
        fs.put_file(str(source(name)), f"{folder}/{name}")


def source(name: str) -> Path:
    """Where what a job calls hdfs:///examples/NAME lies here."""
    if name == DIGITS:
        return environments.digits()
    if name == CHECKPOINTS:
        return Path(str(files("trainmaster.cli") / "starters" / "checkpoints.py"))
    return HERE / name


def render(job: str, root: str, variables: dict[str, str]) -> str:
    """The job with another root, and other values for variables that it names."""
    for name, value in variables.items():
        line = re.compile(rf"\{{name: {re.escape(name)}, value: .*\}}")
        job, found = line.subn(lambda _: f"{{name: {name}, value: {json.dumps(value)}}}", job)  # noqa: B023 - called at once
        if not found:
            raise SystemExit(f"the job has no variable {name}")
    return job.replace(ROOT, root.rstrip("/"))


if __name__ == "__main__":
    main()
