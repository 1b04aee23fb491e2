"""The `serve | migrate` command line of every service, and the composition of what a service needs to run.

A service states itself in `app.py` as a `ServiceDefinition`, and its `__main__.py` is two lines: import it,
and `main(definition)`.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import grpc
import uvloop

from chassis import client, server, telemetry
from chassis.auth import ServiceIdentity, TokenMinter, TokenVerifier
from chassis.clock import Clock, utc_now
from chassis.errors import ErrorTable
from chassis.server import Background, Closer, Registration
from chassis.settings import ChassisSettings, SettingsError, read

if TYPE_CHECKING:
    from chassis.consumer import Consumer
    from chassis.outbox import Relay
    from chassis.postgres import Database
    from chassis.replica import Keeper

log = logging.getLogger(__name__)

S = TypeVar("S", bound=ChassisSettings)
EXIT_SETTINGS = 2


@dataclass(slots=True)
class Context(Generic[S]):
    """What the chassis hands a service's `build`."""

    settings: S
    identity: ServiceIdentity
    clock: Clock
    _db: Database | None = None
    _nats: Any = None
    _relay: Relay | None = None
    _channels: dict[str, grpc.aio.Channel] = field(default_factory=dict)

    @property
    def db(self) -> Database:
        """The service's database; only a definition with a schema has one."""
        if self._db is None:
            raise LookupError("this service has no schema, so it has no database")
        return self._db

    @property
    def nats(self) -> Any:
        """The NATS connection; the broker may be away for the moment."""
        if self._nats is None:
            raise LookupError("this service has no bus connection")
        return self._nats

    @property
    def relay(self) -> Relay:
        """The outbox relay; call `relay.wake()` after a commit that appended events."""
        if self._relay is None:
            raise LookupError("this service has no schema, so it has no outbox")
        return self._relay

    def channel(self, service: str) -> grpc.aio.Channel:
        """The channel to another service, by its name; the address comes from `ALJIBE_<SERVICE>_ADDRESS`.

        Raises:
            SettingsError: the address is not set.
        """
        address = getattr(self.settings, f"{service}_address", "")
        if not address:
            raise SettingsError(f"ALJIBE_{service.upper()}_ADDRESS is not set")
        if service not in self._channels:
            self._channels[service] = client.channel(
                address,
                self.identity,
                max_message_bytes=self.settings.max_message_bytes,
                exchange_streams=self.settings.exchange_streams,
            )
        return self._channels[service]

    async def close_channels(self) -> None:
        """Close every channel that was asked for, also those asked for after `build`."""
        while self._channels:
            _, channel = self._channels.popitem()
            await channel.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What a service is made of, from its `build`."""

    servicers: Sequence[Registration] = ()
    consumers: Sequence[Consumer] = ()
    background: Sequence[Background] = ()
    """Loops that live as long as the process, each its own task; one that raises ends the process."""
    closers: Sequence[Closer] = ()
    """Run after the drain, last first."""
    replicas: Mapping[str, Keeper] = field(default_factory=dict)
    """Copies of other services' rows, by name; `GetBusState` says how true they are."""
    before_serve: Callable[[], Awaitable[None]] | None = None
    """Awaited when background tasks and consumers run and before health says SERVING."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDefinition(Generic[S]):
    """What makes a package a service."""

    name: str
    schema: str | None
    """None for a service without a database."""
    migrations_package: str | None
    """Import path of the package that holds `NNNN_name.sql` files."""
    error_table: ErrorTable
    build: Callable[[Context[S]], Awaitable[Built]]
    settings: type[S]
    bus: bool = True
    """Whether it publishes or consumes events."""


def main(
    service: ServiceDefinition[Any],
    arguments: Sequence[str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> None:
    """Run `serve` or `migrate` as the command line says, and exit: 0 when all went well, 2 for settings, 1
    for a crash.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m services.{service.name}", description=f"The {service.name} service of Aljibe."
    )
    parser.add_argument(
        "command",
        choices=["serve", "migrate"],
        help="serve until SIGTERM, or bring the schema up to date and end",
    )
    command = parser.parse_args(arguments).command
    try:
        settings = settings_of(service, os.environ if environ is None else environ)
        if command == "migrate":
            telemetry.setup_logs(service.name, settings.log_level)
            asyncio.run(migrate(service, settings))
        else:
            uvloop.run(serve(service, settings))
    except SettingsError as error:
        sys.stderr.write(f"{service.name}: {error}\n")
        sys.exit(EXIT_SETTINGS)


def settings_of(service: ServiceDefinition[S], environ: Mapping[str, str]) -> S:
    """The service's settings from the environment.

    Raises:
        SettingsError: one is missing or malformed.
    """
    return read(service.settings, {"ALJIBE_SERVICE_NAME": service.name, **environ})


async def migrate(service: ServiceDefinition[S], settings: S) -> None:
    """Bring the service's schema, role and tables up to date; running it again changes nothing.

    Raises:
        SettingsError: the administrator's address or the role's password is not set.
    """
    if service.schema is None or service.migrations_package is None:
        return
    from chassis import migrations

    await migrations.migrate_service(settings, service.schema, service.migrations_package)


async def serve(
    service: ServiceDefinition[S], settings: S, *, clock: Clock = utc_now, stop: asyncio.Event | None = None
) -> None:
    """Open what the service needs, build it, serve until told to stop, and close everything in the opposite
    order.

    Raises:
        SettingsError: a setting that this service needs is missing.
    """
    if settings.auth_keys_file is None or settings.service_token_key_file is None:
        raise SettingsError("serve needs ALJIBE_AUTH_KEYS_FILE and ALJIBE_SERVICE_TOKEN_KEY_FILE")
    try:
        verifier = TokenVerifier(settings.auth_keys_file)
        identity = ServiceIdentity(TokenMinter(settings.service_token_key_file), service.name)
    except ValueError as error:
        raise SettingsError(str(error)) from error
    traces = telemetry.setup(settings)
    context = Context(settings=settings, identity=identity, clock=clock)
    closers: list[Closer] = [_in_thread(traces.close)]
    background: list[Background] = []
    try:
        await _open(service, context, closers, background)
        closers.append(context.close_channels)
        built = await service.build(context)
        closers += built.closers
        servicers = [*built.servicers, *_bus_servicers(service, context, built)]
    except BaseException:
        await server.close_all(closers)
        raise
    background += [consumer.run for consumer in built.consumers]
    background += built.background
    before_serve = built.before_serve

    async def on_ready(port: int) -> None:
        if before_serve is not None:
            await before_serve()
        log.info("ready", extra={"port": port, "metrics_port": traces.metrics_port})

    await server.serve(
        settings,
        servicers,
        table=service.error_table,
        verifier=verifier,
        on_ready=on_ready,
        background=background,
        closers=closers,
        stop=stop,
    )


async def _open(
    service: ServiceDefinition[S], context: Context[S], closers: list[Closer], background: list[Background]
) -> None:
    settings = context.settings
    if service.bus:
        from chassis import streams

        nats = await streams.open_nats(settings.nats_url, service.name)
        context._nats = nats  # noqa: SLF001 - the context is this module's own
        closers.append(lambda: streams.close_nats(nats))
    if service.schema is not None:
        from chassis import postgres, requests

        if not settings.postgres_url:
            raise SettingsError("serve needs ALJIBE_POSTGRES_URL")
        db = await postgres.connect(settings, service.schema)
        context._db = db  # noqa: SLF001
        closers.append(db.close)
        background.append(partial(requests.prune_for_ever, db))
        if service.bus:
            from chassis.outbox import Relay

            relay = Relay(
                db,
                context.nats,
                service.name,
                replicas=settings.stream_replicas,
                max_bytes=settings.stream_max_bytes,
            )
            context._relay = relay  # noqa: SLF001
            background.append(relay.run)


def _bus_servicers(
    service: ServiceDefinition[S], context: Context[S], built: Built
) -> Sequence[Registration]:
    if service.schema is None or not service.bus:
        return ()
    from chassis.bus_admin import registration

    return [
        registration(
            service.name, context.db, context.nats, context.relay, built.consumers, replicas=built.replicas
        )
    ]


def _in_thread(close: Callable[[], None]) -> Closer:
    async def closer() -> None:
        await asyncio.to_thread(close)

    return closer
