"""From versions of rules to sentences and differences; and the reports of simulations in a folder."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aljibe.orders.v1 import rules_pb2
from services.console.adapters.pages.order_views import short
from services.console.adapters.texts import Texts
from services.console.domain import rules_text
from services.console.domain.rules_text import Amount, Phrase

MAX_REPORTS = 50
_TITLE = re.compile(r"<title>([^<]*)</title>", re.IGNORECASE)
_TITLE_WITHIN_BYTES = 4096
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}\.html")


def state_of(version: rules_pb2.RulesVersion) -> str:
    """DRAFT, PLANNED, ACTIVE or RETIRED."""
    return short(rules_pb2.RulesState, version.state)


def kind_of(change: rules_pb2.RulesChange) -> str:
    """CREATED, UPDATED, ACTIVATED or ROLLED_BACK."""
    return short(rules_pb2.RulesChangeKind, change.kind)


def sections(document: str, texts: Texts) -> list[tuple[str, list[str]]]:
    """The document as sentences in a person's language, by section; nothing for one that cannot be read."""
    try:
        content = json.loads(document)
    except ValueError:
        return []
    if not isinstance(content, dict):
        return []
    return [
        (section.key, [_said(sentence, texts) for sentence in section.sentences])
        for section in rules_text.told(content)
    ]


def _said(phrase: Phrase, texts: Texts) -> str:
    facts = {name: _filled(value, texts) for name, value in phrase.facts.items()}
    key = f"sourcing.rule.{phrase.key}"
    one = f"{key}.one"
    return texts.filled(one if phrase.facts.get("days") == 1 and texts.has(one) else key, facts)


def _filled(value: object, texts: Texts) -> str:
    if isinstance(value, Phrase):
        return _said(value, texts)
    if isinstance(value, Amount):
        text = value.text if texts.language == "en" else value.text.replace(".", ",")
        return f"{value.currency} {text}" if texts.language == "en" else f"{text} {value.currency}"
    if isinstance(value, tuple):
        return _listed([_filled(one, texts) for one in value], texts)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return texts.number(value)
    return str(value)


def _listed(words: Sequence[str], texts: Texts) -> str:
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {texts('sourcing.rule.and')} {words[-1]}"


@dataclass(frozen=True, slots=True)
class Report:
    """A report that a simulation wrote."""

    name: str
    title: str
    made: datetime


class Reports:
    """The HTML reports in a folder; None: there is no such folder here."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def all(self) -> list[Report]:
        """Newest first, at most `MAX_REPORTS`. Touches the disk."""
        if self._folder is None or not self._folder.is_dir():
            return []
        files = [one for one in self._folder.iterdir() if _NAME.fullmatch(one.name) and one.is_file()]
        made = {one: one.stat().st_mtime for one in files}
        newest = sorted(files, key=lambda one: (-made[one], one.name))[:MAX_REPORTS]
        return [Report(one.name, _title(one), datetime.fromtimestamp(made[one], UTC)) for one in newest]

    def find(self, name: str) -> Report | None:
        """The report of that name; None where there is none. Touches the disk."""
        return next((one for one in self.all() if one.name == name), None)

    def text(self, name: str) -> bytes | None:
        """Its HTML. Touches the disk."""
        found = self.find(name)
        if found is None or self._folder is None:
            return None
        return (self._folder / found.name).read_bytes()


def _title(file: Path) -> str:
    with file.open("rb") as opened:
        head = opened.read(_TITLE_WITHIN_BYTES).decode("utf-8", "replace")
    found = _TITLE.search(head)
    return html.unescape(found.group(1)).strip() if found else file.stem


def pretty(document: str) -> str:
    """The document as people edit it."""
    try:
        content: Mapping[str, Any] = json.loads(document)
    except ValueError:
        return document
    return json.dumps(content, ensure_ascii=False, indent=2)
