"""What `aljibe` says to a person: the sentences of `english*.py` or `spanish*.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cli import (
    english,
    english_goals,
    english_orders,
    english_parcels,
    english_rules,
    spanish,
    spanish_goals,
    spanish_orders,
    spanish_parcels,
    spanish_rules,
)

LANGUAGES = ("en", "es")
CATALOGUES: Mapping[str, Mapping[str, str]] = {
    "en": {
        **english.TEXTS,
        **english_goals.TEXTS,
        **english_orders.TEXTS,
        **english_parcels.TEXTS,
        **english_rules.TEXTS,
    },
    "es": {
        **spanish.TEXTS,
        **spanish_goals.TEXTS,
        **spanish_orders.TEXTS,
        **spanish_parcels.TEXTS,
        **spanish_rules.TEXTS,
    },
}
# As POSIX weighs them, after our own.
_VARIABLES = ("ALJIBE_LANG", "LC_ALL", "LC_MESSAGES", "LANG")


class Texts:
    """The sentences of one language: ``texts("stock.none", sku="1029743")``."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._catalogue = CATALOGUES[language]

    def __call__(self, key: str, /, **fields: object) -> str:
        """The sentence ``key`` with its ``{fields}`` filled. Raises KeyError when one is missing."""
        return self._catalogue[key].format_map(fields)

    def name(self, kind: str, value: str) -> str:
        """The word for a state, cause or method; the value itself when it is newer than this program."""
        return self._catalogue.get(f"{kind}.{value}", value)


def wanted_language(arguments: Sequence[str], environ: Mapping[str, str]) -> str:
    """``en`` or ``es``: by ``--lang`` among the arguments, the first variable that is set, or English.

    The arguments are looked at before they are parsed, since ``--help`` itself is written in the language.
    """
    for position, argument in enumerate(arguments):
        if argument == "--":
            break
        if argument == "--lang" and position + 1 < len(arguments):
            return _known(arguments[position + 1])
        if argument.startswith("--lang="):
            return _known(argument.removeprefix("--lang="))
    for variable in _VARIABLES:
        if value := environ.get(variable, ""):
            return _known(value)
    return LANGUAGES[0]


def _known(value: str) -> str:
    short = value.lower()[:2]
    return short if short in LANGUAGES else LANGUAGES[0]
