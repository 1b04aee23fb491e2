"""The files of `static/`, held in memory under addresses that name their content, so that browsers may keep
them.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".png": "image/png"}
_FOR_EVER = "public, max-age=31536000, immutable"


class Statics:
    """Addresses of files, and their answers."""

    def __init__(self) -> None:
        found: Mapping[str, bytes] = {
            file.name: file.read_bytes()
            for file in files("services.console.adapters").joinpath("static").iterdir()
            if any(file.name.endswith(end) for end in _TYPES)
        }
        self._files = {name: (content, gzip.compress(content, mtime=0)) for name, content in found.items()}
        self._marks = {name: hashlib.sha256(content).hexdigest()[:12] for name, content in found.items()}

    def address(self, name: str) -> str:
        """Where a page finds a file. Raises KeyError for one that is not there."""
        return f"/static/{self._marks[name]}/{name}"

    async def serve(self, request: Request) -> Response:
        """A file; an address of another version gets today's, not to be kept."""
        name = request.path_params["name"]
        if name not in self._files:
            return Response("not found\n", 404, media_type="text/plain")
        content, packed = self._files[name]
        headers = {
            "cache-control": _FOR_EVER if request.path_params["mark"] == self._marks[name] else "no-cache",
            "vary": "accept-encoding",
        }
        if "gzip" in request.headers.get("accept-encoding", ""):
            content, headers["content-encoding"] = packed, "gzip"
        media_type = next(kind for end, kind in _TYPES.items() if name.endswith(end))
        return Response(content, headers=headers, media_type=media_type)
