"""What can be wrong with a document of rules: a path, a reason for programs, a sentence for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

LANGUAGES = ("en", "es")
MAX_FACT_LENGTH = 300

_SENTENCES: Mapping[str, tuple[str, str]] = {
    "NOT_JSON": (
        "this is not JSON: {detail} (line {line}, column {column})",
        "esto no es JSON: error en la línea {line}, columna {column}",
    ),
    "TOO_LARGE": (
        "the document has {found} characters; at most {most} are allowed",
        "el documento tiene {found} caracteres; se admiten {most} como máximo",
    ),
    "TOO_DEEP": ("the document is nested too deeply", "el documento está anidado a demasiada profundidad"),
    "FIELD_REPEATED": ("{name} stands here twice", "{name} aparece aquí dos veces"),
    "FIELD_UNKNOWN": (
        "there is no field {name} here; there are {known}",
        "aquí no existe el campo {name}; existen {known}",
    ),
    "FIELD_MISSING": ("this is missing", "esto falta"),
    "TYPE_WRONG": ("this must be {wanted}", "esto debe ser {wanted}"),
    "VALUE_EMPTY": ("this must not be empty", "esto no puede estar vacío"),
    "VALUE_NEGATIVE": (
        "{found} is negative; a cost is 0 or more",
        "{found} es negativo; un coste es 0 o más",
    ),
    "VALUE_OUT_OF_RANGE": (
        "{found} is not between {least} and {most}",
        "{found} no está entre {least} y {most}",
    ),
    "VALUE_TOO_PRECISE": (
        "{found} has more than the {most} decimals that can be kept in {currency}",
        "{found} tiene más decimales de los {most} que se guardan en {currency}",
    ),
    "VALUE_TOO_LONG": (
        "this has {found} characters; at most {most} are allowed",
        "esto tiene {found} caracteres; se admiten {most} como máximo",
    ),
    "VALUE_FORM": ("{found} does not have the form of {wanted}", "{found} no tiene la forma de {wanted}"),
    "VALUE_NOT_ALLOWED": ("{found} is none of {allowed}", "{found} no es ninguno de {allowed}"),
    "VALUE_REPEATED": ("{found} stands here twice", "{found} aparece aquí dos veces"),
    "LIST_TOO_LONG": (
        "there are {found} of these; at most {most} are allowed",
        "hay {found} de estos; se admiten {most} como máximo",
    ),
    "NAME_REPEATED": (
        "{found} is the name of another rule of this list",
        "{found} ya es el nombre de otra regla de esta lista",
    ),
    "TARIFF_ORDER": (
        "{found} km do not go on from the {before} km of the step before",
        "{found} km no continúan los {before} km del tramo anterior",
    ),
    "LOCATION_UNKNOWN": ("there is no location {found}", "no existe la ubicación {found}"),
    "CHANNEL_UNKNOWN": ("there is no channel {found}", "no existe el canal {found}"),
    "CURRENCY_NOT_SOLD": (
        "no channel sells in {found}, so that no limit of value would ever hold",
        "ningún canal vende en {found}, así que ningún límite de importe se cumpliría",
    ),
    "NOTHING_MATCHES": (
        "no location is like this, so that {name} would never do anything",
        "ninguna ubicación es así, de modo que {name} nunca haría nada",
    ),
    "ALL_EXCLUDED": (
        "{name} shuts out every location for every line",
        "{name} excluye todas las ubicaciones para todas las líneas",
    ),
    "GROUP_EXCLUDED": (
        "every location of {name} is shut out by {by}",
        "todas las ubicaciones de {name} están excluidas por {by}",
    ),
    "GROUP_UNREACHABLE": (
        "{name} is never reached: {by} before it has the same locations for the same lines",
        "nunca se llega a {name}: {by}, anterior, tiene las mismas ubicaciones para las mismas líneas",
    ),
    "VALUES_CROSSED": (
        "least_value {least} is above most_value {most}, so that no order fits",
        "least_value {least} supera most_value {most}, así que ningún pedido encaja",
    ),
    "DISTANCE_WITHOUT_SHIPPING": (
        "within_km holds for goods that are sent, and {methods} sends none",
        "within_km vale para mercancía que se envía, y {methods} no envía ninguna",
    ),
    "NO_EFFECT_OF_VALUE": (
        "no_split_below never does anything, since most_parcels is 1 already",
        "no_split_below nunca hace nada, porque most_parcels ya es 1",
    ),
    "MARKDOWN_WITHOUT_PRICES": (
        "overstock is where the price of stock is zero: with opportunity_percent 0 that would be everywhere",
        "hay exceso donde el precio del stock es cero: con opportunity_percent 0 lo habría en todas partes",
    ),
    "TRANSIT_CROSSED": (
        "transit_days {least} is above transit_days_most {most}",
        "transit_days {least} supera transit_days_most {most}",
    ),
    "GROUP_WITHOUT_SHIPPING": (
        "groups say who sends goods, and {methods} sends none",
        "los grupos dicen quién envía mercancía, y {methods} no envía ninguna",
    ),
    "PROMISE_UNKNOWN": (
        "customers are offered no promise {found}; there are {known}",
        "a los clientes no se les ofrece la promesa {found}; existen {known}",
    ),
    "PROMISE_NEVER_KEPT": (
        "no parcel is there within {within} days of delivery: the fastest takes {least}",
        "ningún paquete llega en {within} días de reparto: el más rápido tarda {least}",
    ),
    "CAPABILITY_MISSING": (
        "no location of {name} sends goods",
        "ninguna ubicación de {name} envía mercancía",
    ),
}

_WANTED: Mapping[str, tuple[str, str]] = {
    "object": ("an object in braces", "un objeto entre llaves"),
    "list": ("a list in brackets", "una lista entre corchetes"),
    "text": ("a text in quotes", "un texto entre comillas"),
    "whole": ("a whole number", "un número entero"),
    "yes_no": ("true or false", "true o false"),
    "money": (
        'an amount in quotes, such as "6.00"',
        'un importe entre comillas, por ejemplo "6.00"',
    ),
    "clock": ('a time of day such as "16:00"', 'una hora del día, por ejemplo "16:00"'),
    "currency": ('a currency code such as "EUR"', 'un código de moneda, por ejemplo "EUR"'),
    "country": ('a country code such as "ES"', 'un código de país, por ejemplo "ES"'),
    "name": ("a name", "un nombre"),
    "code": ("a code in capitals such as EXPRESS", "un código en mayúsculas, por ejemplo EXPRESS"),
}

REASONS = frozenset(_SENTENCES)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong at one place of a document."""

    path: str
    """Where: `groups[1].locations.ids[0]`; empty for the whole document."""
    reason: str
    """UPPER_SNAKE and stable, one of `REASONS`."""
    facts: tuple[tuple[str, object], ...] = ()
    """What fills the sentence."""

    def sentence(self, language: str) -> str:
        """For a person, in `en` or `es`."""
        which = LANGUAGES.index(language)
        facts = {
            name: _WANTED[str(value)][which] if name == "wanted" else value for name, value in self.facts
        }
        return _SENTENCES[self.reason][which].format_map(facts)


def problem(path: str, reason: str, **facts: object) -> Problem:
    """A problem with its facts, long ones cut, and nothing in them that cannot be sent."""
    return Problem(_sendable(path), reason, tuple((name, _fact(value)) for name, value in facts.items()))


def _fact(value: object) -> object:
    return value if isinstance(value, int) else _sendable(str(value)[:MAX_FACT_LENGTH])


def _sendable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
