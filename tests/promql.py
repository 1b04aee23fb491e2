"""What a PromQL query speaks of: metrics with the labels they are asked by, and labels of groupings.

Not a parser of the language: promtool checks the grammar. It tells names of metrics from names of functions
and labels, as https://prometheus.io/docs/prometheus/latest/querying/basics/ defines them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"""\s+ | \#[^\n]*
      | (?P<text>"(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*')
      | (?P<variable>\$\w+)
      | (?P<number>\d+(?:\.\d+)?(?:e[+-]?\d+)?(?:ms|[smhdwy])?(?:\d+(?:ms|[smhdwy]))*)
      | (?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)
      | (?P<sign>=~|!~|!=|==|>=|<=|[-+*/%^<>=(){}\[\],:@])""",
    re.VERBOSE,
)
_GROUPINGS = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})
_WORDS = frozenset({"and", "or", "unless", "bool", "offset", "inf", "nan", *_GROUPINGS})


@dataclass(frozen=True, slots=True)
class Asked:
    """One selector: a metric and the labels that it is asked by, with the values where one is named."""

    metric: str
    labels: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Operator and value by label."""


def parse(query: str) -> tuple[list[Asked], set[str]]:
    """The selectors of a query, and the labels that it groups by or matches on.

    Raises:
        ValueError: a character that PromQL does not have.
    """
    tokens = _tokens(query)
    asked: list[Asked] = []
    grouped: set[str] = set()
    place = 0
    while place < len(tokens):
        kind, token = tokens[place]
        following = tokens[place + 1][1] if place + 1 < len(tokens) else ""
        place += 1
        if kind != "name":
            continue
        if token in _GROUPINGS and following == "(":
            end = next(n for n in range(place, len(tokens)) if tokens[n][1] == ")")
            grouped |= {text for kind, text in tokens[place:end] if kind == "name"}
            place = end + 1
        elif following == "{":
            end = next(n for n in range(place, len(tokens)) if tokens[n][1] == "}")
            asked.append(Asked(token, _labels(tokens[place + 1 : end])))
            place = end + 1
        elif token not in _WORDS and following != "(" and not _is_aggregation(tokens, place):
            asked.append(Asked(token))
    return asked, grouped


def _is_aggregation(tokens: list[tuple[str, str]], place: int) -> bool:
    """`sum by (…) (…)`: the name before the grouping is no metric."""
    return place + 1 < len(tokens) and tokens[place][1] in ("by", "without") and tokens[place + 1][1] == "("


def _labels(tokens: list[tuple[str, str]]) -> dict[str, tuple[str, str]]:
    found = {}
    for place, (kind, token) in enumerate(tokens):
        if kind == "name":
            found[token] = (tokens[place + 1][1], tokens[place + 2][1][1:-1])
    return found


def _tokens(query: str) -> list[tuple[str, str]]:
    tokens, place = [], 0
    while place < len(query):
        found = _TOKEN.match(query, place)
        if found is None:
            raise ValueError(f"{query[place : place + 20]!r} is no PromQL")
        if found.lastgroup:
            tokens.append((found.lastgroup, found.group()))
        place = found.end()
    return tokens
