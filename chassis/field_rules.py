"""The rules of one scalar value, compiled into a function that names what is wrong with it, or returns
None.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

from aljibe.common.v1 import options_pb2
from chassis.contract import ContractError
from chassis.ids import id_pattern

Problem = tuple[str, str]
"""Reason (UPPER_SNAKE) and description."""
Format = tuple[Callable[[str], object], Problem]
"""Says whether a text fits, and what is wrong when it does not."""
ScalarProblem = Callable[[Any], "Problem | None"]

DEFAULT_MAX_LENGTH = 4096
_REQUIRED: Problem = ("REQUIRED", "must be set")
_STRING_ONLY = ("pattern", "in_strings", "id_prefix", "currency", "country")
_LENGTH = ("min_len", "max_len")
_INTEGER_ONLY = ("gte", "lte")
_NUMBER_LISTS = ("in_values", "not_in_values")
_FLOAT_ONLY = ("gte_double", "lte_double")
_LIST_ONLY = ("min_items", "max_items", "unique", "unique_by", "keys")
_CURRENCY = re.compile("[A-Z]{3}")
_COUNTRY = re.compile("[A-Z]{2}")
_F = FieldDescriptor
_FLOATS = (_F.CPPTYPE_DOUBLE, _F.CPPTYPE_FLOAT)
INTEGERS = (_F.CPPTYPE_INT32, _F.CPPTYPE_INT64, _F.CPPTYPE_UINT32, _F.CPPTYPE_UINT64)


def scalar_problem(field: FieldDescriptor, rules: options_pb2.Rules) -> ScalarProblem | None:
    """The check of one value of `field`: of the field itself, or of each element when it is repeated. None
    when all values are fine.

    Raises:
        ContractError: a rule does not fit the field's type.
    """
    kind = field.cpp_type
    # In a list or behind presence a zero value is a value like any other.
    zero_is_absent = not field.is_repeated and not field.has_presence
    required = rules.required and not field.is_repeated
    if field.type == _F.TYPE_BYTES:
        _allow(field, rules, _LENGTH)
        return _bytes(rules, required)
    if kind == _F.CPPTYPE_STRING:
        _allow(field, rules, _STRING_ONLY + _LENGTH)
        return _string(field, rules, required, zero_is_absent)
    if kind in INTEGERS:
        _allow(field, rules, _INTEGER_ONLY + _NUMBER_LISTS)
        return _integer(rules, required, zero_is_absent)
    if kind == _F.CPPTYPE_ENUM:
        _allow(field, rules, _NUMBER_LISTS)
        assert field.enum_type is not None
        return _enum(field.enum_type, rules, required, zero_is_absent)
    if kind in _FLOATS:
        _allow(field, rules, _FLOAT_ONLY)
        if required and zero_is_absent:
            raise ContractError(
                f"{field.full_name}: 0.0 is a value, so a required number here must be `optional`"
            )
        return _float(rules)
    _allow(field, rules, ())
    return _truth if required and not field.has_presence else None


def _allow(field: FieldDescriptor, rules: options_pb2.Rules, fitting: tuple[str, ...]) -> None:
    owner = field.containing_type
    in_map = owner is not None and owner.GetOptions().map_entry
    lists = _LIST_ONLY if field.is_repeated or in_map else ()
    for rule, _ in rules.ListFields():
        if rule.name not in fitting and rule.name not in lists and rule.name != "required":
            raise ContractError(f"{field.full_name}: rule {rule.name} does not fit its type")


def _truth(value: bool) -> Problem | None:
    return None if value else _REQUIRED


def _bytes(rules: options_pb2.Rules, required: bool) -> ScalarProblem | None:
    least = max(rules.min_len, 1 if required else 0)
    most = rules.max_len if rules.HasField("max_len") else None
    if least == 0 and most is None:
        return None

    def problem(value: bytes) -> Problem | None:
        size = len(value)
        if size < least:
            return _REQUIRED if required and size == 0 else ("TOO_SHORT", f"must have at least {least} bytes")
        if most is not None and size > most:
            return ("TOO_LONG", f"must have at most {most} bytes")
        return None

    return problem


def _string(
    field: FieldDescriptor, rules: options_pb2.Rules, required: bool, zero_is_absent: bool
) -> ScalarProblem:
    least, most, formats = string_limits(field, rules)
    only_format = formats[0] if len(formats) == 1 else None

    def problem(value: str) -> Problem | None:
        if not value and zero_is_absent:
            if required:
                return _REQUIRED
            return None if least == 0 else ("TOO_SHORT", f"must have at least {least} characters")
        if not least <= len(value) <= most:
            if len(value) > most:
                return ("TOO_LONG", f"must have at most {most} characters, has {len(value)}")
            return ("TOO_SHORT", f"must have at least {least} characters")
        if required and not value:
            return _REQUIRED
        if "\0" in value:
            return ("NUL_CHARACTER", "must not contain the NUL character")
        if only_format is not None:
            return None if only_format[0](value) else only_format[1]
        for fits, wrong in formats:
            if not fits(value):
                return wrong
        return None

    return problem


def string_limits(field: FieldDescriptor, rules: options_pb2.Rules) -> tuple[int, int, list[Format]]:
    """Least and most characters of a text, and the formats it must fit."""
    most = rules.max_len if rules.HasField("max_len") else DEFAULT_MAX_LENGTH
    formats = _formats(field, rules)
    allowed = frozenset(rules.in_strings)
    if allowed:
        shown = ", ".join(sorted(allowed))
        formats.append((allowed.__contains__, ("NOT_ALLOWED", f"must be one of {shown}")))
    return rules.min_len, most, formats


def _formats(field: FieldDescriptor, rules: options_pb2.Rules) -> list[Format]:
    formats: list[Format] = []
    if rules.pattern:
        try:
            formats.append((re.compile(rules.pattern).fullmatch, ("PATTERN", f"must match {rules.pattern}")))
        except re.error as error:
            raise ContractError(f"{field.full_name}: pattern {rules.pattern!r}: {error}") from error
    if rules.id_prefix:
        try:
            fits = id_pattern(rules.id_prefix).fullmatch
        except ValueError as error:
            raise ContractError(f"{field.full_name}: {error}") from error
        formats.append(
            (fits, ("ID_MALFORMED", f"must be an id such as {rules.id_prefix}_01h455vb4pex5vsknk084sn02q"))
        )
    if rules.currency:
        formats.append((_CURRENCY.fullmatch, ("CURRENCY_MALFORMED", "must be an ISO 4217 code such as EUR")))
    if rules.country:
        formats.append(
            (_COUNTRY.fullmatch, ("COUNTRY_MALFORMED", "must be an ISO 3166-1 alpha-2 code such as ES"))
        )
    return formats


def _integer(rules: options_pb2.Rules, required: bool, zero_is_absent: bool) -> ScalarProblem | None:
    least = rules.gte if rules.HasField("gte") else None
    most = rules.lte if rules.HasField("lte") else None
    allowed, refused = frozenset(rules.in_values), frozenset(rules.not_in_values)
    if least is None and most is None and not allowed and not refused:
        return _nonzero if required and zero_is_absent else None

    def problem(value: int) -> Problem | None:
        if required and zero_is_absent and value == 0:
            return _REQUIRED
        if least is not None and value < least:
            return ("TOO_SMALL", f"must be at least {least}, is {value}")
        if most is not None and value > most:
            return ("TOO_LARGE", f"must be at most {most}, is {value}")
        if value == 0 and zero_is_absent:
            return None
        if value in refused or (allowed and value not in allowed):
            return ("NOT_ALLOWED", f"must not be {value}")
        return None

    return problem


def _nonzero(value: float) -> Problem | None:
    return None if value else _REQUIRED


def _enum(
    enum: EnumDescriptor, rules: options_pb2.Rules, required: bool, zero_is_absent: bool
) -> ScalarProblem:
    names = {number: value.name for number, value in enum.values_by_number.items()}
    allowed = frozenset(rules.in_values or names) - frozenset(rules.not_in_values)
    optional_zero = zero_is_absent and not required
    passing = frozenset(allowed | {0}) if optional_zero else frozenset(allowed - {0}) if required else allowed
    shown = ", ".join(names[number] for number in sorted(passing) if number in names and number != 0)

    def problem(value: int) -> Problem | None:
        if value in passing:
            return None
        if value == 0 and required:
            return _REQUIRED
        return ("NOT_ALLOWED" if value in names else "UNDEFINED_ENUM", f"must be one of {shown}")

    return problem


def _float(rules: options_pb2.Rules) -> ScalarProblem:
    least = rules.gte_double if rules.HasField("gte_double") else -math.inf
    most = rules.lte_double if rules.HasField("lte_double") else math.inf

    def problem(value: float) -> Problem | None:
        if not math.isfinite(value):
            return ("NOT_FINITE", "must be a finite number")
        if value < least:
            return ("TOO_SMALL", f"must be at least {least:g}, is {value:g}")
        if value > most:
            return ("TOO_LARGE", f"must be at most {most:g}, is {value:g}")
        return None

    return problem
