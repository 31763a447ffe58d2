"""How checkpoints are told from what else lies in a folder: by the names that frameworks and their libraries give them. Pure.

Lives here: which file or folder is the newest whole checkpoint, and its step where the name tells it. Never here: listing.

Names are those of TensorFlow (tf.train.CheckpointManager: `checkpoint`, `ckpt-12.index`, `ckpt-12.data-00000-of-00001`), Keras
(`.keras`, `.weights.h5`), PyTorch and its libraries (`.pt`, `.pth`, `.ckpt`, `checkpoint-500/`, `global_step100/`), JAX with
Orbax (`1000/`, `1000.orbax-checkpoint-tmp-…/`), MXNet (`net-0010.params`) and XGBoost (`model_12.ubj`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from heapq import nlargest

STATE_FILE = "checkpoint"
"""TensorFlow's own word on which one is the newest; it is replaced after a checkpoint is whole"""
_ENDINGS = (
    ".pt", ".pth", ".ckpt", ".bin", ".tar", ".safetensors", ".keras", ".h5", ".hdf5", ".params", ".ubj", ".msgpack", ".npz",
    ".pkl",
)  # fmt: skip
_TEMPORARY = re.compile(
    r"^[._~]|[._-](tmp|temp|part|partial|incomplete|writing)\b|_COPYING_|orbax-checkpoint-tmp", re.IGNORECASE
)
_FOLDER = re.compile(r"ckpt|checkpoint|step|iter|epoch|^\d+$", re.IGNORECASE)
_STEP = re.compile(r"(?:step|iter(?:ation)?|ckpt|checkpoint|model)s?[-_=.]*(\d+)", re.IGNORECASE)
_NUMBERS = re.compile(r"\d+")
_SAID = re.compile(r'^model_checkpoint_path: "([^"\n]{1,4096})"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry of the folder of checkpoints."""

    name: str
    folder: bool
    size: int
    """bytes; of a folder those of the files right in it"""
    modified: int
    """nanoseconds since the epoch, by the store's clock"""


def candidates(listed: Iterable[Listed], most: int) -> list[Listed]:
    """Those that may be checkpoints, the newest `most` of them: nothing else needs to be remembered from look to look."""
    return nlargest(
        most, filter(_is_checkpoint, listed), key=lambda each: (each.modified, step_of(_name(each)) or 0)
    )


def newest(listed: Iterable[Listed], before: Collection[Listed], state: str = "") -> tuple[str, int] | None:
    """Name of the newest whole checkpoint, and when it was written (nanoseconds, by the store's clock); None where there is none.

    `before`: the entries of an earlier look. What has changed since may still be written, and doesn't count yet. `state`: what
    TensorFlow's state file says, which is believed where what it names is there.
    """
    listed, settled = list(listed), frozenset(before)
    whole = {_name(each): each.modified for each in listed if each in settled and _is_checkpoint(each)}
    if not whole:
        return None
    said = said_by(state)
    name = said if said in whole else max(whole, key=lambda each: (whole[each], step_of(each) or 0, each))
    return name, whole[name]


def said_by(state: str) -> str:
    """The name in TensorFlow's state file (a CheckpointState as text); empty where it says none."""
    found = _SAID.search(state)
    return found[1].rpartition("/")[2] if found else ""


def step_of(name: str) -> int | None:
    """The step in a checkpoint's name. None where it tells none, or an epoch."""
    stem = _stem(name)
    if found := _STEP.findall(stem):
        return _number(found[-1])
    numbers = _NUMBERS.findall(stem)
    epochs = "epoch" in stem.lower() or name.endswith(".params")
    return _number(numbers[0]) if len(numbers) == 1 and not epochs else None


def _number(digits: str) -> int | None:
    return int(digits) if len(digits) <= 15 else None  # a date and time is no step


def _is_checkpoint(entry: Listed) -> bool:
    if _TEMPORARY.search(entry.name) or not entry.size:
        return False
    return bool(_FOLDER.search(entry.name)) if entry.folder else entry.name.endswith((*_ENDINGS, ".index"))


def may_be_checkpoint(entry: Listed) -> bool:
    """Whether a folder is worth a look into it."""
    return entry.folder and bool(_FOLDER.search(entry.name)) and not _TEMPORARY.search(entry.name)


def _name(entry: Listed) -> str:
    """TensorFlow names a checkpoint by what its files have in common; the index is written last."""
    return entry.name.removesuffix(".index")


def _stem(name: str) -> str:
    ending = next((each for each in (".weights.h5", *_ENDINGS) if name.endswith(each)), "")
    return name.removesuffix(ending)
