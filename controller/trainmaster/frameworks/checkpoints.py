"""How checkpoints are told from what else lies in a folder: by the names that frameworks and their libraries give them. Pure.

Lives here: which file or folder is the newest settled checkpoint, and its step where the name tells it. Never here: listing.

Names are those of TensorFlow (tf.train.CheckpointManager: `checkpoint`, `ckpt-12.index`, `ckpt-12.data-00000-of-00001`), Keras
(`.keras`, `.weights.h5`), PyTorch and its libraries (`.pt`, `.pth`, `.ckpt`, `checkpoint-500/`, `global_step100/`), JAX with
Orbax (`1000/`, `1000.orbax-checkpoint-tmp-…/`), MXNet (`net-0010.params`) and XGBoost (`model_12.ubj`).

Nothing is told rather than what isn't so: a name that may mean something else is no checkpoint, and a number that may be a
version, a size or a date is no step.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from heapq import nlargest

STATE_FILE = "checkpoint"
"""TensorFlow's own word on which one is the newest; it is replaced after a checkpoint is whole"""
_OF_MODELS = (".pt", ".pth", ".ckpt", ".safetensors", ".keras", ".params", ".ubj", ".index")
_OF_ANYTHING = (".weights.h5", ".h5", ".hdf5", ".bin", ".npz", ".pkl", ".tar", ".msgpack")
"""endings of data as well: the name must say that it is a model"""
_TEMPORARY = re.compile(
    r"^[._~]|(?:^|[._-])(?:tmp|temp|part|partial|incomplete|writing|saving)(?![a-z])|_COPYING_|orbax-checkpoint-tmp",
    re.IGNORECASE,
)
_PART = re.compile(
    r"(?<![a-z])(?:optim(?:izer)?s?|(?:lr_?)?sched(?:uler)?|(?:grad_?)?scaler|rng|random|(?:training_?)?args|config|vocab|"
    r"tokenizer|datasets?|metrics|history)(?![a-z])",
    re.IGNORECASE,
)
"""what stands beside a model, or is a part of its checkpoint"""
_MODEL = re.compile(r"(?<![a-z])(?:model|weights|params)(?![a-z])", re.IGNORECASE)
_NUMBERED = r"(?:step|iter(?:ation)?)s?|ckpt|checkpoint"
_SAYS_SO = re.compile(
    rf"(?<![a-z])(?:(?:ckpt|checkpoint)(?![a-z])|(?:{_NUMBERED}|epochs?)[-_=.]*\d)", re.IGNORECASE
)
_STEP = re.compile(rf"(?<![a-z])(?:{_NUMBERED})[-_=.]*(\d+)(?![a-z\d]|[-_.]\d)", re.IGNORECASE)
_ROUND = re.compile(r"_(\d+)\.ubj$")
_DATE = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
_LARGEST = 9
"""digits of a step: what has more is a time"""
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
    return nlargest(most, _counting(listed), key=lambda each: newness(name_of(each), each.modified))


def newest(listed: Iterable[Listed], before: Collection[Listed], state: str = "") -> tuple[str, int] | None:
    """Name of the newest settled checkpoint, and when it was written (nanoseconds, by the store's clock); None where none is.

    `before`: the entries of an earlier look. What has changed since may still be written, and doesn't count yet. `state`: what
    TensorFlow's state file says, which is believed where what it names is there.
    """
    before = frozenset(before)
    settled = {name_of(each): each.modified for each in _counting(listed) if each in before}
    if not settled:
        return None
    name = said_by(state)
    if name not in settled:
        name = max(settled, key=lambda each: (newness(each, settled[each]), each))
    return name, settled[name]


def newness(name: str, modified: int) -> tuple[int, int]:
    """By which checkpoints are ordered: the time of the last change, and where two have the same, the step."""
    return modified, step_of(name) or 0


def name_of(entry: Listed) -> str:
    """TensorFlow names a checkpoint by what its files have in common; the index is written last."""
    return entry.name.removesuffix(".index")


def said_by(state: str) -> str:
    """The name in TensorFlow's state file (a CheckpointState as text); empty where it says none."""
    found = _SAID.search(state)
    return found[1].rpartition("/")[2] if found else ""


def step_of(name: str) -> int | None:
    """The step in a checkpoint's name: a number behind a step's word, or alone. None where it tells none, or an epoch."""
    stem = _stem(name)
    if stem.isascii() and stem.isdecimal():
        return _number(stem)
    found = _STEP.findall(stem) or _ROUND.findall(name)
    return _number(found[-1]) if found else None


def may_be_checkpoint(entry: Listed) -> bool:
    """Whether a folder is worth a look into it."""
    return entry.folder and not _TEMPORARY.search(entry.name) and _says_so(entry.name)


def _counting(listed: Iterable[Listed]) -> list[Listed]:
    """What may be checkpoints. Who makes a folder of each leaves files beside them that training doesn't go on from."""
    found = [each for each in listed if each.size and _is_checkpoint(each)]
    if not any(each.folder for each in found):
        return found
    return [each for each in found if each.folder or _says_so(_stem(each.name))]


def _is_checkpoint(entry: Listed) -> bool:
    if entry.folder:
        return may_be_checkpoint(entry)
    name = entry.name
    if _TEMPORARY.search(name) or _PART.search(name):
        return False
    return name.endswith(_OF_MODELS) or (
        name.endswith(_OF_ANYTHING) and bool(_SAYS_SO.search(name) or _MODEL.search(name))
    )


def _says_so(name: str) -> bool:
    """Whether a name says by itself that it is a checkpoint: by a word, or as a step alone."""
    return bool(_SAYS_SO.search(name)) or step_of(name) is not None


def _number(digits: str) -> int | None:
    """None for what may be a day, or a time."""
    number = digits.lstrip("0") or "0"
    return None if len(number) > _LARGEST or _DATE.fullmatch(digits) else int(number)


def _stem(name: str) -> str:
    ending = next((each for each in (*_OF_ANYTHING, *_OF_MODELS) if name.endswith(each)), "")
    return name.removesuffix(ending)
