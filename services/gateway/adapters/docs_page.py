"""The API's documentation as one page: no script or style from elsewhere, so it works without internet."""

# ruff: noqa: E501  (markup reads better unbroken)

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

LANGUAGES = ("en", "es")
_TEXTS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "Aljibe API",
        "lead": "One stock pool, every channel. Each call below is also a gRPC method of the same name.",
        "token": "Bearer token",
        "token_help": "Make one with “aljibe token --role operator”. It stays in this page.",
        "filter": "Find a call",
        "parameters": "Parameters",
        "body": "Body",
        "answer": "Answer",
        "send": "Send",
        "try": "Try it",
        "fields": "Fields",
        "download": "OpenAPI document",
        "other": "Español",
        "other_code": "es",
    },
    "es": {
        "title": "API de Aljibe",
        "lead": "Un solo inventario para todos los canales. Cada llamada es también un método gRPC del mismo nombre.",
        "token": "Credencial (Bearer)",
        "token_help": "Créela con «aljibe token --role operator». No sale de esta página.",
        "filter": "Buscar una llamada",
        "parameters": "Parámetros",
        "body": "Cuerpo",
        "answer": "Respuesta",
        "send": "Enviar",
        "try": "Probar",
        "fields": "Campos",
        "download": "Documento OpenAPI",
        "other": "English",
        "other_code": "en",
    },
}
MAX_EXAMPLE_DEPTH = 6
Schemas = Mapping[str, Mapping[str, Any]]


def render(document: Mapping[str, Any], language: str) -> str:
    """The whole page for an OpenAPI document, in `en` or `es` (the contract's own comments are English)."""
    texts = _TEXTS[language]
    schemas: Schemas = document["components"]["schemas"]
    groups: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for verb, operation in operations.items():
            groups.setdefault(operation["tags"][0], []).append(
                _operation(verb, path, operation, schemas, texts)
            )
    told = {tag["name"]: tag["description"] for tag in document["tags"]}
    sections = "".join(
        f'<section><h2 id="{name}">{name}</h2><p class="told">{_text(told.get(name, ""))}</p>{"".join(calls)}</section>'
        for name, calls in sorted(groups.items())
    )
    menu = "".join(f'<li><a href="#{name}">{name}</a></li>' for name in sorted(groups))
    template = files(__package__).joinpath("docs_page.html").read_text("utf-8")
    values = {
        **texts,
        "language": language,
        "menu": menu,
        "sections": sections,
        "version": html.escape(document["info"]["version"]),
    }
    for name, value in values.items():
        template = template.replace("{{" + name + "}}", value)
    return template


def _operation(
    verb: str, path: str, operation: Mapping[str, Any], schemas: Schemas, texts: Mapping[str, str]
) -> str:
    rows = "".join(
        f"<tr><td><label for='{operation['operationId']}.{p['name']}'><code>{p['name']}</code></label></td><td>{p['in']}</td>"
        f"<td><input id='{operation['operationId']}.{p['name']}' data-name='{p['name']}' data-in='{p['in']}'></td>"
        f"<td>{_text(p.get('description', ''))}</td></tr>"
        for p in operation["parameters"]
    )
    parameters = f"<h4>{texts['parameters']}</h4><table>{rows}</table>" if rows else ""
    body = ""
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        example = json.dumps(_example(schema, schemas, 0), indent=2, ensure_ascii=False)
        body = (
            f"<h4>{texts['body']}</h4><textarea rows='10' spellcheck='false' aria-label='{texts['body']}'>{html.escape(example)}</textarea>"
            f"<details><summary>{texts['fields']}</summary>{_fields(schema, schemas)}</details>"
        )
    content = operation["responses"]["200"]["content"]
    media, answer = next(iter(content.items()))
    return (
        f"<details class='call' data-verb='{verb.upper()}' data-path='{path}' id='{operation['operationId']}'>"
        f"<summary><b class='{verb}'>{verb.upper()}</b> <code>{path}</code> <span>{_text(operation['summary'])}</span></summary>"
        f"<p class='told'>{_text(operation['description'])}</p>{parameters}{body}"
        f"<p><button type='button'>{texts['send']}</button></p><pre class='result' aria-live='polite' hidden></pre>"
        f"<h4>{texts['answer']} <small>{media}</small></h4>{_fields(answer['schema'], schemas)}</details>"
    )


def _fields(schema: Mapping[str, Any], schemas: Schemas) -> str:
    resolved = _resolve(schema, schemas)
    rows = "".join(
        f"<tr><td><code>{name}</code></td><td>{_kind(field)}</td><td>{_text(field.get('description', ''))}</td></tr>"
        for name, field in resolved.get("properties", {}).items()
    )
    return f"<table>{rows}</table>"


def _kind(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return html.escape(str(schema["$ref"]).rpartition("/")[2])
    if schema.get("type") == "array":
        return f"{_kind(schema['items'])}[]"
    return html.escape(str(schema.get("format") or schema.get("type", "")))


def _example(schema: Mapping[str, Any], schemas: Schemas, depth: int) -> Any:
    resolved = _resolve(schema, schemas)
    if "enum" in resolved:
        return resolved["enum"][min(1, len(resolved["enum"]) - 1)]
    match resolved.get("type"):
        case "object" if depth < MAX_EXAMPLE_DEPTH:
            return {
                name: _example(field, schemas, depth + 1)
                for name, field in resolved.get("properties", {}).items()
            }
        case "array" if depth < MAX_EXAMPLE_DEPTH:
            return [_example(resolved["items"], schemas, depth + 1)]
        case "integer":
            return max(1, resolved.get("minimum", 1))
        case "number":
            return 0.0
        case "boolean":
            return False
        case "object" | "array":
            return {} if resolved["type"] == "object" else []
    return ""


def _resolve(schema: Mapping[str, Any], schemas: Schemas) -> Mapping[str, Any]:
    return schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def _text(text: str) -> str:
    """Comments are broken where their source lines are; a page breaks its own, but keeps paragraphs and lists."""
    return html.escape(text).replace("\n\n", "<br><br>").replace("\n- ", "<br>• ").replace("\n", " ")
