"""What the demo says to a person, in English and Spanish."""

from __future__ import annotations

from collections.abc import Callable

Words = Callable[[str], str]

_TEXTS: dict[str, tuple[str, str]] = {
    "title": (
        "A real grocer's baskets, one stock pool",
        "Las compras reales de un súper, un solo inventario",
    ),
    "using": ("using the platform that runs at {http}", "se usa la plataforma que corre en {http}"),
    "step.data": ("Reading the grocer's year", "Leer el año del súper"),
    "step.platform": (
        "Starting PostgreSQL, NATS and the services",
        "Arrancar PostgreSQL, NATS y los servicios",
    ),
    "step.catalogue": ("Loading catalogue, prices, promotions", "Cargar catálogo, precios y promociones"),
    "step.stock": ("Loading places and opening stock", "Cargar locales e inventario inicial"),
    "step.replay": ("Selling through every channel", "Vender por todos los canales"),
    "step.staff": ("Picking, packing, handing over", "Preparar, empacar, entregar"),
    "step.settle": ("Finishing the day, reading the books", "Cerrar el día y leer los libros"),
    "word.data": ("data", "datos"),
    "word.platform": ("platform", "plataforma"),
    "word.catalogue": ("catalogue", "catálogo"),
    "word.stock": ("stock", "inventario"),
    "word.replay": ("selling", "ventas"),
    "word.settle": ("closing", "cierre"),
    "scene": (
        (
            "{products} products with {promotions} promotions, {stores} stores and {warehouses} warehouses, "
            "{stock} units on the shelves, {baskets} baskets (seed {seed})"
        ),
        (
            "{products} productos con {promotions} promociones, {stores} tiendas y {warehouses} almacenes, "
            "{stock} unidades en los estantes, {baskets} compras (semilla {seed})"
        ),
    ),
    "honest": (
        (
            "Real: baskets, products, prices, discounts, coupons, the time of each sale. "
            "Ours: channel labels, store coordinates, destinations, opening stock, "
            "and that a few people cancel or bring goods back."
        ),
        (
            "Reales: compras, productos, precios, descuentos, cupones y la hora de cada venta. "
            "Nuestros: canales, coordenadas, destinos, inventario inicial, "
            "y que algunos cancelan o devuelven."
        ),
    ),
    "headline": (
        "{orders} orders, {units} units, {sold} in {seconds} s of selling: {rate} orders/s",
        "{orders} pedidos, {units} unidades, {sold} en {seconds} s de venta: {rate} pedidos/s",
    ),
    "channels": (
        "Channels, with up to {flight} customers at once",
        "Canales, con hasta {flight} clientes a la vez",
    ),
    "channel": ("channel", "canal"),
    "door": ("door", "puerta"),
    "orders": ("orders", "pedidos"),
    "units": ("units", "unidades"),
    "sales": ("sales", "ventas"),
    "refused": ("refused", "rechazos"),
    "p50": ("p50", "p50"),
    "p99": ("p99", "p99"),
    "all": ("all", "todos"),
    "channel.web": ("Web shop", "Tienda web"),
    "channel.app": ("App", "App"),
    "channel.till": ("Tills", "Cajas"),
    "channel.call-centre": ("Call centre", "Centro de llamadas"),
    "channel.marketplace": ("Marketplace", "Marketplace"),
    "ways": ("How the goods reached people", "Cómo llegó la mercancía"),
    "way": ("way", "modo"),
    "served": ("delivered", "entregadas"),
    "method.CARRY_OUT": ("carried out of the store", "se la llevan de la tienda"),
    "method.PICKUP": ("collected by code", "recogida con código"),
    "method.SHIP": ("shipped", "enviada"),
    "sourcing": ("Sourcing", "Abastecimiento"),
    "parcels": ("parcels", "paquetes"),
    "from_stores": ("sent by a store", "enviados por una tienda"),
    "split": ("orders split over places", "pedidos repartidos"),
    "resourced": ("sourced again", "reasignadas"),
    "resourced.value": ("{units} units of {orders} orders", "{units} unidades de {orders} pedidos"),
    "place.STORE": ("stores served", "tiendas atendieron"),
    "place.WAREHOUSE": ("warehouses served", "almacenes atendieron"),
    "place.value": ("{parts} shares, {units} units", "{parts} partes, {units} unidades"),
    "day": ("What happens in a day", "Lo que pasa en un día"),
    "refusals": ("Refusals", "Rechazos"),
    "none": ("none", "ninguno"),
    "reason.INSUFFICIENT_STOCK": ("not enough stock", "sin existencias suficientes"),
    "reason.PAYMENT_DECLINED": ("card declined", "tarjeta rechazada"),
    "reason.NO_PLAN": ("nobody can serve it", "nadie puede atenderlo"),
    "happened.adapted": ("bought what was left of it", "compraron lo que quedaba"),
    "happened.second_card": ("paid with another card", "pagaron con otra tarjeta"),
    "happened.cancelled": ("changed their mind in time", "cancelaron a tiempo"),
    "happened.cancelled_too_late": ("changed their mind too late", "cancelaron demasiado tarde"),
    "happened.short_picks": ("short picks", "faltantes al preparar"),
    "happened.overtaken": ("picks overtaken by a cancellation", "preparaciones canceladas antes"),
    "happened.collected": ("pickups collected", "recogidas en tienda"),
    "happened.not_collected": ("pickups nobody came for", "recogidas que nadie buscó"),
    "happened.wrong_codes": ("wrong codes at the counter", "códigos equivocados"),
    "happened.chose_shipping": ("pickup short: had it sent", "faltó en tienda: pidieron envío"),
    "happened.chose_cancelling": ("pickup short: gave it up", "faltó en tienda: renunciaron"),
    "happened.choice_overtaken": ("pickup short: not to be had", "faltó en tienda: ya no había"),
    "happened.returns": ("returns", "devoluciones"),
    "happened.returned_elsewhere": ("… in another place than bought", "… en otro lugar que la compra"),
    "cancelled_units": ("units cancelled", "unidades canceladas"),
    "returned_units": ("units back", "unidades devueltas"),
    "money": ("Money", "Dinero"),
    "sold": ("sold", "vendido"),
    "tax": ("tax in it", "con impuesto de"),
    "discount": ("promotions gave", "promociones dieron"),
    "authorized": ("authorised", "autorizado"),
    "captured": ("captured", "cobrado"),
    "refunded": ("refunded", "reembolsado"),
    "voided": ("released", "liberado"),
    "books": ("The books", "Los libros"),
    "audit": ("ledger audit", "auditoría"),
    "audit.ok": (
        "{movements} movements over {positions} positions agree with every counter ({ms} ms)",
        "{movements} movimientos de {positions} posiciones coinciden con cada contador ({ms} ms)",
    ),
    "audit.bad": ("{count} differences", "{count} diferencias"),
    "settled": ("orders at their end", "pedidos terminados"),
    "settled.ok": ("all {orders}, money included", "los {orders}, con su dinero"),
    "settled.bad": ("{count} are not: {some}", "{count} no lo están: {some}"),
    "dead_letters": ("dead letters", "mensajes muertos"),
    "faults": ("unexpected answers", "respuestas inesperadas"),
    "times": ("time", "tiempo"),
    "next": ("Where it is, and what to try", "Dónde está y qué probar"),
    "console": ("Pages for people", "Páginas para personas"),
    "pages": ("REST and docs", "REST y documentos"),
    "running": (
        "The platform keeps running; Ctrl-C stops it.",
        "La plataforma sigue corriendo; Ctrl-C la detiene.",
    ),
    "stopped": (
        "The platform has stopped; its data stays. Start it again with the first command.",
        "La plataforma se detuvo; sus datos quedan. El primer comando la arranca otra vez.",
    ),
    "away": (
        "the platform stopped answering, and still did not after {seconds:.0f} s: {reason}",
        "la plataforma dejó de responder, y tras {seconds:.0f} s seguía igual: {reason}",
    ),
    "interrupted": ("interrupted; everything is stopped", "interrumpido; todo está detenido"),
}


def words(language: str) -> Words:
    """A function from a text's name to the text in ``language`` (``en`` or ``es``)."""
    column = 1 if language == "es" else 0

    def word(name: str) -> str:
        found = _TEXTS.get(name)
        return found[column] if found else name.rpartition(".")[2]

    return word


def names() -> list[str]:
    """Every text there is."""
    return list(_TEXTS)
