"""The demo's objects as messages of the contract."""

from __future__ import annotations

from datetime import datetime, timedelta

from aljibe.catalog.v1 import catalog_pb2 as catalog
from aljibe.common.v1 import types_pb2 as types
from aljibe.inventory.v1 import inventory_pb2 as inventory
from aljibe.orders.v1 import orders_pb2 as orders
from demo.data.baskets import Basket, Channel, Destination
from demo.data.catalogue import CURRENCY, Product
from demo.data.places import LocationKind, Place, Way
from demo.data.promotions import Promotion, PromotionKind
from demo.taxes import tax_rates

PRICE_LIST = "us-shelf"
MAX_SCOPE_SKUS = 1_000

CHANNEL_ID = {
    Channel.WEB: "web",
    Channel.APP: "app",
    Channel.TILL: "pos",
    Channel.CALL_CENTRE: "call-center",
    Channel.MARKETPLACE: "marketplace",
}
CHANNEL_NAMES = {
    Channel.WEB: ("Web shop", "Tienda web"),
    Channel.APP: ("App", "App"),
    Channel.TILL: ("Tills", "Cajas"),
    Channel.CALL_CENTRE: ("Call centre", "Centro de llamadas"),
    Channel.MARKETPLACE: ("Marketplace", "Marketplace"),
}
METHOD = {
    Way.SHIP: types.FULFILLMENT_METHOD_SHIP,
    Way.PICKUP: types.FULFILLMENT_METHOD_PICKUP,
    Way.CARRY_OUT: types.FULFILLMENT_METHOD_CARRY_OUT,
}
_METHODS_OF = {
    Channel.WEB: (Way.SHIP, Way.PICKUP),
    Channel.APP: (Way.SHIP, Way.PICKUP),
    Channel.TILL: (Way.CARRY_OUT,),
    Channel.CALL_CENTRE: (Way.SHIP, Way.PICKUP),
    Channel.MARKETPLACE: (Way.SHIP,),
}
_CAPABILITY = {
    Way.SHIP: inventory.CAPABILITY_SHIP,
    Way.PICKUP: inventory.CAPABILITY_PICKUP,
    Way.CARRY_OUT: inventory.CAPABILITY_CARRY_OUT,
}
_KIND = {
    LocationKind.STORE: types.LOCATION_KIND_STORE,
    LocationKind.WAREHOUSE: types.LOCATION_KIND_WAREHOUSE,
}


def channels() -> list[catalog.Channel]:
    """Every channel sells everything from the one price list: one brand, one price."""
    return [
        catalog.Channel(
            channel_id=CHANNEL_ID[channel],
            name=catalog.LocalizedText(en=names[0], es=names[1]),
            currency_code=CURRENCY,
            price_list_ids=[PRICE_LIST],
            methods=[METHOD[way] for way in _METHODS_OF[channel]],
        )
        for channel, names in CHANNEL_NAMES.items()
    ]


def price_list() -> catalog.PriceList:
    """Shelf prices of the United States: tax comes on top."""
    name = catalog.LocalizedText(en="Shelf prices", es="Precios de estante")
    return catalog.PriceList(price_list_id=PRICE_LIST, name=name, currency_code=CURRENCY)


def product(given: Product) -> catalog.Product:
    """A product with its one variant."""
    variant = catalog.Variant(sku=given.sku, barcodes=given.barcodes, tax_class=given.tax_class)
    if given.size:
        variant.attributes["size"] = given.size
    return catalog.Product(
        product_id=given.sku,
        name=catalog.LocalizedText(en=given.name, es=given.name_es),
        brand=given.brand,
        category_path=given.category_path,
        variants=[variant],
    )


def price(given: Product) -> catalog.Price:
    """Its list price, valid since ever."""
    return catalog.Price(sku=given.sku, unit_price_minor=given.list_price_minor)


def promotion(given: Promotion, valid_from: datetime) -> catalog.Promotion:
    """The promotion, valid from ``valid_from`` for as long as it was in its own year.

    A coupon counts once per basket, so it is a threshold at its own value over its products. The source
    counts priority from the lowest up, the contract from the highest down.
    """
    moved = given.moved(valid_from - given.valid_from)
    message = catalog.Promotion(
        promotion_id=given.promotion_id,
        name=catalog.LocalizedText(en=given.name, es=given.name_es),
        scope=catalog.PromotionScope(skus=given.skus[:MAX_SCOPE_SKUS]),
        coupon_code=given.coupon_code,
        priority=1_000 - given.priority,
        stackable=given.kind is not PromotionKind.BUY_X_PAY_Y,
    )
    message.valid_from.FromDatetime(moved.valid_from)
    message.valid_until.FromDatetime(moved.valid_until + timedelta(days=1))
    match given.kind:
        case PromotionKind.PERCENTAGE:
            message.percentage_off.basis_points = given.percent_off * 100
        case PromotionKind.AMOUNT:
            message.amount_off.amount.CopyFrom(_money(given.amount_off_minor))
        case PromotionKind.BUY_X_PAY_Y:
            message.buy_x_pay_y.buy_units = given.buy_units
            message.buy_x_pay_y.pay_units = given.pay_units
        case PromotionKind.BASKET_THRESHOLD | PromotionKind.COUPON:
            least = given.threshold_minor or given.amount_off_minor
            message.basket_threshold.minimum_subtotal.CopyFrom(_money(least))
            message.basket_threshold.amount_off.CopyFrom(_money(given.amount_off_minor))
    return message


def taxes() -> list[catalog.TaxRate]:
    """A rate for every tax class and state."""
    return [
        catalog.TaxRate(tax_class=tax_class, country_code="US", region=state, rate_ppm=rate)
        for tax_class, state, rate in tax_rates()
    ]


def location(place: Place) -> inventory.Location:
    """A store or warehouse that takes orders."""
    return inventory.Location(
        location_id=place.location_id,
        name=place.name,
        kind=_KIND[place.kind],
        address=types.Address(
            recipient=place.name,
            street_lines=[place.street],
            city=place.city,
            region=place.state,
            postal_code=place.postal_code,
            country_code=place.country,
            point=types.GeoPoint(latitude=place.lat, longitude=place.lon),
        ),
        time_zone=place.time_zone,
        hours=[
            inventory.OpeningHours(
                weekday=hours.weekday + 1,
                open_minute=hours.opens.hour * 60 + hours.opens.minute,
                close_minute=hours.closes.hour * 60 + hours.closes.minute,
            )
            for hours in place.hours
        ],
        capabilities=sorted(_CAPABILITY[way] for way in place.capabilities),
        active=True,
    )


def address(destination: Destination, recipient: str) -> types.Address:
    """Where a parcel goes."""
    return types.Address(
        recipient=recipient,
        street_lines=[destination.street],
        city=destination.city,
        region=destination.state,
        postal_code=destination.postal_code,
        country_code=destination.country,
        point=types.GeoPoint(latitude=destination.lat, longitude=destination.lon),
    )


def draft(basket: Basket, reference: str) -> orders.OrderDraft:
    """What the basket's customer wants."""
    customer = f"household-{basket.household_id}"
    pickup = basket.store_location_id if basket.way is Way.PICKUP else ""
    message = orders.OrderDraft(
        channel_id=CHANNEL_ID[basket.channel],
        customer=orders.Customer(customer_id=customer, language_code=basket.language),
        lines=[
            orders.DraftLine(
                sku=sku, quantity_units=units, method=METHOD[basket.way], pickup_location_id=pickup
            )
            for sku, units in basket.lines
        ],
        coupon_codes=[basket.coupon] if basket.coupon else [],
        currency_code=CURRENCY,
        customer_reference=reference,
    )
    if basket.destination is not None:
        message.delivery_address.CopyFrom(address(basket.destination, f"Household {basket.household_id}"))
    if basket.way is Way.CARRY_OUT:
        message.location_id = basket.store_location_id
    return message


def _money(amount_minor: int) -> types.Money:
    return types.Money(currency_code=CURRENCY, amount_minor=amount_minor)
