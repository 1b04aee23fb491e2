"""What `aljibe order` says in Spanish."""

from __future__ import annotations

from collections.abc import Mapping

TEXTS: Mapping[str, str] = {
    "order.help": "Muestra, lista y sigue pedidos.",
    "order.examples": """
aljibe order list
aljibe order show ord_01jd…
aljibe order watch ord_01jd…
""",
    "order.show.help": "Muestra un pedido: sus líneas y dónde están sus unidades, su plan, dinero, mensajes y traza.",
    "order.show.examples": """
aljibe order show ord_01jd…
aljibe order show ord_01jd… --json | jq .state
aljibe order show ord_01jd… --lang en
""",
    "order.list.help": (
        "Lista pedidos, los más nuevos primero.\n\n"
        "Estados: accepted, in_progress, awaiting_customer, completed, cancelled, returned."
    ),
    "order.list.examples": """
aljibe order list --channel web --state awaiting_customer
aljibe order list --customer c-42 --limit 100
aljibe order list --json | jq -r '.orders[].orderId'
""",
    "order.watch.help": (
        "Sigue un pedido mientras avanza, hasta que llegue a su fin o hasta Ctrl-C.\n\n"
        "Con --json: un documento por línea, uno por cada cambio."
    ),
    "order.watch.examples": """
aljibe order watch ord_01jd…
aljibe order watch ord_01jd… --json | jq -r .state
""",
    "order.why.help": (
        "Dice por qué los artículos de un pedido salen de donde salen, o por qué no de una ubicación.\n\n"
        "Sin ubicación: cada decisión con las ubicaciones que miró. Con una: una frase."
    ),
    "order.why.examples": """
aljibe order why ord_01jd…
aljibe order why ord_01jd… store-12
aljibe order why ord_01jd… store-12 --json | jq .candidate
""",
    "order.why.location": "La ubicación que no fue elegida.",
    "why.title": "Decisión {attempt} ({trigger}): coste {cost}, de él por dividir {split}; {grams} g de CO₂",
    "why.location": "Ubicación",
    "why.km": "km",
    "why.parcel": "Paquete",
    "why.distance": "Trayecto",
    "why.units": "Manipulación",
    "why.transfer": "Entrada en tienda",
    "why.stock_price": "Valor del stock",
    "why.lateness": "Retraso",
    "why.markdown_credit": "Exceso",
    "why.reason": "Por qué (no)",
    "why.CHOSEN": "sirve",
    "why.INACTIVE": "no admite pedidos",
    "why.EXCLUDED": "falló antes",
    "why.NOT_THE_PICKUP_STORE": "no es la tienda de recogida",
    "why.NO_CAPABILITY": "no envía paquetes",
    "why.NO_STOCK": "sin stock",
    "why.EXCLUDED_BY_RULE": "excluida por la regla",
    "why.NOT_IN_A_GROUP": "en ningún grupo",
    "why.LATER_GROUP": "lo tenía un grupo anterior",
    "why.SAFETY_DAYS": "lo guarda para sus clientes",
    "why.TOO_LATE": "tarde para la promesa",
    "why.NO_CAPACITY": "sin capacidad",
    "why.ONE_PARCEL": "vale poco para dividirlo",
    "why.TOO_MANY_PARCELS": "demasiados paquetes",
    "why.BRAND_TOGETHER": "la marca va junta",
    "why.NOT_CHEAPEST": "más cara",
    "why.SHORT": "pedido rechazado",
    "order.id": "El pedido, ord_….",
    "order.channel": "Solo pedidos de este canal.",
    "order.state": "Solo pedidos en este estado.",
    "order.customer": "Solo pedidos de este cliente.",
    "order.reference": "Solo pedidos con este número de quien llama, como el de un tique.",
    "order.sku": "Solo los pedidos con este artículo.",
    "order.location": "Solo los pedidos de los que esta ubicación sirve, o iba a servir, una parte.",
    "order.query": "El id de un pedido, su comienzo, o el número propio de quien lo hizo.",
    "order.on_hold": "Solo los pedidos retenidos.",
    "order.hold.help": (
        "Retiene un pedido: nadie recoge, embala, envía ni entrega hasta que se libere.\n\n"
        "Lo que ya salió no vuelve. Se puede cancelar; las unidades que necesitan otra ubicación esperan."
    ),
    "order.hold.examples": """
aljibe order hold ord_01jd… --reason 'la dirección parece fraude'
""",
    "order.lift.help": "Libera un pedido retenido: el trabajo sigue.",
    "order.lift.examples": """
aljibe order lift ord_01jd…
aljibe order lift ord_01jd… --reason 'el cliente llamó'
""",
    "order.source-again.help": (
        "Hace que otros sirvan unidades que aún no se han recogido.\n\n"
        "Todo lo que se nombra o nada. Las unidades por recoger en tienda no se mueven: se pregunta a su cliente."
    ),
    "order.source-again.examples": """
aljibe order source-again ord_01jd… --work ful_01jd… --reason 'hoy no hay manos'
aljibe order source-again ord_01jd… --line 1:2 --without store-7 --reason 'estante mojado'
""",
    "order.reason": "Por qué; se guarda con el pedido.",
    "order.lift.reason": "Por qué se libera.",
    "order.source-again.work": "La orden de preparación de la que se quitan unidades, ful_….",
    "order.source-again.line": "Línea y unidades; repítalo para más líneas. Sin ello, todo lo de --work sin recoger.",
    "order.source-again.without": "Una ubicación que tampoco debe servirlas; repítalo para más.",
    "order.source-again.which": "diga qué unidades: --work, --line o ambos",
    "order.source-again.bad_line": "'{text}' no es una línea: escriba LÍNEA:UNIDADES, como 1:2",
    "order.held": "{order_id} está retenido",
    "order.lifted": "{order_id} sigue su curso",
    "order.sourced": "{order_id} se asignó de nuevo",
    "card.hold": "Retención",
    "card.held": "desde {time} por {actor}: {reason}",
    "card.lifted": "{time} por {actor}: {reason} (liberado {lift_time} por {lifted_by})",
    "order.none": "ningún pedido",
    "order.unknown_state": "no existe el estado de pedido '{state}'; los estados son {states}",
    "order.waiting": "el servicio está ausente; se pregunta de nuevo …",
    "card.accepted": "Aceptado",
    "card.chosen": "Promesa",
    "card.promise": "Prometido para",
    "card.kept": "cumplido",
    "card.missed": "incumplido",
    "card.total": "Total",
    "card.tax": "impuestos",
    "card.discount": "promociones",
    "card.customer": "Cliente",
    "card.reference": "Referencia",
    "card.store": "Vendido en",
    "card.address": "Enviar a",
    "card.trace": "Traza",
    "card.name": "Artículo",
    "card.method": "Modalidad",
    "card.where": "Dónde están sus unidades",
    "card.plan": "Plan",
    "card.work": "Orden de preparación",
    "card.content": "Unidades",
    "card.reservation": "Reserva",
    "card.payment": "Pago",
    "card.authorized": "autorizado",
    "card.captured": "cobrado",
    "card.refunded": "devuelto",
    "card.voided": "liberado",
    "card.messages": "Mensajes al cliente",
    "state.ACCEPTED": "aceptado",
    "state.IN_PROGRESS": "en curso",
    "state.AWAITING_CUSTOMER": "a la espera del cliente",
    "state.COMPLETED": "completado",
    "state.CANCELLED": "cancelado",
    "state.RETURNED": "devuelto",
    "unit.ALLOCATED": "asignadas",
    "unit.PICKED": "recogidas",
    "unit.READY": "listas",
    "unit.SHIPPED": "enviadas",
    "unit.HANDED_OVER": "entregadas",
    "unit.BACKORDERED": "esperan el suministro",
    "card.expected": "suministro previsto {time}",
    "unit.RESOURCING": "se asignan de nuevo",
    "unit.AWAITING_CUSTOMER": "a la espera del cliente",
    "unit.CANCELLED": "canceladas",
    "unit.RETURNED": "devueltas",
    "unit.IN_TRANSIT": "en camino a la tienda",
    "method.SHIP": "envío",
    "method.PICKUP": "recogida",
    "method.CARRY_OUT": "en mano",
    "payment.AUTHORIZED": "autorizado",
    "payment.CAPTURED": "cobrado",
    "payment.VOIDED": "liberado",
    "payment.REFUNDED": "devuelto",
    "payment.PARTLY_CAPTURED": "cobrado en parte",
    "payment.PARTLY_REFUNDED": "devuelto en parte",
    "order.steps.help": "Lista lo que se hizo para un pedido: recogido, embalado, enviado, entregado, quién y dónde.",
    "order.steps.examples": """
aljibe order steps ord_01jd…
aljibe order steps ord_01jd… --json | jq -r '.steps[].event'
""",
    "order.steps.none": "aún no se ha hecho nada para ese pedido, o no existe",
    "order.returns.help": "Lista lo que volvió de un pedido: qué unidades, dónde, por qué y qué será de ellas.",
    "order.returns.examples": """
aljibe order returns ord_01jd…
aljibe order returns --return ret_01jd…
""",
    "order.returns.return": "Solo esta devolución, ret_….",
    "order.returns.which": "indique cuál: un pedido, o --return",
    "order.returns.none": "no ha vuelto nada",
    "order.past.time": "Hora",
    "order.past.step": "Qué",
    "order.past.location": "Ubicación",
    "order.past.actor": "Quién",
    "order.past.work": "Orden",
    "order.past.return": "Devolución",
    "order.past.line": "Línea",
    "order.past.content": "Unidades",
    "order.past.becomes": "Destino",
    "order.past.reason": "Motivo",
    "disposition.RESTOCK": "otra vez a la venta",
    "disposition.SCRAP": "no se puede vender",
    "event.FulfillmentOrderOpened": "Se abrió la orden de preparación",
    "event.PickingStarted": "Empezó la preparación",
    "event.UnitsPicked": "Se tomaron unidades",
    "event.UnitsShort": "Faltaron unidades",
    "event.UnitsTakenOut": "Se retiraron unidades",
    "event.OrderPacked": "Embalado",
    "event.OrderShipped": "Entregado al transportista",
    "event.ParcelSentToStore": "Enviado a la tienda",
    "event.ParcelReceivedAtStore": "Recibido en la tienda",
    "event.UnitsLostInTransit": "Perdido en el camino",
    "event.PickupReady": "Listo para recoger",
    "event.OrderHandedOver": "Entregado al cliente",
    "event.PickupExpired": "No recogido",
    "event.ReturnReceived": "Devolución recibida",
}
