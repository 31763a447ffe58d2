"""Secrets and ConfigMaps for jobs' variables: what is read, where it may be, and that a refusal says what to do."""

from __future__ import annotations

import base64
from typing import Any, cast

import pytest

from trainmaster.errors import DeniedError, InvalidError, UnavailableError
from trainmaster.sources.kubernetes.api import CONFIG_MAPS, SECRETS, NotFoundError
from trainmaster.sources.kubernetes.values import Values
from trainmaster.sources.values import WithoutObjects

HUSH = b"hush"


class Objects:
    """The one call that is made."""

    namespace = "trainmaster"

    def __init__(self, answer: dict[str, Any] | Exception) -> None:
        self.answer, self.asked = answer, list[Any]()

    async def get(self, *what: Any) -> dict[str, Any]:
        self.asked.append(what)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def values(objects: Objects) -> Values:
    return Values(cast("Any", objects), ["team-a"])


async def test_a_secret_is_read_by_its_name() -> None:
    objects = Objects({"data": {"token": base64.b64encode(HUSH).decode(), "empty": ""}})
    assert await values(objects).of("team-a", "Secret", "keys") == {"token": HUSH, "empty": b""}
    assert objects.asked == [(SECRETS, "team-a", "keys")]


async def test_a_config_map_has_text_and_bytes() -> None:
    objects = Objects({"data": {"a": "ä"}, "binaryData": {"b": base64.b64encode(b"\0").decode()}})
    assert await values(objects).of("team-a", "ConfigMap", "keys") == {"a": "ä".encode(), "b": b"\0"}
    assert objects.asked == [(CONFIG_MAPS, "team-a", "keys")]
    assert await values(Objects({})).of("team-a", "ConfigMap", "keys") == {}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (NotFoundError("NotFound", "no"), "Secret team-a/keys isn't there"),
        (
            DeniedError("Forbidden", "get secrets is lacked"),
            "Secret team-a/keys may not be read: get secrets is lacked",
        ),
        ({"data": {"token": "aHVzaA=!"}}, "the API server gave something that is no base64"),
        ({"data": {"token": "aHVzaA==ü"}}, "the API server gave something that is no base64"),
    ],
)
async def test_what_can_not_be_had_is_told_in_words(answer: Any, words: str) -> None:
    with pytest.raises(InvalidError, match=words) as caught:
        await values(Objects(answer)).of("team-a", "Secret", "keys")
    assert "aHVz" not in str(caught.value)


async def test_a_server_that_is_away_is_no_answer() -> None:
    with pytest.raises(UnavailableError):
        await values(Objects(UnavailableError("away"))).of("team-a", "Secret", "keys")


async def test_in_a_namespace_that_no_setting_names_nothing_is_read() -> None:
    objects = Objects({})
    with pytest.raises(InvalidError, match="secret_namespaces doesn't name team-b"):
        await values(objects).of("team-b", "Secret", "keys")
    assert not objects.asked


def test_the_controllers_own_namespace_can_not_be_opened() -> None:
    """Its journal lies there, with what other namespaces' jobs are known by."""
    with pytest.raises(
        InvalidError, match=r"kubernetes\.secret_namespaces names trainmaster, .*: take it out"
    ):
        Values(cast("Any", Objects({})), ["team-a", "trainmaster"])


async def test_where_jobs_are_files_a_file_is_asked_for() -> None:
    with pytest.raises(InvalidError, match=r"name a file of the user's in valueFrom\.file"):
        await WithoutObjects().values("default", "Secret", "keys")
