"""Opens the store's file: write-ahead log, so that those who read do not wait for the one who writes."""

from __future__ import annotations

import logging
import secrets
import sqlite3
from contextlib import closing
from importlib import resources
from pathlib import Path

log = logging.getLogger(__name__)

VERSION = 1
"""Of the schema. A file of another version is thrown away: it holds observations, not records."""
WRITER_CACHE_KIB = 16 * 1024
READER_CACHE_KIB = 4 * 1024
PAGE_BYTES = 8192
CHECKPOINT_PAGES = 1000
BUSY_SECONDS = 5.0


def prepare(file: Path) -> None:
    """Make the file and its tables where they are not there. A file that cannot be used is made anew.

    Raises:
        OSError: the folder cannot be made.
        sqlite3.Error: the file cannot be made.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        if _version(file) == VERSION:
            return
    except sqlite3.DatabaseError as error:
        log.warning("trace_store_unreadable", extra={"file": str(file), "error": str(error)})
    for suffix in ("", "-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    with closing(sqlite3.connect(file)) as made:
        made.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        made.execute("PRAGMA journal_mode = WAL")
        made.executescript(resources.files(__package__).joinpath("schema.sql").read_text("utf-8"))
        made.execute("INSERT INTO secrets VALUES ('pages', ?)", (secrets.token_bytes(32),))
        made.execute(f"PRAGMA user_version = {VERSION}")
        made.commit()


def secret(file: Path) -> bytes:
    """What page tokens of this file are signed with."""
    with closing(open_reader(file)) as opened:
        return bytes(opened.execute("SELECT secret FROM secrets WHERE name = 'pages'").fetchone()[0])


def open_writer(file: Path) -> sqlite3.Connection:
    """The one connection that writes. A power cut may cost the last seconds, never the file."""
    writer = sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    writer.execute("PRAGMA synchronous = NORMAL")
    writer.execute(f"PRAGMA cache_size = -{WRITER_CACHE_KIB}")
    writer.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    writer.execute(f"PRAGMA journal_size_limit = {16 << 20}")
    return writer


def open_reader(file: Path) -> sqlite3.Connection:
    """A connection that reads."""
    reader = sqlite3.connect(
        f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS, isolation_level=None
    )
    reader.execute(f"PRAGMA cache_size = -{READER_CACHE_KIB}")
    return reader


def _version(file: Path) -> int:
    with closing(sqlite3.connect(file)) as opened:
        return int(opened.execute("PRAGMA user_version").fetchone()[0])
