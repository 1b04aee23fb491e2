"""Versions of the rules through the real door: gRPC, PostgreSQL and NATS are real, the neighbours are in
memory.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import grpc
import pytest
import pytest_asyncio
import uuid_utils
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2, status_pb2

from aljibe.orders.v1 import orders_pb2, rules_pb2_grpc
from aljibe.orders.v1 import rules_pb2 as pb
from chassis.client import channel
from chassis.errors import DETAILS_KEY, reason_of
from services.orders.tests.conftest import Service, _Token
from services.orders.tests.test_door import place, refused, wish

CODE = grpc.StatusCode
DEAR_WAREHOUSE = {"pick_warehouse_per_unit": "50.00"}


@pytest_asyncio.fixture
async def rules(orders: Service) -> AsyncIterator[Service]:
    """The running service; afterwards the built-in rules hold again."""
    yield orders
    await door(orders).RollBackRules(pb.RollBackRulesRequest(request_id=key(), number=0))


def door(service: Service, role: str = "planner", subject: str = "ana") -> Any:
    """The rules' door with a token."""
    token = service.minter.mint(subject, [role], ["*"], ["*"])
    return rules_pb2_grpc.SourcingRulesServiceStub(channel(service.address, _Token(token)))  # type: ignore[arg-type]


def key() -> str:
    """A fresh request id."""
    return str(uuid_utils.uuid7())


def document(name: str = "Autumn", **parts: Any) -> str:
    """A document in the currency of the channels."""
    return json.dumps({"name": name, "currency": "USD", **parts})


async def created(service: Service, **parts: Any) -> Any:
    """A draft."""
    request = pb.CreateRulesRequest(request_id=key(), document=document(**parts))
    return (await door(service).CreateRules(request)).rules


async def activated(service: Service, number: int, **fields: Any) -> Any:
    """The version afterwards."""
    request = pb.ActivateRulesRequest(request_id=key(), number=number, **fields)
    return (await door(service).ActivateRules(request)).rules


async def shipped_from(service: Service) -> tuple[str, str]:
    """Where a new order is sent from, and the rules it was decided with."""
    order = (await service.stub().PlaceOrder(place(wish(("a", 1))))).order
    stub = service.stub("operator", channels=("*",))
    told = await stub.ExplainSourcing(orders_pb2.ExplainSourcingRequest(order_id=order.order_id))
    decision = told.decisions[-1]
    # Replayed with the rules that are on record.
    assert [part.location_id for part in decision.chosen] == [part.location_id for part in order.plan]
    return order.plan[0].location_id, decision.rules_version


def stamp(time: datetime) -> Timestamp:
    """As the contract has it."""
    result = Timestamp()
    result.FromDatetime(time)
    return result


async def test_a_draft_is_created_changed_read_and_listed(rules: Service) -> None:
    """With who did it; what it does not say is there by default."""
    draft = await created(rules, costs={"parcel_fixed": "5"})

    assert (draft.state, draft.revision, draft.created_by) == (pb.RULES_STATE_DRAFT, 1, "ana")
    assert json.loads(draft.document)["costs"]["parcel_fixed"] == "5.00"
    assert json.loads(draft.document)["costs"]["parcel_per_km"] == "0.002"
    update = pb.UpdateRulesRequest(
        request_id=key(),
        number=draft.number,
        expected_revision=1,
        document=document("Winter", costs={"parcel_fixed": "7"}),
        note="dearer carrier",
    )
    updated = (await door(rules, subject="luis").UpdateRules(update)).rules
    read = (await door(rules, "auditor").GetRules(pb.GetRulesRequest(number=draft.number))).rules
    assert read == updated
    assert (read.name, read.revision, read.updated_by, read.created_by) == ("Winter", 2, "luis", "ana")
    assert read.rules_version != draft.rules_version
    listed = await door(rules).ListRules(pb.ListRulesRequest(state=pb.RULES_STATE_DRAFT, page_size=1))
    assert [(one.number, one.document) for one in listed.rules] == [(draft.number, "")]


async def test_a_repeated_request_gives_the_first_answer(rules: Service) -> None:
    """Ten equal requests make one draft; other content under the same id is refused."""
    request = pb.CreateRulesRequest(request_id=key(), document=document())
    stub = door(rules)

    answers = await asyncio.gather(*(stub.CreateRules(request) for _ in range(10)))

    assert all(answer == answers[0] for answer in answers)
    other = pb.CreateRulesRequest(request_id=request.request_id, document=document("Other"))
    assert await refused(stub.CreateRules(other)) == (CODE.INVALID_ARGUMENT, "REQUEST_ID_REUSED")


async def test_every_error_of_a_document_is_told_at_once(rules: Service) -> None:
    """By path, reason and sentence, in the caller's language; nothing is kept."""
    bad = document(
        costs={"parcel_fixed": "-1", "spilt": "1"},
        groups=[{"name": "near", "locations": {"ids": ["store-1", "nowhere"]}}],
    )
    worse = json.dumps({**json.loads(bad), "costs": {}})
    before = await rules.fetch("SELECT count(*) FROM sourcing_rules")

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await door(rules).CreateRules(
            pb.CreateRulesRequest(request_id=key(), document=bad), metadata=(("accept-language", "es"),)
        )
    unknown = await door(rules).ValidateRules(pb.ValidateRulesRequest(document=worse))

    assert (caught.value.code(), reason_of(caught.value)) == (CODE.INVALID_ARGUMENT, "RULES_INVALID")
    assert _violations(caught.value) == [
        ("costs.spilt", "FIELD_UNKNOWN", "aquí no existe el campo spilt; existen"),
        ("costs.parcel_fixed", "VALUE_NEGATIVE", "-1 es negativo; un coste es 0 o más"),
    ]
    assert [(one.path, one.reason, one.message) for one in unknown.problems] == [
        ("groups[0].locations.ids[1]", "LOCATION_UNKNOWN", "there is no location nowhere")
    ]
    assert await rules.fetch("SELECT count(*) FROM sourcing_rules") == before
    good = await door(rules).ValidateRules(pb.ValidateRulesRequest(document=document()))
    assert (list(good.problems), json.loads(good.document)["name"]) == ([], "Autumn")


async def test_an_activated_version_decides_the_next_order(rules: Service) -> None:
    """At once and without restart, and going back brings the plan of before."""
    await rules.stock(("a", "store-1", 50), ("a", "wh-1", 50))
    where, built_in = await shipped_from(rules)
    draft = await created(rules, costs=DEAR_WAREHOUSE)

    active = await activated(rules, draft.number, expected_revision=1)

    assert active.state == pb.RULES_STATE_ACTIVE
    assert await shipped_from(rules) == ("store-1", draft.rules_version)
    assert where == "wh-1"
    back = await door(rules).RollBackRules(pb.RollBackRulesRequest(request_id=key(), number=0))
    assert back.rules.state == pb.RULES_STATE_ACTIVE
    assert await shipped_from(rules) == ("wh-1", built_in)
    retired = (await door(rules).GetRules(pb.GetRulesRequest(number=draft.number))).rules
    assert retired.state == pb.RULES_STATE_RETIRED
    again = await door(rules).RollBackRules(pb.RollBackRulesRequest(request_id=key(), number=draft.number))
    assert len(again.rules.periods) == 2
    assert await shipped_from(rules) == ("store-1", draft.rules_version)


async def test_groups_order_who_sends(rules: Service) -> None:
    """Stores first, although the warehouse is cheaper; it serves what they have not."""
    await rules.stock(("a", "store-1", 1), ("a", "wh-1", 50))
    draft = await created(
        rules, groups=[{"name": "stores", "locations": {"kinds": ["STORE"]}}, {"name": "all"}]
    )
    await activated(rules, draft.number)

    assert [(await shipped_from(rules))[0] for _ in range(2)] == ["store-1", "wh-1"]


async def test_a_planned_version_takes_over_and_leaves_by_the_clock(rules: Service) -> None:
    """Nobody has to be there: it holds from its moment until its end, then what was before."""
    await rules.stock(("a", "store-1", 50), ("a", "wh-1", 50))
    draft = await created(rules, costs=DEAR_WAREHOUSE)
    begins = datetime.now(UTC) + timedelta(seconds=1.5)
    ends = begins + timedelta(seconds=2)

    planned = await activated(rules, draft.number, effective_from=stamp(begins), effective_until=stamp(ends))
    before, _ = await shipped_from(rules)
    assert datetime.now(UTC) < begins, "the machine was too slow for this test"
    await asyncio.sleep((begins - datetime.now(UTC)).total_seconds() + 0.05)
    during, version = await shipped_from(rules)
    assert datetime.now(UTC) < ends, "the machine was too slow for this test"
    await asyncio.sleep((ends - datetime.now(UTC)).total_seconds() + 0.05)
    after, _ = await shipped_from(rules)

    assert planned.state == pb.RULES_STATE_PLANNED
    assert (before, during, after) == ("wh-1", "store-1", "wh-1")
    assert version == draft.rules_version


async def test_versions_are_switched_while_orders_flow(rules: Service) -> None:
    """No order fails for it, each is explained by the rules it was made with, and the last switch holds."""
    await rules.stock(("a", "store-1", 500), ("a", "wh-1", 500))
    drafts = [await created(rules, costs=DEAR_WAREHOUSE), await created(rules)]
    _, built_in = await shipped_from(rules)
    stop = asyncio.Event()
    seen: list[tuple[str, str]] = []

    async def shop() -> None:
        while not stop.is_set():
            seen.append(await shipped_from(rules))

    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(shop())
        for number in range(6):
            await activated(rules, drafts[number % 2].number)
        stop.set()

    expected = {drafts[0].rules_version: "store-1", drafts[1].rules_version: "wh-1", built_in: "wh-1"}
    assert seen
    assert all(expected[version] == where for where, version in seen)
    assert (await shipped_from(rules))[1] == drafts[1].rules_version


@pytest.mark.parametrize(
    ("fields", "code", "reason"),
    [
        ({"number": 999_999}, CODE.NOT_FOUND, "RULES_UNKNOWN"),
        ({"expected_revision": 7}, CODE.ABORTED, "RULES_CHANGED"),
        ({"effective_from": -60}, CODE.INVALID_ARGUMENT, "EFFECTIVE_PERIOD_PAST"),
        ({"effective_from": 60, "effective_until": 30}, CODE.INVALID_ARGUMENT, "EFFECTIVE_PERIOD_INVALID"),
    ],
)
async def test_an_activation_that_cannot_be_is_refused(
    rules: Service, fields: dict[str, Any], code: Any, reason: str
) -> None:
    """And changes nothing."""
    draft = await created(rules)
    now = datetime.now(UTC)
    given = {
        name: stamp(now + timedelta(seconds=value)) if name.startswith("effective") else value
        for name, value in fields.items()
    }

    assert await refused(activated(rules, **{"number": draft.number, **given})) == (code, reason)

    read = (await door(rules).GetRules(pb.GetRulesRequest(number=draft.number))).rules
    assert read.state == pb.RULES_STATE_DRAFT


async def test_what_is_planned_is_only_replaced_on_purpose(rules: Service) -> None:
    """An open activation of today would end the season that somebody planned."""
    season, today = await created(rules, name="Season"), await created(rules, name="Today")
    begins = stamp(datetime.now(UTC) + timedelta(days=3))
    await activated(rules, season.number, effective_from=begins)

    assert await refused(activated(rules, today.number)) == (
        CODE.FAILED_PRECONDITION,
        "EFFECTIVE_PERIOD_OVERLAPS",
    )
    assert (await activated(rules, today.number, effective_until=begins)).state == pb.RULES_STATE_ACTIVE
    await activated(rules, today.number, replace_planned=True)

    read = (await door(rules).GetRules(pb.GetRulesRequest(number=season.number))).rules
    assert (read.state, list(read.periods)) == (pb.RULES_STATE_RETIRED, [])


async def test_what_was_activated_is_not_edited(rules: Service) -> None:
    """Decisions name it; nor does a planner overwrite what another wrote meanwhile."""
    draft = await created(rules)

    def update(revision: int) -> Any:
        request = pb.UpdateRulesRequest(
            request_id=key(), number=draft.number, expected_revision=revision, document=document("x")
        )
        return door(rules).UpdateRules(request)

    assert await refused(update(2)) == (CODE.ABORTED, "RULES_CHANGED")
    outcomes = await asyncio.gather(*(update(1) for _ in range(5)), return_exceptions=True)
    assert sum(not isinstance(one, BaseException) for one in outcomes) == 1
    await activated(rules, draft.number)
    assert await refused(update(2)) == (CODE.FAILED_PRECONDITION, "RULES_NOT_DRAFT")
    never = await created(rules)
    back = pb.RollBackRulesRequest(request_id=key(), number=never.number)
    assert await refused(door(rules).RollBackRules(back)) == (
        CODE.FAILED_PRECONDITION,
        "RULES_NEVER_ACTIVE",
    )


async def test_a_draft_whose_store_was_closed_for_good_is_not_activated(rules: Service) -> None:
    """What was right when it was written is looked at again."""
    draft = await created(rules, groups=[{"name": "near", "locations": {"ids": ["store-1"]}}])
    await rules.fetch(
        "UPDATE sourcing_rules SET content = replace(content::text, 'store-1', 'store-gone')::json "
        "WHERE number = $1 RETURNING number",
        draft.number,
    )

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await activated(rules, draft.number)

    assert reason_of(caught.value) == "RULES_INVALID"
    assert [found[:2] for found in _violations(caught.value)] == [
        ("groups[0].locations.ids[0]", "LOCATION_UNKNOWN")
    ]


async def test_the_history_tells_who_changed_what(rules: Service) -> None:
    """Newest first, with the differences and the time it was activated for; and it cannot be rewritten."""
    draft = await created(rules)
    update = pb.UpdateRulesRequest(
        request_id=key(),
        number=draft.number,
        expected_revision=1,
        document=document(costs={"split_per_further_parcel": "2.5"}),
        note="splits annoy",
    )
    await door(rules, subject="luis").UpdateRules(update)
    await activated(rules, draft.number, note="go")

    history = await door(rules, "auditor").ListRulesChanges(pb.ListRulesChangesRequest(number=draft.number))
    diff = await door(rules).DiffRules(pb.DiffRulesRequest(number=draft.number))

    told = [(one.kind, one.actor, one.note, one.revision) for one in history.changes]
    assert told == [
        (pb.RULES_CHANGE_KIND_ACTIVATED, "ana", "go", 2),
        (pb.RULES_CHANGE_KIND_UPDATED, "luis", "splits annoy", 2),
        (pb.RULES_CHANGE_KIND_CREATED, "ana", "", 1),
    ]
    (split,) = history.changes[1].differences
    assert (split.path, split.before, split.after) == (
        "costs.split_per_further_parcel",
        '"1.00"',
        '"2.50"',
    )
    assert history.changes[0].period.HasField("effective_from")
    assert [one.path for one in diff.differences] == ["costs.split_per_further_parcel", "currency", "name"]
    page = await door(rules).ListRulesChanges(pb.ListRulesChangesRequest(page_size=2))
    rest = await door(rules).ListRulesChanges(
        pb.ListRulesChangesRequest(page_size=2, page_token=page.next_page_token)
    )
    assert rest.changes[0].change_number == page.changes[1].change_number - 1
    for statement in ("UPDATE sourcing_rules_change SET actor = 'x'", "DELETE FROM sourcing_rules_change"):
        with pytest.raises(asyncpg.RaiseError):
            await rules.fetch(statement)


async def test_the_database_itself_keeps_periods_apart(rules: Service) -> None:
    """Whatever a later release gets wrong: no moment has two versions."""
    draft = await created(rules)
    await activated(rules, draft.number)

    with pytest.raises(asyncpg.ExclusionViolationError):
        await rules.fetch(
            "INSERT INTO sourcing_rules_period (starts_at, ends_at, number) "
            "VALUES (now() + interval '1 hour', NULL, 1)"
        )


async def test_planners_activate_and_others_do_not(rules: Service) -> None:
    """An operator may write a draft; what holds is the planner's to say."""
    draft = await created(rules)
    request = pb.ActivateRulesRequest(request_id=key(), number=draft.number)

    for role in ("operator", "auditor", "channel", "service"):
        assert (await refused(door(rules, role).ActivateRules(request)))[0] is CODE.PERMISSION_DENIED
    assert (await refused(door(rules, "auditor").CreateRules(pb.CreateRulesRequest())))[0] is (
        CODE.PERMISSION_DENIED
    )


async def test_the_built_in_rules_are_those_of_the_settings(rules: Service) -> None:
    """Number 0 is what holds where nothing was activated."""
    read = (await door(rules).GetRules(pb.GetRulesRequest(number=0))).rules
    listed = await door(rules).ListRules(pb.ListRulesRequest(page_size=1))

    assert (read.number, read.revision, read.created_by) == (0, 0, "")
    assert json.loads(read.document)["costs"]["split_per_further_parcel"] == "1.00"
    assert (listed.current_number, read.state) == (0, pb.RULES_STATE_ACTIVE)


def _violations(error: grpc.aio.AioRpcError) -> list[tuple[str, str, str]]:
    found = []
    for name, value in error.trailing_metadata() or ():
        if name == DETAILS_KEY and isinstance(value, bytes):
            for detail in status_pb2.Status.FromString(value).details:
                bad = error_details_pb2.BadRequest()
                if detail.Unpack(bad):
                    found += [
                        (one.field, one.reason, one.description.split(" parcel_fixed")[0])
                        for one in bad.field_violations
                    ]
    return found
