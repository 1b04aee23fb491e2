"""What the platform imports is compiled at set-up, whatever a package calls its folder."""

from __future__ import annotations

from tools.bytecode import folders, packages


def test_the_packages_of_services_and_of_the_command_are_found() -> None:
    """Otherwise nine processes compile the same files at the first start."""
    found = {folder.name for name in packages() for folder in folders(name)}

    assert {"grpc", "nats", "asyncpg", "cryptography", "opentelemetry", "typer"} <= found
    assert not {"pytest", "mypy", "pandas"} & found


def test_a_package_that_this_machine_does_not_need_has_none() -> None:
    """The lock is for every platform."""
    assert folders("no-such-package") == set()
