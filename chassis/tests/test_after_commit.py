from __future__ import annotations

import pytest

from chassis.postgres import after_commit, open_database


async def test_what_follows_a_commit_is_done_after_it_and_never_after_a_rollback(fresh_database: str) -> None:
    """An event that is published although its transaction rolled back is a lie."""
    db = await open_database(fresh_database, "public")
    told: list[str] = []

    async with db.transaction():
        after_commit(lambda: told.append("committed"))
        before = list(told)
    with pytest.raises(ValueError, match="changed my mind"):  # noqa: PT012 - the block is the transaction
        async with db.transaction():
            after_commit(lambda: told.append("rolled back"))
            raise ValueError("changed my mind")
    await db.close()

    assert before == []
    assert told == ["committed"]
