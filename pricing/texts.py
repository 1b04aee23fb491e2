"""Texts for people."""

from __future__ import annotations

from typing import NamedTuple

from pricing.refusals import TextMissing


class LocalizedText(NamedTuple):
    """A text for people; where there is no Spanish the English is shown, and the other way round."""

    en: str
    es: str = ""

    @property
    def in_english(self) -> str:
        """What a reader of English sees."""
        return self.en or self.es

    @property
    def in_spanish(self) -> str:
        """What a reader of Spanish sees."""
        return self.es or self.en


def check_text(subject: str, text: LocalizedText) -> None:
    """Return when people can read the name of `subject`.

    Raises:
        TextMissing: it is empty in both languages.
    """
    if not text.in_english.strip():
        raise TextMissing(subject)
