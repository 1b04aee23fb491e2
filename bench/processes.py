"""What the platform's processes cost: CPU seconds and memory, read from /proc."""

from __future__ import annotations

import psutil

from cli.local.platform import Platform

_MEBIBYTE = 1 << 20


def cpu_seconds(platform: Platform) -> dict[str, float]:
    """CPU seconds spent so far by each service, by PostgreSQL with its sessions, and by NATS."""
    spent = {
        name: _cpu(psutil.Process(service.pid)) for name, service in platform.services.items() if service.pid
    }
    if platform.postgres and platform.postgres.pid:
        postmaster = psutil.Process(platform.postgres.pid)
        # What ended sessions have used is counted as the postmaster's children's.
        spent["postgres"] = sum(_cpu(one) for one in [postmaster, *postmaster.children()])
        spent["postgres"] += postmaster.cpu_times().children_user + postmaster.cpu_times().children_system
    if platform.nats and platform.nats.pid:
        spent["nats"] = _cpu(psutil.Process(platform.nats.pid))
    return spent


def memory_mb(platform: Platform) -> dict[str, int]:
    """Resident memory of each service in MiB."""
    return {
        name: round(psutil.Process(service.pid).memory_info().rss / _MEBIBYTE)
        for name, service in platform.services.items()
        if service.pid
    }


def _cpu(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)
