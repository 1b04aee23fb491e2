"""Why a location serves nothing of an order, in a sentence that a store manager understands."""

from __future__ import annotations

from services.orders.domain import explain, messages
from services.orders.domain.explain import Reason

_CHOSEN = {
    "en": "{location} serves this order, or its share of it.",
    "es": "{location} sirve este pedido, o su parte de él.",
}
_TEXTS = {
    explain.INACTIVE: {
        "en": "{location} was closed for orders.",
        "es": "{location} no admitía pedidos.",
    },
    explain.FAILED_BEFORE: {
        "en": "{location} had been asked before and could not give the goods, so it was not asked again.",
        "es": "{location} ya había fallado antes con estos artículos, así que no se le volvió a pedir.",
    },
    explain.NOT_THE_PICKUP_STORE: {
        "en": "The customer collects at another store, and a pickup is never moved without asking.",
        "es": "El cliente recoge en otra tienda, y una recogida nunca se cambia sin preguntarle.",
    },
    explain.NO_CAPABILITY: {
        "en": "{location} does not send parcels.",
        "es": "{location} no envía paquetes.",
    },
    explain.EXCLUDED_BY_RULE: {
        "en": "The rule “{rule}” keeps such orders away from {location}.",
        "es": "La regla «{rule}» no deja que {location} sirva pedidos así.",
    },
    explain.NOT_IN_A_GROUP: {
        "en": "{location} is in none of the groups of locations that may serve such orders.",
        "es": "{location} no está en ninguno de los grupos que pueden servir pedidos así.",
    },
    explain.LATER_GROUP: {
        "en": "The group “{rule}” comes first and had everything that {location} could have given.",
        "es": "El grupo «{rule}» va primero y tenía todo lo que {location} podía dar.",
    },
    explain.SAFETY_DAYS: {
        "en": "{location} keeps what it has for its own customers: rule “{rule}”.",
        "es": "{location} guarda lo que tiene para sus propios clientes: regla «{rule}».",
    },
    explain.NO_CAPACITY: {
        "en": "{location} could not take on the work within the time that orders are planned for.",
        "es": "{location} no podía asumir el trabajo en el plazo para el que se planifican los pedidos.",
    },
    explain.TOO_LATE: {
        "en": "A parcel from {location} would not have been there in time for the promise {rule}.",
        "es": "Un paquete desde {location} no habría llegado a tiempo para la promesa {rule}.",
    },
    explain.NO_STOCK: {
        "en": "{location} had none of the articles free to promise.",
        "es": "{location} no tenía libre ninguno de los artículos.",
    },
    explain.ONE_PARCEL: {
        "en": "The order is worth too little to be split, and {location} did not have all of it.",
        "es": "El pedido vale demasiado poco para dividirlo, y {location} no lo tenía completo.",
    },
    explain.TOO_MANY_PARCELS: {
        "en": "With {location} the order would have come in more parcels than the rules allow.",
        "es": "Con {location} el pedido habría llegado en más paquetes de los que permiten las reglas.",
    },
    explain.BRAND_TOGETHER: {
        "en": "Articles of {rule} come from one place, and {location} did not have all of them.",
        "es": "Los artículos de {rule} salen de un solo lugar, y {location} no los tenía todos.",
    },
    explain.SHORT: {
        "en": "The order could not be served whole, so nobody served it.",
        "es": "El pedido no se podía servir completo, así que nadie lo sirvió.",
    },
    explain.NOT_CHEAPEST: {
        "en": "{location} could have served {units}, but the cheapest plan with it would have cost"
        "{more}{because}.",
        "es": "{location} podía servir {units}, pero el plan más barato con ella habría costado"
        "{more}{because}.",
    },
}
_TERMS = {
    "parcel": {"en": "parcel", "es": "paquete"},
    "distance": {"en": "way of {km} km", "es": "trayecto de {km} km"},
    "units": {"en": "handling", "es": "manipulación"},
    "transfer": {"en": "putting it away in the store", "es": "recepción en la tienda"},
    "stock_price": {"en": "what its own customers would miss", "es": "lo que echarían en falta sus clientes"},
    "lateness": {"en": "{days} days later", "es": "{days} días más tarde"},
    "markdown_credit": {"en": "less for overstock", "es": "menos por exceso de existencias"},
}
_UNITS = {
    "en": ("1 unit", "{} units"),
    "es": ("1 unidad", "{} unidades"),
}
_MORE = {"en": " at least {amount} more", "es": " al menos {amount} más"}
_AS_MUCH = {"en": " as much or more", "es": " lo mismo o más"}


def sentence(reason: Reason, language: str, currency_code: str) -> str:
    """The reason in Spanish (`es`) or English (`en`); amounts in the order's currency."""
    candidate = reason.candidate
    code = candidate.eliminated_by
    texts = _TEXTS.get(code, _CHOSEN) if code else _CHOSEN
    one, many = _UNITS[language]
    count = candidate.coverable_units
    extra = (reason.extra or 0) // 1000
    more = _AS_MUCH[language]
    if extra:
        more = _MORE[language].format(amount=messages.amount(extra, currency_code))
    return texts[language].format(
        location=candidate.location_id,
        rule=candidate.rule,
        units=one if count == 1 else many.format(count),
        more=more,
        because=_because(reason, language, currency_code),
    )


def _because(reason: Reason, language: str, currency_code: str) -> str:
    """The terms of the location's parcel, dearest first."""
    candidate = reason.candidate
    words = [
        f"{_TERMS[name][language].format(km=candidate.distance_km, days=candidate.late_days)} "
        f"{messages.amount(cost // 1000, currency_code)}"
        for name, cost in sorted(candidate.cost_terms.items(), key=lambda term: -term[1])
        if abs(cost) >= 1000
    ]
    return f" ({', '.join(words)})" if words else ""
