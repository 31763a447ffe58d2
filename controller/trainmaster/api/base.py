"""What all models of the API share: camelCase on the wire, frozen in memory, unknown fields refused."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

ENV_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
RESERVED_ENV = "TRAINMASTER_"
"""beginning of the variables that are the controller's own"""
ROLE_NAME = r"^[a-z]([a-z0-9-]*[a-z0-9])?$"

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""RFC 3339 in UTC, whole seconds"""

WORDS_KEY = "x-trainmaster-words"
"""name of the marker in the JSON schema that holds (word, meaning) of each word; never part of the resource definition"""


class Model(BaseModel):
    """A frozen value; the wire names are camelCase as the Kubernetes API conventions ask."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        ser_json_inf_nan="null",
    )


class Word(StrEnum):
    """One word of a closed list, with what it means: the text that `kubectl explain` and the reference show."""

    meaning: str

    def __new__(cls, value: str, meaning: str = "") -> Self:
        word = str.__new__(cls, value)
        word._value_ = value
        word.meaning = meaning
        return word

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        node = handler(core)
        handler.resolve_ref_schema(node)[WORDS_KEY] = [(word.value, word.meaning) for word in cls]
        return node


def _without_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError("must not hold a NUL character: no process could be given it")
    return value


Text = Annotated[str, AfterValidator(_without_nul), Field(json_schema_extra={"pattern": r"^[^\x00]*$"})]
"""Text that reaches a process as it is, in its command or its environment."""

RoleName = Annotated[str, Field(pattern=ROLE_NAME, max_length=32)]
