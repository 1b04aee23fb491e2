"""What a person may choose about a run of the demo."""

from __future__ import annotations

import locale
import os
from dataclasses import dataclass, field
from pathlib import Path

LANGUAGES = ("en", "es")
MAX_SCALE = 100.0


def preferred_language() -> str:
    """``es`` when the environment's locale is Spanish, else ``en``."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name):
            return "es" if value.lower().startswith("es") else "en"
    return "es" if (locale.getlocale()[0] or "").lower().startswith("es") else "en"


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    """``scale`` is the share of products and baskets (1.0: 5,000 and 6,000); ``speed`` 0 replays as fast as
    it goes, otherwise it divides the baskets' own time: 3,600 replays an hour in a second.

    The demo uses the platform at ``url`` with the gRPC ``addresses`` (``catalog=host:port`` …) and the
    private ``key_file``; else one that runs on the folder ``data`` or on ``data/demo``; else it starts its
    own on ``data/demo``, wiped first. ``fresh`` never looks for one that runs.
    """

    seed: int = 1
    scale: float = 1.0
    speed: float = 0.0
    keep: bool = False
    json: bool = False
    lang: str = field(default_factory=preferred_language)
    data: Path = Path("var")
    fresh: bool = False
    url: str = ""
    addresses: tuple[str, ...] = ()
    key_file: Path | None = None

    @property
    def own_data(self) -> Path:
        """Where the demo's own platform lives."""
        return self.data / "demo"

    def __post_init__(self) -> None:
        if not 0 < self.scale <= MAX_SCALE:
            raise ValueError(f"--scale must lie above 0 and at most at {MAX_SCALE:g}, not {self.scale:g}")
        if self.speed < 0:
            raise ValueError(f"--speed must not be negative, not {self.speed:g}")
        if self.lang not in LANGUAGES:
            raise ValueError(f"--lang must be one of {', '.join(LANGUAGES)}, not {self.lang!r}")
        if (self.url or self.addresses or self.key_file) and not (
            self.url and self.addresses and self.key_file
        ):
            raise ValueError("--url, --address and --key-file go together")
