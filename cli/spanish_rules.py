"""What `aljibe rules` says in Spanish."""

from __future__ import annotations

from collections.abc import Mapping

TEXTS: Mapping[str, str] = {
    "rules.help": (
        "Las reglas de asignación: qué ubicaciones sirven qué y a qué coste, por versiones.\n\n"
        "Un borrador se escribe como documento JSON, se valida y se activa desde una fecha; se puede volver "
        "a lo que valía antes."
    ),
    "rules.examples": """
aljibe rules show --document > rules.json
aljibe rules create rules.json --note "en otoño, primero las tiendas"
aljibe rules activate 3 --from 2026-12-01T06:00
""",
    "rules.list.help": "Lista las versiones, primero las más nuevas.",
    "rules.list.examples": """
aljibe rules list
aljibe rules list --state draft
""",
    "rules.show.help": "Muestra una versión con su documento; sin número, la vigente.",
    "rules.show.examples": """
aljibe rules show
aljibe rules show 3 --document > rules.json
""",
    "rules.create.help": "Guarda un documento como borrador nuevo.",
    "rules.create.examples": """
aljibe rules create rules.json
aljibe rules show --document | aljibe rules create - --note "copia para cambiar"
""",
    "rules.edit.help": "Cambia un borrador: desde un archivo o en su editor ($EDITOR).",
    "rules.edit.examples": """
aljibe rules edit 3
aljibe rules edit 3 rules.json --note "transportista más caro"
""",
    "rules.validate.help": "Dice todo lo que está mal en un documento; no guarda nada.",
    "rules.validate.examples": """
aljibe rules validate rules.json
aljibe rules validate rules.json --json | jq -r '.problems[].path'
""",
    "rules.diff.help": "Compara una versión con otra, o con la vigente.",
    "rules.diff.examples": """
aljibe rules diff 3
aljibe rules diff 3 2
""",
    "rules.activate.help": (
        "Pone en vigor una versión desde una fecha, o ya.\n\n"
        "La vigente cede y continúa después de --until. Los pedidos ya aceptados conservan su plan."
    ),
    "rules.activate.examples": """
aljibe rules activate 3
aljibe rules activate 4 --from 2026-11-27 --until 2026-12-01 --note "Black Friday"
""",
    "rules.rollback.help": "Vuelve a poner en vigor, ya, una versión anterior; 0: las reglas integradas.",
    "rules.rollback.examples": """
aljibe rules rollback 2 --note "demasiados envíos partidos"
aljibe rules rollback 0
""",
    "rules.history.help": "Muestra quién cambió qué, primero lo más nuevo.",
    "rules.history.examples": """
aljibe rules history
aljibe rules history 3 --json | jq '.changes[0].differences'
""",
    "rules.number": "Número de la versión; 0: las reglas integradas.",
    "rules.number_or_current": "Número de la versión; si falta, la vigente.",
    "rules.document_only": "Solo el documento, para un archivo.",
    "rules.draft": "Número del borrador.",
    "rules.file": "El documento, un archivo JSON; -: la entrada estándar.",
    "rules.file_or_editor": "El documento, un archivo JSON; si falta, su editor.",
    "rules.before": "Con qué comparar; si falta, la versión vigente.",
    "rules.history_of": "Solo de esta versión.",
    "rules.note": "Por qué, para el historial.",
    "rules.of_state": "Solo versiones en este estado.",
    "rules.limit": "Cuántas como máximo.",
    "rules.from": "Desde cuándo vale (ISO 8601); si falta, desde ya.",
    "rules.until": "Hasta cuándo; si falta, hasta que se active otra.",
    "rules.revision": "Rehúsa si el borrador está en otra revisión.",
    "rules.replace": "Reemplaza también lo previsto para ese tiempo.",
    "rules.bad_state": "{text} no es un estado; existen {known}",
    "rules.none": "no hay versiones",
    "rules.built_in": "integradas, de los ajustes de orders",
    "rules.built_in_holds": "ahora valen las reglas integradas (aljibe rules show 0)",
    "rules.valid": "no tiene ningún error; como reglas sería {version}",
    "rules.same": "{number} y {before} dicen lo mismo",
    "rules.quiet": "nadie ha cambiado nada todavía",
    "rules.unchanged": "no se cambió nada",
    "rules.kept": "lo que escribió queda en {file}",
    "rules.unreadable": "no se puede leer {file}: {error}",
    "rules.no_editor": "no se pudo abrir un editor ({error}); indique un archivo",
    "rules.whole_document": "(documento)",
    "rules.more": "… y {count} más",
    "rules.state.DRAFT": "borrador",
    "rules.state.PLANNED": "prevista",
    "rules.state.ACTIVE": "vigente",
    "rules.state.RETIRED": "retirada",
    "rules.kind.CREATED": "creada",
    "rules.kind.UPDATED": "cambiada",
    "rules.kind.ACTIVATED": "activada",
    "rules.kind.ROLLED_BACK": "recuperada",
    "rules.word.number": "Número",
    "rules.word.name": "Nombre",
    "rules.word.state": "Estado",
    "rules.word.effective": "Vigencia",
    "rules.word.changed": "Cambiada",
    "rules.word.created": "Creada",
    "rules.word.activated": "Activada",
    "rules.word.by": "Por",
    "rules.word.note": "Nota",
    "rules.word.revision": "Revisión",
    "rules.word.version": "Versión",
    "rules.word.where": "Dónde",
    "rules.word.reason": "Motivo",
    "rules.word.what": "Qué está mal",
    "rules.word.time": "Hora",
    "rules.word.done": "Hecho",
    "rules.word.differences": "Diferencias",
}
