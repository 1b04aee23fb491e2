"""The contract's own comments, read from the descriptor set that set-up writes beside the stubs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from google.protobuf import descriptor_pb2

import aljibe

# Field numbers in descriptor.proto: what a source location's path is made of.
_MESSAGE, _ENUM, _SERVICE = 4, 5, 6
_IN_MESSAGE = {2: "field", 3: "nested_type", 4: "enum_type", 8: "oneof_decl"}
DESCRIPTOR_SET = "aljibe.binpb"


def read_comments(folder: Path | None = None) -> Mapping[str, str]:
    """Comments by full name of service, method, message, field, enum and value.

    Empty when the descriptor set is not there: the document then says less, and nothing breaks.
    """
    folder = folder or Path(next(iter(aljibe.__path__))).parent
    try:
        content = (folder / DESCRIPTOR_SET).read_bytes()
    except FileNotFoundError:
        return {}
    found: dict[str, str] = {}
    for file in descriptor_pb2.FileDescriptorSet.FromString(content).file:
        if not file.package.startswith("aljibe."):
            continue
        for location in file.source_code_info.location:
            text = location.leading_comments.strip()
            if text:
                name = _name_at(file, list(location.path))
                if name:
                    found[name] = "\n".join(line.strip() for line in text.splitlines())
    return found


def _name_at(file: descriptor_pb2.FileDescriptorProto, path: list[int]) -> str:
    if len(path) < 2:
        return ""
    kind, index, *rest = path
    prefix = file.package + "."
    if kind == _MESSAGE:
        return _in_message(file.message_type[index], prefix, rest)
    if kind == _ENUM:
        return _in_enum(file.enum_type[index], prefix, rest)
    if kind == _SERVICE:
        service = file.service[index]
        if not rest:
            return prefix + service.name
        if len(rest) == 2 and rest[0] == 2:
            return f"{prefix}{service.name}.{service.method[rest[1]].name}"
    return ""


def _in_message(message: descriptor_pb2.DescriptorProto, prefix: str, path: list[int]) -> str:
    name = prefix + message.name
    if not path:
        return name
    part = _IN_MESSAGE.get(path[0])
    if part is None or len(path) < 2:
        return ""
    if part == "nested_type":
        return _in_message(message.nested_type[path[1]], name + ".", path[2:])
    if part == "enum_type":
        return _in_enum(message.enum_type[path[1]], name + ".", path[2:])
    child = getattr(message, part)[path[1]].name
    return f"{name}.{child}" if len(path) == 2 else ""


def _in_enum(enum: descriptor_pb2.EnumDescriptorProto, prefix: str, path: list[int]) -> str:
    if not path:
        return prefix + enum.name
    if len(path) == 2 and path[0] == 2:
        return f"{prefix}{enum.name}.{enum.value[path[1]].name}"
    return ""
