"""Words that several pages share: states, methods, causes, reasons. `word("<kind>", value)` in templates."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, tuple[str, str]] = {
    "order_state.ACCEPTED": ("accepted", "aceptado"),
    "order_state.IN_PROGRESS": ("in progress", "en curso"),
    "order_state.AWAITING_CUSTOMER": ("awaiting customer", "espera al cliente"),
    "order_state.COMPLETED": ("completed", "completado"),
    "order_state.CANCELLED": ("cancelled", "cancelado"),
    "order_state.RETURNED": ("returned", "devuelto"),
    "unit_state.ALLOCATED": ("allocated", "asignadas"),
    "unit_state.PICKED": ("picked", "recogidas"),
    "unit_state.READY": ("ready", "listas"),
    "unit_state.SHIPPED": ("shipped", "enviadas"),
    "unit_state.HANDED_OVER": ("handed over", "entregadas"),
    "unit_state.RESOURCING": ("being re-sourced", "en reasignación"),
    "unit_state.AWAITING_CUSTOMER": ("awaiting customer", "esperan al cliente"),
    "unit_state.CANCELLED": ("cancelled", "canceladas"),
    "unit_state.BACKORDERED": ("waiting for supply", "esperan el suministro"),
    "unit_state.RETURNED": ("returned", "devueltas"),
    "unit_state.IN_TRANSIT": ("on the way to the store", "en camino a la tienda"),
    "method.SHIP": ("ship", "envío"),
    "method.PICKUP": ("pickup", "recogida"),
    "method.CARRY_OUT": ("carry-out", "venta en caja"),
    "location_kind.STORE": ("store", "tienda"),
    "location_kind.WAREHOUSE": ("warehouse", "almacén"),
    "promise_outcome.KEPT": ("kept", "cumplida"),
    "promise_outcome.MISSED": ("missed", "incumplida"),
    "cause.OPENING": ("opening stock", "existencias iniciales"),
    "cause.RECEIPT": ("receipt", "entrada"),
    "cause.SALE": ("till sale", "venta en caja"),
    "cause.SHIPMENT": ("shipment", "envío"),
    "cause.HAND_OVER": ("hand-over", "entrega"),
    "cause.RETURN": ("return", "devolución"),
    "cause.COUNT": ("count", "recuento"),
    "cause.ADJUSTMENT": ("adjustment", "ajuste"),
    "cause.DAMAGE": ("damage", "daño"),
    "cause.SHORT_PICK": ("short pick", "faltante al recoger"),
    "cause.TRANSFER_OUT": ("transfer out", "salida por traslado"),
    "cause.TRANSFER_IN": ("transfer in", "entrada por traslado"),
}
