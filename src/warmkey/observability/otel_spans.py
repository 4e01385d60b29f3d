"""Make OpenTelemetry spans of what takes time: data keys and branch keys that are fetched, and requests to AWS.

Names and attributes are those of OpenTelemetry's semantic conventions for AWS SDK clients where they have some.

What an exception says goes into no span: KMS's own words may name what nobody may read. The instrumentation of botocore
records them, so inside of our span of a request it makes none.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from opentelemetry import context, trace

from warmkey.boundary import run_outside
from warmkey.events import BranchKeyCoalesced, BranchKeyMiss, CacheBypass, CacheCoalesced, CacheMiss
from warmkey.observability.otel_points import ERROR_TYPE, OPERATION, OUTCOME, OUTCOMES, REASON

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from warmkey.events import BypassReason, Event, MissReason, Operation

__all__ = ["SpanTracing", "report"]

_NAMES: Mapping[type[Event], str] = {
    CacheMiss: "fetch data key",
    CacheBypass: "fetch data key",
    CacheCoalesced: "await data key",
    BranchKeyMiss: "fetch branch key",
    BranchKeyCoalesced: "await branch key",
}
_SERVICES = {"kms": "KMS", "dynamodb": "DynamoDB"}
# Instrumentations of OpenTelemetry's make no spans in a context that has this.
_NO_INSTRUMENTATION = {"suppress_instrumentation": True}


class SpanTracing:
    """Makes spans with *tracer*; see :class:`warmkey.tracing.Tracing`.

    :ivar has_spans: whether any were made since somebody set this to ``False``
    """

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer
        self.has_spans = False

    def fetch(self, fact: type[Event], operation: Operation, reason: MissReason | BypassReason | None = None) -> _Span:
        """Return a span for the time after which *fact* will be told."""
        attributes = {OPERATION: str(operation), OUTCOME: OUTCOMES[fact]}
        if reason is not None:
            attributes[REASON] = str(reason)
        return _Span(self, _NAMES[fact], trace.SpanKind.INTERNAL, attributes, {})

    def request(self, service: str, operation: str, *, region: str | None, key: str | None) -> _Span:
        """Return a span for a request to *service*."""
        service = _SERVICES[service]
        found = {
            "rpc.system": "aws-api",
            "rpc.system.name": "aws-api",
            "rpc.service": service,
            "rpc.method": operation,
            "db.system.name": "aws.dynamodb" if service == "DynamoDB" else None,
            "db.operation.name": operation if service == "DynamoDB" else None,
            "cloud.region": region,
            "warmkey.kms.key_arn": key,
        }
        attributes = {name: value for name, value in found.items() if value is not None}
        return _Span(self, f"{service}.{operation}", trace.SpanKind.CLIENT, attributes, _NO_INSTRUMENTATION)

    def start(self, name: str, kind: trace.SpanKind, attributes: Mapping[str, str]) -> trace.Span:
        """Start a span inside the current one."""
        self.has_spans = True
        return self._tracer.start_span(name, kind=kind, attributes=attributes)


class _Span:
    """A span, current inside the block. What the tracer, a processor or an exporter raises is logged and dropped."""

    __slots__ = ("_attributes", "_kind", "_name", "_span", "_token", "_tracing", "_values")

    def __init__(
        self,
        tracing: SpanTracing,
        name: str,
        kind: trace.SpanKind,
        attributes: Mapping[str, str],
        values: Mapping[str, object],
    ) -> None:
        self._tracing = tracing
        self._name = name
        self._kind = kind
        self._attributes = attributes
        self._values = values
        self._span: trace.Span = trace.INVALID_SPAN
        self._token: Any = None

    def __enter__(self) -> Self:
        try:
            self._span = self._tracing.start(self._name, self._kind, self._attributes)
            inside = trace.set_span_in_context(self._span)
            for key, value in self._values.items():
                inside = context.set_value(key, value, inside)
            self._token = context.attach(inside)
        except Exception as error:  # noqa: BLE001 - observing must never break what it observes
            report(error)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if self._token is not None:
                context.detach(self._token)
            if kind is not None and error is not None:
                self._span.set_attribute(ERROR_TYPE, _code(error) or kind.__name__)
                self._span.set_status(trace.StatusCode.ERROR)
            self._span.end()
        except Exception as failure:  # noqa: BLE001 - as above
            report(failure)

    def answered(self, answer: object, *, attempts: int) -> None:
        """Add what the answer says of itself."""
        try:
            self._span.set_attribute("warmkey.attempts", attempts)
            request_id = _metadata(answer).get("RequestId")
            if isinstance(request_id, str):
                self._span.set_attribute("aws.request_id", request_id)
        except Exception as error:  # noqa: BLE001 - as above
            report(error)


def _response(answer: object) -> Mapping[str, Any]:
    """Return the response of boto3 that *answer* is, or has as an exception."""
    response = getattr(answer, "response", answer)
    return response if isinstance(response, dict) else {}


def _metadata(answer: object) -> Mapping[str, Any]:
    metadata = _response(answer).get("ResponseMetadata")
    return metadata if isinstance(metadata, dict) else {}


def _code(error: BaseException) -> str | None:
    details = _response(error).get("Error")
    code = details.get("Code") if isinstance(details, dict) else None
    return code if isinstance(code, str) else None


def report(error: Exception) -> None:
    """Log that OpenTelemetry failed with *error*."""
    kind = type(error).__name__
    with suppress(Exception):  # the function's own handlers and filters may be what fails
        run_outside(lambda: logging.getLogger(__name__).warning("OpenTelemetry failed with %s", kind))
