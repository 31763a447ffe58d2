"""The three kinds of tokens, as words in clear: whose they are, for which node, and with which key they were made.

Lives here: making and reading them. Never here: who takes one for good (resourcemanager.py, nodemanager.py do).
"""

from __future__ import annotations


def am_token(application: str, key: int) -> bytes:
    """Of an application's master (AMRMTokenIdentifier)."""
    return f"{application}/{key}".encode()


def read_am_token(token: bytes) -> tuple[str, int]:
    application, _, key = token.decode().partition("/")
    return application, int(key)


def nm_token(application: str, node: str, key: int) -> bytes:
    """Of one application for one node (NMTokenIdentifier)."""
    return f"{application}/{node}/{key}".encode()


def read_nm_token(token: bytes) -> tuple[str, str, int]:
    application, node, key = token.decode().split("/")
    return application, node, int(key)


def container_token(container: str, manager: int, until: float) -> bytes:
    """To start one container (ContainerTokenIdentifier): which ResourceManager granted it, and until when it is good."""
    return f"{container}/{manager}/{until}".encode()


def read_container_token(token: bytes) -> tuple[str, int, float]:
    container, manager, until = token.decode().split("/")
    return container, int(manager), float(until)
