"""What is said of the disk is what a writer waited."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from bench.disk import EVERY_SECONDS, STALL_SECONDS, DiskProbe

SECONDS = 0.5


def test_a_probe_waits_for_the_disk_again_and_again_and_leaves_nothing(tmp_path: Path) -> None:
    with DiskProbe(tmp_path) as probe:
        time.sleep(SECONDS)

    waits = probe.waits
    assert 1 <= waits.syncs <= SECONDS / EVERY_SECONDS + 1
    assert 0 < waits.p50_ms <= waits.longest_ms
    assert list(tmp_path.iterdir()) == []


def test_the_time_in_stalls_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited = 2 * STALL_SECONDS

    def slow(_: int) -> None:
        time.sleep(waited)

    monkeypatch.setattr(os, "fdatasync", slow)
    with DiskProbe(tmp_path) as probe:
        time.sleep(SECONDS)

    waits = probe.waits
    assert waits.longest_ms >= 1000 * waited
    assert waits.stalled == pytest.approx(waited / (waited + EVERY_SECONDS), abs=0.2)


def test_a_disk_that_refuses_ends_the_measurement(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), DiskProbe(tmp_path / "nowhere"):
        time.sleep(EVERY_SECONDS)
