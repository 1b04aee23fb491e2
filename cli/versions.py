"""Versions of the rules by the names that a person gives them: built-in, active, drafts, a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from aljibe.orders.v1 import rules_pb2, rules_pb2_grpc
from cli.doors import CALL_SECONDS, Door, door
from cli.session import Session
from cli.trouble import Trouble, Usage
from services.orders.domain.rules import SourcingRules
from services.orders.domain.rules_document import read

ACTIVE, DRAFT, BUILT_IN = "active", "draft", "built-in"


@dataclass(frozen=True)
class Named:
    """Rules with the name they are shown by; `number` is the platform's, None for a file or the built-in
    rules of this release.
    """

    name: str
    rules: SourcingRules
    number: int | None = None


async def named_rules(session: Session, names: Sequence[str], *, built_in_here: bool) -> list[Named]:
    """The rules behind `names`: each is ``active``, ``draft`` (the newest), ``draft:7`` or ``7`` (by
    number), ``built-in``, or the path of a JSON document. Built-in rules are made from the platform's
    settings, or with `built_in_here` those of this release.

    Raises:
        Usage: a name that means nothing, or a document that is wrong.
        Trouble: there is no draft.
        CallFailed, NotReachable: the platform did not answer, or does not know the version.
    """
    found = {name: _local(session, name, built_in_here) for name in names}
    if any(one is None for one in found.values()):
        async with door(session, "orders") as orders:
            for name, one in found.items():
                if one is None:
                    found[name] = await _kept(session, orders, name)
    return [one for name in names if (one := found[name]) is not None]


def needs_platform(name: str) -> bool:
    """Whether only the platform knows these rules."""
    return name in (ACTIVE, DRAFT) or _number(name) is not None


def _local(session: Session, name: str, built_in_here: bool) -> Named | None:
    if name == BUILT_IN and built_in_here:
        return Named(BUILT_IN, SourcingRules())
    if name == BUILT_IN or needs_platform(name):
        return None
    path = Path(name)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Usage("simulate.no_rules", name=name, error=error) from error
    return Named(path.stem, _read(session, name, text))


async def _kept(session: Session, orders: Door, name: str) -> Named:
    stub = rules_pb2_grpc.SourcingRulesServiceStub(orders.channel)
    number = 0 if name == BUILT_IN else _number(name)
    if number is None:
        state = rules_pb2.RULES_STATE_DRAFT if name == DRAFT else rules_pb2.RULES_STATE_ACTIVE
        listed = await stub.ListRules(
            rules_pb2.ListRulesRequest(state=state, page_size=1),
            metadata=orders.metadata,
            timeout=CALL_SECONDS,
        )
        if name == DRAFT and not listed.rules:
            raise Trouble("simulate.no_draft")
        number = listed.rules[0].number if name == DRAFT else listed.current_number
    answer = await stub.GetRules(
        rules_pb2.GetRulesRequest(number=number), metadata=orders.metadata, timeout=CALL_SECONDS
    )
    word = "" if name.isdigit() else name.partition(":")[0]
    shown = f"{word} {number}".strip() if number else BUILT_IN
    rules = _read(session, name, _with_name(answer.rules.document, shown))
    return Named(shown, replace(rules, name=answer.rules.name), number)


def _read(session: Session, name: str, text: str) -> SourcingRules:
    reading = read(text)
    if reading.rules is None:
        found = "; ".join(f"{one.path}: {one.sentence(session.texts.language)}" for one in reading.problems)
        raise Usage("simulate.bad_rules", name=name, problems=found)
    return reading.rules


def _with_name(document: str, name: str) -> str:
    """The document; the built-in rules have no name of their own, which a document must have."""
    content = json.loads(document)
    return json.dumps({**content, "name": content.get("name") or name})


def _number(name: str) -> int | None:
    text = name.removeprefix(f"{DRAFT}:")
    return int(text) if text.isdecimal() and text.isascii() else None
