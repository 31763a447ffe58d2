"""The settings about rights on applications in YARN. Never here: what a job says of them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class AclRule(BaseModel):
    """Who may see and end the applications of a namespace's jobs in YARN, beside their users and those whom the jobs name."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    namespace: str = "*"
    """the namespace that this is for, or a pattern such as team-*"""
    view: str = ""
    """who may see them and read their logs, as YARN writes it: users by commas, a blank, groups by commas; * for everybody;
    {namespace} stands for the namespace's name"""
    modify: str = ""
    """who may end them and change their priority, likewise"""
