"""YARN's names: the printed forms of Hadoop's own tests, and there and back again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainmaster.errors import InvalidError
from trainmaster.hadoop import ids
from trainmaster.hadoop.proto.yarn_pb2 import ApplicationAttemptIdProto, ApplicationIdProto, ContainerIdProto

TIMES = st.integers(0, 2**62)
NUMBERS = st.integers(0, 2**31 - 1)
EPOCHS = st.integers(0, 2**22)
COUNTS = st.integers(0, 2**40 - 1)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("container_1410901177871_0001_01_000005", 5),
        ("container_e17_1410901177871_0001_01_000005", 17 << 40 | 5),
        ("container_e105_1410901177871_12345_03_1234567", 105 << 40 | 1234567),
    ],
)
def test_printed_containers_are_yarns(text: str, number: int) -> None:
    proto = ids.container_proto(text)
    assert proto.id == number
    assert proto.app_attempt_id.application_id.cluster_timestamp == 1410901177871
    assert ids.container_id(proto) == text


@given(TIMES, NUMBERS, NUMBERS, EPOCHS, COUNTS)
def test_containers_survive_the_way_there_and_back(
    timestamp: int, application: int, attempt: int, epoch: int, count: int
) -> None:
    owner = ApplicationAttemptIdProto(
        application_id=ApplicationIdProto(cluster_timestamp=timestamp, id=application), attemptId=attempt
    )
    proto = ContainerIdProto(app_attempt_id=owner, id=epoch << 40 | count)
    text = ids.container_id(proto)
    assert ids.container_proto(text) == proto
    application = ids.application_id(owner.application_id)
    assert ids.application_of(text) == application
    assert ids.belongs_to(text, application)
    assert not ids.belongs_to(text, f"{application}0")
    assert not ids.belongs_to(text, application[:-1])


@given(TIMES, NUMBERS)
def test_applications_survive_the_way_there_and_back(timestamp: int, number: int) -> None:
    proto = ApplicationIdProto(cluster_timestamp=timestamp, id=number)
    assert ids.application_proto(ids.application_id(proto)) == proto


def test_attempts_are_printed_as_yarn_does() -> None:
    application = ids.application_proto("application_1410901177871_0001")
    proto = ApplicationAttemptIdProto(application_id=application, attemptId=2)
    assert ids.attempt_id(proto) == "appattempt_1410901177871_0001_000002"


@pytest.mark.parametrize(
    "text", ["", "job_1_0001", "application_1", "application_1_1 ", "application_x_1", "application_\u0661_1"]
)
def test_other_words_are_no_applications(text: str) -> None:
    with pytest.raises(InvalidError, match="application_"):
        ids.application_proto(text)
