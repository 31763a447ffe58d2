"""What people read of a job's newest checkpoint and of its model."""

from __future__ import annotations

import pytest

from trainmaster.api.checkpoint_status import CheckpointStatus, SavedModelStatus
from trainmaster.observe.checkpoint_words import checkpoint_words, saved_model_words

TIME = "2026-05-01T12:00:00Z"


def test_a_checkpoint_with_its_step_where_that_is_known() -> None:
    assert checkpoint_words(None) == ""
    assert (
        checkpoint_words(CheckpointStatus(path="hdfs:///a/b", time=TIME)) == f"hdfs:///a/b, written at {TIME}"
    )
    assert checkpoint_words(CheckpointStatus(path="c", step=4, time=TIME)) == f"c, step 4, written at {TIME}"


@pytest.mark.parametrize(
    ("files", "size", "published", "words"),
    [
        (1, 0, None, "1 file, 0 bytes, not published (no newer _SUCCESS)"),
        (2, 1023, TIME, f"2 files, 1023 bytes, published at {TIME}"),
        (2, 1536, TIME, f"2 files, 1.5 KiB, published at {TIME}"),
        (0, 5 * 2**30, None, "0 files, 5.0 GiB, not published (no newer _SUCCESS)"),
        (9, 3 * 2**50, None, "9 files, 3072.0 TiB, not published (no newer _SUCCESS)"),
    ],
)
def test_a_model_with_files_size_and_whether_it_is_published(
    files: int, size: int, published: str | None, words: str
) -> None:
    model = SavedModelStatus(path="hdfs:///m", files=files, size=size, published_at=published)
    assert saved_model_words(model) == words


def test_nothing_is_said_of_a_model_that_nobody_looked_at() -> None:
    assert saved_model_words(None) == ""
