"""`python -m tests.browser.screenshots`: pictures of every page into docs/screenshots, from a small real run.

Each is taken when the page gets its news, light unless its name says otherwise, and made small: a palette of
256 colours is enough for flat pages.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Page

from cli.local.platform import Platform
from tests.browser import machine, scenes
from tests.browser.visit import DESKTOP, PHONE, Visit, live

FOLDER = machine.ROOT / "docs" / "screenshots"
MAX_BYTES = 120_000
DESKTOP_HEIGHT = 900
PHONE_HEIGHT = 780


@dataclass(frozen=True)
class Picture:
    """One picture: who looks where."""

    name: str
    account: str
    path: str
    language: str = "en"
    width: int = DESKTOP
    theme: str = "light"
    """``{…}`` in a path is filled with what `scenes` found in the run."""


PICTURES: Sequence[Picture] = (
    Picture("sign-in-en", "", "/sign-in"),
    Picture("today-en", "operator", "/today"),
    Picture("today-es-phone", "operator", "/today", "es", PHONE),
    Picture("today-es-dark", "operator", "/today", "es", theme="dark"),
    Picture("orders-es", "operator", "/orders", "es"),
    Picture("order-en", "operator", "/orders/{order}"),
    Picture("order-es-phone", "operator", "/orders/{order}", "es", PHONE),
    Picture("trace-en", "operator", "/traces/{trace}"),
    Picture("services-es", "operator", "/traces/map", "es"),
    Picture("stock-en", "planner", "/stock/{sku}"),
    Picture("sourcing-es", "planner", "/sourcing", "es"),
    Picture("store-en", "store", "/store"),
    Picture("store-es-phone", "store", "/store", "es", PHONE),
    Picture("work-es-phone", "store", "/store/work/{work}", "es", PHONE),
    Picture("bus-en", "operator", "/bus"),
)


async def take(only: Sequence[str] = ()) -> list[str]:
    """Take the pictures (those named, or all) and give the complaints of the browser."""
    folder = Path(tempfile.mkdtemp(prefix="aljibe-pictures-"))
    folder.chmod(0o755)
    FOLDER.mkdir(exist_ok=True)
    try:
        async with Platform(folder, environ=os.environ) as platform, machine.chromium() as browser:
            await machine.replay(platform, scale=0.05)
            async with scenes.opened(platform) as found:
                visit = Visit(browser, platform.addresses.console)
                for picture in PICTURES:
                    if not only or picture.name in only:
                        await _one(visit, picture, found)
                await visit.close()
                return visit.errors()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _one(visit: Visit, picture: Picture, found: scenes.Found) -> None:
    page = await visit(
        picture.account,
        picture.path.format_map(found.facts),
        language=picture.language,
        width=picture.width,
        theme=picture.theme,
        location=found.location if picture.account == "store" else "",
    )
    if await page.locator("main[data-live]").count():
        await live(page)
    file = FOLDER / f"{picture.name}.png"
    await _shoot(page, file, picture.width)
    size = file.stat().st_size
    sys.stdout.write(f"{file.relative_to(machine.ROOT)}: {size // 1000} kB\n")
    if size > MAX_BYTES:
        raise SystemExit(f"{file.name} is larger than {MAX_BYTES} bytes")
    await page.context.close()


async def _shoot(page: Page, file: Path, width: int) -> None:
    height = await page.evaluate("document.documentElement.scrollHeight")
    least, most = (PHONE_HEIGHT, 1400) if width <= PHONE else (DESKTOP_HEIGHT, 1300)
    # The window grows instead of the picture, so that the menu reaches down to its end.
    await page.set_viewport_size({"width": width, "height": max(least, min(most, height))})
    await page.screenshot(path=file)
    await asyncio.to_thread(_shrink, file)


def _shrink(file: Path) -> None:
    from PIL import Image

    with Image.open(file) as picture:
        small = picture.convert("RGB").quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    small.save(file, optimize=True)


def main(arguments: Sequence[str]) -> int:
    """Names of pictures, or nothing for all; 1 when a browser complained."""
    if not machine.chromium_path():
        sys.stderr.write("screenshots: no chromium on this machine (Debian: apt install chromium)\n")
        return 1
    complaints = asyncio.run(take(arguments))
    for one in complaints:
        sys.stderr.write(f"screenshots: {one}\n")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
