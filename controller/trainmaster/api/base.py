"""What all models of the API share: camelCase on the wire, frozen in memory, unknown fields refused."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


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


def _without_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError("must not hold a NUL character: no process could be given it")
    return value


Text = Annotated[str, AfterValidator(_without_nul)]
"""Text that reaches a process as it is, in its command or its environment."""
