"""Rules of sourcing in plain sentences."""

from __future__ import annotations

from collections.abc import Mapping

_EVERY_DAY = ("every day", "todos los días")

WORDS: Mapping[str, tuple[str, str]] = {
    "sourcing.section.orders": ("Who sends what", "Quién envía qué"),
    "sourcing.section.costs": ("What serving costs", "Qué cuesta servir"),
    "sourcing.section.promise": ("By when it is promised", "Para cuándo se promete"),
    "sourcing.section.split": ("How many parcels", "Cuántos paquetes"),
    "sourcing.section.stock": ("What stock is worth", "Qué valen las existencias"),
    "sourcing.section.co2": ("CO₂", "CO₂"),
    "sourcing.section.other": ("What else it states", "Qué más establece"),
    "sourcing.rule.more": ("{count} more", "{count} más"),
    "sourcing.rule.and": ("and", "y"),
    "sourcing.rule.orders.no_groups": (
        "Every location that sends parcels may serve any line; the cheapest plan wins.",
        "Toda ubicación que envía paquetes puede servir cualquier línea; gana el plan más barato.",
    ),
    "sourcing.rule.orders.group": (
        "{number}. “{name}”: {places}, for {lines}; a later group serves only what this one cannot.",
        "{number}. «{name}»: {places}, para {lines}; un grupo posterior solo sirve lo que este no puede.",
    ),
    "sourcing.rule.orders.exclusion": (
        "Never (“{name}”): {places}, for {lines}.",
        "Nunca («{name}»): {places}, para {lines}.",
    ),
    "sourcing.rule.orders.safety": (
        "“{name}”: {places} keep {days} days of what their own customers are expected to ask for, for {lines}.",
        (
            "«{name}»: {places} guardan {days} días de lo que se espera que pidan sus propios clientes, "
            "para {lines}."
        ),
    ),
    "sourcing.rule.orders.ship_to_store.one": (
        "What a pickup store lacks may be sent there: a day later, {amount} a unit.",
        "Lo que falta en la tienda de recogida se le puede enviar: un día después, {amount} por unidad.",
    ),
    "sourcing.rule.orders.ship_to_store": (
        "What a pickup store lacks may be sent there: {days} days later, {amount} a unit.",
        "Lo que falta en la tienda de recogida se le puede enviar: {days} días después, {amount} por unidad.",
    ),
    "sourcing.rule.orders.endless_aisle": (
        "A till may sell what another location sends.",
        "Una caja puede vender lo que envía otra ubicación.",
    ),
    "sourcing.rule.orders.no_endless_aisle": (
        "A till sells only what its store has.",
        "Una caja solo vende lo que tiene su tienda.",
    ),
    "sourcing.rule.places.all": ("all locations", "todas las ubicaciones"),
    "sourcing.rule.places.STORE": ("stores", "tiendas"),
    "sourcing.rule.places.WAREHOUSE": ("warehouses", "almacenes"),
    "sourcing.rule.places.ids": ("only {names}", "solo {names}"),
    "sourcing.rule.places.countries": ("in {names}", "en {names}"),
    "sourcing.rule.places.regions": ("in the region {names}", "en la región {names}"),
    "sourcing.rule.places.capabilities": ("that offer {names}", "que ofrecen {names}"),
    "sourcing.rule.places.within": (
        "within {km} km of the customer",
        "a menos de {km} km del cliente",
    ),
    "sourcing.rule.places.open_now": ("open at that moment", "abiertas en ese momento"),
    "sourcing.rule.lines.all": ("all lines", "todas las líneas"),
    "sourcing.rule.lines.channels": ("orders of {names}", "pedidos de {names}"),
    "sourcing.rule.lines.brands": ("articles of {names}", "artículos de {names}"),
    "sourcing.rule.lines.skus": ("the articles {names}", "los artículos {names}"),
    "sourcing.rule.lines.customer_promises": ("customers promised {names}", "clientes con promesa {names}"),
    "sourcing.rule.lines.attribute": ("articles with {name}: {names}", "artículos con {name}: {names}"),
    "sourcing.rule.lines.methods": ("lines by {names}", "líneas por {names}"),
    "sourcing.rule.lines.least": ("goods worth at least {amount}", "mercancía de al menos {amount}"),
    "sourcing.rule.lines.most": ("goods worth at most {amount}", "mercancía de como mucho {amount}"),
    "sourcing.rule.method.SHIP": ("parcel", "envío"),
    "sourcing.rule.method.PICKUP": ("pickup", "recogida"),
    "sourcing.rule.method.CARRY_OUT": ("till", "caja"),
    "sourcing.rule.costs.step": (
        "A parcel over {low} to {km} km costs {fixed} and {unit} a unit; days on the way: {days}.",
        "Un paquete de {low} a {km} km cuesta {fixed} y {unit} por unidad; días de viaje: {days}.",
    ),
    "sourcing.rule.costs.parcel": (
        "A parcel costs {fixed}, {km} a kilometre and {unit} a unit.",
        "Un paquete cuesta {fixed}, {km} por kilómetro y {unit} por unidad.",
    ),
    "sourcing.rule.costs.parcel_beyond": (
        "Beyond {low} km a parcel costs {fixed}, {km} a kilometre and {unit} a unit.",
        "Más allá de {low} km un paquete cuesta {fixed}, {km} por kilómetro y {unit} por unidad.",
    ),
    "sourcing.rule.costs.pick_warehouse_per_unit": (
        "Picking a unit in a warehouse costs {amount}.",
        "Preparar una unidad en un almacén cuesta {amount}.",
    ),
    "sourcing.rule.costs.pick_store_per_unit": (
        "Picking a unit in a store costs {amount}.",
        "Preparar una unidad en una tienda cuesta {amount}.",
    ),
    "sourcing.rule.costs.pack_store_per_parcel": (
        "Packing a parcel in a store costs {amount}.",
        "Embalar un paquete en una tienda cuesta {amount}.",
    ),
    "sourcing.rule.costs.split_per_further_parcel": (
        "Each parcel beyond the first costs {amount} more.",
        "Cada paquete además del primero cuesta {amount} más.",
    ),
    "sourcing.rule.costs.late_per_day": (
        "Each day later than the best promise counts as {amount}.",
        "Cada día más tarde que la mejor promesa cuenta como {amount}.",
    ),
    "sourcing.rule.promise.cut_off": (
        "Orders for parcels before {clock}, by the location's clock, are worked on the same day.",
        "Los pedidos de envío de antes de las {clock}, hora de la ubicación, se preparan el mismo día.",
    ),
    "sourcing.rule.promise.transit": (
        "Days on the way: {transit_days}, one more per {transit_km_per_day} km, at most {transit_days_most}.",
        "Días de viaje: {transit_days}, uno más por cada {transit_km_per_day} km, máximo {transit_days_most}.",
    ),
    "sourcing.rule.promise.offered": (
        "Customers may choose “{code}”: {facts}.",
        "Los clientes pueden elegir «{code}»: {facts}.",
    ),
    "sourcing.rule.promise.as_usual": ("as the rules have it", "como dicen las reglas"),
    "sourcing.rule.promise.within": (
        "there within {days} days of delivery, or it cannot be chosen",
        "llega en {days} días de reparto, o no se puede elegir",
    ),
    "sourcing.rule.promise.within.one": (
        "there within one day of delivery, or it cannot be chosen",
        "llega en un día de reparto, o no se puede elegir",
    ),
    "sourcing.rule.promise.own_transit.one": (
        "one day on the way at least",
        "un día de viaje como mínimo",
    ),
    "sourcing.rule.promise.own_transit": (
        "{days} days on the way at least",
        "{days} días de viaje como mínimo",
    ),
    "sourcing.rule.promise.own_fixed": ("a parcel costs {amount}", "un paquete cuesta {amount}"),
    "sourcing.rule.promise.own_km": ("{amount} a kilometre", "{amount} por kilómetro"),
    "sourcing.rule.promise.own_tariff": ("a tariff of its own", "una tarifa propia"),
    "sourcing.rule.promise.own_late": (
        "each later day counts as {amount}",
        "cada día más tarde cuenta como {amount}",
    ),
    "sourcing.rule.promise.own_days": ("delivered {days}", "se entrega {days}"),
    "sourcing.rule.promise.weekdays": ("Parcels are delivered {days}.", "Se entregan paquetes {days}."),
    "sourcing.rule.promise.every_day": _EVERY_DAY,
    "sourcing.rule.promise.pickup": (
        "A pickup is ready after {minutes} minutes of opening time.",
        "Una recogida está lista tras {minutes} minutos de apertura.",
    ),
    "sourcing.rule.promise.receiving.one": (
        "Goods that come in with a supply can be worked on after one day.",
        "Lo que llega con un suministro puede prepararse al cabo de un día.",
    ),
    "sourcing.rule.promise.receiving": (
        "Goods that come in with a supply can be worked on after {days} days.",
        "Lo que llega con un suministro puede prepararse tras {days} días.",
    ),
    "sourcing.rule.weekday.MON": ("Monday", "lunes"),
    "sourcing.rule.weekday.TUE": ("Tuesday", "martes"),
    "sourcing.rule.weekday.WED": ("Wednesday", "miércoles"),
    "sourcing.rule.weekday.THU": ("Thursday", "jueves"),
    "sourcing.rule.weekday.FRI": ("Friday", "viernes"),
    "sourcing.rule.weekday.SAT": ("Saturday", "sábado"),
    "sourcing.rule.weekday.SUN": ("Sunday", "domingo"),
    "sourcing.rule.split.any": (
        "An order may come in any number of parcels.",
        "Un pedido puede llegar en cualquier número de paquetes.",
    ),
    "sourcing.rule.split.most": (
        "An order comes in at most {count} parcels.",
        "Un pedido llega en {count} paquetes como mucho.",
    ),
    "sourcing.rule.split.below": (
        "Orders worth less than {amount} come in one parcel where any location can.",
        "Los pedidos de menos de {amount} llegan en un paquete si alguna ubicación puede.",
    ),
    "sourcing.rule.split.brands": (
        "Articles of {brands} come from one place each.",
        "Los artículos de {brands} salen cada uno de un solo lugar.",
    ),
    "sourcing.rule.stock.weight": (
        "What a unit is worth to the customers still to come counts {percent} %.",
        "Lo que vale una unidad para los clientes por venir cuenta al {percent} %.",
    ),
    "sourcing.rule.stock.off": (
        "What a unit is worth to the customers still to come does not count.",
        "Lo que vale una unidad para los clientes por venir no cuenta.",
    ),
    "sourcing.rule.stock.margin": (
        "Where no cost is known, {percent} % of the price is taken for margin.",
        "Donde no se conoce el coste, se toma como margen el {percent} % del precio.",
    ),
    "sourcing.rule.stock.markdown": (
        "Taking from overstock is credited with {percent} % of the price.",
        "Tomar de un exceso de existencias se abona con el {percent} % del precio.",
    ),
    "sourcing.rule.co2.grams": (
        "A parcel counts {parcel} g of CO₂ and {km} g a kilometre: a figure of its own, no part of the cost.",
        "Un paquete cuenta {parcel} g de CO₂ y {km} g por kilómetro: una cifra aparte, no del coste.",
    ),
    "sourcing.rule.other.part": ("{name}: {content}", "{name}: {content}"),
}
