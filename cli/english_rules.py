"""What `aljibe rules` says in English."""

from __future__ import annotations

from collections.abc import Mapping

TEXTS: Mapping[str, str] = {
    "rules.help": (
        "The rules of sourcing: which locations serve what, at what cost, as versions.\n\n"
        "A draft is written as a JSON document, validated, and activated from a date on; what held before "
        "can be gone back to."
    ),
    "rules.examples": """
aljibe rules show --document > rules.json
aljibe rules create rules.json --note "stores first in autumn"
aljibe rules activate 3 --from 2026-12-01T06:00
""",
    "rules.list.help": "List the versions, newest first.",
    "rules.list.examples": """
aljibe rules list
aljibe rules list --state draft
""",
    "rules.show.help": "Show a version with its document; without a number the one that holds now.",
    "rules.show.examples": """
aljibe rules show
aljibe rules show 3 --document > rules.json
""",
    "rules.create.help": "Keep a document as a new draft.",
    "rules.create.examples": """
aljibe rules create rules.json
aljibe rules show --document | aljibe rules create - --note "a copy to change"
""",
    "rules.edit.help": "Change a draft: from a file, or in your editor ($EDITOR).",
    "rules.edit.examples": """
aljibe rules edit 3
aljibe rules edit 3 rules.json --note "dearer carrier"
""",
    "rules.validate.help": "Say everything that is wrong with a document; nothing is kept.",
    "rules.validate.examples": """
aljibe rules validate rules.json
aljibe rules validate rules.json --json | jq -r '.problems[].path'
""",
    "rules.diff.help": "Compare a version with another, or with the one that holds now.",
    "rules.diff.examples": """
aljibe rules diff 3
aljibe rules diff 3 2
""",
    "rules.activate.help": (
        "Have a version hold from a date on, or now.\n\n"
        "What is running gives way, and goes on after --until. Accepted orders keep their plan."
    ),
    "rules.activate.examples": """
aljibe rules activate 3
aljibe rules activate 4 --from 2026-11-27 --until 2026-12-01 --note "Black Friday"
""",
    "rules.rollback.help": "Have a version that held before hold again, at once; 0: the built-in rules.",
    "rules.rollback.examples": """
aljibe rules rollback 2 --note "too many splits"
aljibe rules rollback 0
""",
    "rules.history.help": "Show who changed what, newest first.",
    "rules.history.examples": """
aljibe rules history
aljibe rules history 3 --json | jq '.changes[0].differences'
""",
    "rules.number": "Number of the version; 0: the built-in rules.",
    "rules.number_or_current": "Number of the version; left out: the one that holds now.",
    "rules.document_only": "Only the document, for a file.",
    "rules.draft": "Number of the draft.",
    "rules.file": "The document, a JSON file; -: standard input.",
    "rules.file_or_editor": "The document, a JSON file; left out: your editor.",
    "rules.before": "What to compare with; left out: the version that holds now.",
    "rules.history_of": "Only of this version.",
    "rules.note": "Why, for the history.",
    "rules.of_state": "Only versions in this state.",
    "rules.limit": "How many at most.",
    "rules.from": "When it begins to hold (ISO 8601); left out: now.",
    "rules.until": "When it ends; left out: when another is activated.",
    "rules.revision": "Refuse if the draft is at another revision than this.",
    "rules.replace": "Also replace what is planned for that time.",
    "rules.bad_state": "{text} is no state; there are {known}",
    "rules.none": "there are no versions",
    "rules.built_in": "built in, from the settings of orders",
    "rules.built_in_holds": "now the built-in rules hold (aljibe rules show 0)",
    "rules.valid": "nothing is wrong with it; as rules it would be {version}",
    "rules.same": "{number} and {before} say the same",
    "rules.quiet": "nobody has changed anything yet",
    "rules.unchanged": "nothing was changed",
    "rules.kept": "what you wrote is kept in {file}",
    "rules.unreadable": "{file} cannot be read: {error}",
    "rules.no_editor": "no editor could be opened ({error}); name a file instead",
    "rules.whole_document": "(document)",
    "rules.more": "… and {count} more",
    "rules.state.DRAFT": "draft",
    "rules.state.PLANNED": "planned",
    "rules.state.ACTIVE": "active",
    "rules.state.RETIRED": "retired",
    "rules.kind.CREATED": "created",
    "rules.kind.UPDATED": "changed",
    "rules.kind.ACTIVATED": "activated",
    "rules.kind.ROLLED_BACK": "gone back to",
    "rules.word.number": "Number",
    "rules.word.name": "Name",
    "rules.word.state": "State",
    "rules.word.effective": "Holds",
    "rules.word.changed": "Changed",
    "rules.word.created": "Created",
    "rules.word.activated": "Activated",
    "rules.word.by": "By",
    "rules.word.note": "Note",
    "rules.word.revision": "Revision",
    "rules.word.version": "Version",
    "rules.word.where": "Where",
    "rules.word.reason": "Reason",
    "rules.word.what": "What is wrong",
    "rules.word.time": "Time",
    "rules.word.done": "Done",
    "rules.word.differences": "Differences",
}
