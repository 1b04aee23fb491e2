"""What `python -m services.<service>` says of a service without loading it, the service says itself."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from chassis import entry

ROOT = Path(__file__).parents[1]
SERVICES = ("catalog", "fulfillment", "inventory", "orders")


@pytest.mark.parametrize("name", SERVICES)
def test_migrations_are_those_of_the_definition(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration of another schema would leave the service without its tables."""
    said: dict[str, str] = {}
    monkeypatch.setattr(entry, "main", lambda name, **more: said.update(name=name, **more))

    importlib.import_module(f"services.{name}.__main__")

    definition = importlib.import_module(said["app"]).definition
    assert (said["name"], said["name"], said["migrations"]) == (
        definition.name,
        definition.schema,
        definition.migrations_package,
    )


def test_a_migration_does_not_load_the_service() -> None:
    """Four of them start at once with the platform; what they load is what a person waits for."""
    program = (
        "import sys, chassis.entry, chassis.migrations, chassis.telemetry\n"
        "print([name for name in ('grpc', 'nats', 'jwt', 'services') if name in sys.modules])"
    )

    found = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert found.stdout.strip() == "[]"


def test_a_migration_without_its_settings_is_one_line_and_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    """The job of a new installation fails with what is missing."""
    with pytest.raises(SystemExit) as end:
        entry.main("orders", app="x", migrations="y", arguments=["migrate"], environ={})

    assert end.value.code == 2
    assert capsys.readouterr().err == (
        "orders: migrate needs ALJIBE_POSTGRES_ADMIN_URL and ALJIBE_DB_PASSWORD\n"
    )
