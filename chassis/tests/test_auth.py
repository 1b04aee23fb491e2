"""Tokens: what is believed and what is not."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest

from chassis import auth
from chassis.auth import (
    DevelopmentKeys,
    Principal,
    ServiceIdentity,
    TokenMinter,
    TokenVerifier,
    current_principal,
    development_keys,
    require_channel,
    require_location,
)
from chassis.call import Call, set_call
from chassis.refusals import PermissionDenied, Unauthenticated


def reason(verifier: TokenVerifier, authorization: str | None) -> str:
    with pytest.raises(Unauthenticated) as caught:
        verifier.verify(authorization)
    return caught.value.reason


def signed(keys: DevelopmentKeys, **changes: Any) -> str:
    """A token that is right but for `changes` of its claims; None leaves a claim out."""
    jwk = json.loads(keys.private_key_file.read_text())
    now = int(time.time())
    claims = {"iss": "aljibe", "aud": "aljibe", "sub": "me", "iat": now, "exp": now + 60, "roles": ["till"]}
    claims = {name: value for name, value in (claims | changes).items() if value is not None}
    key = jwt.PyJWK(jwk).key
    return "Bearer " + jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": jwk["kid"]})


def test_a_minted_token_says_who_calls_and_for_what(keys: DevelopmentKeys) -> None:
    token = TokenMinter(keys.private_key_file).mint("till-7", ["till"], ["pos"], ["s1", "s2"])

    principal = TokenVerifier(keys.public_keys_file).verify(f"Bearer {token}")

    assert principal == Principal("till-7", frozenset({"till"}), frozenset({"pos"}), frozenset({"s1", "s2"}))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"exp": int(time.time()) - 60}, "TOKEN_EXPIRED"),
        ({"exp": None}, "TOKEN_INVALID"),
        ({"nbf": int(time.time()) + 86_400}, "TOKEN_INVALID"),
        ({"iat": int(time.time()) + 86_400}, "TOKEN_INVALID"),
        ({"aud": "elsewhere"}, "TOKEN_INVALID"),
        ({"iss": "somebody"}, "TOKEN_INVALID"),
        ({"sub": None}, "TOKEN_INVALID"),
        ({"roles": "operator"}, "TOKEN_INVALID"),
        ({"channels": [1]}, "TOKEN_INVALID"),
    ],
)
def test_a_token_with_a_wrong_claim_is_not_believed(
    keys: DevelopmentKeys, changes: dict[str, Any], expected: str
) -> None:
    assert reason(TokenVerifier(keys.public_keys_file), signed(keys, **changes)) == expected


def test_what_is_no_token_of_ours_is_not_believed(keys: DevelopmentKeys, tmp_path: Path) -> None:
    verifier = TokenVerifier(keys.public_keys_file)
    good = signed(keys)
    stranger = signed(development_keys(tmp_path))
    claims = {"iss": "aljibe", "aud": "aljibe", "sub": "x", "iat": 1, "exp": 2**33}
    kid = json.loads(keys.private_key_file.read_text())["kid"]
    unsigned = "Bearer " + jwt.encode(claims, "", algorithm="none", headers={"kid": kid})
    symmetric = "Bearer " + jwt.encode(claims, "s" * 32, algorithm="HS256", headers={"kid": kid})

    assert reason(verifier, None) == "TOKEN_MISSING"
    tampered = good[:-10] + ("A" if good[-10] != "A" else "B") + good[-9:]
    for wrong in (
        stranger,
        unsigned,
        symmetric,
        tampered,
        "Basic x",
        "Bearer ",
        "Bearer a.b.c",
        "Bearer " + "x" * 9000,
    ):
        assert reason(verifier, wrong) == "TOKEN_INVALID"


def test_a_remembered_token_still_expires(keys: DevelopmentKeys) -> None:
    now = time.time()
    verifier = TokenVerifier(keys.public_keys_file, now=lambda: now)
    authorization = "Bearer " + TokenMinter(keys.private_key_file).mint(
        "me", ["till"], ttl=timedelta(seconds=60)
    )
    assert verifier.verify(authorization).subject == "me"

    now += 120

    assert reason(verifier, authorization) == "TOKEN_EXPIRED"


def test_keys_rotate_without_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "KEYS_CHECK_SECONDS", 0.0)
    old, new = development_keys(tmp_path / "old"), development_keys(tmp_path / "new")
    file = tmp_path / "keys.json"
    old_keys, new_keys = (json.loads(pair.public_keys_file.read_text())["keys"] for pair in (old, new))
    file.write_text(json.dumps({"keys": old_keys}))
    verifier = TokenVerifier(file)
    assert reason(verifier, signed(new)) == "TOKEN_INVALID"

    file.write_text(json.dumps({"keys": old_keys + new_keys}))
    both = (verifier.verify(signed(old)).subject, verifier.verify(mine := signed(new)).subject)
    file.write_text(json.dumps({"keys": old_keys}))

    assert both == ("me", "me")
    assert reason(verifier, mine) == "TOKEN_INVALID"


def test_an_unreadable_keys_file_stops_the_start(tmp_path: Path) -> None:
    for content in (None, "{", "[]", '{"keys": []}'):
        file = tmp_path / "keys.json"
        if content is not None:
            file.write_text(content)
        with pytest.raises(ValueError, match=r"keys\.json"):
            TokenVerifier(file)


def test_development_keys_are_made_once_and_kept_private(tmp_path: Path) -> None:
    first = development_keys(tmp_path)
    content = first.private_key_file.read_text()

    again = development_keys(tmp_path)

    assert again.private_key_file.read_text() == content
    assert first.private_key_file.stat().st_mode & 0o777 == 0o600
    assert '"d"' not in first.public_keys_file.read_text()


def test_a_service_renews_its_token_before_it_expires(keys: DevelopmentKeys) -> None:
    now = time.time()
    clock: Callable[[], float] = lambda: now  # noqa: E731
    identity = ServiceIdentity(TokenMinter(keys.private_key_file, now=clock), "orders", now=clock)
    first = identity.authorization()
    same = identity.authorization()

    now += 11 * 60
    later = identity.authorization()

    assert (first == same, later == first) == (True, False)
    principal = TokenVerifier(keys.public_keys_file).verify(first)
    assert (principal.subject, principal.roles) == ("service:orders", frozenset({"service"}))


def test_scopes_are_checked_for_what_only_a_use_case_knows() -> None:
    mine = Principal("me", frozenset({"till"}), frozenset({"pos"}), frozenset({"s1"}))
    set_call(Call("/x", mine, 1.0, ""))
    try:
        require_channel("pos")
        require_location("s1")
        for check, value in (
            (require_channel, "web"),
            (require_location, "s2"),
            (require_location, ""),
            (require_channel, "*"),
        ):
            with pytest.raises(PermissionDenied):
                check(value)
        assert current_principal() is mine
    finally:
        set_call(None)
    with pytest.raises(Unauthenticated):
        current_principal()
