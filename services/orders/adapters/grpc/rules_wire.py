"""Rules between the contract's messages and the domain."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from aljibe.orders.v1 import rules_pb2 as pb
from services.orders.adapters.grpc.translate import time_proto
from services.orders.domain.rules_document import to_text
from services.orders.domain.rules_timeline import Period
from services.orders.domain.rules_version import Change, Difference, Version


def version_proto(
    version: Version, now: datetime, current_number: int, *, whole: bool = True
) -> pb.RulesVersion:
    """A version as it is now; `whole`: with its document."""
    state = pb.RulesState.Value(f"RULES_STATE_{version.state(now, current_number)}")
    return pb.RulesVersion(
        number=version.number,
        name=version.rules.name,
        state=state,
        document=to_text(version.rules) if whole else "",
        rules_version=version.rules.version,
        revision=version.revision,
        note=version.note,
        created_by=version.created_by,
        create_time=time_proto(version.created_at),
        updated_by=version.updated_by,
        update_time=time_proto(version.updated_at),
        activated_by=version.activated_by,
        activate_time=time_proto(version.activated_at),
        periods=[period_proto(one) for one in version.periods],
    )


def change_proto(change: Change) -> pb.RulesChange:
    """An entry of the history."""
    return pb.RulesChange(
        change_number=change.change_number,
        number=change.number,
        kind=pb.RulesChangeKind.Value(f"RULES_CHANGE_KIND_{change.kind}"),
        actor=change.actor,
        time=time_proto(change.time),
        note=change.note,
        revision=change.revision,
        rules_version=change.rules_version,
        differences=differences_proto(change.differences),
        period=period_proto(change.period) if change.period is not None else None,
    )


def differences_proto(found: Sequence[Difference]) -> list[pb.RulesDifference]:
    """Where two documents differ."""
    return [pb.RulesDifference(path=path, before=before, after=after) for path, before, after in found]


def period_proto(period: Period) -> pb.RulesPeriod:
    """A time during which rules hold."""
    return pb.RulesPeriod(effective_from=time_proto(period.starts), effective_until=time_proto(period.ends))
