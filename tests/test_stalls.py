"""The machine that stalls does stall, and tells what its command told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# A child of the command, as tests are children of make: it tells the longest pause that it saw.
WATCHER = """
import subprocess, sys, time
if len(sys.argv) > 1:
    longest, last, end = 0.0, time.monotonic(), time.monotonic() + 4
    while (now := time.monotonic()) < end:
        longest, last = max(longest, now - last), now
        time.sleep(0.01)
    print(longest)
    sys.exit(7)
sys.exit(subprocess.run([sys.executable, __file__, "watch"]).returncode)
"""


def test_a_command_is_stopped_again_and_again_and_its_code_is_told(tmp_path: Path) -> None:
    watcher = tmp_path / "watcher.py"
    watcher.write_text(WATCHER)

    done = subprocess.run(
        [sys.executable, "-m", "tests.stalls", "--longest", "0.6", sys.executable, watcher],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 7, done.stderr
    assert float(done.stdout) > 0.05, done.stderr
    assert "stalls: " in done.stderr
    assert "stalls: 0" not in done.stderr
