"""An import-linter contract that the ready-made ones cannot say: these modules import nothing but that."""

from __future__ import annotations

import sys
from typing import Any, cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class AllowOnlyContract(Contract):
    """The modules below ``source_modules`` import the standard library, themselves and ``allowed_modules``.

    ``source_modules`` may hold ``*`` for one part of a name. ``allow_libraries`` also admits packages that
    are not ours. Modules that do not exist (yet) keep the contract.
    """

    type_name = "allow_only"

    source_modules = fields.ListField(subfield=fields.StringField())
    allowed_modules = fields.ListField(subfield=fields.StringField(), required=False)
    allow_libraries = fields.BooleanField(required=False, default=False)

    def __init__(self, name: str, session_options: dict[str, Any], contract_options: dict[str, Any]) -> None:
        super().__init__(name, session_options, contract_options)
        # The class attributes describe the options; on an instance import-linter puts the values there.
        self._sources = cast(list[str], self.source_modules)
        self._allowed = cast("list[str] | None", self.allowed_modules) or []
        self._libraries = bool(cast("bool | None", self.allow_libraries))

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Look at every direct import of every source module."""
        del verbose
        roots = {name.split(".")[0] for name in graph.modules if not graph.is_module_squashed(name)}
        broken: list[str] = []
        for importer in sorted(graph.modules):
            package = self._package_of(importer)
            if package is None:
                continue
            allowed = [package, *self._allowed]
            for imported in sorted(graph.find_modules_directly_imported_by(importer)):
                root = imported.split(".")[0]
                if root in sys.stdlib_module_names or (self._libraries and root not in roots):
                    continue
                if not any(imported == name or imported.startswith(f"{name}.") for name in allowed):
                    broken.append(f"{importer} imports {imported}")
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print one line for each import that is not allowed."""
        for line in check.metadata["broken"]:
            output.print_error(line)

    def _package_of(self, module: str) -> str | None:
        """The part of ``module``'s name that a source expression matches."""
        parts = module.split(".")
        for expression in self._sources:
            wanted = expression.split(".")
            if len(parts) >= len(wanted) and all(
                want in ("*", part) for want, part in zip(wanted, parts, strict=False)
            ):
                return ".".join(parts[: len(wanted)])
        return None
