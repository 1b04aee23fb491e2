"""Who looks at a page: a signed cookie names account and session; tokens are made from it on this side."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from chassis.auth import ALL, TokenMinter
from services.console.adapters.accounts import Account, Accounts
from services.console.adapters.texts import LANGUAGES, Texts, accepted_language
from services.console.config import Settings

SESSION_COOKIE = "aljibe_session"
VISIT_COOKIE = "aljibe_visit"
LANGUAGE_COOKIE = "aljibe_language"
THEME_COOKIE = "aljibe_theme"
FLASH_COOKIE = "aljibe_flash"
THEMES = ("auto", "light", "dark")
TOKEN_TTL = timedelta(minutes=15)
_TOKEN_RENEW_BEFORE_SECONDS = 300.0
_RENEW_SESSION_AFTER_SECONDS = 60
_PREFERENCE_SECONDS = 365 * 86_400
_FLASH_SECONDS = 60
_MAX_TOKENS = 10_000
_MAX_COOKIE = 3_000


@dataclass(frozen=True)
class Person:
    """Who looks at the page: an account signed in, or a visitor (no roles, no token)."""

    subject: str
    name: str
    roles: frozenset[str]
    channels: frozenset[str]
    locations: frozenset[str]
    language: str
    theme: str
    time_zone: str
    session_id: str
    """Of the session, or of the visit before there is one."""
    expires: float
    """Unix time at which the session ends if nothing renews it."""
    tokens: Callable[[], str] = field(repr=False, compare=False)

    @property
    def signed_in(self) -> bool:
        """Whether this is an account."""
        return bool(self.subject)

    @property
    def token(self) -> str:
        """A bearer token that holds for at least five minutes; ask anew for each call."""
        return self.tokens()

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What every call to a service carries: the person's own token and language."""
        return (("authorization", f"Bearer {self.token}"), ("accept-language", self.language))

    @property
    def scope(self) -> Hashable:
        """Equal for people who get the same answers: for keys of `Hub.watch`. Language is part of it."""
        return (self.roles, self.channels, self.locations, self.language, self.time_zone)

    @cached_property
    def texts(self) -> Texts:
        """Words, numbers and times as this person reads them."""
        return Texts(self.language, self.time_zone)

    def has_role(self, *roles: str) -> bool:
        """Whether they have at least one of these."""
        return not self.roles.isdisjoint(roles)

    def may_location(self, location_id: str) -> bool:
        """Whether this location is theirs."""
        return ALL in self.locations or location_id in self.locations


class Sessions:
    """Reads, begins, renews and ends sessions; keeps nothing but a cache of tokens, so any instance
    serves.
    """

    def __init__(self, settings: Settings, accounts: Accounts, key_file: Path) -> None:
        self._settings = settings
        self._accounts = accounts
        self._minter = TokenMinter(key_file)
        # Every instance has the same token key, so cookies of one are read by all.
        self._key = hashlib.sha256(b"aljibe console sessions\n" + key_file.read_bytes()).digest()
        self._tokens: OrderedDict[Hashable, tuple[str, float]] = OrderedDict()

    def person(self, request: Request) -> Person:
        """Who asks; a visitor without a valid session."""
        content = self._content(request)
        account = self._accounts.find(str(content["a"])) if content else None
        language = self._language(request, content, account)
        theme = request.cookies.get(THEME_COOKIE, "")
        theme = theme if theme in THEMES else THEMES[0]
        if content is None or account is None:
            visit = request.cookies.get(VISIT_COOKIE, "") or secrets.token_urlsafe(16)
            request.state.visit = visit
            return Person(
                "", "", frozenset(), frozenset(), frozenset(), language, theme, "UTC", visit, 0, str
            )
        location = str(content.get("l", ""))
        locations = frozenset({location}) if account.chooses_location and location else account.locations
        return Person(
            account.name,
            account.display_name,
            account.roles,
            account.channels,
            locations,
            language,
            theme,
            str(content.get("z", "")) or "UTC",
            str(content["s"]),
            self._end_of(content),
            lambda: self._token(account, locations),
        )

    def begin(
        self, request: Request, response: Response, account: Account, location_id: str, time_zone: str
    ) -> None:
        """Sign an account in."""
        now = int(time.time())
        content = {"a": account.name, "s": secrets.token_urlsafe(16), "i": now, "r": now, "z": time_zone[:64]}
        if account.chooses_location:
            content["l"] = location_id
        self._set(request, response, content)
        response.delete_cookie(VISIT_COOKIE)

    def end(self, request: Request, response: Response) -> None:
        """Sign out."""
        response.delete_cookie(SESSION_COOKIE)

    def keep(self, request: Request, response: Response) -> None:
        """Renew a session that is being used, and keep the visit's cookie."""
        if visit := getattr(request.state, "visit", ""):
            if request.cookies.get(VISIT_COOKIE) != visit:
                self._cookie(request, response, VISIT_COOKIE, visit, None)
            return
        content = self._content(request)
        if content is not None and time.time() - int(content["r"]) > _RENEW_SESSION_AFTER_SECONDS:
            self._set(request, response, {**content, "r": int(time.time())})

    def prefer(self, request: Request, response: Response, language: str, theme: str) -> None:
        """Keep the language and theme chosen; unknown ones are left as they were."""
        if language in LANGUAGES:
            self._cookie(request, response, LANGUAGE_COOKIE, language, _PREFERENCE_SECONDS)
            if content := self._content(request):
                self._set(request, response, {**content, "n": language})
        if theme in THEMES:
            self._cookie(request, response, THEME_COOKIE, theme, _PREFERENCE_SECONDS)

    def csrf(self, person: Person) -> str:
        """A token for the forms of one page: another each time, so that compression tells nothing of it."""
        salt = secrets.token_hex(8)
        return salt + self._mac("csrf", person.session_id + salt)[:32]

    def csrf_fits(self, person: Person, given: str) -> bool:
        """Whether a form came from one of the person's own pages."""
        return hmac.compare_digest(self._mac("csrf", person.session_id + given[:16])[:32], given[16:])

    def flash(self, request: Request, response: Response, kind: str, sentence: str) -> None:
        """Say a sentence on the next page; ``kind`` is "done" or "refused"."""
        value = self._signed("flash", {"k": kind, "t": sentence[:600]})
        self._cookie(request, response, FLASH_COOKIE, value, _FLASH_SECONDS)

    def flashed(self, request: Request) -> tuple[str, str] | None:
        """The sentence to say on this page, with its kind."""
        content = self._opened("flash", request.cookies.get(FLASH_COOKIE, ""))
        return (str(content["k"]), str(content["t"])) if content else None

    def _token(self, account: Account, locations: Collection[str]) -> str:
        key = (account, frozenset(locations))
        now = time.time()
        found = self._tokens.get(key)
        if found is None or now >= found[1]:
            token = self._minter.mint(account.name, account.roles, account.channels, locations, TOKEN_TTL)
            found = self._tokens[key] = (
                token,
                now + TOKEN_TTL.total_seconds() - _TOKEN_RENEW_BEFORE_SECONDS,
            )
            self._tokens.move_to_end(key)
            while len(self._tokens) > _MAX_TOKENS:
                self._tokens.popitem(last=False)
        return found[0]

    def _language(self, request: Request, content: dict[str, Any] | None, account: Account | None) -> str:
        chosen = (
            str(content.get("n", "")) if content else "",
            account.language if account else "",
            request.cookies.get(LANGUAGE_COOKIE, ""),
        )
        found = next((one for one in chosen if one in LANGUAGES), "")
        return found or accepted_language(request.headers.get("accept-language", ""))

    def _content(self, request: Request) -> dict[str, Any] | None:
        content = self._opened("session", request.cookies.get(SESSION_COOKIE, ""))
        return content if content is not None and time.time() < self._end_of(content) else None

    def _end_of(self, content: dict[str, Any]) -> float:
        return min(
            float(content["r"]) + self._settings.session_idle_seconds,
            float(content["i"]) + self._settings.session_max_seconds,
        )

    def _set(self, request: Request, response: Response, content: dict[str, Any]) -> None:
        seconds = max(1, int(self._end_of(content) - time.time()))
        self._cookie(request, response, SESSION_COOKIE, self._signed("session", content), seconds)

    def _cookie(
        self, request: Request, response: Response, name: str, value: str, seconds: int | None
    ) -> None:
        response.set_cookie(
            name,
            value,
            max_age=seconds,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )

    def _signed(self, use: str, content: dict[str, Any]) -> str:
        body = base64.urlsafe_b64encode(json.dumps(content, separators=(",", ":")).encode()).decode()
        body = body.rstrip("=")
        return f"{body}.{self._mac(use, body)}"

    def _opened(self, use: str, value: str) -> dict[str, Any] | None:
        body, _, given = value.partition(".")
        if not given or len(value) > _MAX_COOKIE or not hmac.compare_digest(self._mac(use, body), given):
            return None
        content: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return content

    def _mac(self, use: str, text: str) -> str:
        return hmac.new(self._key, f"{use}:{text}".encode(), hashlib.sha256).hexdigest()
