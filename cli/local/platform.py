"""The whole platform on one machine: PostgreSQL, NATS and every service, each its own process."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import secrets
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote, urlsplit, urlunsplit

from chassis.auth import DevelopmentKeys, development_keys
from cli.local.child import StartFailed
from cli.local.giving_way import GivingWay
from cli.local.happening import Happening, Kind, ignore
from cli.local.machine import data_folder, free_port, port_is_free, write_secret
from cli.local.nats import LocalNats
from cli.local.postgres import LocalPostgres
from cli.local.service import Command, ServiceProcess, python_command
from cli.local.signals import EndSignals

GATEWAY = "gateway"
TELEMETRY = "telemetry"
CONSOLE = "console"
_HTTP_DOORS = (GATEWAY, CONSOLE)
SERVICES = ("catalog", "inventory", "orders", "fulfillment", GATEWAY)
"""What sells; it needs none of the others."""
OPERATIONS = (TELEMETRY, "insights", CONSOLE)
"""What shows it to people."""
DATABASE = "aljibe"
DEFAULT_PORTS = {
    "catalog": 50051,
    "inventory": 50052,
    "orders": 50053,
    "fulfillment": 50054,
    "insights": 50055,
    TELEMETRY: 50056,
    GATEWAY: 8080,
    CONSOLE: 8081,
    "OTLP gRPC": 4317,
    "OTLP HTTP": 4318,
}
OTLP_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
"""Set by the person: traces go there, and the platform's own receiver is not started."""

_SERVER_BACKOFF_SECONDS = 0.2


@dataclass(frozen=True)
class Addresses:
    """Where a running platform answers: ``http`` of the gateway, ``host:port`` of each service's gRPC, where
    OpenTelemetry is taken (``grpc`` and ``http``; empty: elsewhere), and the pages for people (empty: none).
    """

    http: str
    grpc: Mapping[str, str]
    metrics: Mapping[str, str]
    otlp: Mapping[str, str] = field(default_factory=dict)
    console: str = ""


class Platform:
    """Starts and keeps everything below the folder ``data``; use it as ``async with`` or start and stop it.

    ``environ`` (our own unless told) may name an ``ALJIBE_POSTGRES_URL`` (of an administrator) and an
    ``ALJIBE_NATS_URL`` to use instead of the embedded servers; whatever else it holds, services inherit.
    ``fixed_ports`` asks for the well-known ports; otherwise all are free ones, as tests want. ``instances``
    runs more than one process of a service, side by side: others spread their calls over them, and the second
    one of orders is named ``orders-2``. ``without`` leaves out some of ``OPERATIONS``. ``gives_way``: when
    the cores are short, all but the console leaves them to a person's own programs. ``say`` hears what
    happens. Logs are in ``data/log``, addresses in ``data/platform.json``.
    """

    def __init__(
        self,
        data: Path,
        *,
        fixed_ports: bool = False,
        environ: Mapping[str, str] | None = None,
        instances: Mapping[str, int] | None = None,
        without: Collection[str] = (),
        gives_way: bool = False,
        say: Callable[[Happening], None] = ignore,
        command: Command = python_command,
    ) -> None:
        self.data = data_folder(data)
        if self.data != data.resolve():
            say(Happening("moved", {"wanted": data, "data": self.data}))
        self._environ = dict(os.environ if environ is None else environ)
        self._say = say
        self._command = command
        self._fixed_ports = fixed_ports
        self._gives_way = gives_way
        self._instances = dict(instances or {})
        left_out = {*without, TELEMETRY} if self._environ.get(OTLP_ENDPOINT) else set(without)
        self.names = tuple(name for name in (*OPERATIONS, *SERVICES) if name not in left_out)
        """The services that it runs."""
        self._lock: IO[str] | None = None
        self._keepers: list[asyncio.Task[None]] = []
        given_postgres = self._environ.pop("ALJIBE_POSTGRES_URL", None)
        given_nats = self._environ.pop("ALJIBE_NATS_URL", None)
        self.postgres = None if given_postgres else LocalPostgres(self.data / "postgres")
        self.nats = None if given_nats else LocalNats(self.data / "nats")
        self._given_postgres = given_postgres or ""
        self._given_nats = given_nats or ""
        self.services: dict[str, ServiceProcess] = {}
        self.addresses = Addresses("", {}, {})

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def development_key_file(self) -> Path:
        """The private key that ``aljibe token`` signs development tokens with."""
        return self._keys("development").private_key_file

    @property
    def admin_url(self) -> str:
        """Address of the platform's database as administrator: for migrations and audits."""
        return self.postgres.url_of(DATABASE) if self.postgres else self._given_postgres

    @property
    def nats_url(self) -> str:
        """Address of NATS for clients."""
        return self.nats.url if self.nats else self._given_nats

    async def start(self) -> None:
        """Return when every service is healthy. Raises StartFailed; nothing is left running then."""
        self._take_lock()
        try:
            await self._start_servers()
            self._plan_services()
            began = time.monotonic()
            async with asyncio.TaskGroup() as group:
                for service in self.services.values():
                    group.create_task(self._start_service(service))
            self._tell("all_healthy", count=len(self.services), seconds=time.monotonic() - began)
            self._publish_addresses()
            if self._gives_way:
                self._keepers.append(asyncio.create_task(GivingWay(self._in_the_background).keep()))
        except ExceptionGroup as failures:
            await self.stop()
            raise StartFailed("\n\n".join(str(error) for error in failures.exceptions)) from failures
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Drain the doors first, then the services behind them, then what takes their traces, then stop NATS
        and PostgreSQL.
        """
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        self._keepers.clear()
        await asyncio.gather(*(self.services[name].stop() for name in _HTTP_DOORS if name in self.services))
        last = self.services.get(TELEMETRY)
        await asyncio.gather(*(service.stop() for service in self.services.values() if service is not last))
        if last:
            await last.stop()
        for server in (self.nats, self.postgres):
            if server:
                await server.stop()
        (self.data / "platform.json").unlink(missing_ok=True)
        if self._lock:
            self._lock.close()
            self._lock = None

    async def run_until(self, signals: EndSignals) -> None:
        """Wait until one of them was heard, then drain and stop everything."""
        await signals.wait()
        self._tell("draining")
        await self.stop()

    async def kill(self, name: str) -> None:
        """SIGKILL a service, ``postgres`` or ``nats``; it is started again at once."""
        await self._process(name).kill()

    async def restart(self, name: str) -> None:
        """Let a service drain and end; return when its successor is healthy."""
        await self.services[name].restart()

    def pause(self, name: str) -> None:
        """Freeze a service, as a machine that hangs."""
        self.services[name].pause()

    def resume(self, name: str) -> None:
        """Let a frozen service go on."""
        self.services[name].resume()

    async def healthy(self, *names: str) -> None:
        """Return when these services (all of them unless named) answer SERVING."""
        await asyncio.gather(*(self.services[name].healthy() for name in names or self.services))

    def _process(self, name: str) -> ServiceProcess | LocalPostgres | LocalNats:
        found = {"postgres": self.postgres, "nats": self.nats, **self.services}.get(name)
        if found is None:
            raise KeyError(f"the platform does not run {name}")
        return found

    def _in_the_background(self) -> list[int]:
        console = self.services.get(CONSOLE)
        running = [one for one in (self.postgres, self.nats, *self.services.values()) if one is not console]
        return [one.pid for one in running if one is not None and one.pid is not None]

    def _take_lock(self) -> None:
        lock = (self.data / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise StartFailed(f"a platform already runs on {self.data}") from None
        self._lock = lock

    async def _start_servers(self) -> None:
        began = time.monotonic()
        servers = [server for server in (self.postgres, self.nats) if server]
        async with asyncio.TaskGroup() as group:
            for server in servers:
                group.create_task(server.start())
        if self.postgres:
            await self.postgres.create_database(DATABASE)
        for server in servers:
            self._keepers.append(asyncio.create_task(self._keep(server)))
        if servers:
            self._tell("servers_up", seconds=time.monotonic() - began)

    async def _keep(self, server: LocalPostgres | LocalNats) -> None:
        while True:
            await server.wait()
            self._tell("server_died", name="PostgreSQL" if server is self.postgres else "NATS")
            await asyncio.sleep(_SERVER_BACKOFF_SECONDS)
            try:
                await server.start()
            except StartFailed as failure:
                self._tell("start_failed", error=failure)

    async def _start_service(self, service: ServiceProcess) -> None:
        began = time.monotonic()
        await service.migrate()
        service.start()
        await service.healthy()
        self._tell("healthy", name=service.name, seconds=time.monotonic() - began)

    def _plan_services(self) -> None:
        log = self.data / "log"
        log.mkdir(exist_ok=True)
        (self.data / "secrets").mkdir(mode=0o700, exist_ok=True)
        listens = {name: f"127.0.0.1:{self._port(name)}" for name in self.names}
        metrics = {name: f"127.0.0.1:{free_port()}" for name in self.names}
        grpc = {name: listen for name, listen in listens.items() if name not in _HTTP_DOORS}
        otlp = self._otlp()
        console = f"http://{listens[CONSOLE]}" if CONSOLE in listens else ""
        self.addresses = Addresses(f"http://{listens[GATEWAY]}", grpc, metrics, otlp, console)
        shared = {
            **self._environ,
            "ALJIBE_NATS_URL": self.nats_url,
            "ALJIBE_AUTH_KEYS_FILE": str(self._public_keys()),
        }
        if otlp:
            shared |= {OTLP_ENDPOINT: f"http://{otlp['grpc']}", "OTEL_EXPORTER_OTLP_INSECURE": "true"}
        twins = {
            name: [f"127.0.0.1:{free_port()}" for _ in range(1, self._instances.get(name, 1))]
            for name in grpc
        }
        for name, address in grpc.items():
            shared[f"ALJIBE_{name.upper()}_ADDRESS"] = _target([address, *twins[name]])
        for name in self.names:
            environ = {
                **shared,
                "ALJIBE_METRICS_LISTEN": metrics[name],
                "ALJIBE_SERVICE_TOKEN_KEY_FILE": str(self._keys(name).private_key_file),
            }
            migrate = None
            address = listens[name]
            if name in _HTTP_DOORS:
                environ["ALJIBE_HTTP_LISTEN"] = address
                address = f"http://{address}"
                if name == CONSOLE:
                    environ = {**self._console_settings(), **environ}
            else:
                environ["ALJIBE_GRPC_LISTEN"] = address
            if name == TELEMETRY:
                environ |= {
                    "ALJIBE_OTLP_GRPC_LISTEN": otlp["grpc"],
                    "ALJIBE_OTLP_HTTP_LISTEN": otlp["http"],
                    "ALJIBE_TRACE_STORE": str(self.data / TELEMETRY / "traces.db"),
                }
            elif name not in _HTTP_DOORS:
                password = self._password(name)
                environ["ALJIBE_POSTGRES_URL"] = _as_user(self.admin_url, f"aljibe_{name}", password)
                migrate = {
                    **environ,
                    "ALJIBE_POSTGRES_ADMIN_URL": self.admin_url,
                    "ALJIBE_DB_PASSWORD": password,
                }
            self._plan(name, name, address, environ, migrate)
            for number, listen in enumerate(twins.get(name, ()), start=2):
                own = {"ALJIBE_GRPC_LISTEN": listen, "ALJIBE_METRICS_LISTEN": f"127.0.0.1:{free_port()}"}
                self._plan(f"{name}-{number}", name, listen, {**environ, **own}, migrate)

    def _console_settings(self) -> Mapping[str, str]:
        """What goes for the pages unless the environment says otherwise: an account per role, as keys are of
        the data folder.
        """
        accounts = "ALJIBE_ACCOUNTS_FILE" not in self._environ
        return {
            "ALJIBE_TOKEN_KEY_FILE": str(self.development_key_file),
            "ALJIBE_DEVELOPMENT_ACCOUNTS": str(accounts).lower(),
            "ALJIBE_REPORTS_FOLDER": str(self.data / "reports"),
        }

    def _otlp(self) -> Mapping[str, str]:
        if TELEMETRY not in self.names:
            return {}
        return {form.lower(): f"127.0.0.1:{self._port(f'OTLP {form}')}" for form in ("gRPC", "HTTP")}

    def _plan(
        self,
        key: str,
        name: str,
        address: str,
        environ: Mapping[str, str],
        migrate: Mapping[str, str] | None,
    ) -> None:
        self.services[key] = ServiceProcess(
            name,
            address,
            environ=environ,
            migrate_environ=migrate,
            log=self.data / "log" / f"{key}.log",
            command=self._command,
            say=self._say,
        )

    def _tell(self, kind: Kind, **facts: object) -> None:
        self._say(Happening(kind, facts))

    def _port(self, name: str) -> int:
        wanted = DEFAULT_PORTS[name]
        if not self._fixed_ports:
            return free_port()
        if port_is_free(wanted):
            return wanted
        port = free_port()
        self._tell("port_taken", wanted=wanted, name=name, port=port)
        return port

    def _password(self, name: str) -> str:
        file = self.data / "secrets" / f"{name}.password"
        if not file.exists():
            write_secret(file, secrets.token_urlsafe(24))
        return file.read_text()

    def _keys(self, name: str) -> DevelopmentKeys:
        return development_keys(self.data / "secrets" / name)

    def _public_keys(self) -> Path:
        """One file with the public keys of the development tokens and of every service."""
        keys: list[object] = []
        for name in ("development", *self.names):
            keys += json.loads(self._keys(name).public_keys_file.read_text())["keys"]
        file = self.data / "secrets" / "keys.jwks.json"
        write_secret(file, json.dumps({"keys": keys}))
        return file

    def _publish_addresses(self) -> None:
        """Where other commands of this machine find the platform."""
        text = {
            "pid": os.getpid(),
            "http": self.addresses.http,
            "grpc": dict(self.addresses.grpc),
            "metrics": dict(self.addresses.metrics),
            "otlp": dict(self.addresses.otlp),
            "console": self.addresses.console,
        }
        with contextlib.suppress(FileNotFoundError):
            (self.data / "platform.json").unlink()
        write_secret(self.data / "platform.json", json.dumps(text))


def _target(addresses: Sequence[str]) -> str:
    """What clients of a service call: one address, or several to spread over."""
    return addresses[0] if len(addresses) == 1 else f"ipv4:///{','.join(addresses)}"


def _as_user(url: str, user: str, password: str) -> str:
    """``url`` with another user and password."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{host}"))
