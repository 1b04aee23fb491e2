from __future__ import annotations

from chassis import conventions
from services.telemetry.domain.facets import ATTRIBUTES, Facet, service_of


def test_traces_are_found_by_the_attributes_that_services_set() -> None:
    """A name that is changed on one side only would leave every search by order empty."""
    assert ATTRIBUTES[conventions.DB_SYSTEM_NAME] is Facet.PEER
    assert ATTRIBUTES[conventions.ORDER_ID] is Facet.ORDER
    assert ATTRIBUTES[conventions.CHANNEL_ID] is Facet.CHANNEL
    assert ATTRIBUTES[conventions.LOCATION_ID] is Facet.LOCATION


def test_a_service_is_called_as_everywhere_else() -> None:
    """On a shared backend the prefix tells our services from others; here it would be noise."""
    assert [service_of(name) for name in ("aljibe-orders", "web", "")] == ["orders", "web", "unknown"]
