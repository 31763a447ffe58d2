"""The reference page of the settings, made from settings/. Never here: a setting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from trainmaster.settings import Link, NamespaceRule, PolicyRule, Quota, Settings

HEAD = """\
<!-- Made from controller/trainmaster/settings/ by `make crds`; edits go there. -->
# Settings of the controller

Strongest first: the command line's options, the environment, a YAML file that `TRAINMASTER_CONFIG` names, the defaults. A key of
the file is a setting's name, with what stands after a dot below it. Hadoop's own settings are read from `HADOOP_CONF_DIR`.

| setting | environment | default | meaning |
|---|---|---|---|
"""
TABLE = """
## `{name}`

{text}

| field | default | meaning |
|---|---|---|
"""
RULES: Mapping[str, tuple[type[BaseModel], str]] = {
    "policy": (
        PolicyRule,
        "Everybody runs as himself. Each rule lets some run as others; at least one of `owner` and `namespace` is given.",
    ),
    "namespaces": (
        NamespaceRule,
        "Each rule says whose files may declare jobs in a namespace ([tenants](../tenants.md#namespaces)).",
    ),
    "quotas": (
        Quota,
        "Each bounds what the jobs that it is for hold together ([tenants](../tenants.md#quotas)).",
    ),
    "links": (Link, "Each is shown on the page of every job ([traces and links](../traces.md#links))."),
}
"""settings that are lists of rules"""


def settings_markdown() -> str:
    """The whole page."""
    settings = "".join(_setting(path, field) for path, field in _fields(Settings))
    return HEAD + settings + "".join(_table(name, *rule) for name, rule in RULES.items())


def _table(name: str, model: type[BaseModel], text: str) -> str:
    rows = "".join(_rule(field, model.model_fields[field]) for field in model.model_fields)
    return TABLE.format(name=name, text=text) + rows


def _fields(
    model: type[BaseModel], above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    """Every setting by its path; a group of settings is only its members."""
    for name, field in model.model_fields.items():
        of = field.annotation
        if isinstance(of, type) and issubclass(of, BaseModel):
            yield from _fields(of, (*above, name))
        else:
            yield (*above, name), field


def _setting(path: tuple[str, ...], field: FieldInfo) -> str:
    variable = field.validation_alias or f"TRAINMASTER_{'__'.join(path).upper()}"
    default = "" if field.default in (None, "") else f"`{field.default}`"
    return f"| `{'.'.join(path)}` | `{variable}` | {default} | {_meaning(field.description)} |\n"


def _rule(name: str, field: FieldInfo) -> str:
    default = "required" if field.is_required() else f"`{field.default!r}`"
    return f"| `{name}` | {default} | {_meaning(field.description)} |\n"


def _meaning(text: str | None) -> str:
    return " ".join((text or "").split()).replace("<", "&lt;")
