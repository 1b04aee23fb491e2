"""A refusal in one sentence for the person who meets it."""

from __future__ import annotations

import grpc
from google.rpc import error_details_pb2, status_pb2

from chassis.errors import DETAILS_KEY, error_info_of
from services.console.adapters.texts import Texts

AWAY = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
_HTTP: dict[grpc.StatusCode, int] = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.FAILED_PRECONDITION: 409,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 503,
    grpc.StatusCode.UNIMPLEMENTED: 501,
}


def is_away(error: grpc.aio.AioRpcError) -> bool:
    """Whether nobody answered: worth trying again by itself."""
    return error.code() in AWAY


def http_status(error: grpc.aio.AioRpcError) -> int:
    """The HTTP status of a page that the refusal left empty."""
    return _HTTP.get(error.code(), 500)


def sentence(error: grpc.aio.AioRpcError, texts: Texts) -> str:
    """By the reason (``reason.<REASON>`` among the words), else the service's own sentence in the person's
    language, else by the code (``code.<CODE>``).
    """
    info = error_info_of(error)
    if info is not None and texts.has(f"reason.{info.reason}"):
        return texts.filled(f"reason.{info.reason}", _Facts(info.metadata))
    if (told := _localized(error)) and error.code() not in (grpc.StatusCode.INTERNAL, *AWAY):
        return told
    key = f"code.{error.code().name}"
    return texts(key if texts.has(key) else "code.OTHER")


class _Facts(dict[str, object]):
    """A refusal's facts; one that an older service does not tell reads as "?"."""

    def __missing__(self, key: str) -> str:
        return "?"


def _localized(error: grpc.aio.AioRpcError) -> str:
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            for detail in status_pb2.Status.FromString(value).details:
                text = error_details_pb2.LocalizedMessage()
                if detail.Unpack(text):
                    return str(text.message)
    return ""
