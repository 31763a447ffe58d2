"""A server that answers as it is told, and a kubeconfig that leads to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import yaml
from aiohttp import web

SECRET = "c2VjcmV0LW9mLXRoZS1ib2R5"


def status(code: int, reason: str, message: str, **details: object) -> dict[str, Any]:
    """metav1.Status, as the API server answers where it has no object."""
    return {"kind": "Status", "code": code, "reason": reason, "message": message, "details": details}


class Serving(Protocol):
    """What a kubeconfig leads to."""

    port: int


class Told:
    """What the server answers, one after the other, the last for ever; and what it was asked."""

    def __init__(self) -> None:
        self.answers: list[Callable[[web.Request], web.Response]] = [
            lambda _: web.json_response({"kind": "Thing"})
        ]
        self.asked: list[str] = []
        self.bodies: list[Any] = []
        self.credentials: list[str] = []
        self.pause = 0.0

    def to_answer(self, *answers: tuple[int, Any] | Callable[[web.Request], web.Response]) -> None:
        self.answers = [each if callable(each) else fixed(*each) for each in answers]

    async def handle(self, request: web.Request) -> web.Response:
        text = await request.text()
        self.bodies.append(json.loads(text) if text else None)
        self.asked.append(f"{request.method} {request.path_qs}")
        self.credentials.append(request.headers.get("Authorization", ""))
        await asyncio.sleep(self.pause)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer(request)


def fixed(code: int, body: Any, **headers: str) -> Callable[[web.Request], web.Response]:
    return lambda _: web.json_response(body, status=code, headers=headers)


def throttled(seconds: int) -> Callable[[web.Request], web.Response]:
    return fixed(429, status(429, "TooManyRequests", "slow down"), **{"Retry-After": str(seconds)})


def kubeconfig(told: Serving, folder: Path, **user: object) -> str:
    content = {
        "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "c", "user": "u", "namespace": "mine"}}],
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{told.port}"}}],
        "users": [{"name": "u", "user": user}],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(content))
    return str(path)
