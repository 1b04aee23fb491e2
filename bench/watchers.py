"""Open pages, as browsers have them: sessions, and event streams that are read and thrown away.

``python -m bench.watchers URL PATH COUNT`` opens so many streams, writes ``ready`` when each has had its
first news, reads until standard input ends, and then writes how many events came.
"""

from __future__ import annotations

import asyncio
import re
import sys

import httpx

LANGUAGES = ("en", "es")
_TOKEN = re.compile(r'<meta name="csrf" content="([^"]+)"')
_READY_SECONDS = 30.0
_CHUNK_BYTES = 1 << 20


async def session(url: str, account: str, language: str = "en", location: str = "") -> httpx.Cookies:
    """The cookies of a development account that has signed in."""
    async with httpx.AsyncClient(base_url=url, headers={"accept-language": language}, timeout=30) as http:
        page = await http.get("/sign-in")
        found = _TOKEN.search(page.text)
        assert found is not None, page.text[:200]
        form = {"csrf": found[1], "account": account, "location": location, "time_zone": "America/Chicago"}
        answer = await http.post("/sign-in", data=form, headers={"origin": url})
        assert answer.status_code == 303, answer.text[:200]
        return http.cookies


class Watchers:
    """``count`` streams of one page, half of them in the other language."""

    def __init__(self, url: str, path: str, count: int) -> None:
        self._url = url
        self._path = path
        self._count = count
        self.events = 0
        self._first = 0
        self._all = asyncio.Event()

    async def watch(self) -> None:
        """Read until cancelled."""
        cookies = [await session(self._url, "operator", language) for language in LANGUAGES]
        async with asyncio.TaskGroup() as group:
            for number in range(self._count):
                which = number % len(LANGUAGES)
                group.create_task(self._one(cookies[which], LANGUAGES[which]))

    async def _one(self, cookies: httpx.Cookies, language: str) -> None:
        # A plain socket: a client library would take more of the processor than what it is to measure.
        host = self._url.removeprefix("http://")
        name, _, port = host.partition(":")
        pairs = "; ".join(f"{name}={value}" for name, value in cookies.items())
        lines = (
            f"GET {self._path} HTTP/1.1",
            f"host: {host}",
            f"cookie: {pairs}",
            f"accept-language: {language}",
        )
        reader, writer = await asyncio.open_connection(name, int(port))
        heard = False
        try:
            writer.write("\r\n".join((*lines, "", "")).encode())
            while chunk := await reader.read(_CHUNK_BYTES):
                came = chunk.count(b"event: regions")
                self.events += came
                if came and not heard:
                    heard = True
                    self._first += 1
                    if self._first == self._count:
                        self._all.set()
        finally:
            writer.close()
        raise RuntimeError("a stream ended by itself")

    async def ready(self) -> None:
        """Return when every stream has had news."""
        await asyncio.wait_for(self._all.wait(), _READY_SECONDS)


async def main(url: str, path: str, count: int) -> None:
    """Watch until standard input ends."""
    watchers = Watchers(url, path, count)
    watching = asyncio.create_task(watchers.watch())
    await watchers.ready()
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    print(watchers.events, flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
