"""The schema in the resource definition: the models' fields in the words and with the markers of Kubernetes.

Lives here: descriptions as `kubectl explain` shows them, which defaults the API server fills in, how lists and maps are
merged, what is left unchecked. Never here: a field or a rule.

Defaults: the API server writes them into the object as if the user had. So a field whose edit restarts the job has none
here, only in words; and a field that a later release brings must have none either, or an older controller, which doesn't
know it, would refuse every stored object.

Status: nothing that was seen may be refused, also not by the definition of an older release. So there are no
defaults (but for that of an object which nobody has seen yet), closed lists of words or limits of numbers in it, only
generous bounds of lists.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from trainmaster.api import cel, cel_forms, messages, quantities, schema
from trainmaster.api.base import WORDS_KEY
from trainmaster.api.cel_rule import Place
from trainmaster.api.edits import EDIT_KEY, Edit
from trainmaster.api.fields import type_of
from trainmaster.api.foreign import RESOURCES as FOREIGN_RESOURCES
from trainmaster.api.resources import MAX_TEXT
from trainmaster.api.schema import Schema
from trainmaster.api.status import UNSEEN

EDIT_SENTENCES: Mapping[Edit, str] = {
    Edit.LIVE: "An edit is taken over live.",
    Edit.RESTART: "An edit restarts the job once, which no limit counts.",
    Edit.IMMUTABLE: "It can't be edited.",
}
FORMS: Mapping[str, str] = {
    "duration": "Written as 30s, 5m, 1h30m or 2d, or as whole seconds.",
    "size": "Written as 4G, 512Mi or 1.5Gi, or as bytes.",
}
"""what `kubectl explain` can't say of a type that is text or a number, by fields.type_of"""
LIST_TYPE, MAP_TYPE, LIST_KEYS = (
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
    "x-kubernetes-list-map-keys",
)
ANY_TYPE = "x-kubernetes-preserve-unknown-fields"
KEYS: Mapping[Place, str] = {
    ("spec", "env"): "name",
    ("spec", "roles", "<name>", "env"): "name",
    ("spec", "roles", "<name>", "startAfter"): "role",
    ("status", "conditions"): "type",
}
"""lists whose entries have a name of their own: several managers may each own some of them"""
ATOMIC_MAPS: Sequence[Place] = (("status", "conditions", "[]"), ("status", "roles"))
"""written whole by one manager: managedFields would otherwise name each of their fields"""
RESOURCES: Place = ("spec", "roles", "<name>", "resources")
RESOURCES_TEXT = "^[^=,]+=[^=,]+(,[^=,]+=[^=,]+){0,2}$"


def kubernetes_schema() -> Schema:
    """The whole openAPIV3Schema."""
    whole = copy.deepcopy(schema.job_schema())
    fields = whole["properties"]
    _unchecked(fields["status"])
    _described(whole)
    for path, node in _nodes(whole):
        _merged(path, node)
        if node.get("pattern") == quantities.DURATION:
            node["pattern"] = _worded(messages.NO_DURATION, node["pattern"])
    _text_or_fields(_at(whole, RESOURCES))
    for place, _ in cel_forms.told():
        del _at(whole, place)["pattern"]  # a rule says it in words
    for rule in cel.rules():
        _at(whole, rule.at).setdefault("x-kubernetes-validations", []).append(rule.validation())
    _left_to_the_server(whole)
    return whole


def _left_to_the_server(whole: Schema) -> None:
    """What the API server knows and checks by itself."""
    fields = whole["properties"]
    for name in ("apiVersion", "kind"):
        fields[name] = {"type": "string", "description": fields[name]["description"]}
    fields["metadata"] = {"type": "object"}
    whole["required"] = ["spec"]
    fields["status"]["default"] = dict(UNSEEN)


# --- descriptions and defaults


def _described(node: Schema, edit: Edit | None = None) -> None:
    """Our own markers become words, here and below; `edit` is what an edit of the field around this one does."""
    edit = node.pop(EDIT_KEY, edit)
    default = _default(node, edit)
    form = FORMS.get(type_of(node), "")
    said = [node.get("description", ""), form, default, EDIT_SENTENCES[edit] if edit else ""]
    words = node.pop(WORDS_KEY, ())
    if text := " ".join(part for part in said if part) + _meanings(words):
        # the API server drops an empty one, and then takes the same file for an edit: a second manager would be in conflict
        node["description"] = text
    for _, child in _below(node):
        _described(child, edit)


def _default(node: Schema, edit: Edit | None) -> str:
    """The default in words. In the schema it stays only where an edit restarts nothing."""
    if "default" not in node:
        return ""
    default = node.pop("default") if edit == Edit.RESTART else node["default"]
    if isinstance(default, dict) and "default" in node:
        node["default"] = {}  # the fields below bring their own
    if default in ("", []) or isinstance(default, dict):
        return ""
    return f"Default: {str(default).lower() if isinstance(default, bool) else default}."


def _meanings(words: Sequence[tuple[str, str]]) -> str:
    lines = "".join(f"\n - `{word}`: {meaning}." for word, meaning in words)
    return f"\n\nPossible values:{lines}" if lines else ""


def _unchecked(node: Schema) -> None:
    """Status says what was seen: the API server must neither add to it nor refuse it."""
    for key in ("default", "minimum", "maximum", "pattern"):
        node.pop(key, None)
    if WORDS_KEY in node:
        node.pop("enum", None)
    for _, child in _below(node):
        _unchecked(child)


# --- merging


def _merged(path: Place, node: Schema) -> None:
    """How server-side apply merges: by name where entries have one, whole where they don't."""
    if node.get("type") == "array":
        node |= {LIST_TYPE: "map", LIST_KEYS: [KEYS[path]]} if path in KEYS else {LIST_TYPE: "atomic"}
    if path in ATOMIC_MAPS:
        node[MAP_TYPE] = "atomic"


def _text_or_fields(node: Schema) -> None:
    """A node for either of two types has no type, and then unknown fields aren't found by themselves: so each set
    of fields that may be there is named. `enum` fits none of them: it is what the API server shows when nothing fits.
    That comes after words of its own, so fields that people bring along are let in here, each to be refused by its cure.
    """
    names = list(node["properties"])
    sets = [found for count in range(len(names) + 1) for found in combinations(names, count)]
    del node["type"]
    memory = node["properties"]["memory"]
    memory["pattern"] = _worded(messages.NO_SIZE, memory["pattern"])
    node |= {ANY_TYPE: True, "pattern": _worded(messages.NO_PAIR, RESOURCES_TEXT), "maxLength": MAX_TEXT}
    node["anyOf"] = [
        {"enum": names},
        *(_exactly(found) for found in sets),
        *({"required": [name]} for name in FOREIGN_RESOURCES),
    ]
    node["properties"] |= {name: _refused(cure) for name, cure in FOREIGN_RESOURCES.items()}


def _refused(cure: str) -> Schema:
    """A field that there isn't: the API server shows the words of a closed list to whoever writes anything else."""
    return {ANY_TYPE: True, "enum": [cure], "description": f"No field: {cure}."}


def _worded(sentence: str, pattern: str) -> str:
    """A pattern that says what it is for, where no rule can: the API server shows a person nothing but the pattern.
    Nothing comes before the beginning of a text or after its end, so the words match nothing.
    """
    *_, cure = sentence.rpartition(": ")
    return f"{cure}$^|{pattern}"


def _exactly(names: Sequence[str]) -> Schema:
    return {"required": list(names), "maxProperties": len(names)} if names else {"maxProperties": 0}


# --- walking


def _below(node: Schema) -> Iterator[tuple[str, Schema]]:
    yield from node.get("properties", {}).items()
    for key, step in (("items", "[]"), ("additionalProperties", "<name>")):
        if isinstance(node.get(key), dict):
            yield step, node[key]


def _nodes(node: Schema, path: Place = ()) -> Iterator[tuple[Place, Schema]]:
    yield path, node
    for step, child in _below(node):
        yield from _nodes(child, (*path, step))


def _at(node: Schema, path: Place) -> Schema:
    for step in path:
        node = dict(_below(node))[step]
    return node
