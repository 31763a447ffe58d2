"""A job's declaration as people are shown it: as it was written, with all that may be secret hidden. Pure.

Values of variables are hidden whatever their names; in commands what follows a word such as --token or password. That is a help
against a look over the shoulder and no wall: who may see a job's page is access.py's.
"""

from __future__ import annotations

import re
from typing import Any, Final

import yaml

from trainmaster.api.job import TrainingJob

HIDDEN: Final = "(hidden)"
_WORDS: Final = (
    "token|secret|passwd|password|passphrase|credential|api[-_]?key|access[-_]?key|private[-_]?key"
)
_SECRET = re.compile(
    rf"""(?ix) ( (?<![\w.-]) [\w.-]{{0,64}}? (?:{_WORDS}) [\w.-]{{0,64}} (?: \s{{0,9}}[=:]\s{{0,9}} | \s{{1,9}} ) )
        ( "[^"]*" | '[^']*' | [^\s"']+ )"""
)
"""the word, and what follows it; bounded, since a command may be 64 KiB of one letter"""
_USERINFO = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{0,20}://)[^\s/@:]{1,256}:[^\s/@]{1,1024}@")
"""name and password in a URL"""


def shown(job: TrainingJob) -> str:
    """The spec as YAML."""
    spec: dict[str, Any] = job.spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
    spec = _hidden(spec)
    spec["roles"] = {name: _hidden(role) for name, role in spec["roles"].items()}
    return str(yaml.safe_dump(spec, sort_keys=False, allow_unicode=True, width=120))


def _hidden(part: dict[str, Any]) -> dict[str, Any]:
    """A spec or role without its secrets."""
    kept = {name: _without(value) if isinstance(value, str) else value for name, value in part.items()}
    if "env" in part:
        kept["env"] = [{**each, "value": HIDDEN} for each in part["env"]]
    if "template" in part:
        kept["template"] = [{**each, "value": HIDDEN} for each in part["template"]]
    if "files" in part:
        kept["files"] = [{**each, "source": _without(each["source"])} for each in part["files"]]
    return kept


def _without(text: str) -> str:
    return _USERINFO.sub(rf"\1{HIDDEN}@", _SECRET.sub(rf"\1{HIDDEN}", text))
