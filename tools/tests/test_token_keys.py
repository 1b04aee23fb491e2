from __future__ import annotations

import json
from pathlib import Path

import pytest

from chassis.auth import TokenMinter, TokenVerifier, development_keys
from tools.token_keys import SERVICES, main, manifests


def test_every_service_gets_its_own_key_and_all_believe_all_of_them(tmp_path: Path) -> None:
    people = development_keys(tmp_path / "people")

    items = manifests(tmp_path / "keys", [people.public_keys_file], "aljibe")["items"]

    secrets = {one["metadata"]["name"]: one["stringData"] for one in items if one["kind"] == "Secret"}
    assert set(secrets) == {f"{service}-key" for service in SERVICES}
    (trusted,) = (one for one in items if one["kind"] == "ConfigMap")
    public = tmp_path / "keys.jwks.json"
    public.write_text(trusted["data"]["keys.jwks.json"])
    verifier = TokenVerifier(public)
    private = tmp_path / "private.jwk.json"
    private.write_text(secrets["orders-key"]["private.jwk.json"])
    for key in (private, people.private_key_file):
        token = TokenMinter(key).mint("someone", ["operator"], [], [])
        assert verifier.verify(f"Bearer {token}").subject == "someone"
    assert '"d"' not in trusted["data"]["keys.jwks.json"]


def test_running_it_again_prints_the_same_keys(tmp_path: Path) -> None:
    """A second `kubectl apply` must not make every running service's tokens worthless."""
    assert manifests(tmp_path, [], "aljibe") == manifests(tmp_path, [], "aljibe")


def test_a_private_key_is_refused_as_something_to_trust(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mistaken = tmp_path / "mistaken.json"
    key = development_keys(tmp_path / "people").private_key_file
    mistaken.write_text(json.dumps({"keys": [json.loads(key.read_text())]}))

    code = main([str(tmp_path / "keys"), "--trust", str(mistaken)])

    assert code == 1
    assert "private key" in capsys.readouterr().err
