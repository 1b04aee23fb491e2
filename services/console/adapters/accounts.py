"""Who may sign in: development accounts of one's own machine, or an accounts file with password hashes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from chassis.auth import ALL

SCRYPT_N = 1 << 15
SCRYPT_R = 8
SCRYPT_P = 1
_SCRYPT_BYTES = 64 << 20
MAX_PASSWORD_LENGTH = 200
MAX_WATCHED_ADDRESSES = 10_000
_HASH_PARTS = 6


@dataclass(frozen=True, slots=True)
class Account:
    """A person who may sign in. ``name`` is the subject of their tokens, so audits name them."""

    name: str
    roles: frozenset[str]
    channels: frozenset[str] = frozenset({ALL})
    locations: frozenset[str] = frozenset({ALL})
    display_name: str = ""
    language: str = ""
    password_hash: str = ""
    chooses_location: bool = False
    """Development only: the location is chosen at sign-in."""


DEVELOPMENT: tuple[Account, ...] = (
    Account("operator", frozenset({"operator"})),
    Account("auditor", frozenset({"auditor"})),
    Account("planner", frozenset({"planner"})),
    Account("merchandiser", frozenset({"merchandiser"})),
    Account("callcentre", frozenset({"channel"})),
    Account("store", frozenset({"associate"}), frozenset(), frozenset(), chooses_location=True),
)


class Accounts(Protocol):
    """Where accounts are kept."""

    def find(self, name: str) -> Account | None:
        """The account of that name, if there is one now."""
        ...


class DevelopmentAccounts:
    """One account per role, without passwords."""

    def __init__(self) -> None:
        self._accounts = {account.name: account for account in DEVELOPMENT}

    def find(self, name: str) -> Account | None:
        """The account of that name."""
        return self._accounts.get(name)


class AccountsFile:
    """JSON: ``{"accounts": [{"name", "roles", "channels", "locations", "display_name", "language",
    "password_hash"}]}``.

    Raises ValueError at the start for a file that cannot be used; a change that cannot be used is not taken
    over.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stamp = _stamp(file)
        self._accounts = _read(file)

    def find(self, name: str) -> Account | None:
        """The account of that name, by the file as it is now."""
        stamp = _stamp(self._file)
        if stamp is not None and stamp != self._stamp:
            try:
                self._accounts = _read(self._file)
            except ValueError:
                return self._accounts.get(name)
            self._stamp = stamp
        return self._accounts.get(name)


def hash_password(password: str) -> str:
    """``scrypt$<n>$<r>$<p>$<salt>$<hash>`` of a password, salt and hash in base64 (RFC 7914)."""
    salt = secrets.token_bytes(16)
    made = hashlib.scrypt(
        password.encode(), salt=salt, n=SCRYPT_N, r=SCRYPT_R, p=SCRYPT_P, maxmem=_SCRYPT_BYTES, dklen=32
    )
    return "$".join(("scrypt", str(SCRYPT_N), str(SCRYPT_R), str(SCRYPT_P), _base64(salt), _base64(made)))


@cache
def _nobody() -> str:
    return hash_password(secrets.token_urlsafe())


def password_fits(account: Account | None, password: str) -> bool:
    """Whether the password is the account's; as slow for an account that does not exist."""
    kept = account.password_hash if account is not None and account.password_hash else _nobody()
    _, n, r, p, salt, wanted = kept.split("$")
    made = hashlib.scrypt(
        password[:MAX_PASSWORD_LENGTH].encode(),
        salt=base64.b64decode(salt),
        n=int(n),
        r=int(r),
        p=int(p),
        maxmem=_SCRYPT_BYTES,
        dklen=len(base64.b64decode(wanted)),
    )
    fits = hmac.compare_digest(made, base64.b64decode(wanted))
    return fits and account is not None and bool(account.password_hash)


class Attempts:
    """Wrong passwords per address in the running minute."""

    def __init__(self, per_minute: int) -> None:
        self._most = per_minute
        self._counts: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def allowed(self, address: str) -> bool:
        """Whether one more may be tried now."""
        minute, count = self._counts.get(address, (0, 0))
        return minute != int(time.monotonic() // 60) or count < self._most

    def failed(self, address: str) -> None:
        """Count one wrong password."""
        now = int(time.monotonic() // 60)
        minute, count = self._counts.pop(address, (now, 0))
        self._counts[address] = (now, count + 1 if minute == now else 1)
        while len(self._counts) > MAX_WATCHED_ADDRESSES:
            self._counts.popitem(last=False)


def _read(file: Path) -> Mapping[str, Account]:
    try:
        content = json.loads(file.read_bytes())
        accounts = [_account(one) for one in content["accounts"]]
    except OSError as error:
        raise ValueError(f"{file.name} cannot be read: {error.strerror}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{file.name} is no accounts file: {error!r}") from error
    return {account.name: account for account in accounts}


def _account(written: Mapping[str, Any]) -> Account:
    kept = str(written["password_hash"])
    if len(kept.split("$")) != _HASH_PARTS or not kept.startswith("scrypt$"):
        raise ValueError("password_hash is not of the form that `password` prints")
    return Account(
        name=str(written["name"]),
        roles=frozenset(map(str, written["roles"])),
        channels=frozenset(map(str, written.get("channels", []))),
        locations=frozenset(map(str, written.get("locations", []))),
        display_name=str(written.get("display_name", "")),
        language=str(written.get("language", "")),
        password_hash=kept,
    )


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
