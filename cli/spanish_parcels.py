"""The Spanish sentences of `aljibe parcel`."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    "parcel.help": "Mercancía que otras ubicaciones envían a una tienda, donde la recogen sus clientes.",
    "parcel.examples": """
aljibe parcel list store-north
aljibe parcel receive ful_01jd…
""",
    "parcel.list.help": "Lista lo que va en camino a una tienda, y lo que ha llegado y aún no está listo.",
    "parcel.list.examples": """
aljibe parcel list store-north
aljibe parcel list store-north --json | jq '.fulfillmentOrders[].trackingNumber'
""",
    "parcel.receive.help": "Indica que un paquete ha llegado a la tienda.",
    "parcel.receive.examples": """
aljibe parcel receive ful_01jd…
""",
    "parcel.lost.help": (
        "Indica que un paquete, o unidades suyas, no llegará. Se busca de nuevo quién lo "
        "envíe a la misma tienda, o se pregunta al cliente."
    ),
    "parcel.lost.examples": """
aljibe parcel lost ful_01jd…
aljibe parcel lost ful_01jd… --line 1:2 --note 'venía roto'
""",
    "parcel.store": "La tienda donde se recoge la mercancía.",
    "parcel.work": "La orden de preparación, ful_….",
    "parcel.line": (
        "Solo estas unidades de una línea, por ejemplo 1:2; se puede repetir. Si no se indica, todo."
    ),
    "parcel.note": "Qué ha pasado, con sus palabras.",
    "parcel.none": "No hay nada en camino a esa tienda.",
    "parcel.word.work": "Orden",
    "parcel.word.from": "Viene de",
    "parcel.word.state": "Estado",
    "parcel.word.content": "Contenido",
    "parcel.word.parcel": "Paquete",
    "parcel.word.promise": "Prometido",
    "work.OPEN": "abierta",
    "work.PICKING": "en recogida",
    "work.PICKED": "recogida",
    "work.PACKED": "empaquetada",
    "work.SHIPPED": "enviada",
    "work.READY": "lista",
    "work.HANDED_OVER": "entregada",
    "work.EXPIRED": "no recogida",
    "work.CANCELLED": "cancelada",
    "work.IN_TRANSIT": "en camino",
    "work.ARRIVED": "ha llegado",
}
