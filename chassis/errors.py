"""From an exception to the answer a caller gets: one table per service, applied by the server's edge.

The answer is a `google.rpc.Status` (AIP-193): ErrorInfo with reason, domain and the refusal's fields,
LocalizedMessage in English or Spanish, and BadRequest for field violations.
"""

from __future__ import annotations

import dataclasses
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from types import ModuleType

import asyncpg
import grpc
import orjson
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from chassis import refusals

CHASSIS_DOMAIN = "chassis.aljibe.dev"
DETAILS_KEY = "grpc-status-details-bin"
MAX_METADATA_VALUE_LENGTH = 2048
MAX_VIOLATIONS = 50
MAX_MESSAGE_LENGTH = 1024
# Details ride in HTTP/2 trailers; both ends allow 64 KiB of metadata (MAX_METADATA_BYTES in server and
# client).
MAX_DETAILS_BYTES = 24 * 1024
_DATACLASS_MARK = "__dataclass_fields__"
_LANGUAGES = ("en", "es")
_INTERNAL_EN = "An internal error occurred; it was recorded."
_INTERNAL_ES = "Ocurrió un error interno; quedó registrado."


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """How one class of refusal is answered."""

    exception: type[BaseException]
    code: grpc.StatusCode
    reason: str
    """UPPER_SNAKE; stable: programs depend on it."""
    es: str
    """Spanish text; `{name}` is replaced by the refusal's field of that name, `{message}` by its English
    text.
    """
    en: str = ""
    """English text in place of `str(exception)`, for classes whose own text is not for callers."""


class ErrorTable:
    """The rules of one service on top of the chassis' own.

    `domain` is the ErrorInfo domain, such as `inventory.aljibe.dev`.
    """

    def __init__(self, domain: str, rules: Iterable[ErrorRule] = ()) -> None:
        self.domain = domain
        self._own: dict[type[BaseException], ErrorRule] = {}
        for rule in rules:
            if rule.exception in self._own:
                raise ValueError(f"{rule.exception.__name__} has two rules")
            self._own[rule.exception] = rule
        self._rules: Mapping[type[BaseException], ErrorRule] = {
            **{rule.exception: rule for rule in CHASSIS_RULES},
            **self._own,
        }

    def rule_for(self, exception: BaseException) -> ErrorRule | None:
        """The rule of the nearest listed class of `exception`, or None: then it is our bug, and INTERNAL."""
        for kind in type(exception).__mro__:
            rule = self._rules.get(kind)
            if rule is not None:
                return rule
        return None

    def covers(self, kind: type[BaseException]) -> bool:
        """Whether this very class, not only a base of it, has a rule."""
        return kind in self._rules

    def template_of(self, kind: type[BaseException]) -> str:
        """The Spanish template of `kind`, which must be listed."""
        return self._rules[kind].es

    def status_for(self, exception: BaseException, languages: str = "") -> status_pb2.Status:
        """The answer to `exception`; `languages` is the caller's `accept-language`. Of an unlisted
        exception nothing shows.
        """
        if isinstance(exception, grpc.aio.AioRpcError):
            return _status_of_upstream(exception)
        if isinstance(exception, refusals.PassedOn):
            return status_pb2.Status.FromString(exception.status)
        rule = self.rule_for(exception)
        if rule is None:
            return _status(
                grpc.StatusCode.INTERNAL, "INTERNAL", self.domain, {}, _INTERNAL_EN, _INTERNAL_ES, languages
            )
        fields = _fields_of(exception)
        english = rule.en or str(exception) or rule.reason
        spanish = rule.es.format_map(_Fields(fields, english))
        reason = exception.reason if isinstance(exception, refusals.Unauthenticated) else rule.reason
        domain = self.domain if rule.exception in self._own else CHASSIS_DOMAIN
        violations = exception.violations if isinstance(exception, refusals.InvalidRequest) else ()
        if rule.en:
            fields = {}
        return _status(rule.code, reason, domain, fields, english, spanish, languages, violations)


class UnmappedRefusal(LookupError):
    """A refusal class has no rule, or its rule speaks of a field that the class does not have."""


def raise_if_unmapped(table: ErrorTable, *modules: ModuleType) -> None:
    """For each service's test of its table: every exception class defined in `modules` that is not a mere
    base has a fitting rule.

    Raises:
        UnmappedRefusal: names every class at fault.
    """
    faults: list[str] = []
    for module in modules:
        own = [
            kind
            for kind in vars(module).values()
            if isinstance(kind, type)
            and issubclass(kind, BaseException)
            and kind.__module__ == module.__name__
        ]
        for kind in own:
            if not table.covers(kind):
                if not any(other is not kind and issubclass(other, kind) for other in own):
                    faults.append(f"{kind.__name__} has no rule")
                continue
            known = {name for base in kind.__mro__ for name in getattr(base, "__annotations__", {})} | {
                "message"
            }
            wanted = {
                name.split(".")[0].split("[")[0]
                for _, name, _, _ in string.Formatter().parse(table.template_of(kind))
                if name
            }
            if _DATACLASS_MARK in vars(kind) and wanted - known:
                faults.append(
                    f"the Spanish text of {kind.__name__} speaks of {', '.join(sorted(wanted - known))}"
                )
    if faults:
        raise UnmappedRefusal("; ".join(faults))


def reason_of(error: grpc.RpcError) -> str:
    """The ErrorInfo reason a call was refused with, for callers of other services; empty when there is
    none.
    """
    info = error_info_of(error)
    return info.reason if info is not None else ""


def error_info_of(error: grpc.RpcError) -> error_details_pb2.ErrorInfo | None:
    """The ErrorInfo a call was refused with, if any."""
    status = status_in(error)
    return None if status is None else info_in(status)


def status_in(error: grpc.RpcError) -> bytes | None:
    """The google.rpc.Status a call was refused with, in wire form, if any."""
    if not isinstance(error, grpc.aio.AioRpcError):
        return None
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            return value
    return None


def info_in(status: bytes) -> error_details_pb2.ErrorInfo | None:
    """The ErrorInfo in a google.rpc.Status in wire form, if any."""
    for detail in status_pb2.Status.FromString(status).details:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            return info
    return None


@lru_cache(maxsize=256)
def preferred_language(languages: str) -> str:
    """`en` or `es`: the one an `accept-language` value (RFC 9110) weighs higher; English when it names
    neither.
    """
    best, best_weight = _LANGUAGES[0], 0.0
    for part in languages.lower().split(","):
        tag, _, parameter = part.strip().partition(";")
        name, _, text = parameter.strip().partition("=")
        try:
            weight = float(text) if name.strip() == "q" else 1.0
        except ValueError:
            continue
        language = tag.strip().split("-")[0]
        if language in _LANGUAGES and weight > best_weight:
            best, best_weight = language, weight
    return best


class _Fields(dict[str, object]):
    def __init__(self, fields: Mapping[str, object], message: str) -> None:
        super().__init__(fields)
        self["message"] = message

    def __missing__(self, key: str) -> str:
        return ""


def _fields_of(exception: BaseException) -> dict[str, object]:
    if isinstance(exception, refusals.InvalidRequest | refusals.Unauthenticated):
        return {}
    return {name: value for name, value in vars(exception).items() if not name.startswith("_")}


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple | dict | set | frozenset) or dataclasses.is_dataclass(value):
        plain = sorted(value, key=str) if isinstance(value, set | frozenset) else value
        return orjson.dumps(plain, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    return str(value)


def _status(
    code: grpc.StatusCode,
    reason: str,
    domain: str,
    fields: Mapping[str, object],
    english: str,
    spanish: str,
    languages: str,
    violations: Iterable[refusals.Violation] = (),
) -> status_pb2.Status:
    metadata = {
        name: _text(value)[:MAX_METADATA_VALUE_LENGTH] for name, value in fields.items() if value is not None
    }
    language = preferred_language(languages)
    details = [
        error_details_pb2.ErrorInfo(reason=reason, domain=domain, metadata=metadata),
        error_details_pb2.LocalizedMessage(
            locale=language, message=(spanish if language == "es" else english)[:MAX_MESSAGE_LENGTH]
        ),
    ]
    listed = [
        error_details_pb2.BadRequest.FieldViolation(
            field=found.field, description=found.description, reason=found.reason
        )
        for found in list(violations)[:MAX_VIOLATIONS]
    ]
    status = status_pb2.Status(code=code.value[0], message=english[:MAX_MESSAGE_LENGTH])
    for detail in [*details, *([error_details_pb2.BadRequest(field_violations=listed)] if listed else [])]:
        packed = any_pb2.Any()
        packed.Pack(detail)
        if status.ByteSize() + packed.ByteSize() <= MAX_DETAILS_BYTES:
            status.details.append(packed)
    return status


_PASSED_ON = frozenset(
    {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED}
)


def _status_of_upstream(error: grpc.aio.AioRpcError) -> status_pb2.Status:
    # Trouble of a service we called is passed on; any other refusal of our own call that the use case did
    # not expect is our bug.
    if error.code() in _PASSED_ON:
        english, spanish = (
            "a service needed for this call did not answer",
            "un servicio necesario no respondió",
        )
        reason = reason_of(error) or f"UPSTREAM_{error.code().name}"
        return _status(error.code(), reason, CHASSIS_DOMAIN, {}, english, spanish, "")
    return _status(grpc.StatusCode.INTERNAL, "INTERNAL", CHASSIS_DOMAIN, {}, _INTERNAL_EN, _INTERNAL_ES, "")


def is_expected(table: ErrorTable, exception: BaseException) -> bool:
    """Whether `exception` is an answer rather than a bug; a bug is logged with its traceback."""
    if isinstance(exception, grpc.aio.AioRpcError):
        return exception.code() in _PASSED_ON
    return table.rule_for(exception) is not None


_Code = grpc.StatusCode
_AWAY: tuple[type[BaseException], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    ConnectionError,
)
_CONTENTION: tuple[type[BaseException], ...] = (
    asyncpg.LockNotAvailableError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    TimeoutError,
)


def _database_rules() -> Iterable[ErrorRule]:
    for kind in _AWAY:
        yield ErrorRule(
            kind,
            _Code.UNAVAILABLE,
            "UNAVAILABLE",
            "La base de datos no está disponible en este momento",
            "the database is not available right now",
        )
    for kind in _CONTENTION:
        yield ErrorRule(
            kind,
            _Code.UNAVAILABLE,
            "CONTENTION",
            "Hay demasiada contención; inténtelo de nuevo",
            "too much contention right now; try again",
        )
    yield ErrorRule(
        asyncpg.QueryCanceledError,
        _Code.DEADLINE_EXCEEDED,
        "STATEMENT_TIMEOUT",
        "La operación tardó demasiado",
        "the operation took too long",
    )


CHASSIS_RULES: tuple[ErrorRule, ...] = (
    # Answered with its own status, see `status_for`; the rule says that it is an answer and no bug.
    ErrorRule(
        refusals.PassedOn,
        _Code.FAILED_PRECONDITION,
        "PASSED_ON",
        "Otro servicio rechazó la solicitud: {reason}",
    ),
    ErrorRule(
        refusals.InvalidRequest,
        _Code.INVALID_ARGUMENT,
        "FIELD_INVALID",
        "La solicitud tiene campos no válidos: {message}",
    ),
    ErrorRule(
        refusals.InvalidArgument,
        _Code.INVALID_ARGUMENT,
        "FIELD_INVALID",
        "La solicitud tiene un campo no válido: {message}",
    ),
    ErrorRule(
        refusals.PageTokenInvalid,
        _Code.INVALID_ARGUMENT,
        "PAGE_TOKEN_INVALID",
        "El page_token no es de esta consulta",
    ),
    ErrorRule(
        refusals.RequestIdReused,
        _Code.INVALID_ARGUMENT,
        "REQUEST_ID_REUSED",
        "El request_id {request_id} ya se usó con otros datos",
    ),
    ErrorRule(refusals.NotFound, _Code.NOT_FOUND, "NOT_FOUND", "No existe {kind} {key}"),
    ErrorRule(
        refusals.Unauthenticated,
        _Code.UNAUTHENTICATED,
        "TOKEN_INVALID",
        "La credencial falta, no es válida o ha caducado",
    ),
    ErrorRule(
        refusals.PermissionDenied,
        _Code.PERMISSION_DENIED,
        "PERMISSION_DENIED",
        "No tiene permiso para hacer esto",
    ),
    ErrorRule(
        refusals.Overloaded,
        _Code.RESOURCE_EXHAUSTED,
        "OVERLOADED",
        "El servicio está saturado; inténtelo más tarde",
    ),
    ErrorRule(refusals.TooLarge, _Code.RESOURCE_EXHAUSTED, "TOO_LARGE", "{what} supera el límite de {limit}"),
    ErrorRule(
        refusals.Unavailable, _Code.UNAVAILABLE, "UNAVAILABLE", "{what} no está disponible en este momento"
    ),
    ErrorRule(
        refusals.DeadlineExceeded,
        _Code.DEADLINE_EXCEEDED,
        "DEADLINE_EXCEEDED",
        "Se agotó el tiempo de la operación",
    ),
    ErrorRule(
        refusals.DeadLetterSettled,
        _Code.FAILED_PRECONDITION,
        "DEAD_LETTER_SETTLED",
        "El mensaje {dead_letter_id} ya se resolvió: {state}",
    ),
    ErrorRule(
        refusals.RedriveFailed,
        _Code.FAILED_PRECONDITION,
        "REDRIVE_FAILED",
        "El mensaje {dead_letter_id} volvió a fallar: {error}",
    ),
    *_database_rules(),
)
