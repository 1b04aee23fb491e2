"""Refusals at the HTTP door: RFC 9457 problem documents made from `google.rpc.Status`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import grpc
import orjson
from google.rpc import error_details_pb2, status_pb2

from chassis.errors import DETAILS_KEY

CONTENT_TYPE = b"application/problem+json"
TYPE_PREFIX = "urn:aljibe:problem:"
RETRY_AFTER_SECONDS = 1

# As google.rpc.code says, but for FAILED_PRECONDITION: our refusals of that code are conflicts with the
# state of stock, order or payment, which HTTP calls 409; clients must tell them from a malformed request.
HTTP_STATUS: Mapping[grpc.StatusCode, int] = {
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.UNKNOWN: 500,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.FAILED_PRECONDITION: 409,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.INTERNAL: 500,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DATA_LOSS: 500,
    grpc.StatusCode.UNAUTHENTICATED: 401,
}
_PLAIN_HEADERS = ((b"content-type", CONTENT_TYPE),)
_LATER = (*_PLAIN_HEADERS, (b"retry-after", str(RETRY_AFTER_SECONDS).encode()))
_HEADERS = {
    401: (*_PLAIN_HEADERS, (b"www-authenticate", b'Bearer realm="aljibe"')),
    429: _LATER,
    503: _LATER,
}
_INFO, _TEXT, _BAD = (
    kind.DESCRIPTOR.full_name
    for kind in (
        error_details_pb2.ErrorInfo,
        error_details_pb2.LocalizedMessage,
        error_details_pb2.BadRequest,
    )
)
_CODES = {code.value[0]: code for code in grpc.StatusCode}


@dataclass(frozen=True, slots=True)
class Problem:
    """An RFC 9457 problem; `reason` is stable and for programs, `detail` is for a person."""

    status: int
    reason: str
    detail: str
    facts: Mapping[str, str] = field(default_factory=dict)
    """ErrorInfo metadata: the refusal's own fields."""
    violations: tuple[Mapping[str, str], ...] = ()
    """Each wrong field: `field`, `description`, `reason`."""

    def document(self, instance: str = "") -> bytes:
        """The JSON document; `instance` identifies this occurrence (the trace id)."""
        kind, title = _names_of(self.reason)
        content: dict[str, Any] = {
            "type": kind,
            "title": title,
            "status": self.status,
            "detail": self.detail,
            "reason": self.reason,
        }
        if self.facts:
            content["facts"] = dict(self.facts)
        if self.violations:
            content["violations"] = [dict(violation) for violation in self.violations]
        if instance:
            content["instance"] = f"urn:trace:{instance}"
        return orjson.dumps(content)

    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """Headers that this status calls for."""
        return _HEADERS.get(self.status, _PLAIN_HEADERS)


@lru_cache(maxsize=1024)
def _names_of(reason: str) -> tuple[str, str]:
    """Type and title of a reason: there are few, and a sold-out article brings the same one all day."""
    return TYPE_PREFIX + reason.lower().replace("_", "-"), reason.replace("_", " ").capitalize()


class DoorProblem(Exception):
    """The HTTP door itself refuses, before any service was called."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


class BadRequestProblem(DoorProblem):
    """400: the request cannot be understood."""

    def __init__(self, reason: str, detail: str, field: str = "") -> None:
        violations = ({"field": field, "description": detail, "reason": reason},) if field else ()
        super().__init__(Problem(400, reason, detail, violations=violations))


def problem_of_status(status: status_pb2.Status) -> Problem:
    """The problem that a service's refusal is."""
    code = _CODES.get(status.code, grpc.StatusCode.UNKNOWN)
    reason, facts, detail = code.name, {}, status.message
    violations: tuple[Mapping[str, str], ...] = ()
    for packed in status.details:
        kind = packed.type_url.rpartition("/")[2]
        if kind == _INFO:
            info = error_details_pb2.ErrorInfo.FromString(packed.value)
            reason, facts = info.reason, dict(info.metadata)
        elif kind == _TEXT:
            detail = error_details_pb2.LocalizedMessage.FromString(packed.value).message
        elif kind == _BAD:
            violations = tuple(
                {"field": found.field, "description": found.description, "reason": found.reason}
                for found in error_details_pb2.BadRequest.FromString(packed.value).field_violations
            )
    return Problem(HTTP_STATUS[code], reason, detail, facts, violations)


def problem_of_rpc_error(error: grpc.aio.AioRpcError) -> Problem:
    """The problem that a failed call is; without details (nobody was reached) the code speaks."""
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            return problem_of_status(status_pb2.Status.FromString(value))
    detail = (
        "the service did not answer"
        if error.code() is grpc.StatusCode.UNAVAILABLE
        else (error.details() or error.code().name)
    )
    return Problem(HTTP_STATUS[error.code()], error.code().name, detail)
