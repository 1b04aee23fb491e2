"""Named SQL: a service's statements stand in `queries.sql`, each with a name and a sentence, and reach
asyncpg as plain strings.
"""

from __future__ import annotations

import re
from importlib import resources

_NAME = re.compile(r"^--\s*name:\s*(?P<name>[a-z][a-z0-9_]*)\s*$")


_PARAMETER = re.compile(r"\$(\d+)")
_WITH = re.compile(r"^WITH\s", re.MULTILINE)


_names: dict[str, str] = {}


def name_of(statement: str) -> str:
    """The name under which the statement was loaded; empty when it has none."""
    return _names.get(statement, "")


class Queries:
    """The statements of one file; `queries.lock_positions` is the text below `-- name: lock_positions`."""

    def __init__(self, statements: dict[str, str]) -> None:
        self._statements = statements

    def __getattr__(self, name: str) -> str:
        try:
            return self._statements[name]
        except KeyError:
            raise AttributeError(
                f"no query is named {name!r}; there are {sorted(self._statements)}"
            ) from None

    def names(self) -> tuple[str, ...]:
        """All names, in the order of the file."""
        return tuple(self._statements)


def load(package: str, file: str = "queries.sql") -> Queries:
    """The statements of `file` in `package`, for example `load("services.inventory.adapters.postgres")`."""
    return parse(resources.files(package).joinpath(file).read_text(encoding="utf-8"))


def together(main: str, *others: str) -> str:
    """One statement that does what `main`, a statement that begins with WITH, and `others` do: one round
    trip, and without BEGIN and COMMIT one transaction.

    Parameters of each follow those of the one before it. All see the database as it was before; none sees
    what another does.

    Raises:
        ValueError: `main` has no WITH.
    """
    count = _parameters(main)
    parts = []
    for number, statement in enumerate(others):
        parts.append(f"beside_{number} AS (\n{_numbered_on(statement, count).strip()}\n)")
        count += _parameters(statement)
    joined, found = _WITH.subn(lambda _: f"WITH {', '.join(parts)},\n", main, count=1)
    if not found:
        raise ValueError("the main statement must begin with WITH")
    _names.setdefault(joined, name_of(main))
    return joined


def _numbered_on(statement: str, by: int) -> str:
    return _PARAMETER.sub(lambda found: f"${int(found[1]) + by}", statement)


def _parameters(statement: str) -> int:
    return max((int(number) for number in _PARAMETER.findall(statement)), default=0)


def parse(text: str) -> Queries:
    """The statements of `text`.

    Parameters are asyncpg's `$1`, `$2` ...; a comment sentence below the name says what the statement is
    for, and travels to the server
    with it, where it helps to read `pg_stat_activity`.

    Raises:
        ValueError: text before the first name, a name twice, a statement without its sentence, or a
            name without a statement.
    """
    statements: dict[str, list[str]] = {}
    current: list[str] | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        found = _NAME.match(line)
        if found:
            name = found["name"]
            if name in statements:
                raise ValueError(f"line {number}: query {name} stands twice")
            current = statements[name] = []
        elif current is not None:
            current.append(line)
        elif line.strip() and not line.startswith("--"):
            raise ValueError(f"line {number}: a statement before the first `-- name:`")
    for name, lines in statements.items():
        body = [line for line in lines if line.strip()]
        if not body or not body[0].lstrip().startswith("--"):
            raise ValueError(f"query {name} lacks its sentence")
        if all(line.lstrip().startswith("--") for line in body):
            raise ValueError(f"query {name} has no statement")
    texts = {name: "\n".join(lines).strip().rstrip(";") for name, lines in statements.items()}
    for name, text_ in texts.items():
        _names.setdefault(text_, name)
    return Queries(texts)
