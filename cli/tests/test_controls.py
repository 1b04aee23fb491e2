"""`aljibe stock control`, `controls`, `limit`, `limits`: what inventory is asked, and what a person sees."""

from __future__ import annotations

import re

import pytest

from aljibe.inventory.v1 import controls_pb2 as pb
from cli.tests.conftest import StubPlatform


def test_a_control_is_set_as_it_was_said(platform: StubPlatform) -> None:
    ran = platform.aljibe(
        *("stock", "control", "7", "app", "--ring-fence", "50", "--cap", "20%", "--priority", "3"),
        *("--until", "2026-12-24T18:00:00+00:00", "--only-ring-fence"),
    )

    (request,) = platform.stubs.requests
    (control,) = request.controls
    assert ran.code == 0
    assert request.request_id
    assert (control.sku, control.channel_id, control.priority) == ("7", "app", 3)
    assert (control.ring_fence.units, control.cap.percent, control.only_ring_fence) == (50, 20, True)
    assert (control.valid_until.seconds, control.HasField("buffer")) == (1_798_135_200, False)
    assert re.search(r"7\s+app\s+50 only\s+20 %\s+0\s+3", ran.out)


def test_a_control_is_removed(platform: StubPlatform) -> None:
    ran = platform.aljibe("stock", "control", "7", "app", "--remove", "--lang", "es")

    assert isinstance(platform.stubs.requests[0], pb.RemoveChannelControlsRequest)
    assert "ya no tiene ningún control" in ran.out


@pytest.mark.parametrize(
    "options", [(), ("--remove", "--cap", "1"), ("--cap", "many"), ("--cap", "1", "--until", "soon")]
)
def test_what_cannot_be_meant_is_asked_of_nobody(platform: StubPlatform, options: tuple[str, ...]) -> None:
    ran = platform.aljibe("stock", "control", "7", "app", *options)

    assert ran.code == 2
    assert platform.stubs.requests == []


def test_controls_are_listed_with_what_was_used(platform: StubPlatform) -> None:
    control = pb.ChannelControl(channel_id="app", sku="7", buffer=pb.ControlAmount(units=0))
    platform.stubs.controls = [pb.ChannelControlState(control=control, promised_units=3, held_units=1)]

    ran = platform.aljibe("stock", "controls", "--sku", "7")
    document = platform.aljibe("stock", "controls", "--sku", "7", "--json").document
    platform.stubs.controls = []
    none = platform.aljibe("stock", "controls")

    assert re.search(r"7\s+app\s+0\s+4", ran.out)
    assert document["controls"][0]["promisedUnits"] == 3
    assert "no channel has a control" in none.out


def test_a_limit_is_set_and_removed(platform: StubPlatform) -> None:
    ran = platform.aljibe("stock", "limit", "7", "2", "--days", "30", "--named-only")
    removed = platform.aljibe("stock", "limit", "7", "--remove")
    neither = platform.aljibe("stock", "limit", "7")
    none = platform.aljibe("stock", "limits", "--lang", "es")

    limit = platform.stubs.requests[0].limits[0]
    assert (limit.sku, limit.max_units, limit.window_seconds, limit.named_only) == ("7", 2, 2_592_000, True)
    assert re.search(r"7\s+2\s+30 d", ran.out)
    assert list(platform.stubs.requests[1].skus) == ["7"]
    assert "no limit of 7" in removed.out
    assert neither.code == 2
    assert "ningún artículo está limitado" in none.out


def test_an_article_is_sold_before_it_is_there_and_who_waits_is_listed(platform: StubPlatform) -> None:
    ran = platform.aljibe("stock", "backorder", "7", "--allow", "--days", "30", "--share", "80")
    ahead = platform.aljibe("stock", "backorder", "7", "--channel", "web", "--release", "2026-12-01T00:00Z")
    removed = platform.aljibe("stock", "backorder", "7", "--remove")
    neither = platform.aljibe("stock", "backorder", "7")
    listed = platform.aljibe("stock", "backorders", "7", "--lang", "es")

    terms = platform.stubs.requests[0].terms[0]
    assert (terms.sku, terms.channel_id, terms.mode) == ("7", "*", 1)
    assert (terms.furthest_days, terms.share_percent) == (30, 80)
    assert re.search(r"7\s+every channel\s+backorder\s+30 d\s+80 %", ran.out)
    preorder = platform.stubs.requests[1].terms[0]
    assert (preorder.channel_id, preorder.mode, preorder.release_time.seconds) == ("web", 2, 1_796_083_200)
    assert "pre-order until" in ahead.out
    assert platform.stubs.requests[2].names[0].sku == "7"
    assert "not sold before it is there" in removed.out
    assert neither.code == 2
    assert "nada se vende antes de que llegue" in listed.out
    assert re.search(r"PO-1\s+wh-1.*3\s+ord_1", listed.out)
