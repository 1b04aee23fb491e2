"""A quick yes: one generated function per message type says whether the rules of all fields hold.

Nearly every request is fine. The closures of `chassis/validation.py` name what is wrong, at the price of a
call or two for each field; they are asked only when the quick yes does not come (ADR-0002).
"""

from __future__ import annotations

from collections.abc import Callable
from keyword import iskeyword
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from aljibe.common.v1 import options_pb2
from chassis.field_rules import INTEGERS, scalar_problem, string_limits

Fine = Callable[[Message], bool]
Checked = Callable[[FieldDescriptor], "Callable[[Any], object] | None"]
"""Compiles the whole check of a field: what it gives is falsy when all is well, None when all always is."""

_F = FieldDescriptor


def compile_fine(descriptor: Descriptor, checked: Checked, known: frozenset[str]) -> Fine:
    """A function that says whether a message of this type breaks no rule.

    `checked` is asked for the fields that have no quick way: `optional` ones, maps, lists of scalars, those
    named like a word of Python, and messages of the types in `known`, which have checks of their own.
    """
    generator = _Generator(checked, known)
    name = generator.message(descriptor)
    # Nothing but names and numbers of our own contract goes into it.
    exec("\n".join(generator.lines), generator.names)  # noqa: S102
    fine: Fine = generator.names[name]
    return fine


class _Generator:
    def __init__(self, checked: Checked, known: frozenset[str]) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {}
        self._checked = checked
        self._known = known
        self._functions: dict[str, str] = {}

    def message(self, descriptor: Descriptor) -> str:
        """The name of the function for this type."""
        name = self._functions.get(descriptor.full_name)
        if name is not None:
            return name
        name = self._functions[descriptor.full_name] = f"fine_{len(self._functions)}"
        body: list[str] = []
        fields: list[Any] = list(descriptor.fields)
        for field in fields:
            body += self._field(field)
        for oneof in descriptor.oneofs:
            if oneof.GetOptions().Extensions[options_pb2.oneof_rules].required:
                body.append(_no_if(f"message.WhichOneof({oneof.name!r}) is None"))
        self.lines += [f"def {name}(message):", *(f"    {line}" for line in body), "    return True"]
        return name

    def _field(self, field: Any) -> list[str]:
        rules = field.GetOptions().Extensions[options_pb2.rules]
        kind = field.message_type
        keyword = iskeyword(field.name)
        plain = kind is not None and not kind.GetOptions().map_entry and kind.full_name not in self._known
        if plain and not keyword:
            return self._list(field, rules) if field.is_repeated else self._submessage(field, rules)
        if kind is None and not field.is_repeated and not field.has_presence and not keyword:
            return self._scalar(field, rules)
        check = self._checked(field)
        return [] if check is None else [_no_if(f"{self._named(check)}(message)")]

    def _scalar(self, field: Any, rules: options_pb2.Rules) -> list[str]:
        problem = scalar_problem(field, rules)
        if problem is None:
            return []
        value = f"message.{field.name}"
        if field.cpp_type in INTEGERS and not rules.in_values and not rules.not_in_values:
            return [f"value = {value}", _no_if(" or ".join(_out_of_range(rules)))]
        if field.type != _F.TYPE_STRING:
            return [_no_if(f"{self._named(problem)}({value}) is not None")]
        least, most, formats = string_limits(field, rules)
        wrong = [f"len(value) > {most}", "'\\0' in value"]
        if least > 1:
            wrong.append(f"len(value) < {least}")
        wrong += [f"not {self._named(fits)}(value)" for fits, _ in formats]
        empty = "not value or" if problem("") is not None else "value and"
        return [f"value = {value}", _no_if(f"{empty} ({' or '.join(wrong)})")]

    def _submessage(self, field: Any, rules: options_pb2.Rules) -> list[str]:
        inner = self.message(field.message_type)
        lines = [f"if message.HasField({field.name!r}):", f"    if not {inner}(message.{field.name}):"]
        lines.append("        return False")
        return [*lines, "else:", "    return False"] if rules.required else lines

    def _list(self, field: Any, rules: options_pb2.Rules) -> list[str]:
        inner = self.message(field.message_type)
        least = max(1 if rules.required else 0, rules.min_items)
        lines = [f"elements = message.{field.name}"]
        if least:
            lines.append(_no_if(f"len(elements) < {least}"))
        if rules.HasField("max_items"):
            lines.append(_no_if(f"len(elements) > {rules.max_items}"))
        lines += ["for element in elements:", f"    {_no_if(f'not {inner}(element)')}"]
        if rules.unique_by:
            parts = ", ".join(f"one.{part}" for part in rules.unique_by)
            lines.append(
                _no_if(f"len(elements) > 1 and len({{({parts},) for one in elements}}) < len(elements)")
            )
        return lines

    def _named(self, value: object) -> str:
        name = f"given_{len(self.names)}"
        self.names[name] = value
        return name


def _out_of_range(rules: options_pb2.Rules) -> list[str]:
    """What is wrong with a whole number in `value` that has a least, a most, or must not be zero."""
    wrong = ["not value"] if rules.required else []
    wrong += [f"value < {rules.gte}"] if rules.HasField("gte") else []
    return wrong + ([f"value > {rules.lte}"] if rules.HasField("lte") else [])


def _no_if(condition: str) -> str:
    return f"if {condition}: return False"
