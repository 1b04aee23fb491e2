"""Makes the key pair of each service, and prints the Kubernetes manifests that carry them.

`deploy/k8s/keys FOLDER [--development] [--trust FILE]… | kubectl apply -f -`

The folder keeps the keys: run again, it prints the same ones. The ConfigMap `token-keys` holds public keys
whose tokens every service believes; `--trust` adds those of whoever signs the tokens of people, channels and
tills; `--development` makes a key for that too, which `aljibe token --data` finds when FOLDER is the folder
`secrets` of that data folder.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chassis.auth import development_keys

SERVICES = ("catalog", "inventory", "orders", "fulfillment", "insights", "console")
"""The console signs tokens of the people who have signed in to it."""


def manifests(folder: Path, trusted: Sequence[Path], namespace: str) -> dict[str, Any]:
    """A Kubernetes List of a Secret per service and the ConfigMap with all public keys.

    Raises:
        ValueError: a trusted file is no JWKS, or holds a private key.
    """
    public: list[dict[str, Any]] = []
    items: list[dict[str, Any]] = []
    for service in SERVICES:
        keys = development_keys(folder / service)
        public += json.loads(keys.public_keys_file.read_text())["keys"]
        private = {keys.private_key_file.name: keys.private_key_file.read_text()}
        items.append(
            _object("Secret", f"{service}-key", namespace, {"type": "Opaque", "stringData": private})
        )
    for file in trusted:
        public += _public_keys(file)
    jwks = json.dumps({"keys": public}, indent=2)
    items.append(_object("ConfigMap", "token-keys", namespace, {"data": {"keys.jwks.json": jwks}}))
    return {"apiVersion": "v1", "kind": "List", "items": items}


def _object(kind: str, name: str, namespace: str, content: dict[str, Any]) -> dict[str, Any]:
    labels = {"app.kubernetes.io/part-of": "aljibe"}
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **content}


def _public_keys(file: Path) -> list[dict[str, Any]]:
    content = json.loads(file.read_text())
    keys = content.get("keys") if isinstance(content, dict) else None
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise ValueError(f"{file} is no JWKS: it has no list named keys")
    if any("d" in key or key.get("kty") == "oct" for key in keys):
        raise ValueError(f"{file} holds a private key; give the public ones only")
    return keys


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line: 0 when the manifests are printed, 1 when they cannot be made."""
    parser = argparse.ArgumentParser(prog="deploy/k8s/keys", description="Manifests of the token keys.")
    parser.add_argument("folder", type=Path, help="keeps the keys, readable by you only")
    parser.add_argument("--trust", type=Path, action="append", default=[], help="JWKS with more public keys")
    parser.add_argument("--namespace", default="aljibe")
    parser.add_argument(
        "--development", action="store_true", help="trust a key of FOLDER that `aljibe token` uses"
    )
    given = parser.parse_args(arguments)
    os.umask(0o077)
    try:
        own = [development_keys(given.folder / "development").public_keys_file] if given.development else []
        found = manifests(given.folder, [*own, *given.trust], given.namespace)
    except (OSError, ValueError) as error:
        print(f"keys: {error}", file=sys.stderr)
        return 1
    print(json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
