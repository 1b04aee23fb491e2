"""Everything a person reads exists in both languages."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

from aljibe.common.v1 import types_pb2
from aljibe.fulfillment.v1 import fulfillment_pb2
from aljibe.inventory.v1 import inventory_pb2
from aljibe.ops.v1 import bus_pb2
from aljibe.orders.v1 import orders_pb2, rules_pb2
from cli.local.happening import Kind
from cli.main import build
from cli.tests.conftest import aljibe
from cli.texts import CATALOGUES, LANGUAGES, Texts, wanted_language

_USED = re.compile(r"""(?:texts|Usage|Trouble|NotReachable|help=|missing=)\(?\s*"([a-z_]+\.[\w.]+)\"""")


def _fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_both_languages_say_the_same_things() -> None:
    """A sentence missing in Spanish would end a command with a KeyError."""
    english, spanish = CATALOGUES["en"], CATALOGUES["es"]

    assert set(english) == set(spanish)
    assert not [key for key in english if _fields(english[key]) != _fields(spanish[key])]
    assert not [key for key, sentence in {**english, **spanish}.items() if not sentence.strip()]


def test_every_sentence_the_code_names_exists() -> None:
    """Keys are plain strings; only this finds a mistyped one before a person does."""
    sources = [file.read_text() for file in Path(__file__).parents[1].glob("*.py")]

    used = {key for source in sources for key in _USED.findall(source)}

    assert len(used) > 60
    assert not used - set(CATALOGUES["en"])


def test_every_happening_of_the_platform_has_its_sentence() -> None:
    assert not [kind for kind in get_args(Kind) if f"up.{kind}" not in CATALOGUES["en"]]


@pytest.mark.parametrize(
    ("kind", "enum", "prefix"),
    [
        ("state", orders_pb2.OrderState, "ORDER_STATE_"),
        ("unit", orders_pb2.UnitState, "UNIT_STATE_"),
        ("work", fulfillment_pb2.FulfillmentState, "FULFILLMENT_STATE_"),
        ("disposition", fulfillment_pb2.Disposition, "DISPOSITION_"),
        ("method", types_pb2.FulfillmentMethod, "FULFILLMENT_METHOD_"),
        ("cause", inventory_pb2.MovementCause, "MOVEMENT_CAUSE_"),
        ("rules.state", rules_pb2.RulesState, "RULES_STATE_"),
        ("rules.kind", rules_pb2.RulesChangeKind, "RULES_CHANGE_KIND_"),
        ("letter", bus_pb2.DeadLetterState, "DEAD_LETTER_STATE_"),
    ],
)
def test_every_state_of_the_contract_has_a_word(kind: str, enum: EnumTypeWrapper, prefix: str) -> None:
    """A state added to the protos must not reach a person in capitals with underscores."""
    names = [name.removeprefix(prefix) for name, number in enum.items() if number]

    assert not [name for name in names if f"{kind}.{name}" not in CATALOGUES["es"]]


@pytest.mark.parametrize(
    ("arguments", "environ", "language"),
    [
        ([], {}, "en"),
        ([], {"LANG": "es_ES.UTF-8"}, "es"),
        ([], {"LANG": "C.UTF-8"}, "en"),
        ([], {"LANG": "es_MX", "ALJIBE_LANG": "en"}, "en"),
        (["order", "list", "--lang", "es"], {"LANG": "en_US"}, "es"),
        (["--lang=en"], {"ALJIBE_LANG": "es"}, "en"),
        (["order", "show", "--", "--lang", "es"], {}, "en"),
    ],
)
def test_the_language_is_asked_for_or_the_environments(
    arguments: list[str], environ: dict[str, str], language: str
) -> None:
    assert wanted_language(arguments, environ) == language


def _commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, child in getattr(command, "commands", {}).items():
        yield from _commands(child, (*path, name))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", list(_commands(build(Texts("en")))), ids=" ".join)
def test_the_help_of_every_command_teaches_by_example(path: tuple[str, ...], language: str) -> None:
    """`--help` is the manual: what it does, every option explained, and a line to copy."""
    ran = aljibe(*path, "--help") if language == "en" else aljibe(*path, "--lang", language, "--help")

    told = Texts(language)
    if not path or path[-1] in ("order", "stock", "rules", "goals", "parcel", "dlq", "outbox"):
        # Groups have no --lang of their own; the language comes from the environment there.
        ran = aljibe(*path, "--help")
        told = Texts("en")
    assert ran.code == 0
    assert told("help.examples") in ran.out
    assert f"aljibe {' '.join(path)}".strip() in ran.out.partition(told("help.examples"))[2]
    assert told(f"{'.'.join(path) or 'root'}.help").partition("\n")[0][:40] in ran.out
