"""A grpc.aio server that takes every call that has come in one turn of the event loop.

The library asks its core for one call at a time: it waits for that, makes the tasks that serve it and asks
for the next, which takes several turns of the event loop. Where a turn works for a group of callers, which
takes milliseconds, the other callers then wait in the core in front of a service that is waiting itself, and
groups stay small. Here many requests for a call of each unary method are outstanding at any time (ADR-0028).

This relies on how the library's server is made. `tests/test_accepting.py` fails when a release changes that,
and without what is relied on the library's own way is taken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import grpc
from grpc._cython import cygrpc
from grpc.aio import _server as aio_server

OUTSTANDING = 64
"""Requests for a call of each unary method: how many of a method's calls one turn can take."""

# Without stubs for any of it.
_core: Any = cygrpc
_base: Any = cygrpc.AioServer
_python_server: Any = aio_server.Server
_augmented: Any = aio_server._augment_channel_arguments  # noqa: SLF001 - see the module's text

KNOWN = all(
    hasattr(owner, name)
    for owner, names in (
        (_base, ("_make_request_call_future", "_request_registered_call", "add_registered_method_handlers")),
        (_core, ("_handle_rpc", "_handle_unary_unary_rpc", "_schedule_rpc_coro", "_MethodResolver")),
    )
    for name in names
)
"""Whether this release of the library has what is relied on."""


class _Core(_base):  # type: ignore[misc]
    """The library's server, but that calls of registered unary methods are accepted here."""

    def __init__(self, loop: asyncio.AbstractEventLoop, options: Any, most_calls: int | None) -> None:
        super().__init__(loop, None, (), None, options, most_calls)
        self._own_loop = loop
        self._most_calls = most_calls
        self._registered: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
        self._serving: set[asyncio.Task[None]] = set()

    def add_registered_method_handlers(self, handlers: Mapping[str, grpc.RpcMethodHandler[Any, Any]]) -> None:
        """Methods by full name; unary ones are accepted here."""
        super().add_registered_method_handlers(dict(handlers))
        self._registered.update(handlers)

    def _make_request_call_future(self, method: bytes | None) -> asyncio.Future[Any]:
        """The library's loop asks for a call. Of a registered unary method it hears nothing but failures, and
        at the end it cancels what it was given.
        """
        handler = None if method is None else self._registered[method.decode()]
        if method is None or handler is None or handler.request_streaming or handler.response_streaming:
            future: asyncio.Future[Any] = super()._make_request_call_future(method)
            return future
        until_end: asyncio.Future[Any] = self._own_loop.create_future()
        acceptors = [
            self._own_loop.create_task(self._accept(method, until_end), name=f"accept {method.decode()}")
            for _ in range(OUTSTANDING)
        ]
        until_end.add_done_callback(lambda _: [one.cancel() for one in acceptors])
        return until_end

    async def _accept(self, method: bytes, until_end: asyncio.Future[Any]) -> None:
        name = method.decode()
        handler = self._registered[name]
        loop = self._own_loop
        try:
            while self.is_running():
                state = await self._request_registered_call(method)
                if self._most_calls is not None and len(self._serving) >= self._most_calls:
                    resolver = _core._MethodResolver([], self._registered)  # noqa: SLF001
                    work = _core._handle_rpc(name, resolver, (), state, loop, True)  # noqa: SLF001
                else:
                    work = _core._handle_unary_unary_rpc(handler, state, loop)  # noqa: SLF001
                task = loop.create_task(_core._schedule_rpc_coro(work, state, loop, name))  # noqa: SLF001
                self._serving.add(task)
                task.add_done_callback(self._serving.discard)
        except Exception as error:  # noqa: BLE001 - the library's loop decides what becomes of the server
            # At the end the core fails every request for a call.
            if self.is_running() and not until_end.done():
                until_end.set_exception(error)


class _Server(_python_server):  # type: ignore[misc]
    def __init__(self, options: Sequence[tuple[str, Any]], most_calls: int | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._server = _Core(self._loop, _augmented(options, None), most_calls)


def server(options: Sequence[tuple[str, Any]], most_calls: int | None) -> grpc.aio.Server:
    """A grpc.aio server. Unary methods belong into `add_registered_method_handlers`, streaming ones into
    `add_generic_rpc_handlers`. More than `most_calls` unary calls at once, and as many streams, are answered
    RESOURCE_EXHAUSTED.
    """
    if not KNOWN:
        return grpc.aio.server(options=options, maximum_concurrent_rpcs=most_calls)
    made: grpc.aio.Server = _Server(options, most_calls)
    return made
