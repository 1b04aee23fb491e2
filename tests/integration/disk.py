"""A disk of our own whose power we can cut: ext4 on a loop device, ended by its shutdown ioctl.

After `cut_power` the file system takes no write any more, and what was not on the disk is lost: the journal
is thrown away unflushed, as when the machine loses power. Needs root, loop devices and ext4 tools; where they
are missing `make` says why.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

EXT4_IOC_SHUTDOWN = 0x8004587D
WITHOUT_FLUSHING_THE_JOURNAL = 2
SIZE_MIB = 1024
TOOLS = ("losetup", "mkfs.ext4", "e2fsck", "mount", "umount", "sync")
UNMOUNT_SECONDS = 10.0


class DiskImpossible(Exception):
    """This machine cannot make such a disk; the text says why."""


class Disk:
    """Mounted at ``folder/mnt`` from ``mount`` to ``close``; the image is a sparse file beside it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "mnt"
        self._image = folder / "disk.img"
        self._device = ""

    def make(self) -> None:
        """Create, format and mount.

        Raises:
            DiskImpossible: no root, no loop device, no ext4.
        """
        if sys.platform != "linux" or os.geteuid() != 0:
            raise DiskImpossible("only root on Linux may mount a loop device")
        missing = [name for name in TOOLS if not shutil.which(name)]
        if missing:
            raise DiskImpossible(f"{', '.join(missing)} not installed")
        with self._image.open("wb") as image:
            image.truncate(SIZE_MIB << 20)
        try:
            self._device = _run("losetup", "--find", "--show", str(self._image)).strip()
            _run("mkfs.ext4", "-q", "-F", self._device)
            self.path.mkdir()
            self._mount()
            self.path.chmod(0o755)
        except subprocess.CalledProcessError as error:
            self.close()
            raise DiskImpossible(f"{error.cmd[0]}: {error.stderr.strip()}") from error

    def sync(self) -> None:
        """What was written so far is on the disk: a test begins with a machine that has run for a while."""
        _run("sync", "--file-system", str(self.path))

    def _mount(self) -> None:
        _run("mount", "-t", "ext4", self._device, str(self.path))

    def cut_power(self) -> None:
        """From here on nothing reaches the disk, and what was not there yet is gone."""
        folder = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, EXT4_IOC_SHUTDOWN, struct.pack("I", WITHOUT_FLUSHING_THE_JOURNAL))
        finally:
            os.close(folder)

    def power_on(self) -> None:
        """Unmount what is left, let the file system repair itself, mount it again."""
        self._unmount()
        # 1: errors were corrected, which is what a repair is for.
        checked = subprocess.run(["e2fsck", "-fp", self._device], capture_output=True, text=True, check=False)
        if checked.returncode not in (0, 1):
            raise OSError(f"e2fsck: {checked.stdout}{checked.stderr}")
        self._mount()

    def close(self) -> None:
        """Unmount and give the loop device back."""
        if self.path.is_mount():
            self._unmount()
        if self._device:
            _run("losetup", "--detach", self._device)
            self._device = ""

    def _unmount(self) -> None:
        give_up = time.monotonic() + UNMOUNT_SECONDS
        while True:
            try:
                _run("umount", str(self.path))
            except subprocess.CalledProcessError:
                if time.monotonic() > give_up:
                    raise
                time.sleep(0.1)
            else:
                return


def _run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
