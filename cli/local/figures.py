"""What the services of a local platform show to Prometheus, read where operators read it."""

from __future__ import annotations

import re
from urllib.request import ProxyHandler, build_opener

from cli.local.platform import Platform

_SECONDS = 5.0
_plain = build_opener(ProxyHandler({}))


def metrics(platform: Platform, service: str) -> str:
    """What a service shows to Prometheus."""
    with _plain.open(f"http://{platform.addresses.metrics[service]}/metrics", timeout=_SECONDS) as answer:
        text: str = answer.read().decode()
    return text


def gauge(text: str, name: str) -> float | None:
    """A figure without labels; None when it is not there."""
    found = re.search(rf"^{name}(?:\{{[^}}]*\}})? (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else None
