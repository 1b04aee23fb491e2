"""Who calls: bearer tokens (JWT, EdDSA), verified against a JWKS file and turned into a `Principal`."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import uuid_utils
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwt.algorithms import OKPAlgorithm

from chassis.call import current_call
from chassis.refusals import PermissionDenied, Unauthenticated

ISSUER = "aljibe"
AUDIENCE = "aljibe"
ALGORITHM = "EdDSA"
ALL = "*"
LEEWAY_SECONDS = 2.0
MAX_TOKEN_LENGTH = 8192
MAX_CACHED_TOKENS = 10_000
KEYS_CHECK_SECONDS = 2.0
SERVICE_TOKEN_TTL = timedelta(minutes=15)
SERVICE_TOKEN_RENEW_BEFORE_SECONDS = 300.0
PRIVATE_KEY_FILE = "private.jwk.json"
PUBLIC_KEYS_FILE = "keys.jwks.json"
_BEARER = "bearer "


@dataclass(frozen=True, slots=True)
class Principal:
    """A known caller: what it is and for which channels and locations it may speak. `"*"` in a scope means
    all.
    """

    subject: str
    roles: frozenset[str]
    channels: frozenset[str] = frozenset()
    locations: frozenset[str] = frozenset()

    def has_role(self, *roles: str) -> bool:
        """Whether it carries at least one of `roles`."""
        return not self.roles.isdisjoint(roles)

    def may_channel(self, channel: str) -> bool:
        """Whether it may speak for this channel; an empty code stands for all channels."""
        return ALL in self.channels or (channel != ALL and channel in self.channels)

    def may_location(self, location: str) -> bool:
        """Whether it may speak for this location; an empty code stands for all locations."""
        return ALL in self.locations or (location != ALL and location in self.locations)


def current_principal() -> Principal:
    """Who made the call being served.

    Raises:
        Unauthenticated: background work, or a method that is open to callers without a token.
    """
    call = current_call()
    if call is None or call.principal is None:
        raise Unauthenticated("TOKEN_MISSING", "this needs a caller's token")
    return call.principal


def require_channel(channel: str) -> None:
    """For what only a use case can know, such as the channel of a stored order.

    Raises:
        PermissionDenied: the caller may not speak for this channel.
    """
    if not current_principal().may_channel(channel):
        raise PermissionDenied(f"the token does not cover channel {channel!r}")


def require_location(location: str) -> None:
    """The same for a location.

    Raises:
        PermissionDenied: the caller may not speak for this location.
    """
    if not current_principal().may_location(location):
        raise PermissionDenied(f"the token does not cover location {location!r}")


class TokenVerifier:
    """Turns bearer tokens into principals. Keys are re-read when the file changes, so keys rotate without a
    restart.

    A verified token is remembered until it expires; at most 10,000 are. Raises ValueError when the file
    cannot be used at start.
    """

    def __init__(self, keys_file: Path, *, now: Callable[[], float] = time.time) -> None:
        self._file = keys_file
        self._now = now
        self._cache: dict[str, tuple[Principal, float]] = {}
        self._stamp = _stamp(keys_file)
        self._keys = _read_public_keys(keys_file)
        self._next_check = time.monotonic() + KEYS_CHECK_SECONDS

    def verify(self, authorization: str | None) -> Principal:
        """The principal of an `authorization` value, `Bearer <token>`.

        Raises:
            Unauthenticated: TOKEN_MISSING, TOKEN_EXPIRED, or TOKEN_INVALID for all else.
        """
        if not authorization:
            raise Unauthenticated("TOKEN_MISSING", "no bearer token was sent")
        if time.monotonic() >= self._next_check:
            self._reload_when_changed()
        known = self._cache.get(authorization)
        if known is not None:
            if self._now() < known[1]:
                return known[0]
            del self._cache[authorization]
        principal, expires = self._verify(authorization)
        if len(self._cache) >= MAX_CACHED_TOKENS:
            self._cache.pop(next(iter(self._cache)))
        self._cache[authorization] = (principal, expires)
        return principal

    def _verify(self, authorization: str) -> tuple[Principal, float]:
        if len(authorization) > MAX_TOKEN_LENGTH or not authorization[: len(_BEARER)].lower() == _BEARER:
            raise Unauthenticated("TOKEN_INVALID", "the authorization is not a bearer token")
        token = authorization[len(_BEARER) :].strip()
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            key = self._keys.get(kid) if isinstance(kid, str) else None
            if key is None:
                raise Unauthenticated("TOKEN_INVALID", "the token is not signed by a known key")
            claims: dict[str, Any] = jwt.decode(
                token,
                key=key,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                audience=AUDIENCE,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
            # PyJWT's own check runs on the wall clock; a test may bring another.
            if self._now() >= float(claims["exp"]) + LEEWAY_SECONDS:
                raise jwt.ExpiredSignatureError
            principal = Principal(
                subject=str(claims["sub"]),
                roles=_texts(claims, "roles"),
                channels=_texts(claims, "channels"),
                locations=_texts(claims, "locations"),
            )
        except jwt.ExpiredSignatureError as error:
            raise Unauthenticated("TOKEN_EXPIRED", "the token has expired") from error
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise Unauthenticated("TOKEN_INVALID", "the token is not valid") from error
        return principal, float(claims["exp"])

    def _reload_when_changed(self) -> None:
        self._next_check = time.monotonic() + KEYS_CHECK_SECONDS
        stamp = _stamp(self._file)
        if stamp is None or stamp == self._stamp:
            return
        try:
            keys = _read_public_keys(self._file)
        except ValueError:
            # Being rewritten right now: keep the keys we have and look again at the next check.
            return
        self._keys, self._stamp = keys, stamp
        self._cache.clear()


class TokenMinter:
    """Makes tokens, signed with the private key (JWK) in a file. Raises ValueError when the file cannot be
    used.
    """

    def __init__(self, private_key_file: Path, *, now: Callable[[], float] = time.time) -> None:
        jwk = _read_json(private_key_file)
        key = _key_of(jwk)
        if not isinstance(key, Ed25519PrivateKey) or not isinstance(jwk.get("kid"), str):
            raise ValueError(f"{private_key_file.name} is not a private Ed25519 JWK with a kid")
        self._key = key
        self._kid: str = jwk["kid"]
        self._now = now

    def mint(
        self,
        subject: str,
        roles: Iterable[str],
        channels: Iterable[str] = (),
        locations: Iterable[str] = (),
        ttl: timedelta = timedelta(hours=1),
    ) -> str:
        """A token for `subject`, valid from now for `ttl`; `["*"]` as channels or locations means all."""
        now = self._now()
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "jti": str(uuid_utils.uuid7()),
            "iat": int(now),
            "exp": int(now + ttl.total_seconds()),
            "roles": sorted(roles),
            "channels": sorted(channels),
            "locations": sorted(locations),
        }
        return jwt.encode(claims, self._key, algorithm=ALGORITHM, headers={"kid": self._kid})


class ServiceIdentity:
    """This service's own token (role `service`, all scopes) for calls to other services, renewed before it
    expires.
    """

    def __init__(
        self, minter: TokenMinter, service_name: str, *, now: Callable[[], float] = time.time
    ) -> None:
        self._minter = minter
        self._subject = f"service:{service_name}"
        self._now = now
        self._authorization = ""
        self._renew_at = 0.0

    def authorization(self) -> str:
        """The `authorization` value to send now."""
        now = self._now()
        if now >= self._renew_at:
            self._authorization = "Bearer " + self._minter.mint(
                self._subject, ["service"], [ALL], [ALL], SERVICE_TOKEN_TTL
            )
            self._renew_at = now + SERVICE_TOKEN_TTL.total_seconds() - SERVICE_TOKEN_RENEW_BEFORE_SECONDS
        return self._authorization


@dataclass(frozen=True, slots=True)
class DevelopmentKeys:
    """Where a folder keeps its key pair."""

    private_key_file: Path
    public_keys_file: Path


def development_keys(folder: Path) -> DevelopmentKeys:
    """The key pair in `folder`, made there when it has none; the private file is readable by its owner
    only.
    """
    keys = DevelopmentKeys(folder / PRIVATE_KEY_FILE, folder / PUBLIC_KEYS_FILE)
    if keys.private_key_file.exists() and keys.public_keys_file.exists():
        return keys
    folder.mkdir(parents=True, exist_ok=True)
    private_key = Ed25519PrivateKey.generate()
    kid = str(uuid_utils.uuid7())
    public = {
        **OKPAlgorithm.to_jwk(private_key.public_key(), as_dict=True),
        "kid": kid,
        "alg": ALGORITHM,
        "use": "sig",
    }
    private = {**OKPAlgorithm.to_jwk(private_key, as_dict=True), "kid": kid, "alg": ALGORITHM, "use": "sig"}
    _write(keys.private_key_file, private, 0o600)
    _write(keys.public_keys_file, {"keys": [public]}, 0o644)
    return keys


def _texts(claims: Mapping[str, Any], name: str) -> frozenset[str]:
    value = claims.get(name, [])
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise ValueError(name)
    return frozenset(value)


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read_json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_bytes())
    except OSError as error:
        raise ValueError(f"{file.name} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ValueError(f"{file.name} is not JSON") from error
    if not isinstance(content, dict):
        raise ValueError(f"{file.name} is not a JSON object")
    return content


def _key_of(jwk: Mapping[str, Any]) -> object:
    try:
        return OKPAlgorithm.from_jwk(dict(jwk))
    except (jwt.PyJWTError, ValueError) as error:
        raise ValueError("not an Ed25519 key in JWK form") from error


def _read_public_keys(file: Path) -> dict[str, Ed25519PublicKey]:
    keys: dict[str, Ed25519PublicKey] = {}
    for jwk in _read_json(file).get("keys", []):
        key = _key_of(jwk)
        if not isinstance(key, Ed25519PublicKey) or not isinstance(jwk.get("kid"), str):
            raise ValueError(f"{file.name} may only hold public Ed25519 keys with a kid")
        keys[jwk["kid"]] = key
    if not keys:
        raise ValueError(f"{file.name} holds no key")
    return keys


def _write(file: Path, content: Mapping[str, Any], mode: int) -> None:
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as out:
        json.dump(content, out, indent=2)
    fresh.rename(file)
