"""Logs: one line per event, fields as key=value or JSON, and never a secret."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import subprocess
import sys
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
def test_logins_in_urls_are_blanked_wherever_they_stand(stream: io.StringIO, format_: str) -> None:
    """Errors of stores name their URLs."""
    set_up(format_, stream=stream)
    url = "s3a://AKIA:s3cr3t@bucket/a"
    try:
        raise ValueError(url)
    except ValueError:
        log = logging.getLogger("trainmaster.x")
        log.exception(
            "no such bucket: %s", url, extra={"url": url, "urls": [f'"{url}"', url], "owner": "a@b"}
        )
    said = stream.getvalue()
    assert "s3cr3t" not in said
    assert said.count("bucket/a") >= 5
    assert "a@b" in said
    assert format_ == "text" or json.loads(said)["owner"] == "a@b"


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


class Counted(io.StringIO):
    """How often it was written to."""

    writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)


async def test_what_a_turn_of_the_loop_logs_is_one_write_and_an_error_waits_for_nothing(
    stream: io.StringIO,
) -> None:
    set_up("text", stream=(counted := Counted()))
    log = logging.getLogger("trainmaster.x")
    for number in range(3):
        log.info("line %d", number)
    assert counted.writes == 0
    await asyncio.sleep(0)
    assert counted.writes == 1
    assert [line[-6:] for line in counted.getvalue().splitlines()] == ["line 0", "line 1", "line 2"]
    log.info("before")
    log.error("it fails")
    assert counted.getvalue().splitlines()[-1].endswith("it fails")
    assert counted.writes == 2
    for number in range(150):
        log.info("line %d", number)
    assert counted.writes == 3, "a long turn keeps a bounded number of lines"


def test_what_no_loop_logs_is_written_at_once(stream: io.StringIO) -> None:
    set_up("text", stream=stream)
    logging.getLogger("trainmaster.x").info("alone")
    assert stream.getvalue().endswith("alone\n")


async def test_a_warning_waits_for_no_end_of_a_turn(stream: io.StringIO) -> None:
    """Whatever ends the process in that turn, it may be what tells why."""
    set_up("text", stream=stream)
    logging.getLogger("trainmaster.x").info("before")
    logging.getLogger("trainmaster.x").warning("the disk is full")
    assert [line.rpartition(": ")[2] for line in stream.getvalue().splitlines()] == [
        "before",
        "the disk is full",
    ]


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), 9)", "os._exit(3)", "ctypes.string_at(0)"])
def test_no_sudden_end_swallows_a_warning(end: str) -> None:
    """In a process of its own."""
    program = f"""
import asyncio, ctypes, logging, os
from trainmaster.observe.logs import set_up
set_up()
async def main():
    logging.getLogger("x").warning("the disk is full")
    {end}
asyncio.run(main())
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode != 0
    assert "the disk is full" in ran.stderr


def test_what_a_loop_that_was_broken_off_has_left_waits_for_no_other(stream: io.StringIO) -> None:
    """Its turn never ends: another loop's does."""
    set_up("text", stream=stream)
    log = logging.getLogger("trainmaster.x")

    async def broken_off() -> None:
        log.info("one")
        raise KeyboardInterrupt

    loop = asyncio.new_event_loop()
    with pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(broken_off())
    loop.close()

    async def another() -> str:
        log.info("two")
        await asyncio.sleep(0)
        return stream.getvalue()

    assert [line[-3:] for line in asyncio.run(another()).splitlines()] == ["one", "two"]


async def test_what_is_kept_is_written_when_the_program_ends(stream: io.StringIO) -> None:
    set_up("text", stream=stream)
    logging.getLogger("trainmaster.x").info("the last word")
    for handler in logging.getLogger().handlers:
        handler.flush()  # as logging.shutdown does
    assert stream.getvalue().endswith("the last word\n")
