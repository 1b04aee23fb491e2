"""The words of the report and of the table on the terminal, in English and Spanish."""

from __future__ import annotations

from collections.abc import Mapping

LANGUAGES = ("en", "es")
_WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("Simulation of sourcing rules", "Simulación de reglas de asignación"),
    "scene": (
        "{orders} orders and {sales} walk-in sales from {begins} to {ends}, played again with live stock in {locations} locations.",
        "{orders} pedidos y {sales} ventas en tienda del {begins} al {ends}, jugados de nuevo con existencias vivas en {locations} ubicaciones.",
    ),
    "yardstick": (
        "Every version is measured by the costs and the margin of “{name}”; differences are against it.",
        "Todas las versiones se miden con los costes y el margen de «{name}»; las diferencias son respecto a ella.",
    ),
    "other_costs": (
        "“{name}” states other costs or another margin than “{first}”: it decides by its own, the figures here are by those of “{first}”.",
        "«{name}» indica otros costes u otro margen que «{first}»: decide con los suyos; las cifras son con los de «{first}».",
    ),
    "verdicts": ("In short", "En resumen"),
    "verdict.better": (
        "“{name}” costs {amount} less in all ({percent}).",
        "«{name}» cuesta {amount} menos en total ({percent}).",
    ),
    "verdict.worse": (
        "“{name}” costs {amount} more in all ({percent}).",
        "«{name}» cuesta {amount} más en total ({percent}).",
    ),
    "verdict.same": (
        "“{name}” costs the same in all as “{first}”.",
        "«{name}» cuesta en total lo mismo que «{first}».",
    ),
    "verdict.sure": (
        "The difference by day lies outside its 95 % interval.",
        "La diferencia por día queda fuera de su intervalo del 95 %.",
    ),
    "verdict.unsure": (
        "By day it scatters as much as it amounts to: this period does not tell them apart.",
        "Por día varía tanto como suma: este periodo no permite distinguirlas.",
    ),
    "verdict.single": (
        "One day alone has no interval.",
        "Un solo día no tiene intervalo.",
    ),
    "verdict.serving": ("Serving the orders: {difference}.", "Servir los pedidos: {difference}."),
    "verdict.lost": (
        "Margin of store sales lost to online orders: {difference}.",
        "Margen de ventas en tienda perdidas por pedidos en línea: {difference}.",
    ),
    "verdict.changed": (
        "{changed} of {orders} orders are served otherwise.",
        "{changed} de {orders} pedidos se sirven de otro modo.",
    ),
    "versions": ("Versions compared", "Versiones comparadas"),
    "version": ("Version", "Versión"),
    "content": ("Content", "Contenido"),
    "prices": ("Price of stock", "Precio de las existencias"),
    "prices.on": ("counts {percent} %", "cuenta un {percent} %"),
    "prices.off": ("does not count", "no cuenta"),
    "changed": ("Orders served otherwise", "Pedidos servidos de otro modo"),
    "figures": ("Figures", "Cifras"),
    "figure": ("Figure", "Cifra"),
    "against": ("against “{name}”", "respecto a «{name}»"),
    "better": ("better", "mejor"),
    "worse": ("worse", "peor"),
    "metric.total": ("Total: serving, lost and unmet margin", "Total: servir, margen perdido y no servido"),
    "metric.serving": ("Cost of serving", "Coste de servir"),
    "metric.parcel": ("parcels, packing", "paquetes, embalaje"),
    "metric.distance": ("distance", "distancia"),
    "metric.units": ("picking, per unit", "preparación, por unidad"),
    "metric.lost_margin": ("Margin of lost store sales", "Margen de ventas perdidas en tienda"),
    "metric.lost_units": ("Lost store sales, units", "Ventas perdidas en tienda, unidades"),
    "metric.unmet_margin": ("Margin of unmet units", "Margen de unidades no servidas"),
    "metric.unmet_units": ("Unmet units", "Unidades no servidas"),
    "metric.parcels": ("Shipments per order", "Envíos por pedido"),
    "metric.split_orders": ("Split orders", "Pedidos divididos"),
    "metric.km": ("Distance per order", "Distancia por pedido"),
    "metric.promise_days": ("Days from order to promise", "Días del pedido a la promesa"),
    "metric.co2_grams": ("CO₂", "CO₂"),
    "metric.store_share": ("Sent units that stores sent", "Unidades enviadas desde tiendas"),
    "chart.terms": ("Total by term", "Total por concepto"),
    "chart.cumulative": (
        "Total against “{name}”, added up by day",
        "Total respecto a «{name}», acumulado por día",
    ),
    "chart.lost": ("Margin of lost store sales, by day", "Margen de ventas perdidas en tienda, por día"),
    "chart.parcels": ("Orders by number of shipments", "Pedidos por número de envíos"),
    "chart.kinds": ("Sent units by kind of location", "Unidades enviadas por tipo de ubicación"),
    "kind.store": ("stores", "tiendas"),
    "kind.warehouse": ("warehouses", "almacenes"),
    "chart.data": ("The same as a table", "Lo mismo en una tabla"),
    "day": ("Day", "Día"),
    "none": ("none", "ninguno"),
    "changes": ("Orders that changed most under “{name}”", "Pedidos que más cambian con «{name}»"),
    "changes.none": ("No order is served otherwise.", "Ningún pedido se sirve de otro modo."),
    "order": ("Order", "Pedido"),
    "placed": ("Placed", "Hecho"),
    "why": ("Why", "Por qué"),
    "difference": ("Difference", "Diferencia"),
    "served_by": ("served by", "servido por"),
    "cause.RULES": (
        "the rules decide otherwise on the same stock",
        "las reglas deciden otra cosa con las mismas existencias",
    ),
    "cause.PRICES": (
        "the price of stock decides otherwise on the same stock",
        "el precio de las existencias decide otra cosa con las mismas existencias",
    ),
    "cause.EARLIER": (
        "earlier orders left other stock",
        "pedidos anteriores dejaron otras existencias",
    ),
    "part": ("{units} × {location} ({km} km)", "{units} × {location} ({km} km)"),
    "to_store_part": (
        "{units} × {location} sent to {store} ({km} km)",
        "{units} × {location} enviado a {store} ({km} km)",
    ),
    "pickup_part": ("{units} × {location}, collected", "{units} × {location}, recogida"),
    "unserved": ("{units} × nobody", "{units} × nadie"),
    "details": ("Decisions in detail", "Decisiones en detalle"),
    "decision": (
        "{order} under “{name}”: {cost}, promised for {promise}",
        "{order} con «{name}»: {cost}, prometido para el {promise}",
    ),
    "candidates": ("Candidates for {order} under “{name}”", "Candidatos para {order} con «{name}»"),
    "location": ("Location", "Ubicación"),
    "km": ("Distance", "Distancia"),
    "coverable": ("Units it could give", "Unidades que podría dar"),
    "eliminated": ("Outcome", "Resultado"),
    "own_terms": (
        "Cost of its share alone, by its own rules",
        "Coste de su parte sola, con sus propias reglas",
    ),
    "more": (
        "{count} more locations that could give something are not shown; {none} had nothing.",
        "No se muestran {count} ubicaciones más que podrían dar algo; {none} no tenían nada.",
    ),
    "chosen": ("chosen", "elegida"),
    "out.INACTIVE": ("not active", "inactiva"),
    "out.EXCLUDED": ("had failed before", "había fallado antes"),
    "out.NOT_THE_PICKUP_STORE": ("not the store of the pickup", "no es la tienda de recogida"),
    "out.NO_CAPABILITY": ("does not send", "no envía"),
    "out.EXCLUDED_BY_RULE": ("excluded by a rule", "excluida por una regla"),
    "out.NOT_IN_A_GROUP": ("in no group that applies", "en ningún grupo que se aplique"),
    "out.LATER_GROUP": ("an earlier group serves it", "lo sirve un grupo anterior"),
    "out.SAFETY_DAYS": ("kept for walk-in customers", "reservado para clientes en tienda"),
    "out.NO_CAPACITY": ("has no capacity", "no tiene capacidad"),
    "out.NO_STOCK": ("has nothing of it", "no tiene nada"),
    "out.ONE_PARCEL": ("the order comes in one parcel", "el pedido va en un solo paquete"),
    "out.TOO_MANY_PARCELS": ("too many parcels", "demasiados paquetes"),
    "out.BRAND_TOGETHER": ("a brand stays together", "una marca va junta"),
    "out.NOT_CHEAPEST": ("others are cheaper together", "otras juntas son más baratas"),
    "out.SHORT": ("others lack the rest", "falta el resto"),
    "late": ("{days} days later than the first", "{days} días después que la primera"),
    "term.parcel": ("parcel", "paquete"),
    "term.distance": ("distance", "distancia"),
    "term.units": ("units", "unidades"),
    "term.transfer": ("into the store", "entrada en tienda"),
    "term.stock_price": ("price of stock", "precio de las existencias"),
    "term.lateness": ("lateness", "retraso"),
    "term.markdown_credit": ("credit for overstock", "abono por exceso de existencias"),
    "back": ("back to the table", "volver a la tabla"),
    "next": ("What to do with it", "Qué hacer con esto"),
    "next.activate": ("Put a version into force:", "Poner en vigor una versión:"),
    "next.rollback": ("Take it back:", "Volver atrás:"),
    "method": ("How this was made", "Cómo se ha hecho"),
    "method.engine": (
        "Every order was decided by the engine that decides in production, at its own time, on the stock that the version's own earlier decisions had left.",
        "Cada pedido lo decidió el mismo motor que decide en producción, a su hora, con las existencias que habían dejado las decisiones anteriores de la propia versión.",
    ),
    "method.lost": (
        "A store sale is lost when a walk-in customer meets an empty shelf from which online orders had taken units; each unit taken loses one sale at most. What would have been missed without any online order is not counted.",
        "Una venta en tienda se pierde cuando un cliente encuentra vacío un estante del que pedidos en línea habían tomado unidades; cada unidad tomada pierde como mucho una venta. Lo que habría faltado sin ningún pedido en línea no se cuenta.",
    ),
    "method.prices": (
        "Prices of stock are learned anew each day from what that version had sold until then.",
        "Los precios de las existencias se aprenden de nuevo cada día con lo que esa versión había vendido hasta entonces.",
    ),
    "method.interval": (
        "± is half the 95 % interval of the differences paired by order, or by day for totals and lost sales. Orders and days of one period share stock, so it tells the scatter within this period, not what another would bring.",
        "± es la mitad del intervalo del 95 % de las diferencias emparejadas por pedido, o por día para los totales y las ventas perdidas. Los pedidos y los días de un periodo comparten existencias: indica la dispersión dentro de este periodo, no lo que traería otro.",
    ),
    "method.unmet": (
        "Of an order that cannot be served whole the rest is served here; in production such an order is refused.",
        "De un pedido que no se puede servir entero aquí se sirve el resto; en producción se rechaza.",
    ),
    "source.grocer": (
        "Baskets of a real grocer, weeks {first} to {last}; which are online orders, where stores stand, the opening stock and prices eight times the grocer's are ours. Nothing is delivered meanwhile.",
        "Cestas de un supermercado real, semanas {first} a {last}; son nuestros qué cestas son pedidos en línea, dónde están las tiendas, las existencias iniciales y precios ocho veces los suyos. Entretanto no se reponen existencias.",
    ),
    "source.platform": (
        "Orders and stock movements of the platform. Its past sales are what stores sold: demand that met an empty shelf then is not known, so lost store sales are a lower bound.",
        "Pedidos y movimientos de existencias de la plataforma. Las ventas pasadas son las que hubo: la demanda que entonces encontró el estante vacío no se conoce, así que las ventas perdidas son un mínimo.",
    ),
}


class Words:
    """The words of one language: `words("version")`."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._number = LANGUAGES.index(language)

    def __call__(self, key: str, /, **fields: object) -> str:
        """The word or sentence with its fields filled. Raises KeyError when one is missing."""
        return _WORDS[key][self._number].format_map(fields)

    def name(self, kind: str, value: str) -> str:
        """The word for a value; the value itself when it is newer than this program."""
        found = _WORDS.get(f"{kind}.{value}")
        return value if found is None else found[self._number]
