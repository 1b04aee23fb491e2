from __future__ import annotations

import pytest

from aljibe.ops.v1 import bus_pb2 as pb
from chassis.errors import ErrorTable
from chassis.pages import PageTokens
from chassis.refusals import PageTokenInvalid

TOKENS = PageTokens(b"secret")


def query(**fields: object) -> pb.ListDeadLettersRequest:
    return pb.ListDeadLettersRequest(**{"consumer": "A", **fields})  # type: ignore[arg-type]


def test_a_token_leads_back_to_its_position_whatever_the_page_size() -> None:
    """A client may change how much it reads while it walks through a list."""
    token = TOKENS.next_token(query(page_size=5), "Ñ-1", "store-001")

    position = TOKENS.position(query(page_size=9, page_token=token), parts=2)

    assert position == ("Ñ-1", "store-001")


def test_no_token_means_the_first_page() -> None:
    assert TOKENS.position(query()) is None


def test_a_token_of_the_longest_key_fits_its_field() -> None:
    """Protos allow page tokens of 500 characters; a SKU has up to 64 characters of four bytes."""
    token = TOKENS.next_token(query(), "😀" * 64, "x" * 32)

    assert len(token) <= 500


CHANGES = ["other query", "other secret", "bit flipped", "no base64", "empty body", "long"]


@pytest.mark.parametrize("change", CHANGES)
def test_a_token_not_made_here_for_this_query_is_refused(change: str) -> None:
    """A forged position would show rows that the query does not cover."""
    token = TOKENS.next_token(query(), "A", "store-001")
    tokens, request = TOKENS, query(page_token=token)
    if change == "other query":
        request = query(consumer="B", page_token=token)
    elif change == "other secret":
        tokens = PageTokens(b"other")
    elif change == "bit flipped":
        request = query(page_token=("A" if token[0] != "A" else "B") + token[1:])
    elif change == "no base64":
        request = query(page_token="%%%")
    elif change == "empty body":
        request = query(page_token="AAAA")
    else:
        request = query(page_token="A" * 501)

    with pytest.raises(PageTokenInvalid):
        tokens.position(request, parts=2)


def test_the_refusal_names_its_reason() -> None:
    """Programs tell a stale token from other wrong fields by the reason."""
    status = ErrorTable("test").status_for(PageTokenInvalid(), "es")

    assert b"PAGE_TOKEN_INVALID" in status.details[0].value
    assert b"no es de esta consulta" in status.details[1].value
