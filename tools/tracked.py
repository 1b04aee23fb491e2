"""Looks through the tracked files for what must never be in the repository.

Generated code, addresses of package registries, keys and tokens, and paths of somebody's machine.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

GENERATED = re.compile(r"(^|/)(gen|\.venv|var|__pycache__)/|_pb2(_grpc)?\.pyi?$|\.(pyc|binpb|so|whl)$")
MAX_BYTES = 1_000_000

FORBIDDEN = {
    "address of a package registry": re.compile(
        r"pypi\.org/simple|files\.pythonhosted\.org|registry\.npmjs\.org|--(extra-)?index-url[ =]\S*://"
    ),
    "private key": re.compile(r"-----BEGIN ([A-Z]+ )?PRIVATE KEY-----|\"d\": ?\"[A-Za-z0-9_-]{43}\""),
    "token": re.compile(
        r"\beyJ[A-Za-z0-9_-]{20,}\.eyJ[A-Za-z0-9_-]{20,}\.|\b(ghp|xox[bp]|sk)[_-][A-Za-z0-9]{20,}"
    ),
    "path of a machine": re.compile(r"(?<![\w./$~-])/(root|home/[a-z]+|Users/\w+|work|opt/(wheels|pypi))/\w"),
}


def complaints(name: str) -> list[str]:
    """What is wrong with the tracked file ``name``, one line each."""
    path = ROOT / name
    if path.is_symlink() or not path.is_file():
        return []
    if GENERATED.search(name):
        return [f"{name}: generated files are not tracked"]
    if path.stat().st_size > MAX_BYTES:
        return [f"{name}: larger than {MAX_BYTES:,} bytes"]
    text = path.read_bytes().decode("utf-8", errors="replace")
    return [
        f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {what}: {match.group()[:40]}"
        for what, pattern in FORBIDDEN.items()
        for match in pattern.finditer(text)
        if name != "tools/tracked.py"
    ]


def main() -> int:
    """Print every complaint; 0 when there is none."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    found = [line for name in listed.stdout.split("\0") if name for line in complaints(name)]
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
