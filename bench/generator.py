"""The process that makes load: started once, it does one job after the other."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from typing import Self

from bench.load import Job, Result

_GRACE_SECONDS = 90.0
_LINE_BYTES = 1 << 28


class LoadFailed(Exception):
    """A load generator ended without a result."""


class Generator:
    """A load generator in a process of its own, so that it is on the cores as callers would be."""

    def __init__(self) -> None:
        self._process: Process | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._kill()

    async def run(self, job: Job, going: Callable[[], None]) -> Result:
        """Do the job; `going` is called when everything is ready and the first call is about to be made.

        Raises:
            LoadFailed: it took far too long, or the process died; the next job gets a new one.
        """
        wait = job.warm_seconds + job.seconds + _GRACE_SECONDS
        try:
            async with asyncio.timeout(wait):
                return await self._run(job, going)
        except TimeoutError:
            await self._kill()
            raise LoadFailed(f"{job.kind} took longer than {wait:.0f} s") from None

    async def _run(self, job: Job, going: Callable[[], None]) -> Result:
        process = self._process
        if process is None:
            process = self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bench.load", stdin=PIPE, stdout=PIPE, limit=_LINE_BYTES
            )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(dataclasses.asdict(job)).encode() + b"\n")
        if await process.stdout.readline() != b"ready\n":
            await self._kill()
            raise LoadFailed(f"{job.kind} ended with code {process.returncode}")
        going()
        process.stdin.write(b"go\n")
        answer = await process.stdout.readline()
        if not answer:
            await self._kill()
            raise LoadFailed(f"{job.kind} ended with code {process.returncode}")
        return Result(**json.loads(answer))

    async def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            if process.returncode is None:
                process.kill()
            await process.wait()
