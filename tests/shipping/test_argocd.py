"""Argo CD's health check, run in a real Lua 5.1 over every stage of a job's life.

Argo CD opens no library but base, table and a part of os (util/lua/lua.go), so the others are taken away here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from lupa import lua51

from shipping.lives import STAGES, Object, Stage, running, shown

MANIFEST = Path(__file__).parents[2] / "manifests/gitops/argocd/argocd-cm.yaml"
KEY = "resource.customizations.health.trainmaster.io_TrainingJob"
ABSENT = ("coroutine", "debug", "io", "math", "string")
"""libraries of a plain Lua that scripts don't find in Argo CD"""


def health(object_: Object) -> tuple[str, str]:
    """Status and message that the script returns for this object."""
    lua = lua51.LuaRuntime()
    for name in ABSENT:
        lua.globals()[name] = None
    lua.globals().obj = _table(lua, object_)
    found = lua.execute(yaml.safe_load(MANIFEST.read_text())["data"][KEY])
    return found.status, found.message


def _table(lua: Any, value: Any) -> Any:
    if isinstance(value, dict):
        return lua.table_from({key: _table(lua, below) for key, below in value.items()})
    return lua.table_from([_table(lua, below) for below in value]) if isinstance(value, list) else value


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_argo_cd_says_what_a_user_expects(stage: Stage) -> None:
    assert health(stage.made())[0] == stage.argocd


def test_argo_cd_shows_the_sentence_of_the_condition() -> None:
    assert health(shown(running()))[1] == "2 of 2 processes run"


def test_a_job_that_nobody_has_seen_is_on_its_way() -> None:
    object_ = shown(running())
    del object_["status"]
    assert health(object_) == ("Progressing", "No controller has seen the job yet")
