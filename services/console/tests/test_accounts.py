from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from services.console.adapters.accounts import AccountsFile, Attempts, hash_password, password_fits

HASH = hash_password("correct horse")


def written(file: Path, *names: str) -> Path:
    accounts = [{"name": name, "roles": ["auditor"], "password_hash": HASH} for name in names]
    file.write_text(json.dumps({"accounts": accounts}))
    return file


def test_only_the_right_password_fits(tmp_path: Path) -> None:
    ana = AccountsFile(written(tmp_path / "a.json", "ana")).find("ana")

    assert password_fits(ana, "correct horse")
    assert not password_fits(ana, "wrong")
    assert not password_fits(None, "correct horse")


def test_two_hashes_of_a_password_differ() -> None:
    assert hash_password("correct horse") != HASH
    assert "correct" not in HASH


def test_the_file_is_read_again_when_it_changes_and_a_broken_one_is_not_taken(tmp_path: Path) -> None:
    file = written(tmp_path / "a.json", "ana")
    accounts = AccountsFile(file)

    written(file, "bea", "carla")
    os.utime(file, ns=(1, 1))
    assert accounts.find("ana") is None
    assert accounts.find("bea") is not None

    file.write_text("{")
    assert accounts.find("bea") is not None


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"accounts": [{"name": "x", "roles": [], "password_hash": "plain"}]}']
)
def test_a_file_that_is_none_is_refused_at_the_start(tmp_path: Path, content: str) -> None:
    file = tmp_path / "a.json"
    file.write_text(content)

    with pytest.raises(ValueError, match=r"a\.json"):
        AccountsFile(file)


def test_wrong_passwords_are_counted_per_address() -> None:
    attempts = Attempts(2)

    for _ in range(2):
        assert attempts.allowed("192.0.2.1")
        attempts.failed("192.0.2.1")

    assert not attempts.allowed("192.0.2.1")
    assert attempts.allowed("192.0.2.2")
