"""Rules of sourcing as tables for a person. What people wrote is plain text: its brackets are no markup."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from aljibe.orders.v1 import rules_pb2 as pb
from cli.session import proto_json
from cli.show import time
from cli.texts import Texts

MAX_LISTED_DIFFERENCES = 8


def versions(texts: Texts, found: Sequence[pb.RulesVersion]) -> Table:
    """Versions, one a line."""
    table = Table(texts("rules.word.number"), texts("rules.word.name"), box=None)
    for word in ("state", "effective", "changed", "by", "note"):
        table.add_column(texts(f"rules.word.{word}"))
    for one in found:
        table.add_row(
            str(one.number),
            Text(one.name),
            _state(texts, one.state),
            "; ".join(map(_period, one.periods)),
            time(one.update_time),
            Text(one.updated_by),
            Text(one.note),
        )
    return table


def summary(texts: Texts, one: pb.RulesVersion) -> Table:
    """One version without its document."""
    table = Table(show_header=False, box=None)
    rows = [
        ("number", str(one.number)),
        ("name", one.name or texts("rules.built_in")),
        ("state", _state(texts, one.state)),
        ("effective", "; ".join(map(_period, one.periods))),
        ("revision", str(one.revision) if one.revision else ""),
        ("version", one.rules_version),
        ("created", f"{time(one.create_time)} {one.created_by}".strip()),
        ("changed", f"{time(one.update_time)} {one.updated_by}".strip()),
        ("activated", f"{time(one.activate_time)} {one.activated_by}".strip()),
        ("note", one.note),
    ]
    for word, value in rows:
        if value:
            table.add_row(texts(f"rules.word.{word}"), Text(value))
    return table


def problems(texts: Texts, found: Iterable[tuple[str, str, str]]) -> Table:
    """What is wrong with a document, one place a line."""
    table = Table(texts("rules.word.where"), texts("rules.word.reason"), texts("rules.word.what"), box=None)
    for path, reason, sentence in found:
        table.add_row(Text(path or texts("rules.whole_document")), reason, Text(sentence))
    return table


def differences(texts: Texts, found: Iterable[pb.RulesDifference], before: str, after: str) -> Table:
    """Where two documents differ."""
    table = Table(texts("rules.word.where"), before, after, box=None)
    for one in found:
        table.add_row(Text(one.path), Text(one.before), Text(one.after))
    return table


def changes(texts: Texts, found: Iterable[pb.RulesChange]) -> Table:
    """The history, newest first."""
    table = Table(box=None)
    for word in ("time", "by", "number", "done", "effective", "note", "differences"):
        table.add_column(texts(f"rules.word.{word}"))
    for one in found:
        told = [f"{x.path}: {x.before or '–'} → {x.after or '–'}" for x in one.differences]
        if len(told) > MAX_LISTED_DIFFERENCES:
            more = len(told) - MAX_LISTED_DIFFERENCES
            told = [*told[:MAX_LISTED_DIFFERENCES], texts("rules.more", count=more)]
        table.add_row(
            time(one.time),
            Text(one.actor),
            str(one.number),
            texts(f"rules.kind.{pb.RulesChangeKind.Name(one.kind).removeprefix('RULES_CHANGE_KIND_')}"),
            _period(one.period) if one.HasField("period") else "",
            Text(one.note),
            Text("\n".join(told)),
        )
    return table


def document_json(one: pb.RulesVersion) -> dict[str, Any]:
    """The version for a script, its document as an object."""
    found = proto_json(one)
    found["document"] = json.loads(one.document) if one.document else None
    return {"rules": found}


def _state(texts: Texts, state: pb.RulesState.ValueType) -> str:
    name = pb.RulesState.Name(state).removeprefix("RULES_STATE_")
    return texts.name("rules.state", name)


def _period(period: pb.RulesPeriod) -> str:
    return f"{time(period.effective_from)} – {time(period.effective_until)}".strip()
