"""The error table: what a caller is told, in which language, and that nothing is forgotten."""

from __future__ import annotations

import types
from dataclasses import dataclass

import asyncpg
import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from chassis import refusals
from chassis.errors import (
    MAX_DETAILS_BYTES,
    ErrorRule,
    ErrorTable,
    UnmappedRefusal,
    preferred_language,
    raise_if_unmapped,
)

Code = grpc.StatusCode


class Base(Exception):
    pass


@dataclass(eq=False)
class Short(Base):
    sku: str
    missing: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"not enough of {self.sku}"


class Forgotten(Base):
    pass


def module_with(*kinds: type) -> types.ModuleType:
    module = types.ModuleType(__name__)
    vars(module).update({kind.__name__: kind for kind in kinds})
    return module


SHORT = ErrorRule(Short, Code.FAILED_PRECONDITION, "SHORT", "no hay bastante de {sku}")


def info_of(status: status_pb2.Status) -> error_details_pb2.ErrorInfo:
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    return info


def test_fields_of_a_refusal_become_metadata() -> None:
    status = ErrorTable("x.aljibe.dev", [SHORT]).status_for(Short("A", (1, 2)), "es")

    info = info_of(status)
    assert (status.code, info.reason, info.domain) == (
        Code.FAILED_PRECONDITION.value[0],
        "SHORT",
        "x.aljibe.dev",
    )
    assert dict(info.metadata) == {"sku": "A", "missing": "[1,2]"}


def test_a_class_without_a_rule_fails_the_services_test() -> None:
    with pytest.raises(UnmappedRefusal, match="Forgotten has no rule"):
        raise_if_unmapped(ErrorTable("x", [SHORT]), module_with(Base, Short, Forgotten))


def test_a_translation_with_an_unknown_field_fails_the_services_test() -> None:
    wrong = ErrorRule(Short, Code.FAILED_PRECONDITION, "SHORT", "faltan {units}")

    with pytest.raises(UnmappedRefusal, match="units"):
        raise_if_unmapped(ErrorTable("x", [wrong]), module_with(Base, Short))


def test_the_chassis_lists_all_its_own_refusals() -> None:
    raise_if_unmapped(ErrorTable("x"), refusals)

    assert ErrorTable("x").rule_for(refusals.Overloaded("queue", 1)) is not None


def test_huge_facts_do_not_make_an_answer_that_cannot_be_sent() -> None:
    many = [refusals.Violation(f"lines[{index}]", "X", "y" * 5000) for index in range(500)]

    status = ErrorTable("x").status_for(refusals.InvalidRequest(many), "")

    assert status.ByteSize() <= MAX_DETAILS_BYTES
    assert info_of(status).reason == "FIELD_INVALID"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConnectionRefusedError(), Code.UNAVAILABLE),
        (asyncpg.ConnectionDoesNotExistError(), Code.UNAVAILABLE),
        (asyncpg.CannotConnectNowError(), Code.UNAVAILABLE),
        (asyncpg.AdminShutdownError(), Code.UNAVAILABLE),
        (asyncpg.LockNotAvailableError(), Code.UNAVAILABLE),
        (asyncpg.PostgresIOError(), Code.UNAVAILABLE),
        (asyncpg.DeadlockDetectedError(), Code.UNAVAILABLE),
        (TimeoutError(), Code.UNAVAILABLE),
        (asyncpg.QueryCanceledError(), Code.DEADLINE_EXCEEDED),
        (asyncpg.UniqueViolationError(), Code.INTERNAL),
        (FileNotFoundError("/etc/secret"), Code.INTERNAL),
    ],
)
def test_trouble_with_the_database_says_whether_to_retry(error: Exception, code: grpc.StatusCode) -> None:
    status = ErrorTable("x").status_for(error, "")

    assert status.code == code.value[0]
    assert "secret" not in str(status)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("es", "es"),
        ("es-MX,en;q=0.8", "es"),
        ("fr,en;q=0.9,es;q=0.5", "en"),
        ("de", "en"),
        ("es;q=x", "en"),
    ],
)
def test_the_callers_language_is_chosen(header: str, language: str) -> None:
    assert preferred_language(header) == language
