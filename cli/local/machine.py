"""What the machine allows: an account for servers, folders that it can reach, ports that are free."""

from __future__ import annotations

import hashlib
import os
import pwd
import random
import shutil
import socket
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cli.local.child import Account

_SHARED = Path("/var/tmp")  # noqa: S108  (kept across reboots; our folders there are checked for their owner)

_FIRST_PORT = 20_000
_MANY_PORTS = 1_000
_given: set[int] = set()
_dice = random.SystemRandom()
"""Processes that were seeded alike, as tests are, must not come to the same ports."""


def server_account() -> Account | None:
    """The account for PostgreSQL and NATS: None (our own) unless we are root, which PostgreSQL refuses."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def reachable(path: Path, account: Account | None) -> bool:
    """Whether ``account`` may walk down to ``path`` (its existing part)."""
    if account is None:
        return True
    path = path.resolve()
    for folder in [path, *path.parents]:
        if not folder.exists():
            continue
        info = folder.stat()
        bit = stat.S_IXOTH
        if info.st_uid == account.uid:
            bit = stat.S_IXUSR
        elif info.st_gid == account.gid:
            bit = stat.S_IXGRP
        if not info.st_mode & bit:
            return False
    return True


def data_folder(wanted: Path) -> Path:
    """``wanted``, made if need be; a folder of the same purpose under /var/tmp when the server account
    cannot reach it (a clone in /root, say). The caller tells the person when the answer differs.
    """
    wanted = wanted.resolve()
    if not reachable(wanted, server_account()):
        wanted = _own_folder(_SHARED / f"aljibe-{os.geteuid()}") / _digest(wanted)
    make_folder(wanted)
    return wanted


def existing_data_folder(wanted: Path) -> Path:
    """Where ``data_folder`` has put ``wanted``, or would; makes nothing, and the answer need not exist."""
    wanted = wanted.resolve()
    # With secrets in it, it was good enough for whoever ran the platform, even if we are somebody else.
    if (wanted / "secrets").exists() or reachable(wanted, server_account()):
        return wanted
    return _SHARED / f"aljibe-{os.geteuid()}" / _digest(wanted)


def make_folder(path: Path) -> None:
    """Make ``path`` and its missing parents, open to pass through whatever our umask says."""
    missing = [folder for folder in [path, *path.parents] if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)


def reachable_copy(base: Path, names: Sequence[str], label: str, account: Account | None) -> Path:
    """``base``, or a folder that ``account`` can reach with copies of ``names`` (those that exist) below it.

    The copy is made once per ``label`` (name and version). Places relative to each other stay: programs find
    their libraries by them.
    """
    if reachable(base, account):
        return base
    home = _own_folder(_SHARED / f"aljibe-{os.geteuid()}")
    copy = home / label
    if not copy.exists():
        fresh = Path(tempfile.mkdtemp(dir=home))
        fresh.chmod(0o755)
        for name in names:
            source = base / name
            if source.is_dir():
                shutil.copytree(source, fresh / name, symlinks=True)
            elif source.exists():
                shutil.copy2(source, fresh / name)
        for path in [path for path in fresh.rglob("*") if not path.is_symlink()]:
            mode = path.stat().st_mode
            path.chmod(mode | (0o555 if mode & stat.S_IXUSR else 0o444))
        try:
            # A rename is atomic: nobody ever sees half a copy, and of two that race the first wins.
            fresh.rename(copy)
        except OSError:
            shutil.rmtree(fresh)
            if not copy.exists():
                raise
    return copy


def give(path: Path, account: Account | None) -> None:
    """Hand ``path`` (made if need be, for its owner's eyes only) to ``account``."""
    make_folder(path)
    path.chmod(0o700)
    if account:
        os.chown(path, account.uid, account.gid)


def write_secret(path: Path, text: str, account: Account | None = None) -> None:
    """Write ``text`` so that only we, or ``account``, can ever read it."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    if account:
        os.chown(path, account.uid, account.gid)


def port_is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:``port`` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on.

    Where there are enough, one of those that the system gives to no outgoing connection, and not the same
    twice: until a service listens on it, and while one that died starts again, no client takes it.
    """
    first_outgoing = _first_outgoing_port()
    for _ in range(_MANY_PORTS if first_outgoing - _FIRST_PORT >= _MANY_PORTS else 0):
        port = _dice.randrange(_FIRST_PORT, first_outgoing)
        if port not in _given and port_is_free(port):
            _given.add(port)
            return port
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _first_outgoing_port() -> int:
    """The first port that outgoing connections are given; elsewhere than on Linux that of RFC 6335."""
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except OSError:
        return 49152


def _digest(path: Path) -> str:
    return hashlib.sha256(str(path).encode()).hexdigest()[:12]


def _own_folder(path: Path) -> Path:
    path.mkdir(exist_ok=True)
    info = path.lstat()
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.geteuid() or info.st_mode & 0o022:
        # Somebody else made it in a folder open to all: what lies in it is not to be trusted.
        path = Path(tempfile.mkdtemp(prefix="aljibe-", dir=path.parent))
    path.chmod(0o755)
    return path
