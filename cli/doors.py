"""The platform's public doors as a command reaches them: addresses, a token, and gRPC channels."""

from __future__ import annotations

import getpass
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import grpc

from chassis import client
from chassis.auth import ALL, PRIVATE_KEY_FILE, TokenMinter
from cli.session import Session
from cli.trouble import CallFailed, NotReachable, Trouble

SERVICES = ("catalog", "inventory", "orders", "fulfillment")
CALL_SECONDS = 10.0
LONG_CALL_SECONDS = 60.0  # the longest a service allows
MAX_MESSAGE_BYTES = 32 << 20  # a page of 200 orders with their messages
TOKEN_TTL = timedelta(hours=1)  # outlasts any command but a watch, which asks again

Metadata = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Door:
    """An open channel to one service, and what goes along with each call."""

    channel: grpc.aio.Channel
    metadata: Metadata


@asynccontextmanager
async def door(session: Session, service: str, *, role: str = "operator") -> AsyncIterator[Door]:
    """A channel to ``service`` with the caller's token and language.

    Raises:
        NotReachable: no address is known.
        CallFailed: a call made inside was refused or not answered.
    """
    address = address_of(session, service)
    metadata = (
        ("authorization", f"Bearer {own_token(session, role)}"),
        ("accept-language", session.texts.language),
    )
    async with client.channel(address, max_message_bytes=MAX_MESSAGE_BYTES) as channel:
        try:
            yield Door(channel, metadata)
        except grpc.aio.AioRpcError as error:
            raise CallFailed(service, address, error) from error


def address_of(session: Session, service: str) -> str:
    """``host:port`` of a service: by ``--url``, ``ALJIBE_<SERVICE>_ADDRESS`` or the running platform.

    Raises:
        NotReachable: none of them says.
    """
    given = session.url or session.environ.get(f"ALJIBE_{service.upper()}_ADDRESS")
    if given:
        return given
    address = _running(session).get(service)
    if not address:
        raise NotReachable("platform.not_running", data=session.wanted_data, service=service.upper())
    return address


def own_token(session: Session, role: str = "operator") -> str:
    """``ALJIBE_TOKEN``, or a token of that role signed with the development key of the data folder.

    Raises:
        Trouble: neither is there.
    """
    if token := session.environ.get("ALJIBE_TOKEN"):
        return token
    minter = minter_of(session, missing="token.none")
    return minter.mint(f"cli:{_user()}", [role], [ALL], [ALL], TOKEN_TTL)


def minter_of(session: Session, *, missing: str = "token.no_key") -> TokenMinter:
    """What signs development tokens of the data folder.

    Raises:
        Trouble: the folder holds no usable key; ``missing`` names the sentence.
    """
    file = key_file(session.data)
    if not file.exists():
        raise Trouble(missing, data=session.wanted_data)
    try:
        return TokenMinter(file)
    except ValueError as error:
        raise Trouble("token.bad_key", error=error) from error


def key_file(data: Path) -> Path:
    """The development key of a data folder, which the platform makes at its first start."""
    return data / "secrets" / "development" / PRIVATE_KEY_FILE


def _running(session: Session) -> Mapping[str, str]:
    try:
        known = json.loads((session.data / "platform.json").read_text())
        return {str(name): str(address) for name, address in known["grpc"].items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise NotReachable("platform.unreadable", data=session.wanted_data, error=error) from error


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
