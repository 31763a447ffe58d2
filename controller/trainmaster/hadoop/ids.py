"""YARN's names of applications, attempts and containers: printed form to protobuf and back.

The printed forms are those of ApplicationId, ApplicationAttemptId and ContainerId. A container's number
carries the ResourceManager's epoch (its count of restarts) in the bits above the 40th; printed, epoch 17
reads `container_e17_...`.
"""

from __future__ import annotations

import re

from trainmaster.errors import InvalidError
from trainmaster.hadoop.proto.yarn_pb2 import ApplicationAttemptIdProto, ApplicationIdProto, ContainerIdProto

_APPLICATION = re.compile(r"application_(\d+)_(\d+)", re.ASCII)
_CONTAINER = re.compile(r"container_(?:e(\d+)_)?(\d+)_(\d+)_(\d+)_(\d+)", re.ASCII)
_EPOCH_SHIFT = 40


def application_id(proto: ApplicationIdProto) -> str:
    return f"application_{proto.cluster_timestamp}_{proto.id:04d}"


def application_proto(text: str) -> ApplicationIdProto:
    timestamp, number = _numbers(_APPLICATION, text)
    return ApplicationIdProto(cluster_timestamp=timestamp, id=number)


def attempt_id(proto: ApplicationAttemptIdProto) -> str:
    application = proto.application_id
    return f"appattempt_{application.cluster_timestamp}_{application.id:04d}_{proto.attemptId:06d}"


def container_id(proto: ContainerIdProto) -> str:
    attempt = proto.app_attempt_id
    application = attempt.application_id
    epoch, number = proto.id >> _EPOCH_SHIFT, proto.id & ((1 << _EPOCH_SHIFT) - 1)
    prefix = f"container_e{epoch:02d}" if epoch else "container"
    return (
        f"{prefix}_{application.cluster_timestamp}_{application.id:04d}_{attempt.attemptId:02d}_{number:06d}"
    )


def container_proto(text: str) -> ContainerIdProto:
    epoch, timestamp, application, attempt, number = _numbers(_CONTAINER, text)
    owner = ApplicationIdProto(cluster_timestamp=timestamp, id=application)
    return ContainerIdProto(
        app_attempt_id=ApplicationAttemptIdProto(application_id=owner, attemptId=attempt),
        id=epoch << _EPOCH_SHIFT | number,
    )


def application_of(container: str) -> str:
    """The application that a container belongs to."""
    _, timestamp, application, _, _ = _numbers(_CONTAINER, container)
    return f"application_{timestamp}_{application:04d}"


def belongs_to(container: str, application: str) -> bool:
    """The same question asked of one application, without reading the container's name: of thousands of them that takes long."""
    numbers = container.removeprefix("container")
    if numbers.startswith("_e"):
        numbers = numbers[numbers.index("_", 1) :]
    return numbers.startswith(f"{application.removeprefix('application')}_")


def _numbers(form: re.Pattern[str], text: str) -> tuple[int, ...]:
    match = form.fullmatch(text)
    if match is None:
        raise InvalidError(f"{text!r} is not of YARN's form {form.pattern}")
    return tuple(int(group or 0) for group in match.groups())
