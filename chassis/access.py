"""Who may call which method: the `aljibe.common.v1.access` option of each method, compiled once. Deny by
default.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message

from aljibe.common.v1 import options_pb2
from chassis.auth import Principal
from chassis.contract import ContractError
from chassis.refusals import PermissionDenied

Values = Callable[[Message], Iterator[str]]
ScopeCheck = Callable[[Principal, Message], None]


@dataclass(frozen=True, slots=True)
class Policy:
    """What a method asks of its caller."""

    open: bool
    roles: frozenset[str]
    check_scopes: ScopeCheck | None
    """Raises PermissionDenied when the request speaks for a channel or location outside the token's scope."""

    def check_role(self, principal: Principal) -> None:
        """Let a caller with one of the roles pass.

        Raises:
            PermissionDenied: it has none of them.
        """
        if self.roles.isdisjoint(principal.roles):
            raise PermissionDenied("the token's roles do not allow this method")


DENY = Policy(open=False, roles=frozenset(), check_scopes=None)


def policy_of(method: MethodDescriptor) -> Policy:
    """The policy that the method's option states; without the option nobody may call it.

    Raises:
        ContractError: the option is contradictory, or a path leads nowhere.
    """
    options = method.GetOptions()
    if not options.HasExtension(options_pb2.access):
        return DENY
    access = options.Extensions[options_pb2.access]
    name = method.full_name
    if access.open:
        if access.roles or access.channel_field or access.location_field:
            raise ContractError(f"{name}: access is open, so it can name neither roles nor fields")
        return Policy(open=True, roles=frozenset(), check_scopes=None)
    if not access.roles or options_pb2.ROLE_UNSPECIFIED in access.roles:
        raise ContractError(f"{name}: access names no role, or UNSPECIFIED")
    checks: list[ScopeCheck] = []
    if access.channel_field:
        checks.append(_channel_check(_values(method.input_type, access.channel_field, name)))
    if access.location_field:
        checks.append(_location_check(_values(method.input_type, access.location_field, name)))
    return Policy(
        open=False,
        roles=frozenset(role_name(role) for role in access.roles),
        check_scopes=_both(*checks) if len(checks) == 2 else checks[0] if checks else None,
    )


def role_name(role: int) -> str:
    """How tokens spell a role: ROLE_CHANNEL is `channel`."""
    return options_pb2.Role.Name(options_pb2.Role.ValueType(role)).removeprefix("ROLE_").lower()


def _channel_check(values: Values) -> ScopeCheck:
    def check(principal: Principal, request: Message) -> None:
        if "*" in principal.channels:
            return
        for value in _at_least_one(values(request)):
            if not principal.may_channel(value):
                raise PermissionDenied(_outside("channel", value))

    return check


def _location_check(values: Values) -> ScopeCheck:
    def check(principal: Principal, request: Message) -> None:
        if "*" in principal.locations:
            return
        for value in _at_least_one(values(request)):
            if not principal.may_location(value):
                raise PermissionDenied(_outside("location", value))

    return check


def _both(first: ScopeCheck, second: ScopeCheck) -> ScopeCheck:
    def check(principal: Principal, request: Message) -> None:
        first(principal, request)
        second(principal, request)

    return check


def _outside(kind: str, value: str) -> str:
    return (
        f"the token does not cover {kind} {value[:80]!r}"
        if value
        else f"the token does not cover every {kind}; name one"
    )


def _at_least_one(values: Iterable[str]) -> Iterator[str]:
    empty = True
    for value in values:
        empty = False
        yield value
    if empty:
        yield ""


def _values(descriptor: Descriptor, path: str, method: str) -> Values:
    """A function that yields every value at a dotted path; an absent message on the way yields the empty
    string.
    """
    head, _, rest = path.partition(".")
    field = descriptor.fields_by_name.get(head)
    if field is None:
        raise ContractError(
            f"{method}: access names {path!r}, and {descriptor.full_name} has no field {head!r}"
        )
    get = attrgetter(head)
    if not rest:
        if field.type != FieldDescriptor.TYPE_STRING:
            raise ContractError(f"{method}: access may only name string fields, not {field.full_name}")
        return _strings(get) if field.is_repeated else _string(get)
    if field.message_type is None or field.message_type.GetOptions().map_entry:
        raise ContractError(f"{method}: access can lead through messages only, not through {field.full_name}")
    inner = _values(field.message_type, rest, method)
    return _through_each(get, inner) if field.is_repeated else _through(head, get, inner)


def _string(get: attrgetter[str]) -> Values:
    def values(message: Message) -> Iterator[str]:
        yield get(message)

    return values


def _strings(get: attrgetter[Iterable[str]]) -> Values:
    def values(message: Message) -> Iterator[str]:
        yield from get(message)

    return values


def _through(name: str, get: attrgetter[Message], inner: Values) -> Values:
    def values(message: Message) -> Iterator[str]:
        if message.HasField(name):
            yield from inner(get(message))
        else:
            yield ""

    return values


def _through_each(get: attrgetter[Iterable[Message]], inner: Values) -> Values:
    def values(message: Message) -> Iterator[str]:
        for element in get(message):
            yield from inner(element)

    return values
