"""What the API server asks a webhook and what it is answered: AdmissionReview of admission.k8s.io/v1. Pure.

Never here: what is said about a job.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trainmaster.api.job import GROUP, KIND
from trainmaster.api.status import FieldProblem
from trainmaster.errors import InvalidError
from trainmaster.json_text import loads

API_VERSION = "admission.k8s.io/v1"

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said to one request. It is refused when there are problems."""

    problems: Sequence[FieldProblem] = ()
    denied: bool = False
    """the problems are about what may be done, not about what is well-formed"""
    warnings: Sequence[str] = ()
    """words for a person whose request is let through"""
    patch: Sequence[Object] = ()
    """changes to the object, as RFC 6902 writes them"""


@dataclass(frozen=True, slots=True)
class Request:
    """The part of an AdmissionRequest that a verdict can depend on."""

    uid: str
    operation: str
    namespace: str
    name: str
    """empty where the API server has yet to make one up"""
    new: Object | None
    old: Object | None
    user: str = ""
    """who asks, as the API server has found out"""
    dry_run: bool = False
    """nothing of it is kept"""


Judge = Callable[[Request], Verdict]


def answered(body: bytes, judge: Judge) -> bytes:
    """The whole answer to the body of one call. InvalidError when the body is no AdmissionReview."""
    request = _request(body)
    response = _response(request, judge(request))
    return json.dumps({"apiVersion": API_VERSION, "kind": "AdmissionReview", "response": response}).encode()


def _request(body: bytes) -> Request:
    try:
        review = loads(body)
        if (review["apiVersion"], review["kind"]) != (API_VERSION, "AdmissionReview"):
            raise ValueError(review["apiVersion"])
        request = review["request"]
        return Request(
            uid=str(request["uid"]),
            operation=str(request["operation"]),
            namespace=str(request.get("namespace", "")),
            name=str(request.get("name", "")),
            new=_object(request.get("object")),
            old=_object(request.get("oldObject")),
            user=str((request.get("userInfo") or {}).get("username", "")),
            dry_run=bool(request.get("dryRun")),
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidError(f"this is no AdmissionReview of {API_VERSION}") from error


def _object(value: object) -> Object | None:
    """Of an object the API server has read as much: its metadata is what it should be, and nothing else is."""
    if value is None:
        return None
    if not isinstance(value, dict):
        raise TypeError(type(value))
    metadata = value.get("metadata") or {}
    finalizers, annotations = metadata.get("finalizers") or [], metadata.get("annotations") or {}
    texts = (metadata.get("name") or "", metadata.get("generateName") or "")
    kinds = (dict, list, dict, str, str)
    for each, kind in zip((metadata, finalizers, annotations, *texts), kinds, strict=True):
        if not isinstance(each, kind):
            raise TypeError(type(each))
    return value


def _response(request: Request, verdict: Verdict) -> dict[str, Any]:
    if verdict.problems:
        return {"uid": request.uid, "allowed": False, "status": _status(request, verdict)}
    response: dict[str, Any] = {"uid": request.uid, "allowed": True}
    if verdict.warnings:
        response["warnings"] = list(verdict.warnings)
    if verdict.patch:
        patch = base64.b64encode(json.dumps(verdict.patch).encode()).decode()
        response |= {"patchType": "JSONPatch", "patch": patch}
    return response


def _status(request: Request, verdict: Verdict) -> dict[str, Any]:
    """A metav1.Status as the API server gives for its own refusals, so that kubectl shows each problem on a line of its own."""
    code, reason, kind = 422, "Invalid", "FieldValueInvalid"
    if verdict.denied:
        code, reason, kind = 403, "Forbidden", "FieldValueForbidden"
    causes = [
        {"reason": kind, "field": problem.field or "spec", "message": problem.reason}
        for problem in verdict.problems
    ]
    return {
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": "; ".join(map(str, verdict.problems)),
        "details": {"group": GROUP, "kind": KIND, "name": request.name, "causes": causes},
    }
