"""The kubeconfig as kubectl reads it: several files in KUBECONFIG count as one, and the first of them that names a context wins.

The library reads them as one too, but takes the last context, and refuses an empty file. Never here: credentials.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from kubernetes import config
from kubernetes.client import Configuration

USUAL = "~/.kube/config"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""files of hundreds of clusters take Python's own a second"""

_DEEPEST = 100


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    named: str
    """path, or several as KUBECONFIG has them, as a person named them"""

    @classmethod
    def at(cls, named: str = "") -> Kubeconfig:
        """That one, else what KUBECONFIG names, else the usual one."""
        return cls(named or os.environ.get("KUBECONFIG") or USUAL)

    @property
    def is_there(self) -> bool:
        """Whether any of its files says anything, or can't be read: then whoever named it is to hear of that."""
        try:
            return bool(self._texts())
        except config.ConfigException:
            return True

    @property
    def current_context(self) -> str:
        """Raises ConfigException where none is named."""
        found = (_word(content.get("current-context")) for content in self._contents())
        if name := next(filter(None, found), ""):
            return name
        raise config.ConfigException(
            f"{self.named} names no current context" if self.is_there else f"there is no {self.named}"
        )

    def load(self, context: str, into: Configuration) -> str:
        """Address and credentials; the namespace of what names none. ConfigException for a context that isn't there, or can't be
        used."""
        if not self.is_there:
            raise config.ConfigException(f"there is no {self.named}")
        known = self._contexts()
        if context not in known:
            there = f"it has {', '.join(known)}" if known else "it has none"
            raise config.ConfigException(f"{self.named} has no context {context}; {there}")
        try:
            config.load_kube_config(os.pathsep.join(self._texts()), context, into)
        except (AttributeError, LookupError, TypeError, ValueError, RecursionError, yaml.YAMLError) as error:
            # A part of it is something else than the library takes for granted. The words may quote it, and so a token.
            raise config.ConfigException(f"{self.named} can't be used ({type(error).__name__})") from None
        return _word(known[context].get("namespace")) or "default"

    def _contexts(self) -> dict[str, dict[str, Any]]:
        """Of each name the first."""
        found: dict[str, dict[str, Any]] = {}
        for content in self._contents():
            contexts = content.get("contexts") or []
            if not isinstance(contexts, list):
                raise config.ConfigException(f"the contexts of {self.named} are no list")
            for each in contexts:
                if isinstance(each, dict):
                    found.setdefault(_word(each.get("name")), self._context(each))
        return found

    def _context(self, named: dict[str, Any]) -> dict[str, Any]:
        inner = named.get("context") or {}
        if not isinstance(inner, dict):
            raise config.ConfigException(f"context {_word(named.get('name'))} of {self.named} is no mapping")
        return inner

    def _contents(self) -> Iterator[dict[str, Any]]:
        for path, text in self._texts().items():
            try:
                _check_depth(text)
                content = yaml.load(text, _LOADER)  # noqa: S506 - it is a safe one
            except (yaml.YAMLError, ValueError) as error:
                # ValueError: YAML has dates that aren't any. The words would quote the file, which may hold a token.
                raise config.ConfigException(f"{path} is no YAML ({type(error).__name__})") from None
            if not isinstance(content, dict):
                raise config.ConfigException(f"{path} is no kubeconfig")
            yield content

    def _texts(self) -> dict[str, str]:
        """Of each file that is there and says anything, by path. ConfigException for one that can't be read."""
        named = (Path(each).expanduser() for each in self.named.split(os.pathsep) if each)
        texts = {str(path): _text(path) for path in named}
        return {path: text for path, text in texts.items() if text.strip()}


def _check_depth(text: str) -> None:
    """ValueError for what is nested deeper than anybody writes: libyaml's reader calls itself, and would end the process."""
    depth = 0
    for event in yaml.parse(text, _LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise ValueError(f"nested deeper than {_DEEPEST} levels")


def _word(value: object) -> str:
    """A name; empty for what is none: aliases make lists of a few lines that no memory holds as text."""
    return str(value) if isinstance(value, str | int | float) else ""


def _text(path: Path) -> str:
    try:
        return path.read_text() if path.is_file() else ""
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise config.ConfigException(f"{path} can't be read ({why})") from None
