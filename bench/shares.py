"""Processes held to a share of a core by a control group of their own (Linux, version 1 or 2; wants root)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

PERIOD_US = 10_000
"""A share is given anew this often, so that a process that has used up its own waits at most that long."""

_ROOT = Path("/sys/fs/cgroup")


class NoShares(Exception):
    """This machine does not let us hold processes to a share: what it said."""


@contextmanager
def held_to(share: float, pids: Sequence[int]) -> Iterator[None]:
    """Hold each of these processes, with all its threads, to ``share`` of one core (0.2: a fifth; at
    least 0.1, for the kernel gives no less than a millisecond of the period).

    Raises:
        NoShares: there are no control groups for the processor here, or they are not ours to change.
    """
    with ExitStack() as stack:
        for pid in pids:
            stack.enter_context(_held(pid, round(share * PERIOD_US)))
        yield


@contextmanager
def _held(pid: int, quota_us: int) -> Iterator[None]:
    second = (_ROOT / "cgroup.controllers").exists()
    parent = _ROOT if second else _ROOT / "cpu"
    group = parent / f"aljibe-bench-{pid}"
    try:
        if second:
            (parent / "cgroup.subtree_control").write_text("+cpu")
        group.mkdir()
        if second:
            (group / "cpu.max").write_text(f"{quota_us} {PERIOD_US}")
        else:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (group / "cpu.cfs_quota_us").write_text(str(quota_us))
        (group / "cgroup.procs").write_text(str(pid))
    except OSError as error:
        if group.exists():
            group.rmdir()
        raise NoShares(f"no control group of the processor for process {pid}: {error}") from error
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            (parent / "cgroup.procs").write_text(str(pid))
        group.rmdir()
