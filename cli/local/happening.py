"""What the platform tells of its processes: facts, so that they can be said in any language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal[
    "moved",
    "servers_up",
    "healthy",
    "all_healthy",
    "port_taken",
    "died",
    "server_died",
    "start_failed",
    "draining",
]

_ENGLISH: Mapping[Kind, str] = {
    "moved": "{wanted} is closed to the account that PostgreSQL runs as; using {data}",
    "servers_up": "PostgreSQL and NATS are up after {seconds:.1f} s",
    "healthy": "{name} is healthy after {seconds:.1f} s",
    "all_healthy": "{count} services are healthy after {seconds:.1f} s",
    "port_taken": "port {wanted} is taken; {name} listens on {port}",
    "died": "{name} ended with code {code}; starting it again (log: {log})",
    "server_died": "{name} ended; starting it again",
    "start_failed": "{error}",
    "draining": "draining",
}


@dataclass(frozen=True)
class Happening:
    """One thing that happened; ``str`` of it is an English sentence."""

    kind: Kind
    facts: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return _ENGLISH[self.kind].format_map(self.facts)


def ignore(_: Happening) -> None:
    """For those who do not want to know."""
