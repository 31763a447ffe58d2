"""Asking a controller's web server for what it alone knows. Never here: what of it is printed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from trainmaster.errors import DeniedError, InvalidError, UnavailableError

if TYPE_CHECKING:
    from trainmaster.settings import Settings

PATIENCE: Final = 30.0
"""seconds until the controller must have answered"""
Controller = Annotated[
    str, typer.Option("--controller", help="Address of its pages; left out: that of the settings.")
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file", help="File with the bearer token that it asks for.", exists=True, dir_okay=False
    ),
]


def address_of(settings: Settings, chosen: str = "") -> str:
    """Where the pages are, without a slash at the end."""
    return (chosen or settings.public_url or f"http://{settings.listen}:{settings.web_port}").rstrip("/")


def asked(
    address: str,
    path: str,
    about: str,
    token_file: Path | None = None,
    words: Mapping[str, str] | None = None,
    patience: float = PATIENCE,
) -> Any:
    """What the controller tells `about` something at a path. UnavailableError where it doesn't, DeniedError where it won't,
    InvalidError where it doesn't understand the words."""
    import requests

    headers = {"Authorization": f"Bearer {token_file.read_text().strip()}"} if token_file else {}
    try:
        answer = requests.get(f"{address}{path}", dict(words or {}), headers=headers, timeout=patience)
        if answer.status_code in (requests.codes.unauthorized, requests.codes.forbidden):
            raise DeniedError("401", f"{address}: {answer.json()['error']}")
        if answer.status_code == requests.codes.bad_request:
            raise InvalidError(str(answer.json()["error"]))
        answer.raise_for_status()
        return answer.json()
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        cure = "name the address of a controller's pages with --controller"
        raise UnavailableError(
            f"{address} tells nothing of {about} ({type(error).__name__}): {cure}"
        ) from error
