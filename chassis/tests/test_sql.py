"""Statements put together stay what they were."""

from __future__ import annotations

import asyncpg
import pytest

from chassis.sql import together
from tests.servers import Databases


async def test_statements_put_together_take_effect_together(databases: Databases) -> None:
    async with databases.fresh() as url:
        conn = await asyncpg.connect(url)
        try:
            for table in ("a (n int PRIMARY KEY)", "b (n int)", "c (n int)"):
                await conn.execute(f"CREATE TABLE {table}")
            main = "-- A sentence, WITH.\nWITH x AS (INSERT INTO a VALUES ($1)) INSERT INTO b VALUES ($2)"
            statement = together(main, "INSERT INTO c VALUES ($1), ($2)", "DELETE FROM c WHERE n = $1")

            await conn.execute(statement, 1, 2, 3, 4, 5)
            with pytest.raises(asyncpg.UniqueViolationError):
                await conn.execute(statement, 1, 6, 7, 8, 9)

            rows = await conn.fetch("SELECT n FROM a UNION ALL SELECT n FROM b UNION ALL SELECT n FROM c")
            assert [row["n"] for row in rows] == [1, 2, 3, 4]
        finally:
            await conn.close()


def test_a_main_statement_without_with_cannot_be_put_together() -> None:
    with pytest.raises(ValueError, match="WITH"):
        together("INSERT INTO a VALUES (1)", "INSERT INTO b VALUES (2)")
