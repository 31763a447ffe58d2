"""Text of others, made fit for logs, statuses and terminals. Never here: how long it may be."""

from __future__ import annotations


def printable(text: str) -> str:
    """One line that can't drive a terminal: a blank for each character that isn't to be seen."""
    return "".join(c if c.isprintable() else " " for c in text)
