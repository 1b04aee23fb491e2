"""Request validation from the `aljibe.common.v1.rules` options, compiled once per message into closures.

A check returns None when all is well and builds field paths only when something is wrong, so that a good
request costs a few microseconds (ADR-0002).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from aljibe.common.v1 import options_pb2
from chassis.contract import ContractError
from chassis.field_rules import Problem, scalar_problem
from chassis.fine import compile_fine
from chassis.refusals import InvalidRequest, Violation

Validator = Callable[[Message], None]
_Check = Callable[[Any], "list[Violation] | None"]
_Problem = Callable[[Any], "Problem | None"]

MAX_VIOLATIONS = 50
_REQUIRED = ("REQUIRED", "must be set")
_WELL_KNOWN_SECONDS = {
    "google.protobuf.Timestamp": (-62_135_596_800, 253_402_300_799, "TIMESTAMP_MALFORMED"),
    "google.protobuf.Duration": (-315_576_000_000, 315_576_000_000, "DURATION_MALFORMED"),
}
_MAX_NANOS = 999_999_999


def compile_validator(descriptor: Descriptor) -> Validator:
    """A function that raises InvalidRequest with every violation (at most 50) in a message of this type,
    nested ones included.

    Raises:
        ContractError: a rule does not fit the type of its field.
    """
    compiler = _Compiler()
    check = compiler.message(descriptor)
    if check is None:
        return _nothing
    fine = compile_fine(descriptor, compiler.field, frozenset(_WELL_KNOWN_SECONDS))

    def validate(message: Message) -> None:
        if fine(message):
            return
        violations = check(message)
        if violations:
            raise InvalidRequest(violations[:MAX_VIOLATIONS])

    return validate


def _nothing(_message: Message) -> None:
    return


class _Compiler:
    def __init__(self) -> None:
        self._done: dict[str, _Check | None] = {}
        self._open: set[str] = set()

    def message(self, descriptor: Descriptor) -> _Check | None:
        name = descriptor.full_name
        if name in self._done:
            return self._done[name]
        if name in _WELL_KNOWN_SECONDS:
            return _well_known(*_WELL_KNOWN_SECONDS[name])
        if name in self._open:
            # A message that contains itself: bind late, to the check that is being made.
            def later(message: Message) -> list[Violation] | None:
                check = self._done[name]
                return check(message) if check is not None else None

            return later
        self._open.add(name)
        checks = [check for field in descriptor.fields if (check := self.field(field)) is not None]
        checks += [
            _oneof(oneof.name)
            for oneof in descriptor.oneofs
            if oneof.GetOptions().Extensions[options_pb2.oneof_rules].required
        ]
        self._open.discard(name)
        self._done[name] = _all(checks)
        return self._done[name]

    def field(self, field: FieldDescriptor) -> _Check | None:
        """The check of one field of a message."""
        rules = field.GetOptions().Extensions[options_pb2.rules]
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            return self._map(field, rules)
        nested = self.message(field.message_type) if field.message_type is not None else None
        if field.is_repeated:
            return _repeated(field, rules, nested)
        if field.message_type is not None:
            return _submessage(field.name, nested, rules.required)
        return _scalar(field, rules)

    def _map(self, field: FieldDescriptor, rules: options_pb2.Rules) -> _Check | None:
        entry = field.message_type
        assert entry is not None
        key_field, value_field = entry.fields_by_name["key"], entry.fields_by_name["value"]
        key_problem = scalar_problem(key_field, rules.keys)
        nested = self.message(value_field.message_type) if value_field.message_type is not None else None
        value_problem = scalar_problem(value_field, rules) if value_field.message_type is None else None
        return _mapping(field.name, _size_problem(rules), key_problem, value_problem, nested)


def _all(checks: Sequence[_Check]) -> _Check | None:
    if not checks:
        return None
    if len(checks) == 1:
        return checks[0]
    fixed = tuple(checks)

    def check(message: Message) -> list[Violation] | None:
        found: list[Violation] | None = None
        for one in fixed:
            violations = one(message)
            if violations:
                found = violations if found is None else found + violations
        return found

    return check


def _scalar(field: FieldDescriptor, rules: options_pb2.Rules) -> _Check | None:
    name = field.name
    get = attrgetter(name)
    problem = scalar_problem(field, rules)
    if field.has_presence:
        required = rules.required

        def check_present(message: Message) -> list[Violation] | None:
            if not message.HasField(name):
                return [Violation(name, *_REQUIRED)] if required else None
            found = problem(get(message)) if problem is not None else None
            return [Violation(name, *found)] if found is not None else None

        return check_present if required or problem is not None else None
    if problem is None:
        return None

    # Most fields of most requests are empty; where that is fine it must cost next to nothing.
    empty_is_fine = problem(field.default_value) is None

    def check(message: Message) -> list[Violation] | None:
        value = get(message)
        if not value and empty_is_fine:
            return None
        found = problem(value)
        return [Violation(name, *found)] if found is not None else None

    return check


def _submessage(name: str, nested: _Check | None, required: bool) -> _Check | None:
    if nested is None and not required:
        return None
    get = attrgetter(name)

    def check(message: Message) -> list[Violation] | None:
        if not message.HasField(name):
            return [Violation(name, *_REQUIRED)] if required else None
        found = nested(get(message)) if nested is not None else None
        return _under(name, found) if found else None

    return check


def _repeated(field: FieldDescriptor, rules: options_pb2.Rules, nested: _Check | None) -> _Check | None:
    name = field.name
    get = attrgetter(name)
    size_problem = _size_problem(rules)
    element_problem = scalar_problem(field, rules) if field.message_type is None else None
    duplicates = _duplicates(field, rules)
    if size_problem is None and element_problem is None and nested is None and duplicates is None:
        return None

    def check(message: Message) -> list[Violation] | None:
        elements = get(message)
        if size_problem is not None:
            wrong_size = size_problem(elements)
            if wrong_size is not None:
                # Elements of a list that is too long are not looked at: the limit is there to bound the work.
                return [Violation(name, *wrong_size)]
        found: list[Violation] = []
        if nested is not None:
            for index, element in enumerate(elements):
                violations = nested(element)
                if violations:
                    found += _under(f"{name}[{index}]", violations)
                    if len(found) >= MAX_VIOLATIONS:
                        return found
        elif element_problem is not None:
            for index, element in enumerate(elements):
                problem = element_problem(element)
                if problem is not None:
                    found.append(Violation(f"{name}[{index}]", *problem))
                    if len(found) >= MAX_VIOLATIONS:
                        return found
        if duplicates is not None:
            found += duplicates(elements)
        return found

    return check


def _duplicates(
    field: FieldDescriptor, rules: options_pb2.Rules
) -> Callable[[Sequence[Any]], list[Violation]] | None:
    name = field.name
    suffix, get = "", None
    if rules.unique_by:
        element = field.message_type
        if element is None or any(part not in element.fields_by_name for part in rules.unique_by):
            raise ContractError(f"{field.full_name}: unique_by names no field of its elements")
        suffix, get = f".{rules.unique_by[0]}", attrgetter(*rules.unique_by)
    elif not rules.unique:
        return None

    def duplicates(elements: Sequence[Any]) -> list[Violation]:
        if len(elements) < 2:
            return []
        keys = [get(element) for element in elements] if get is not None else list(elements)
        if len(set(keys)) == len(keys):
            return []
        first: dict[Any, int] = {}
        found: list[Violation] = []
        for index, key in enumerate(keys):
            earlier = first.setdefault(key, index)
            if earlier != index:
                found.append(
                    Violation(f"{name}[{index}]{suffix}", "DUPLICATE", f"is the same as in {name}[{earlier}]")
                )
        return found

    return duplicates


def _mapping(
    name: str,
    size_problem: _Problem | None,
    key_problem: _Problem | None,
    value_problem: _Problem | None,
    nested: _Check | None,
) -> _Check | None:
    if size_problem is None and key_problem is None and value_problem is None and nested is None:
        return None
    get = attrgetter(name)

    def check(message: Message) -> list[Violation] | None:
        entries = get(message)
        wrong_size = size_problem(entries) if size_problem is not None else None
        if wrong_size is not None:
            return [Violation(name, *wrong_size)]
        found: list[Violation] = []
        for key, value in entries.items():
            path = f"{name}[{str(key)[:80]!r}]"
            bad_key = key_problem(key) if key_problem is not None else None
            if bad_key is not None:
                found.append(Violation(path, bad_key[0], f"key {bad_key[1]}"))
            bad_value = value_problem(value) if value_problem is not None else None
            if bad_value is not None:
                found.append(Violation(path, *bad_value))
            if nested is not None:
                found += _under(path, nested(value) or [])
            if len(found) >= MAX_VIOLATIONS:
                break
        return found

    return check


def _size_problem(rules: options_pb2.Rules) -> _Problem | None:
    least = max(1 if rules.required else 0, rules.min_items)
    most = rules.max_items if rules.HasField("max_items") else None
    if least == 0 and most is None:
        return None

    def problem(elements: Any) -> Problem | None:
        count = len(elements)
        if count < least:
            return (
                _REQUIRED
                if count == 0 and rules.required
                else ("TOO_FEW", f"must have at least {least} elements, has {count}")
            )
        if most is not None and count > most:
            return ("TOO_MANY", f"must have at most {most} elements, has {count}")
        return None

    return problem


def _oneof(name: str) -> _Check:
    def check(message: Message) -> list[Violation] | None:
        return None if message.WhichOneof(name) is not None else [Violation(name, *_REQUIRED)]

    return check


def _well_known(least: int, most: int, reason: str) -> _Check:
    def check(message: Any) -> list[Violation] | None:
        if (
            least <= message.seconds <= most
            and -_MAX_NANOS <= message.nanos <= _MAX_NANOS
            and not (reason[0] == "T" and message.nanos < 0)
        ):
            return None
        return [Violation("", reason, "is outside the range of its type")]

    return check


def _under(prefix: str, violations: Sequence[Violation]) -> list[Violation]:
    return [
        Violation(f"{prefix}.{found.field}" if found.field else prefix, found.reason, found.description)
        for found in violations
    ]
