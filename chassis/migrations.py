"""Forward-only migrations: numbered SQL files, each in its own transaction, one runner at a time, never
changed once applied.

A service owns one schema. Its tables belong to `aljibe_<service>_owner`, which cannot log in; the service
itself runs as
`aljibe_<service>`, which may read and write the rows of that schema and nothing else.
"""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import asyncpg

from chassis.settings import ChassisSettings, SettingsError

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]

log = logging.getLogger(__name__)

LOCK_WAIT = "60s"
STATEMENT_TIMEOUT = "5min"
TABLE_LOCK_TIMEOUT = "5s"

_FILE = re.compile(r"^(?P<number>\d{4})_(?P<name>[a-z0-9_]+)\.sql$")
_IDENTIFIER = re.compile(r"^[a-z][a-z0-9_]{0,40}$")


class MigrationError(Exception):
    """The schema cannot be brought up to date; nothing of the failing file stands."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file. `origin` is "chassis" or "service"; `number` counts within it."""

    origin: str
    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, hexadecimal; line ends do not count."""
        return hashlib.sha256(self.text.replace("\r\n", "\n").encode()).hexdigest()

    @property
    def label(self) -> str:
        """For people: `service/0002_holds`."""
        return f"{self.origin}/{self.number:04d}_{self.name}"


def load(folder: Traversable, origin: str) -> tuple[Migration, ...]:
    """The migrations of a folder, in order. Numbers may be left free, so that branches can number apart; a
    lower number that is merged later is applied all the same, so it must not depend on what stands above it.

    Raises:
        MigrationError: a file name of another form, or a number that stands twice.
    """
    found: list[Migration] = []
    for entry in folder.iterdir():
        if not entry.name.endswith(".sql"):
            continue
        match = _FILE.match(entry.name)
        if match is None:
            raise MigrationError(f"{entry.name}: name it NNNN_what_it_does.sql")
        found.append(
            Migration(origin, int(match["number"]), match["name"], entry.read_text(encoding="utf-8"))
        )
    found.sort(key=lambda migration: migration.number)
    for before, after in pairwise(found):
        if before.number == after.number:
            raise MigrationError(f"{origin} migrations: {after.number:04d} stands twice")
    return tuple(found)


def runtime_role(schema: str) -> str:
    """The role that the service runs as."""
    return f"aljibe_{schema}"


async def migrate_service(settings: ChassisSettings, schema: str, package: str) -> None:
    """Bring a service's schema, role and tables up to date; running it again changes nothing.

    Raises:
        SettingsError: the administrator's address or the role's password is not set.
    """
    if not settings.postgres_admin_url or not settings.db_password:
        raise SettingsError("migrate needs ALJIBE_POSTGRES_ADMIN_URL and ALJIBE_DB_PASSWORD")
    await migrate(settings.postgres_admin_url, schema, runtime_role(schema), settings.db_password, package)


async def migrate(
    admin_url: str, schema: str, role: str, password: str, package: str | None = None
) -> tuple[str, ...]:
    """Bring `schema` up to date, chassis tables first; gives the labels of what was applied now.

    Runners at the same time wait for each other. `role` is created, or its password set, each time.

    Raises:
        MigrationError: an applied file was changed or is missing, or a file failed.
    """
    for identifier in (schema, role):
        if not _IDENTIFIER.match(identifier):
            raise MigrationError(f"{identifier!r} is no plain name")
    # `chassis.migrations` is this module, so its folder is reached through the package.
    wanted = load(resources.files("chassis").joinpath("migrations"), "chassis")
    if package:
        wanted += load(resources.files(package), "service")
    conn = await asyncpg.connect(admin_url, server_settings={"application_name": f"migrate {schema}"})
    try:
        await conn.execute(f"SET lock_timeout = '{LOCK_WAIT}'")
        # One lock for all schemas: roles are shared by the whole server, and concurrent GRANTs on
        # one catalog row fail.
        await conn.execute("SELECT pg_advisory_lock(hashtextextended('aljibe.migrations', 0))")
        try:
            await conn.execute(
                f"SET lock_timeout = '{TABLE_LOCK_TIMEOUT}'; SET statement_timeout = '{STATEMENT_TIMEOUT}'"
            )
            await _prepare(conn, schema, role, password)
            applied = await _apply(conn, schema, f"{role}_owner", wanted)
        finally:
            await conn.execute("SELECT pg_advisory_unlock_all()")
    finally:
        await conn.close()
    return applied


async def _prepare(conn: Connection, schema: str, role: str, password: str) -> None:
    owner = f"{role}_owner"
    secret = await conn.fetchval("SELECT quote_literal($1::text)", password)
    async with conn.transaction():
        for name, kind in ((owner, "NOLOGIN"), (role, "LOGIN")):
            exists = await conn.fetchval("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", name)
            if not exists:
                await conn.execute(
                    f"CREATE ROLE {name} {kind} NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION"
                )
        if password:
            await conn.execute(f"ALTER ROLE {role} PASSWORD {secret}")
        database = await conn.fetchval("SELECT quote_ident(current_database())")
        # The migrator need not be a superuser: it must be able to act as the owner.
        await conn.execute(f"GRANT {owner} TO CURRENT_USER")
        await conn.execute(f"CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {owner}")
        await conn.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        await conn.execute(f"GRANT CONNECT ON DATABASE {database} TO {role}")
        await conn.execute(f"GRANT USAGE ON SCHEMA {schema} TO {role}")
        await conn.execute(f"ALTER ROLE {role} SET search_path = {schema}")
        defaults = f"ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema}"
        await conn.execute(f"{defaults} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}")
        await conn.execute(f"{defaults} GRANT USAGE, SELECT ON SEQUENCES TO {role}")
        await conn.execute(
            f"CREATE TABLE IF NOT EXISTS {schema}.schema_migration ("
            "origin text NOT NULL, number integer NOT NULL, name text NOT NULL, checksum text NOT NULL,"
            "applied_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (origin, number))"
        )
        await conn.execute(f"ALTER TABLE {schema}.schema_migration OWNER TO {owner}")
        await conn.execute(f"REVOKE ALL ON {schema}.schema_migration FROM {role}")
        await conn.execute(f"GRANT SELECT ON {schema}.schema_migration TO {role}")


async def _apply(conn: Connection, schema: str, owner: str, wanted: tuple[Migration, ...]) -> tuple[str, ...]:
    rows = await conn.fetch(f"SELECT origin, number, name, checksum FROM {schema}.schema_migration")  # noqa: S608 - checked identifier
    done = {(row["origin"], row["number"]): row for row in rows}
    # A newer release may have applied more than this one knows; it must not have dropped or changed
    # what this one has.
    applied: list[str] = []
    for migration in wanted:
        before = done.get((migration.origin, migration.number))
        if before is not None:
            if before["checksum"] != migration.checksum:
                raise MigrationError(
                    f"{migration.label} was changed after it was applied; write a new file instead"
                )
            continue
        try:
            async with conn.transaction():
                await conn.execute(f"SET LOCAL search_path = {schema}; SET LOCAL ROLE {owner}")
                await conn.execute(migration.text)
                await conn.execute("RESET ROLE")
                await conn.execute(
                    f"INSERT INTO {schema}.schema_migration (origin, number, name, checksum) "  # noqa: S608
                    "VALUES ($1, $2, $3, $4)",
                    migration.origin,
                    migration.number,
                    migration.name,
                    migration.checksum,
                )
        except asyncpg.PostgresError as error:
            raise MigrationError(f"{migration.label}: {error}") from error
        applied.append(migration.label)
    return tuple(applied)
