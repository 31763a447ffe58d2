"""Logs: one line per event, fields as key=value or JSON, and never a secret."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from trainmaster.observe.logs import set_up


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers = []  # pytest's own would be closed by basicConfig(force=True)
    yield io.StringIO()
    root.handlers, root.level = handlers, level


def test_text_is_one_line_with_quoted_fields(stream: io.StringIO) -> None:
    set_up("text", stream=stream)
    logging.getLogger("trainmaster.x").info(
        "job\nended", extra={"job": "vision/mnist", "why": 'exit "1" of\nworker'}
    )
    line = stream.getvalue()
    assert line.endswith(
        r'INFO trainmaster.x: job\nended job=vision/mnist why="exit \"1\" of\nworker"' + "\n"
    )
    assert line.count("\n") == 1


def test_json_carries_all_fields(stream: io.StringIO) -> None:
    set_up("json", stream=stream)
    logging.getLogger("trainmaster.x").warning("held %d", 3, extra={"job": "vision/mnist", "seconds": 1.5})
    record = json.loads(stream.getvalue())
    assert record["message"] == "held 3"
    assert (record["level"], record["job"], record["seconds"]) == ("warning", "vision/mnist", 1.5)


@pytest.mark.parametrize("format_", ["text", "json"])
def test_secrets_are_blanked(stream: io.StringIO, format_: str) -> None:
    set_up(format_, stream=stream)
    logging.getLogger("trainmaster.x").info(
        "registered", extra={"amrm_token": "s3cr3t", "Password": "s3cr3t"}
    )
    assert "s3cr3t" not in stream.getvalue()


@pytest.mark.parametrize("format_", ["text", "json"])
def test_a_trace_stays_on_its_line(stream: io.StringIO, format_: str) -> None:
    set_up(format_, stream=stream)
    try:
        raise ValueError("deep")
    except ValueError:
        logging.getLogger("trainmaster.x").exception("failed")
    assert stream.getvalue().count("\n") == 1
    assert "ValueError: deep" in stream.getvalue()


def test_terminal_codes_in_a_message_are_escaped(stream: io.StringIO) -> None:
    set_up("text", stream=stream)
    logging.getLogger("trainmaster.x").info("\x1b[2Jgone")
    assert "\x1b" not in stream.getvalue()
