"""One document of a file that holds several, put in another's place or taken out; all other text stays byte for byte. Pure.

Never here: what a document says, or reading and writing files.
"""

from __future__ import annotations

from trainmaster.api.yaml_documents import Span, spans
from trainmaster.errors import InvalidError
from trainmaster.sources.reading import FileRead

BOM = b"\xef\xbb\xbf"
CHANGED = "was changed by somebody else just now: look at it, and try again"


def with_document(data: bytes, read: FileRead, new: str) -> bytes:
    """The file with that document of it saying this. InvalidError where the file is another by now, or where the new text can't
    stand among the others."""
    text, span = _found(data, read)
    changed = f"{text[: span.start]}{_framed(text, span, new)}{text[span.end :]}"
    return _checked(data, changed, read, [new.strip("\r\n")])


def without_document(data: bytes, read: FileRead) -> bytes:
    """The file without that document of it and the --- before it; InvalidError as above."""
    text, span = _found(data, read)
    return _checked(data, text[: span.begin] + text[span.end :], read, [])


def must_be_alone(read: FileRead) -> None:
    """InvalidError for a file that is refused as a whole and holds more than what stands for it, or may do so."""
    if not read.text and read.entry.size:
        raise InvalidError(f"{read.path} can't be read, and may hold several jobs: edit the file by hand")
    if not read.number and (count := len(spans(read.text))) > 1:
        raise InvalidError(f"{read.path} holds {count} documents: edit the file by hand")


def _found(data: bytes, read: FileRead) -> tuple[str, Span]:
    text = data.decode("utf-8-sig", "replace")
    for span in spans(text)[read.number - 1 : read.number]:
        if span.of(text) == read.text:
            return text, span
    raise InvalidError(f"{read.path} {CHANGED}")


def _framed(text: str, span: Span, new: str) -> str:
    """On lines of its own, as what was edited in its place is already."""
    line_end = "\r\n" if "\r\n" in text else "\n"
    same = new[:1] in ("\r", "\n") or new[:1] == span.of(text)[:1] == " "
    before = "" if same or not span.start else line_end
    after = "" if new.endswith("\n") or text[span.end : span.end + 1] in ("", "\r", "\n") else line_end
    return f"{before}{new}{after}"


def _checked(data: bytes, changed: str, read: FileRead, wanted: list[str]) -> bytes:
    """Read again: nothing may have changed but what was meant to."""
    before, at = _said(data.decode("utf-8-sig")), read.number
    if _said(changed) != [*before[: at - 1], *wanted, *before[at:]]:
        raise InvalidError(
            f"{read.path} can't be changed without changing other documents: edit the file by hand"
        )
    return (BOM if data.startswith(BOM) else b"") + changed.encode()


def _said(text: str) -> list[str]:
    return [span.of(text).strip("\r\n") for span in spans(text)]
