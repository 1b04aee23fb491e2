"""Settings of the catalogue service."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from chassis.settings import ChassisSettings, SettingsError

QUOTE_KEY_MIN_LENGTH = 16


@dataclass(frozen=True, kw_only=True)
class Settings(ChassisSettings):
    """What every service can be told, and how quotes are promised."""

    quote_key: str = field(default="", repr=False)
    """Secret that quote tokens are signed with, the same for all instances; at least 16 characters. Unset:
    derived from
    the service's private key file, which all instances share.
    """
    quote_ttl_seconds: int = 1800
    """How long a quote's prices are honoured."""


def quote_key(settings: Settings) -> bytes:
    """The key for quote tokens.

    Raises:
        SettingsError: it is too short, or there is nothing to derive it from.
    """
    if settings.quote_key:
        if len(settings.quote_key) < QUOTE_KEY_MIN_LENGTH:
            raise SettingsError(f"ALJIBE_QUOTE_KEY must have at least {QUOTE_KEY_MIN_LENGTH} characters")
        secret = settings.quote_key.encode()
    elif settings.service_token_key_file is not None:
        secret = settings.service_token_key_file.read_bytes()
    else:
        raise SettingsError("ALJIBE_QUOTE_KEY or ALJIBE_SERVICE_TOKEN_KEY_FILE must be set")
    return hashlib.sha256(b"aljibe quote token\x00" + secret).digest()
