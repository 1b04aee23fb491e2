"""Refuses a change of the protos that would break a client of the last release.

Compares with the last tag, or with origin/main while nothing is released; ``BREAKING_AGAINST`` names another
revision, and an empty one skips the check.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from tools.stubs import GEN, ROOT, describe


def git(*arguments: str) -> bytes | None:
    """The output of a git command; None when it fails."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


def revision() -> str | None:
    """What to compare with; None when there is nothing."""
    if "BREAKING_AGAINST" in os.environ:
        return os.environ["BREAKING_AGAINST"] or None
    if tag := git("describe", "--tags", "--abbrev=0"):
        return tag.decode().strip()
    return "origin/main" if git("rev-parse", "--verify", "origin/main^{commit}") else None


def main() -> int:
    """Exit code of ``buf breaking``; 0 when there is nothing to compare with."""
    against = revision()
    if against is None:
        print("breaking: no earlier revision to compare with")
        return 0
    archive = git("archive", "--format=zip", against, "protos")
    if archive is None:
        print(f"breaking: {against} has no protos")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        # Not a tar: its safe extraction is not in every Python 3.11.
        with zipfile.ZipFile(io.BytesIO(archive)) as files:
            files.extractall(folder)
        before = Path(folder) / "before.binpb"
        if not describe(Path(folder) / "protos", before):
            return 1
        buf = Path(sys.executable).with_name("buf")
        now = GEN / "aljibe.binpb"
        done = subprocess.run(
            [buf, "breaking", now, "--against", before, "--config", ROOT / "buf.yaml", "--path", "aljibe"],
            cwd=ROOT,
            check=False,
        )
    if done.returncode:
        print(f"breaking: the lines above break clients of {against}", file=sys.stderr)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
