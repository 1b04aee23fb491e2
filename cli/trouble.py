"""What can keep a command from its answer: each has a readable line, a stable reason and an exit code."""

from __future__ import annotations

from dataclasses import dataclass

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from chassis.errors import DETAILS_KEY
from cli.texts import Texts

_NOT_REACHABLE_CODES = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


class Trouble(Exception):
    """A command cannot go on. ``key`` names its sentence, ``fields`` fill it."""

    exit_code = 1

    def __init__(self, key: str, **fields: object) -> None:
        self.key = key
        self.fields = fields
        super().__init__(key)

    @property
    def reason(self) -> str:
        """UPPER_SNAKE and stable, for scripts."""
        return self.key.replace(".", "_").upper()

    def line(self, texts: Texts) -> str:
        """For a person."""
        return texts(self.key, **self.fields)


class Usage(Trouble):
    """Options that cannot be meant so."""

    exit_code = 2


class NotReachable(Trouble):
    """No platform, or not the service that was needed."""

    exit_code = 3


@dataclass(frozen=True)
class Violation:
    """A field of the request that was refused."""

    field: str
    reason: str
    description: str


class CallFailed(Trouble):
    """A service refused the call, or did not answer it."""

    def __init__(self, service: str, address: str, error: grpc.aio.AioRpcError) -> None:
        super().__init__("call.refused", service=service, address=address)
        self.service = service
        self.code = error.code().name
        self.message = error.details() or self.code
        self.metadata: dict[str, str] = {}
        self.violations: list[Violation] = []
        self._reason = self.code
        for detail in _details(error):
            info, text, bad = (
                error_details_pb2.ErrorInfo(),
                error_details_pb2.LocalizedMessage(),
                error_details_pb2.BadRequest(),
            )
            if detail.Unpack(info):
                self._reason = info.reason
                self.metadata = dict(info.metadata)
            elif detail.Unpack(text):
                self.message = text.message
            elif detail.Unpack(bad):
                self.violations = [
                    Violation(one.field, one.reason, one.description) for one in bad.field_violations
                ]
        if error.code() in _NOT_REACHABLE_CODES:
            self.exit_code = 3
            if self._reason == self.code:  # nobody answered: what gRPC says of sockets helps no one
                self.key = f"call.{self.code.lower()}"

    @property
    def reason(self) -> str:
        """The service's own reason; the gRPC code's name where it gave none."""
        return self._reason

    def line(self, texts: Texts) -> str:
        """For a person: the reason, the service's sentence in their language, and the fields at fault."""
        line = texts(self.key, reason=self.reason, message=self.message, **self.fields)
        # The sentence of a refused request tells its violations by itself.
        untold = [one for one in self.violations if one.description not in line]
        return line + "".join(f"; {one.field}: {one.description}" for one in untold)


def _details(error: grpc.aio.AioRpcError) -> list[any_pb2.Any]:
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            return list(status_pb2.Status.FromString(value).details)
    return []
