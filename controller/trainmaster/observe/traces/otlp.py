"""Traces in OTLP's JSON form, as an OpenTelemetry collector takes them at /v1/traces. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from trainmaster.observe.traces.spans import Span, Trace, Value

SERVICE = "trainmaster"
INTERNAL, ERROR = 1, 2
"""SPAN_KIND_INTERNAL, STATUS_CODE_ERROR"""
LONGEST = 1000
"""letters of a text"""


def encode(traces: Iterable[Trace], version: str) -> bytes:
    """One request. Each span is encoded by itself: Python's encoder lets no other thread work before it is done."""
    spans = ", ".join(json.dumps(_span(trace.id, span)) for trace in traces for span in trace.spans)
    resource = {"attributes": _attributes({"service.name": SERVICE, "service.version": version})}
    scope = f'{{"scope": {json.dumps({"name": SERVICE, "version": version})}, "spans": [{spans}]}}'
    return f'{{"resourceSpans": [{{"resource": {json.dumps(resource)}, "scopeSpans": [{scope}]}}]}}'.encode()


def _span(trace: str, span: Span) -> dict[str, Any]:
    parent = {"parentSpanId": span.parent} if span.parent else {}
    status = {"status": {"code": ERROR, "message": span.failed[:LONGEST]}} if span.failed is not None else {}
    return {
        "traceId": trace,
        "spanId": span.id,
        **parent,
        "name": span.name,
        "kind": INTERNAL,
        "startTimeUnixNano": _nanoseconds(span.began),
        "endTimeUnixNano": _nanoseconds(span.ended),
        "attributes": _attributes(span.attributes),
        **status,
    }


def _nanoseconds(at: float) -> str:
    """64-bit numbers are texts in it. Of a microsecond the float knows no more."""
    return str(round(at * 1e6) * 1000)


def _attributes(values: Mapping[str, Value]) -> list[dict[str, Any]]:
    return [{"key": name, "value": _value(value)} for name, value in values.items()]


def _value(value: Value) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": value[:LONGEST]}
