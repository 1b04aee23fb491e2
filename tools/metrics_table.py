"""``python -m tools.metrics_table``: writes the table of metrics in ``docs/telemetry.md`` from the services.

Each service is loaded in a process of its own, so that the table says which of them has a metric.
"""

from __future__ import annotations

import json
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "telemetry.md"
BEGIN, END = "<!-- metrics: begin -->\n", "<!-- metrics: end -->\n"
# As `chassis.run` loads them: the outbox for who has a database and the bus, OTLP where there is an endpoint.
_LIST = """
import importlib, json, sys
import chassis.otlp
app = importlib.import_module(sys.argv[1])
definition = getattr(app, "definition", None)
if definition is not None and definition.schema and definition.bus:
    import chassis.outbox
from chassis.metrics import CATALOGUE
print(json.dumps(list(CATALOGUE.values())))
"""
_HEAD = "| metric | kind | labels | unit | what it says | where |\n|---|---|---|---|---|---|\n"
Metric = tuple[str, str, str, str, tuple[str, ...]]


def services() -> list[str]:
    """All services by name."""
    return sorted(path.parent.name for path in ROOT.glob("services/*/app.py"))


@lru_cache
def metrics_of(service: str) -> list[Metric]:
    """Name, kind, unit, description and labels of each metric that the service registers."""
    told = subprocess.run(
        [sys.executable, "-c", _LIST, f"services.{service}.app"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [(name, kind, unit, says, tuple(labels)) for name, kind, unit, says, labels in json.loads(told)]


def table() -> str:
    """The table, by name."""
    where: dict[Metric, list[str]] = {}
    names = services()
    for service in names:
        for metric in metrics_of(service):
            where.setdefault(metric, []).append(service)
    rows = []
    for (name, kind, unit, says, labels), found in sorted(where.items()):
        places = "every service" if found == names else ", ".join(found)
        shown = ", ".join(f"`{label}`" for label in labels)
        rows.append(f"| `{name}` | {kind} | {shown} | {unit} | {says} | {places} |\n")
    return _HEAD + "".join(rows)


def written(page: str) -> str:
    """The page with the table as it is now."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table()}{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
