"""Where prepared data is kept between runs: in the user's cache folder, never in the repository."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[np.generic]]

_FORMAT = 1
"""Raised whenever the prepared arrays change their meaning, so that old files are not read."""


def cache_folder() -> Path:
    """``ALJIBE_DEMO_CACHE``, else ``$XDG_CACHE_HOME/aljibe/demo``, else ``~/.cache/aljibe/demo``."""
    chosen = os.environ.get("ALJIBE_DEMO_CACHE")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "aljibe" / "demo"


def remembered(name: str, key: object, prepare: Callable[[], Arrays]) -> Arrays:
    """The arrays that ``prepare`` makes, from a file when an earlier run with an equal ``key`` left one.

    ``key`` is anything JSON can write. A file that cannot be read is made again; a folder that cannot be
    written only costs the time of preparing again.
    """
    digest = hashlib.sha256(json.dumps([_FORMAT, key], sort_keys=True).encode()).hexdigest()[:16]
    path = cache_folder() / f"{name}-{digest}.npz"
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {field: stored[field] for field in stored.files}
    except (OSError, ValueError, EOFError, KeyError):
        arrays = prepare()
    try:
        _write(path, arrays)
    except OSError:
        return arrays
    return arrays


def _write(path: Path, arrays: Arrays) -> None:
    """Write beside the file and rename, so that two demos started together never read half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
