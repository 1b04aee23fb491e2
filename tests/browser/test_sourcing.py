"""The pages of sourcing: rules in sentences, versions, prices of stock, reports of simulations."""

from __future__ import annotations

import json

import pytest
from playwright.async_api import Page, expect

from aljibe.orders.v1 import rules_pb2, rules_pb2_grpc
from cli.local.platform import Platform
from tests.browser.visit import LANGUAGES, WIDTHS, Visit, fits, no_violations
from tests.integration.world import World

REPORT = """<!doctype html><html lang="en"><head><title>Simulation: active 1, draft 2</title>
<style>p { color: rgb(0, 120, 0) }</style></head><body><p id="told">2 of 9 orders differ</p>
<script>document.getElementById("told").textContent = "a script ran";</script></body></html>"""


async def confirm(page: Page) -> None:
    await page.get_by_role("dialog").get_by_role("button", name="Yes").click()


async def rules_now(world: World) -> rules_pb2.RulesVersion:
    """The rules that hold."""
    stub = rules_pb2_grpc.SourcingRulesServiceStub(world.grpc_channel("orders"))
    auth = world.auth(world.operator)
    listed = await stub.ListRules(rules_pb2.ListRulesRequest(), metadata=auth)
    answer = await stub.GetRules(rules_pb2.GetRulesRequest(number=listed.current_number), metadata=auth)
    return answer.rules


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_rules_that_hold_are_told_in_sentences(visit: Visit, language: str, width: int) -> None:
    page = await visit("planner", "/sourcing", language=language, width=width)

    told = {"en": "A parcel costs USD 6.00", "es": "Un paquete cuesta 6,00 USD"}[language]
    await expect(page.locator("#now")).to_contain_text(told)
    await expect(page.locator("#versions tbody tr").first).to_be_visible()
    await no_violations(page)
    await fits(page)
    await page.locator("#versions").get_by_role("link").first.click()
    await expect(page.locator("#state .badge").first).to_be_visible()
    await no_violations(page)
    await fits(page)


async def test_a_planner_writes_checks_activates_and_goes_back(visit: Visit, world: World) -> None:
    before = await rules_now(world)
    page = await visit("planner", f"/sourcing/rules/new?of={before.number}")
    document = json.loads(await page.locator("#document").input_value())

    document["costs"]["parcel_fixed"] = "-1"
    document["groups"] = [{"name": "", "locations": {"kinds": ["SHOP"]}}]
    await page.locator("#document").fill(json.dumps(document))
    visit.expected_errors.append("422")
    await page.get_by_role("button", name="Keep the draft").click()
    wrong = page.get_by_role("alert").filter(has_text="What is wrong")
    await expect(wrong).to_contain_text("costs.parcel_fixed")
    await expect(wrong).to_contain_text("groups[0].locations.kinds[0]")
    assert "-1" in await page.locator("#document").input_value()
    await no_violations(page)

    document["costs"]["parcel_fixed"] = "7.77"
    del document["groups"]
    await page.locator("#document").fill(json.dumps(document))
    await page.get_by_role("button", name="Check").click()
    await expect(page.get_by_role("status").filter(has_text="Nothing is wrong")).to_be_visible()
    await page.get_by_label("Why, for the history").fill("dearer carrier")
    await page.get_by_role("button", name="Keep the draft").click()
    await expect(page.get_by_role("status").filter(has_text="The draft is kept")).to_be_visible()
    await expect(page.locator("#compare ins")).to_contain_text("A parcel costs USD 7.77")
    assert (await rules_now(world)).number == before.number

    await page.get_by_role("button", name="Have these rules hold").click()
    await confirm(page)
    await expect(page.get_by_role("status").filter(has_text="are activated")).to_be_visible()
    after = await rules_now(world)
    assert json.loads(after.document)["costs"]["parcel_fixed"] == "7.77"
    await expect(page.locator("#history")).to_contain_text("planner")

    await page.goto(f"/sourcing/rules/{before.number}")
    await page.locator("#actions summary", has_text="Go back to these").click()
    await page.get_by_role("button", name="Go back to these").click()
    await confirm(page)
    await expect(page.get_by_role("status").filter(has_text="hold again")).to_be_visible()
    assert (await rules_now(world)).number == before.number


async def test_rules_planned_for_a_past_time_are_refused_in_a_sentence(visit: Visit, world: World) -> None:
    before = await rules_now(world)
    page = await visit("planner", f"/sourcing/rules/{before.number}")

    await page.locator("#actions summary", has_text="Activate").click()
    form = page.locator("#activate-form")
    await form.get_by_label("From").fill("2020-01-01T00:00")
    await form.get_by_label("Until").fill("2020-02-01T00:00")
    await page.get_by_role("button", name="Have these rules hold").click()
    await confirm(page)

    await expect(page.get_by_role("alert").filter(visible=True)).to_have_count(1)
    assert (await rules_now(world)).number == before.number


async def test_only_planners_activate(visit: Visit) -> None:
    page = await visit("operator", "/sourcing")
    await page.locator("#versions").get_by_role("link").first.click()

    await expect(page.get_by_text("Only planners activate rules")).to_be_visible()
    await expect(page.locator("#activate-form")).to_have_count(0)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_prices_of_stock_are_looked_up(visit: Visit, world: World, language: str) -> None:
    sku = await world.article(stock={"store-north": 1})

    page = await visit("planner", f"/sourcing/prices?sku={sku}", language=language)

    await expect(
        page.get_by_text({"en": "There are no prices of", "es": "No hay valores de"}[language])
    ).to_be_visible()
    await no_violations(page)


async def test_a_report_is_shown_in_a_frame_where_nothing_runs(visit: Visit, platform: Platform) -> None:
    folder = platform.data / "reports"
    folder.mkdir(exist_ok=True)
    (folder / "20261122-simulation.html").write_text(REPORT)
    (platform.data / "secret.html").write_text("<title>not a report</title>")
    visit.expected_errors += ["sandboxed", "Content Security Policy", "404"]

    page = await visit("planner", "/sourcing")
    await page.get_by_role("link", name="Simulation: active 1, draft 2").click()
    told = page.frame_locator("iframe").locator("#told")

    await expect(told).to_have_text("2 of 9 orders differ")
    await expect(told).to_have_css("color", "rgb(0, 120, 0)")
    for name in ("..%2Fsecret.html", "secret.html", "20261122-simulation.htm"):
        answer = await page.goto(f"/sourcing/reports/{name}/file")
        assert answer is not None
        assert answer.status == 404
