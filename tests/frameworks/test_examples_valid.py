"""The examples: their jobs are valid, what they name exists, and what they share does what it says."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from trainmaster.api.documents import read_job
from trainmaster.api.job import TrainingJob

EXAMPLES = Path(__file__).parents[2] / "examples"
STARTERS = EXAMPLES.parent / "controller" / "trainmaster" / "cli" / "starters"
CHECKPOINTS = STARTERS / "checkpoints.py"
JOBS = sorted(EXAMPLES.glob("*/job.yaml"))
SCRIPTS = sorted([*EXAMPLES.glob("*/*.py"), *STARTERS.rglob("*.py")])
LONGEST = 100
"""lines of a training that a person is to read at once"""


def read(text: str) -> TrainingJob:
    job, problems = read_job(text)
    assert not problems
    assert job is not None
    return job


def module(path: str | Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A script of examples/, imported as it is when run from its folder."""
    file = EXAMPLES / path
    monkeypatch.setattr(sys, "path", [str(file.parent), *sys.path])
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.parent.name)
def test_every_example_is_valid_and_names_files_that_are_here(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, stage = read(path.read_text()), module("stage.py", monkeypatch)
    monkeypatch.setattr(stage.environments, "digits", lambda: path)  # they are there once an environment is
    for file in job.spec.files:
        assert stage.source(file.source.removeprefix("hdfs:///examples/")).is_file()


def test_there_is_an_example_of_each_kind() -> None:
    kinds = {path.parent.name: read(path.read_text()).spec.framework.value for path in JOBS}
    assert kinds == {
        "custom-pytorch": "Custom",
        "custom-template": "Custom",
        "data-preparation": "Generic",
        "generic-hello": "Generic",
        "horovod": "Horovod",
        "jax": "JAX",
        "mpi": "MPI",
        "mxnet-kvstore": "MXNet",
        "pytorch-ddp": "PyTorch",
        "pytorch-elastic": "PyTorch",
        "pytorch-processes": "PyTorch",
        "pytorch-torchrun": "PyTorch",
        "spark-preparation": "XGBoost",
        "tensorflow-estimator": "TensorFlow",
        "tensorflow-mirrored": "TensorFlow",
        "tensorflow-ps": "TensorFlow",
        "xgboost": "XGBoost",
    }


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_script_to_begin_with_is_short(path: Path) -> None:
    assert path == CHECKPOINTS or len(path.read_text().splitlines()) <= LONGEST


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.parent.name)
def test_a_training_says_how_well_and_how_long_it_trains_and_what_to_kill(path: Path) -> None:
    head = path.read_text().partition("apiVersion:")[0].replace("\n#", "")
    if path.parent.name in {"generic-hello", "data-preparation"}:
        return
    assert re.search(r"accuracy (of about|above) 0\.9", head)
    assert re.search(r"seconds|minute", head)
    assert " Try: " in head


def test_every_training_can_be_staged(monkeypatch: pytest.MonkeyPatch) -> None:
    trainings = {path.parent.name for path in JOBS} - {"generic-hello", "data-preparation"}
    assert set(module("stage.py", monkeypatch).INTERPRETERS) == trainings


def test_a_script_of_another_example_is_staged_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = module("stage.py", monkeypatch)
    digits = tmp_path / "digits.csv.gz"
    digits.write_bytes(b"")
    monkeypatch.setattr(stage.environments, "digits", lambda: digits)
    stage.upload("custom-template", f"file://{tmp_path}/root")
    assert (tmp_path / "root" / "jax" / "train.py").is_file()


def test_a_rendered_job_has_its_root_and_its_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = module("stage.py", monkeypatch)
    text = (EXAMPLES / "pytorch-ddp" / "job.yaml").read_text()
    rendered = stage.render(text, "hdfs://nn:9000/x/", {"SLOW": "1", "EXAMPLE_PYTHON": r"/o'p\"t/python"})
    spec = read(rendered).spec
    assert {v.name: v.value for v in spec.env} == {
        "EXAMPLE_PYTHON": r"/o'p\"t/python",
        "EPOCHS": "20",
        "SLOW": "1",
    }
    assert spec.input_path == "hdfs://nn:9000/x/digits/digits.csv.gz"
    assert "hdfs:///" not in rendered
    with pytest.raises(SystemExit, match="no variable TYPO"):
        stage.render(text, "hdfs:///x", {"TYPO": "1"})


def test_staging_brings_the_digits_and_the_scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = module("stage.py", monkeypatch)
    digits = tmp_path / "digits.csv.gz"
    digits.write_bytes(b"")
    monkeypatch.setattr(stage.environments, "digits", lambda: digits)
    stage.upload("tensorflow-ps", f"file://{tmp_path}/root")
    staged = {str(path.relative_to(tmp_path / "root")) for path in tmp_path.glob("root/*/*")}
    assert staged == {
        "digits/digits.csv.gz",
        "digits/digits.py",
        "digits/checkpoints.py",
        "tensorflow-ps/train.py",
    }


def save(checkpoints: object, epoch: int) -> None:
    with checkpoints.saving(epoch) as folder:
        Path(folder, "state").write_text(str(epoch))


def test_checkpoints_keep_the_newest_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints = module(CHECKPOINTS, monkeypatch).Checkpoints(f"file://{tmp_path}/c")
    with checkpoints.newest() as found:
        assert found == (0, None)
    for epoch in (1, 2, 3, 10):
        save(checkpoints, epoch)
    assert checkpoints.epochs() == [3, 10]
    with checkpoints.newest() as (epoch, folder):
        assert (epoch, Path(folder, "state").read_text()) == (10, "10")


def test_a_checkpoint_that_was_cut_off_is_never_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints = module(CHECKPOINTS, monkeypatch).Checkpoints(f"file://{tmp_path}/c")
    save(checkpoints, 1)
    monkeypatch.setattr(checkpoints.fs, "mv", cut_off)
    with pytest.raises(KeyboardInterrupt):
        save(checkpoints, 2)
    assert checkpoints.epochs() == [1]


def test_an_older_fsspec_copies_no_checkpoint_to_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of Python 3.7 would, and has a rename beside it."""
    checkpoints = module(CHECKPOINTS, monkeypatch).Checkpoints(f"file://{tmp_path}/c")
    monkeypatch.setattr(checkpoints.fs, "mv_file", lambda a, b, **_: Path(a).replace(b), raising=False)
    monkeypatch.setattr(checkpoints.fs, "mv", cut_off)
    save(checkpoints, 1)
    assert checkpoints.epochs() == [1]


UP = "../" * 20


@pytest.mark.parametrize(
    "members",
    [
        [(f"{UP}X/evil", tarfile.REGTYPE, "")],
        [("/X/evil", tarfile.REGTYPE, "")],
        [("a/../../evil", tarfile.REGTYPE, "")],
        [("link", tarfile.SYMTYPE, "/X"), ("link/evil", tarfile.REGTYPE, "")],
        [("link", tarfile.LNKTYPE, "/X/there")],
        [("pipe", tarfile.FIFOTYPE, "")],
        [("device", tarfile.CHRTYPE, "")],
    ],
    ids=lambda members: members[0][0],
)
def test_nothing_of_a_checkpoint_leaves_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, members: list[tuple[str, bytes, str]]
) -> None:
    checkpoints = module(CHECKPOINTS, monkeypatch).Checkpoints(f"file://{tmp_path}/c")
    (tmp_path / "there").write_text("mine")
    with tarfile.open(tmp_path / "c" / "epoch-000001.tar", "w") as tar:
        for name, kind, target in members:
            one = tarfile.TarInfo(name.replace("X", str(tmp_path)[1:]))
            one.type, one.linkname = kind, target.replace("X", str(tmp_path)[1:])
            tar.addfile(one)
    with pytest.raises(ValueError, match="a checkpoint doesn't hold such a thing"), checkpoints.newest():
        pass
    assert {path.name for path in tmp_path.iterdir()} == {"c", "there"}


def test_a_checkpoint_of_folders_comes_back_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = module(CHECKPOINTS, monkeypatch).Checkpoints(f"file://{tmp_path}/c")
    with checkpoints.saving(1) as folder:
        Path(folder, "a", "b").mkdir(parents=True)
        Path(folder, "empty").mkdir()
        Path(folder, "a", "b", "c").write_bytes(b"x" * 100_000)
    with checkpoints.newest() as (_, folder):
        found = {str(path.relative_to(folder)) for path in Path(folder).rglob("*")}
        assert found == {"a", "a/b", "a/b/c", "empty"}
        assert Path(folder, "a/b/c").read_bytes() == b"x" * 100_000


SAFE = {
    "torch.load": ("weights_only", True),
    "torch.jit.load": None,
    "pickle.load": None,
    "pickle.loads": None,
    "joblib.load": None,
    "yaml.load": None,
    "tf.keras.models.load_model": None,
    "tar.extractall": None,
    "tar.extract": None,
    "shutil.unpack_archive": None,
}
"""what may run, or write anywhere, as what it reads says; and the argument that keeps it from that, where all Pythons have one"""


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_script_to_begin_with_runs_what_it_reads(path: Path) -> None:
    for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
        name = ast.unparse(call.func)
        given = {word.arg: ast.unparse(word.value) for word in call.keywords}
        if name in SAFE:
            needed = SAFE[name]
            assert needed is not None, f"{name} in line {call.lineno}"
            assert given.get(needed[0]) == repr(needed[1]), f"{name} in line {call.lineno}"
        assert "allow_pickle" not in given


def test_no_job_to_begin_with_reads_where_anybody_may_write() -> None:
    for path in [*JOBS, *STARTERS.glob("*/job.yaml")]:
        assert "/tmp" not in path.read_text(), path


def cut_off(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_saving_clears_what_was_cut_off_and_touches_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = module(CHECKPOINTS, monkeypatch).Checkpoints(f"file://{tmp_path}")
    for name in (f".epoch-000001.{'0' * 32}", "notes", "epoch-7.tar"):
        (tmp_path / name).touch()
    save(checkpoints, 1)
    save(checkpoints, 1)
    assert {path.name for path in tmp_path.iterdir()} == {"epoch-000001.tar", "notes", "epoch-7.tar"}


def files_below(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}


def a_model(folder: Path, text: str) -> str:
    (folder / "variables").mkdir(parents=True, exist_ok=True)
    (folder / "metrics.json").write_text(text)
    (folder / "variables" / "data").write_text(text)
    return str(folder)


def test_a_model_is_published_over_an_older_one_and_beside_strangers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = module(CHECKPOINTS, monkeypatch).publish
    for accuracy in ("0.5", "0.9"):
        publish(f"file://{tmp_path}/there", a_model(tmp_path / "model", accuracy))
        (tmp_path / "there" / "stranger").touch()
    assert files_below(tmp_path / "there") == {
        "metrics.json": "0.9",
        "variables/data": "0.9",
        "stranger": "",
        "_SUCCESS": "",
    }


@pytest.mark.parametrize(
    ("call", "after"), [("put_file", 0), ("put_file", 1), ("mv", 0), ("mv", 1), ("pipe_file", 0)]
)
def test_no_half_of_a_model_is_ever_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, after: int
) -> None:
    """Cut off at any point: where the marker stands, all files are of one model; and the next one that publishes tidies up."""
    checkpoints, there, url = module(CHECKPOINTS, monkeypatch), tmp_path / "there", f"file://{tmp_path}/there"
    checkpoints.publish(url, a_model(tmp_path / "model", "old"))
    fs = checkpoints.fsspec.filesystem("file")
    with monkeypatch.context() as patch:
        patch.setattr(fs, call, cut_off_after(getattr(fs, call), after))
        with pytest.raises(KeyboardInterrupt):
            checkpoints.publish(url, a_model(tmp_path / "model", "new"))
    left = files_below(there)
    published = {text for name, text in left.items() if not name.startswith("_")}
    assert ("_SUCCESS" in left) == (call == "put_file"), "until all is brought, the older one stands"
    assert published == {"old"} or "_SUCCESS" not in left
    checkpoints.publish(url, a_model(tmp_path / "model", "third"))
    assert files_below(there) == {"metrics.json": "third", "variables/data": "third", "_SUCCESS": ""}


def cut_off_after(real: Callable[..., object], calls: int) -> Callable[..., object]:
    made = iter(range(calls))

    def call(*given: object, **words: object) -> object:
        return cut_off() if next(made, None) is None else real(*given, **words)

    return call
