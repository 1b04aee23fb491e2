"""``python -m tests.stalls [--longest S] [--seed N] COMMAND …``: run a command on a machine that stalls.

Again and again all processes below the command, or one of them, are stopped for a moment, as a starved host
does it to a virtual machine. Tests that lean on the clock fall over now, and not one day in CI. Ends with
the exit code of the command. Processes that somebody stopped on purpose are left alone.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterable

import psutil

REST_SECONDS = (0.2, 1.5)
SHORTEST_SECONDS = 0.05
LONGEST_SECONDS = 0.8


def stall(among: psutil.Process, chance: random.Random, longest_seconds: float) -> int:
    """Stop all that runs below a process, or one of them, and let them go on; how many it were."""
    try:
        below = among.children(recursive=True)
    except psutil.NoSuchProcess:  # a child ended while they were counted
        return 0
    if below and chance.random() < 0.5:
        below = [chance.choice(below)]
    running = [one for one in below if _runs(one)]
    _send(running, signal.SIGSTOP)
    try:
        time.sleep(chance.uniform(SHORTEST_SECONDS, longest_seconds))
    finally:
        _send(running, signal.SIGCONT)
    return len(running)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() not in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _send(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def main(arguments: list[str]) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="tests.stalls", description=__doc__)
    parser.add_argument("--longest", type=float, default=LONGEST_SECONDS, help="seconds of a stall at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    asked = parser.parse_args(arguments)
    if not asked.command:
        parser.error("which command?")
    chance = random.Random(asked.seed)
    stalls = 0
    with subprocess.Popen(asked.command) as command:
        tree = psutil.Process(command.pid)
        while command.poll() is None:
            time.sleep(chance.uniform(*REST_SECONDS))
            stalls += stall(tree, chance, asked.longest) > 0
    sys.stderr.write(f"stalls: {stalls}\n")
    return command.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
