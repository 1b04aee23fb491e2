"""The machine's browser, and a platform with a real run of orders behind its pages."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from cli.local.platform import Platform

ROOT = Path(__file__).resolve().parents[2]
RUN_SECONDS = 180.0
# No call home, no first-run pages, no rendering that needs a graphics card.
_BROWSER_ARGUMENTS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-gpu",
    "--disable-sync",
    "--no-first-run",
    "--font-render-hinting=none",
)


def chromium_path() -> str:
    """The chromium of this machine; empty when there is none. ``CHROMIUM`` names another."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or ""


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A headless browser that speaks to nobody but us."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium_path(), args=list(_BROWSER_ARGUMENTS)
        )
        try:
            yield browser
        finally:
            await browser.close()


async def replay(platform: Platform, scale: float = 0.02) -> None:
    """Real baskets through every channel's door, worked off by staff: what pages are looked at with."""
    arguments = ["--scale", str(scale), "--json", "--url", platform.addresses.http]
    for name, address in platform.addresses.grpc.items():
        arguments += ["--address", f"{name}={address}"]
    arguments += ["--key-file", str(platform.development_key_file), "--data", str(platform.data)]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "demo",
        *arguments,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(RUN_SECONDS):
            told, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        raise RuntimeError(f"the run of orders failed: {told.decode()[-2000:]}")
