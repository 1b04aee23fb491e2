from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

from services.console.adapters.texts import LANGUAGES, catalogue

ADAPTERS = Path(__file__).parents[1] / "adapters"
_IN_TEMPLATES = re.compile(r"""(?<![\w.])t\(\s*["']([a-z0-9_]+\.[\w.]+)["']\s*[,)]""")
_NOTES = re.compile(r"\{#.*?#\}", re.DOTALL)
_COUNTED = re.compile(r"""(?<![\w])count\(\s*["']([a-z0-9_]+\.[\w.]+)["']\s*,""")
_IN_CODE = re.compile(
    r"""(?:person\.texts|texts|console\.done\(request, person,)[ (]\s*["']([a-z0-9_]+\.[\w.]+)["']\s*[,)]"""
)


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


@pytest.mark.parametrize("key", sorted(catalogue()))
def test_a_sentence_has_the_same_placeholders_in_both_languages(key: str) -> None:
    english, spanish = catalogue()[key]

    assert placeholders(english) == placeholders(spanish)
    assert bool(english.strip()) == bool(spanish.strip())


def test_every_key_has_every_language() -> None:
    assert all(len(sentences) == len(LANGUAGES) for sentences in catalogue().values())


def test_what_templates_and_pages_say_is_among_the_words() -> None:
    """A missing sentence would be a page that fails for a person, perhaps only in a rare case."""
    missing: list[str] = []
    for template in sorted((ADAPTERS / "templates").rglob("*.html")):
        text = _NOTES.sub("", template.read_text("utf-8"))
        missing += [
            f"{template.name}: {key}" for key in _IN_TEMPLATES.findall(text) if key not in catalogue()
        ]
        missing += [
            f"{template.name}: {key}.{form}"
            for key in _COUNTED.findall(text)
            for form in ("one", "many")
            if f"{key}.{form}" not in catalogue()
        ]
    for module in sorted(ADAPTERS.rglob("*.py")):
        found = _IN_CODE.findall(module.read_text("utf-8"))
        missing += [f"{module.name}: {key}" for key in found if key not in catalogue()]

    assert not missing
