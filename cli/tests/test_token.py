"""`aljibe token` mints what the services accept, and nothing without a key."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from chassis.auth import DevelopmentKeys, TokenVerifier, development_keys
from chassis.refusals import Unauthenticated
from cli.doors import key_file
from cli.tests.conftest import aljibe


@pytest.fixture
def keys(tmp_path: Path) -> DevelopmentKeys:
    return development_keys(key_file(tmp_path).parent)


def test_a_minted_token_is_accepted_with_its_roles_and_scopes(keys: DevelopmentKeys, tmp_path: Path) -> None:
    ran = aljibe(
        "token", "--role", "till", "-c", "pos", "-l", "store-2", "-l", "store-1", "--data", str(tmp_path)
    )

    principal = TokenVerifier(keys.public_keys_file).verify(f"Bearer {ran.out.strip()}")

    assert ran.code == 0
    assert principal.roles == {"till"}
    assert principal.channels == {"pos"}
    assert principal.locations == {"store-1", "store-2"}


def test_staff_roles_see_everything_unless_told(keys: DevelopmentKeys, tmp_path: Path) -> None:
    """An operator who must name every channel would never see the whole."""
    ran = aljibe("token", "--role", "operator", "--json", "--data", str(tmp_path))

    principal = TokenVerifier(keys.public_keys_file).verify(f"Bearer {ran.document['token']}")

    assert principal.may_channel("any")
    assert principal.may_location("any")
    assert ran.document["roles"] == ["operator"]


def test_a_token_ends_after_its_time(keys: DevelopmentKeys, tmp_path: Path) -> None:
    ran = aljibe("token", "--role", "operator", "--ttl", "5m", "--json", "--data", str(tmp_path))
    now = time.time()
    verifier = TokenVerifier(keys.public_keys_file, now=lambda: now + 310)

    with pytest.raises(Unauthenticated):
        verifier.verify(f"Bearer {ran.document['token']}")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--role", "king"], "TOKEN_UNKNOWN_ROLE"),
        (["--role", "channel"], "TOKEN_NAME_CHANNELS"),
        (["--role", "associate"], "TOKEN_NAME_LOCATIONS"),
        (["--role", "till", "--channel", "pos"], "TOKEN_NAME_LOCATIONS"),
        (["--role", "operator", "--ttl", "31d"], "TOKEN_TTL_TOO_LONG"),
        (["--role", "operator", "--ttl", "soon"], "OPTION_BAD_DURATION"),
    ],
)
def test_what_cannot_be_meant_is_wrong_usage(
    keys: DevelopmentKeys, tmp_path: Path, arguments: list[str], reason: str
) -> None:
    """A token of a channel that names none could do nothing, and its holder would wonder why."""
    ran = aljibe("token", *arguments, "--json", "--data", str(tmp_path))

    assert ran.code == 2
    assert ran.out == ""
    assert ran.error["reason"] == reason


def test_without_a_development_key_nothing_is_minted(tmp_path: Path) -> None:
    """Making a key here would give tokens that no running service accepts."""
    ran = aljibe("token", "--role", "operator", "--data", str(tmp_path / "nothing"))

    assert ran.code == 1
    assert len(ran.err.splitlines()) == 1
    assert "aljibe up" in ran.err
    assert not (tmp_path / "nothing").exists()


def test_wrong_options_are_wrong_usage() -> None:
    assert aljibe("token").code == 2
    assert aljibe("order", "list", "--lang", "fr").code == 2
    assert aljibe("nonsense").code == 2
