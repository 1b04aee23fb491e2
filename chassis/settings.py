"""Settings of a process: frozen dataclasses filled once from `ALJIBE_*` environment variables."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

S = TypeVar("S")

PREFIX = "ALJIBE_"
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_MISSING: Any = dataclasses.MISSING


class SettingsError(Exception):
    """A setting is missing or cannot be understood; the text is one line for the person who starts the
    process.
    """


@dataclass(frozen=True, kw_only=True)
class ChassisSettings:
    """What every service can be told. Field `grpc_listen` is read from `ALJIBE_GRPC_LISTEN`, and so on.

    A field may name another variable by `field(metadata={"env": "OTEL_..."})`, and hide its value from
    `repr` by `repr=False`.
    """

    service_name: str = ""
    grpc_listen: str = "127.0.0.1:0"
    metrics_listen: str = ""
    """`host:port` of the Prometheus text endpoint; empty switches it off."""
    postgres_url: str = dataclasses.field(default="", repr=False)
    postgres_admin_url: str = dataclasses.field(default="", repr=False)
    db_password: str = dataclasses.field(default="", repr=False)
    pool_min: int = 2
    pool_max: int = 8
    nats_url: str = dataclasses.field(default="nats://127.0.0.1:4222", repr=False)
    stream_replicas: int = 1
    stream_max_bytes: int = 1 << 30
    auth_keys_file: Path | None = None
    """JWKS with the public keys that tokens may be signed with; re-read when the file changes."""
    service_token_key_file: Path | None = None
    """JWK with this service's private key, for calls to other services."""
    catalog_address: str = ""
    inventory_address: str = ""
    orders_address: str = ""
    fulfillment_address: str = ""
    telemetry_address: str = ""
    insights_address: str = ""
    log_level: str = "INFO"
    trace_ratio: float = dataclasses.field(default=1.0, metadata={"env": "OTEL_TRACES_SAMPLER_ARG"})
    trace_slow_seconds: float = 1.0
    """A request that takes as long leaves a span though its trace is not sampled; 0: never."""
    otlp_endpoint: str = dataclasses.field(default="", metadata={"env": "OTEL_EXPORTER_OTLP_ENDPOINT"})
    drain_seconds: float = 10.0
    max_message_bytes: int = 4 << 20
    default_deadline_seconds: float = 10.0
    max_deadline_seconds: float = 60.0
    max_concurrent_rpcs: int = 4096
    max_connection_age_seconds: float = 0.0
    """After this a client is asked to connect again, so that it finds instances that are new; calls under way
    go on. 0: never.
    """
    exchange_streams: int = 1
    """Streams to each other service that unary calls share (ADR-0015); 0: each call is a gRPC call of its
    own. Where several instances of a service stand behind one address, several streams spread the calls.
    """
    test_settings: bool = False


def read(cls: type[S], environ: Mapping[str, str]) -> S:
    """`cls` filled from `environ`; an unset or empty variable leaves the field's default.

    Raises:
        SettingsError: a field without default is not set, or a value has the wrong form.
    """
    hints = typing.get_type_hints(cls)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(typing.cast(Any, cls)):
        if not field.init:
            continue
        variable = field.metadata.get("env", PREFIX + field.name.upper())
        text = environ.get(variable, "").strip()
        if text:
            values[field.name] = _convert(variable, text, hints[field.name])
        elif field.default is _MISSING and field.default_factory is _MISSING:
            raise SettingsError(f"{variable} is not set")
    try:
        return cls(**values)
    except ValueError as error:
        raise SettingsError(str(error)) from error


def _convert(variable: str, text: str, kind: Any) -> Any:
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        kind = next(option for option in typing.get_args(kind) if option is not type(None))
    if typing.get_origin(kind) is tuple:
        item = typing.get_args(kind)[0]
        return tuple(_convert(variable, part.strip(), item) for part in text.split(",") if part.strip())
    converter = _CONVERTERS.get(kind)
    if converter is None:
        raise SettingsError(f"{variable}: settings of type {kind!r} are not supported")
    try:
        return converter(text)
    except ValueError as error:
        raise SettingsError(f"{variable} must be {_WORDS[kind]}, not {text!r}") from error


def _boolean(text: str) -> bool:
    lowered = text.lower()
    if lowered in _TRUE:
        return True
    if lowered in _FALSE:
        return False
    raise ValueError(text)


_CONVERTERS: Mapping[Any, Callable[[str], Any]] = {
    str: str,
    int: int,
    float: float,
    bool: _boolean,
    Path: Path,
}
_WORDS: Mapping[Any, str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    Path: "a path",
}


def split_listen(listen: str) -> tuple[str, int]:
    """Host and port of `host:port`; an IPv6 host stands in brackets.

    Raises:
        SettingsError: no port, or not a number from 0 to 65535.
    """
    host, separator, port = listen.rpartition(":")
    if not separator or not port.isdecimal() or int(port) > 65535:
        raise SettingsError(f"{listen!r} is not host:port")
    return host.strip("[]"), int(port)
