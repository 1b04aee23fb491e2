"""What a machine is asked for."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from cli.local import machine

RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def test_ports_are_free_and_given_once() -> None:
    ports = [machine.free_port() for _ in range(200)]

    assert len(set(ports)) == len(ports)
    assert all(machine.port_is_free(port) for port in ports)


@pytest.mark.skipif(not RANGE.exists(), reason="only Linux says which ports it gives to outgoing connections")
def test_no_outgoing_connection_takes_a_port_while_a_service_starts_again() -> None:
    first = int(RANGE.read_text().split()[0])
    if first < 22_000:
        pytest.skip(f"outgoing connections get ports from {first} on here: there are none to keep from them")

    assert all(20_000 <= machine.free_port() < first for _ in range(200))


def test_a_port_that_somebody_listens_on_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        choices = iter([port, port])
        monkeypatch.setattr(machine._dice, "randrange", lambda *_: next(choices, 20_000))

        assert not machine.port_is_free(port)
        assert machine.free_port() != port


def test_where_there_are_too_few_the_system_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_first_outgoing_port", lambda: 1_024)

    assert machine.port_is_free(machine.free_port())
