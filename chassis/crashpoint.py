"""Places where a test may kill this process, to show that nothing accepted is lost there."""

from __future__ import annotations

import os
import signal
import sys

CRASHPOINTS = frozenset(
    {
        "outbox.before_publish",
        "outbox.after_publish",
        "outbox.before_mark",
        "consumer.before_commit",
        "consumer.before_ack",
        "group.before_transaction",
        "group.after_commit",
        "request.before_transaction",
        "request.after_commit",
    }
)

STRUCK = "crashpoint struck:"


def _armed() -> tuple[str, int] | None:
    setting = os.environ.get("ALJIBE_CRASHPOINT", "")
    if not setting or os.environ.get("ALJIBE_TEST_SETTINGS") != "1":
        return None
    name, _, hits = setting.partition(":")
    if name not in CRASHPOINTS or not (hits or "1").isdecimal():
        raise ValueError(
            f"ALJIBE_CRASHPOINT must be <name>:<hit> with a name of {sorted(CRASHPOINTS)}, not {setting!r}"
        )
    return name, max(1, int(hits or "1"))


_target = _armed()
_hits = 0


def crashpoint(name: str) -> None:
    """Kill this process with SIGKILL on the nth pass when `ALJIBE_CRASHPOINT=<name>:<n>` and
    `ALJIBE_TEST_SETTINGS=1`; else nothing. A line on stderr tells that it struck.
    """
    if _target is None:
        return
    global _hits
    if name == _target[0]:
        _hits += 1
        if _hits >= _target[1]:
            os.write(sys.stderr.fileno(), f"{STRUCK} {name}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)
