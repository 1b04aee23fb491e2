"""The refusal of a document of rules: a chassis refusal, since each error is a field violation."""

from __future__ import annotations

from chassis.refusals import InvalidRequest


class RulesInvalid(InvalidRequest):
    """A document of rules with errors; lists every one found."""
