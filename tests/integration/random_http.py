"""The same made-up calls at the HTTP door, many of them spoiled as only JSON and HTTP can be."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
from google.api import annotations_pb2
from google.protobuf import json_format
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass

from tests.integration.random_calls import CALL_SECONDS, RandomCaller

PROBLEM = "application/problem+json"
SPOILED = 0.3
"""Share of the documents in which something is another than the contract says."""
BROKEN = 0.05
"""Share of the bodies that are no document at all, or not what their header says."""

_VARIABLE = re.compile(r"\{(\w+)\}")
_VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    1.5,
    1e308,
    2**31,
    2**63,
    -(2**70),
    "",
    "1",
    "0x1",
    "1e5",
    "NaN",
    "STORE",
    "ñandú 🐢",
    "\u0000",
    "\ud83d",  # half a character
    "2026-02-30T00:00:00Z",
    "9999-12-31T23:59:60Z",
    "x" * 5000,
    [],
    {},
    [None],
    [[[]]],
    {"": ""},
    {"@type": "type.googleapis.com/google.protobuf.Any"},
)
_BODIES = (
    b"",
    b"{",
    b"[]",
    b"null",
    b'"text"',
    b"0",
    b"{}}",
    b'{"a":1,"a":2}',
    b'{"lines":[}',
    b"\xff\xfe{\x00}\x00",
    b"\xef\xbb\xbf{}",
    b'{"x":"\xc3\x28"}',
    b'{"quantityUnits":NaN}',
    b'{"x":1' + b"0" * 400 + b"}",
    b"[" * 2000 + b"]" * 2000,
    b'{"order":' * 200 + b"{}" + b"}" * 200,
    b"request_id=1&sku=2",
    b"<order/>",
)
_TYPES = (
    "application/json",
    "application/json; charset=utf-16",
    "text/plain",
    "application/xml",
    "",
    "a/b;c",
)


class RandomHttpCaller(RandomCaller):
    """Calls every route of those services that has one answer."""

    def __init__(self, http: httpx.AsyncClient, token: str, seed: int) -> None:
        super().__init__({}, (), seed)
        self._http = http
        self._headers = {"Authorization": f"Bearer {token}", "Accept-Language": "es"}

    def _can_call(self, method: MethodDescriptor) -> bool:
        return not method.server_streaming and bool(_bindings(method))

    async def _call(self, service: str, method: MethodDescriptor) -> None:
        verb, template, body = self._random.choice(_bindings(method))
        document = json_format.MessageToDict(self._filled(GetMessageClass(method.input_type)()))
        if self._random.random() < SPOILED:
            self._spoil(document)

        fields = method.input_type.fields_by_name

        def variable(match: re.Match[str]) -> str:
            value = document.pop(fields[match[1]].json_name, None)
            return quote(value if isinstance(value, str) and value else "none", safe="", errors="replace")

        path = _VARIABLE.sub(variable, template)
        headers, content, query = dict(self._headers), None, None
        if body:
            content = _json(document if body == "*" else document.get(fields[body].json_name, {}))
            headers["Content-Type"] = "application/json"
            if self._random.random() < BROKEN:
                content = self._random.choice(_BODIES)
                headers["Content-Type"] = self._random.choice(_TYPES)
        else:
            query = tuple(_flat(document))
        asked = f"{verb} {path} {query or content!r:.1500}"
        try:
            answer = await self._http.request(
                verb, path, content=content, params=query, headers=headers, timeout=CALL_SECONDS
            )
        except httpx.TransportError as error:
            self.faults.append(f"{asked}: {error!r}")
            return
        self.answers[method.name, str(answer.status_code)] += 1
        wrong = _wrong(answer)
        if wrong:
            self.faults.append(f"{asked}: {answer.status_code} {wrong}: {answer.text[:300]}")
        elif answer.status_code == httpx.codes.OK:
            self._learn(json_format.Parse(answer.content, GetMessageClass(method.output_type)()))

    def _spoil(self, document: dict[str, Any]) -> None:
        """Something in it is another than the contract says."""
        places: list[tuple[Any, Any]] = []

        def walk(node: Any) -> None:
            for key, value in node.items() if isinstance(node, dict) else enumerate(node):
                places.append((node, key))
                if isinstance(value, dict | list):
                    walk(value)

        walk(document)
        if not places or self._random.random() < 0.1:
            document[self._random.choice(("x", "", "requestId", "request_id", "__proto__"))] = 1
            return
        node, key = self._random.choice(places)
        match self._random.randrange(4):
            case 0:
                del node[key]
            case 1:
                node[key] = [node[key]]
            case _:
                node[key] = self._random.choice(_VALUES)


def _wrong(answer: httpx.Response) -> str:
    """What is wrong with an answer; empty: nothing."""
    if answer.status_code >= 500:
        return "is a fault of the service"
    try:
        document = json.loads(answer.content)
    except ValueError:
        return "is no JSON"
    if answer.status_code == httpx.codes.OK:
        return ""
    if answer.headers.get("content-type") != PROBLEM:
        return "is no problem document"
    if (
        document.get("status") != answer.status_code
        or not document.get("reason")
        or not document.get("detail")
    ):
        return "does not say what is wrong"
    return ""


def _bindings(method: MethodDescriptor) -> list[tuple[str, str, str]]:
    """Verb, template and body of each route that the contract gives the method."""
    options = method.GetOptions()
    if not options.HasExtension(annotations_pb2.http):
        return []
    rule = options.Extensions[annotations_pb2.http]
    rules = (rule, *rule.additional_bindings)
    verbs = [one.WhichOneof("pattern") for one in rules]
    return [(verb.upper(), getattr(one, verb), one.body) for verb, one in zip(verbs, rules, strict=True)]


def _flat(document: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """As query parameters."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield from _flat(value, f"{name}.{key}" if name else key)
    elif isinstance(document, list):
        for value in document:
            yield from _flat(value, name)
    else:
        text = document if isinstance(document, str) else json.dumps(document)
        yield name, text.encode(errors="replace").decode()


def _json(document: Any) -> bytes:
    # Half a character goes out as an escape, as some clients write it.
    return json.dumps(document).encode()
