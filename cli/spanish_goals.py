"""The Spanish sentences of `aljibe goals`."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    "goals.help": "Lo que un día debe traer, por canal y para el conjunto entero.",
    "goals.examples": """
aljibe goals show
aljibe goals set pool orders 1200
""",
    "goals.set.help": (
        "Fija la meta de un día en lugar de la del mismo canal y medida. Con 0 la meta termina."
    ),
    "goals.set.examples": """
aljibe goals set pool orders 1200
aljibe goals set web revenue 25000 --currency EUR
aljibe goals set app promise 97.5      97,5 % de promesas cumplidas
aljibe goals set web units 0           ya no hay meta
""",
    "goals.show.help": "Muestra cómo va cada meta y lo que debería llevarse hasta ahora.",
    "goals.show.examples": """
aljibe goals show
aljibe goals show --day 2026-11-21
aljibe goals show --json | jq '.goals[].state'
""",
    "goals.channel": "El canal, o `pool` para todos juntos.",
    "goals.measure": "orders, units, revenue o promise (la parte de promesas cumplidas).",
    "goals.target": "Por día: un número, un importe o un porcentaje. Con 0 la meta termina.",
    "goals.currency": "Moneda ISO 4217 de los ingresos.",
    "goals.day": "Qué día; hoy si no se indica.",
    "goals.bad_measure": "'{text}' no es ninguna de {measures}",
    "goals.bad_target": "'{text}' no es un objetivo como 1200 o 97,5",
    "goals.needs_currency": "indique la moneda de los ingresos con --currency",
    "goals.is_set": "meta de {channel}: {measure} {target} al día",
    "goals.ended": "{channel} ya no tiene meta de {measure}",
    "goals.day_is": "{day}, {zone}",
    "goals.none": "no hay metas fijadas",
    "goals.pool": "conjunto",
    "goals.word.channel": "Canal",
    "goals.word.measure": "Medida",
    "goals.word.actual": "Hasta ahora",
    "goals.word.expected": "Esperado hasta ahora",
    "goals.word.target": "Objetivo",
    "goals.word.state": "Estado",
    "measure.ORDERS": "pedidos",
    "measure.UNITS": "unidades",
    "measure.REVENUE": "ingresos",
    "measure.PROMISE_KEPT": "promesa cumplida",
    "goal_state.UNSPECIFIED": "aún no se sabe",
    "goal_state.ON_TRACK": "al ritmo",
    "goal_state.CLOSE": "algo por debajo",
    "goal_state.BEHIND": "por debajo",
    "goal_state.REACHED": "alcanzada",
}
