"""`aljibe token`: a bearer token for trying the doors by hand, signed with the development key."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from aljibe.common.v1 import options_pb2
from chassis.auth import ALL
from cli.doors import minter_of
from cli.session import Session, command
from cli.trouble import Usage

ROLES = tuple(name.removeprefix("ROLE_").lower() for name, number in options_pb2.Role.items() if number != 0)
# Whoever sells or works at a place must say which; the others see everything unless told.
_NAME_CHANNELS = frozenset({"channel", "till"})
_NAME_LOCATIONS = frozenset({"till", "associate"})
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_TTL = re.compile(r"([1-9][0-9]{0,6})([smhd])")
MAX_TTL = timedelta(days=30)


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "token", remote=False)(_token)


def _token(
    session: Session,
    role: Annotated[list[str], typer.Option("--role", "-r", metavar="ROLE", help="token.role")],
    channel: Annotated[list[str] | None, typer.Option("--channel", "-c", help="token.channel")] = None,
    location: Annotated[list[str] | None, typer.Option("--location", "-l", help="token.location")] = None,
    subject: Annotated[str, typer.Option("--subject", help="token.subject")] = "developer",
    ttl: Annotated[str, typer.Option("--ttl", metavar="30m|8h|7d", help="token.ttl")] = "8h",
) -> None:
    unknown = [name for name in role if name not in ROLES]
    if unknown:
        raise Usage("token.unknown_role", role=unknown[0], roles=", ".join(ROLES))
    channels = _scope(channel or [], role, _NAME_CHANNELS, "token.name_channels")
    locations = _scope(location or [], role, _NAME_LOCATIONS, "token.name_locations")
    life = duration(ttl)
    if life > MAX_TTL:
        raise Usage("token.ttl_too_long", days=MAX_TTL.days)
    token = minter_of(session).mint(subject, role, channels, locations, life)
    session.document(
        {
            "token": token,
            "subject": subject,
            "roles": sorted(role),
            "channels": channels,
            "locations": locations,
            "expireTime": datetime.fromtimestamp(int(time.time() + life.total_seconds()), UTC).isoformat(),
        }
    )
    session.show(token)


def duration(text: str) -> timedelta:
    """``30m``, ``8h``, ``7d`` as a span of time. Raises Usage for anything else."""
    found = _TTL.fullmatch(text)
    if found is None:
        raise Usage("option.bad_duration", text=text)
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


def _scope(given: Sequence[str], roles: Sequence[str], naming: frozenset[str], key: str) -> list[str]:
    if given:
        return sorted(set(given))
    if bound := naming.intersection(roles):
        raise Usage(key, role=sorted(bound)[0])
    return [ALL]
