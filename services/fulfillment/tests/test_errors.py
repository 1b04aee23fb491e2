"""No refusal reaches a caller as an internal error."""

from __future__ import annotations

import inspect

import grpc
import pytest
from google.rpc import error_details_pb2

from chassis.errors import raise_if_unmapped
from services.fulfillment.adapters.grpc.errors import TABLE
from services.fulfillment.domain import refusals
from services.fulfillment.domain.refusals import CodeWrong, Refusal

KINDS = [
    kind
    for _, kind in inspect.getmembers(refusals, inspect.isclass)
    if issubclass(kind, Refusal) and kind is not Refusal
]


def test_every_refusal_has_its_rule() -> None:
    raise_if_unmapped(TABLE, refusals)

    assert all(TABLE.covers(kind) for kind in KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_both_languages_say_something_of_their_own(kind: type[Refusal]) -> None:
    refusal = kind(*("7" for name in inspect.signature(kind).parameters if name))

    english = TABLE.status_for(refusal, "en").message
    spanish = _localized(TABLE.status_for(refusal, "es"))

    assert english
    assert spanish
    assert spanish != english
    assert "{" not in spanish


def test_a_wrong_code_says_how_many_tries_are_left_and_not_the_code() -> None:
    status = TABLE.status_for(CodeWrong("ful_1", 3), "es")

    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (status.code, info.reason) == (grpc.StatusCode.PERMISSION_DENIED.value[0], "CODE_WRONG")
    assert dict(info.metadata) == {"fulfillment_order_id": "ful_1", "tries_left": "3"}


def _localized(status: object) -> str:
    for detail in status.details:  # type: ignore[attr-defined]
        message = error_details_pb2.LocalizedMessage()
        if detail.Unpack(message):
            return str(message.message)
    return ""
