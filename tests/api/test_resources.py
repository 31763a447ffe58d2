"""Resources as fields, and as the text that Submarine's users know."""

import pytest
from pydantic import ValidationError

from trainmaster.api.resources import Resources


@pytest.mark.parametrize(
    ("text", "memory", "vcores", "gpus"),
    [
        ("memory=8G,vcores=2,gpu=2", 8192, 2, 2),
        ("memory=8g,vcores=2", 8192, 2, 0),
        ("memory=8Gi", 8192, 1, 0),
        ("memory=512M,gpus=1", 512, 1, 1),
        ("memory=512m", 512, 1, 0),
        ("memory-mb=512", 512, 1, 0),
        ("memory=4096", 4096, 1, 0),
        ("vcores=3, yarn.io/gpu=4 , memory = 2 G", 2048, 3, 4),
        ("gpu=1", 1024, 1, 1),
    ],
)
def test_submarines_text_has_yarns_sizes(text: str, memory: int, vcores: int, gpus: int) -> None:
    read = Resources.model_validate(text)
    assert (read.memory, read.vcores, read.gpus) == (memory, vcores, gpus)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "'' is not name=number: write memory=8G,vcores=2,gpu=2"),
        ("8G", "'8G' is not name=number"),
        ("memory=", "is not name=number"),
        ("memory=8.5G", "is not name=number"),
        ("memory=8T", "the unit of memory is M, G or none"),
        ("vcores=2G", "a count has no unit"),
        ("fpga=1", "unknown resource 'fpga': known are memory, vcores and gpu"),
        ("gpu=1,gpus=2", "gpus is given twice"),
        ("memory=8G,", "'' is not name=number"),
        ("memory=0", "less than 1 MiB"),
        ("vcores=0", "greater than or equal to 1"),
        ("gpu=99999", "less than or equal to 1000"),
    ],
)
def test_a_text_that_can_not_be_read_says_why(text: str, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Resources.model_validate(text)


def test_a_text_counts_as_written_only_for_what_it_names() -> None:
    assert Resources.model_validate("gpu=2").model_dump(exclude_unset=True) == {"gpus": 2}


def test_on_the_wire_memory_is_a_quantity() -> None:
    assert Resources().model_dump(mode="json") == {"memory": "1024Mi", "vcores": 1, "gpus": 0}
