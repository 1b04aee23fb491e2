"""How a batch of messages becomes handler calls, and which traces the calls belong to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from chassis.conventions import (
    MESSAGING_BATCH_MESSAGE_COUNT,
    MESSAGING_CONSUMER_GROUP_NAME,
    MESSAGING_DESTINATION_NAME,
    MESSAGING_MESSAGE_ID,
    MESSAGING_OPERATION_NAME,
    MESSAGING_OPERATION_TYPE,
    MESSAGING_SYSTEM,
    aggregate_id,
)
from chassis.envelope import Incoming, kebab
from chassis.inbox import Aggregate
from chassis.postgres import Connection
from chassis.spans import Attribute, Kind, is_sampled, is_traceparent
from chassis.telemetry import child, finish, from_traceparent, keep, span

Handler = Callable[[Connection, Sequence[Incoming]], Awaitable[None]]


def plan_calls(
    messages: Sequence[Incoming], handlers: Mapping[str, Handler]
) -> list[tuple[str, list[Incoming]]]:
    """The handler calls for `messages`, as few as the order within each aggregate allows; see the module's
    text.
    """
    calls: list[tuple[str, list[Incoming]]] = []
    last_call: dict[Aggregate, int] = {}
    by_type: dict[str, list[int]] = {}
    for message in messages:
        if message.type not in handlers:
            continue
        not_before = last_call.get(message.aggregate, 0)
        places = by_type.setdefault(message.type, [])
        place = next((index for index in places if index >= not_before), None)
        if place is None:
            place = len(calls)
            calls.append((message.type, []))
            places.append(place)
        calls[place][1].append(message)
        last_call[message.aggregate] = place
    return calls


@contextmanager
def traced(consumer: str, kind: str, messages: Sequence[Incoming]) -> Iterator[None]:
    """A span around a handler call in the trace of every message whose trace is sampled, each linked to that
    of the first.

    What the handler itself starts, or sends, belongs to the first of them; events about another message carry
    that message's own `traceparent`.
    """
    sampled = [one for one in messages if one.traceparent and _recorded(one.traceparent)]
    lead = sampled[0] if sampled else messages[0]
    name = f"process {kebab(kind.rpartition('.')[2])}"
    with (
        from_traceparent(lead.traceparent),
        span(name, Kind.CONSUMER, attributes_of(consumer, lead, len(messages))) as started,
    ):
        if started is None:
            yield
            return
        others = [
            other
            for one in sampled[1:]
            if (
                other := child(
                    name,
                    Kind.CONSUMER,
                    attributes_of(consumer, one, len(messages)),
                    parent=one.traceparent,
                    start_nanos=started.start_nanos,
                )
            )
        ]
        started.links += [other.traceparent for other in others]
        for other in others:
            other.links.append(started.traceparent)
        try:
            yield
        except BaseException as error:
            for other in others:
                other.raised(error)
            raise
        finally:
            for other in others:
                finish(other)


def attributes_of(consumer: str, message: Incoming, batch: int) -> dict[str, Attribute]:
    """What the span of a message's processing says."""
    found: dict[str, Attribute] = {
        MESSAGING_SYSTEM: "nats",
        MESSAGING_OPERATION_NAME: "process",
        MESSAGING_OPERATION_TYPE: "process",
        MESSAGING_DESTINATION_NAME: message.subject.rpartition(".")[0],
        MESSAGING_CONSUMER_GROUP_NAME: consumer,
        MESSAGING_MESSAGE_ID: message.id,
        MESSAGING_BATCH_MESSAGE_COUNT: batch,
    }
    if message.aggregate_type:
        found[aggregate_id(message.aggregate_type)] = message.aggregate_id
    return found


def keep_failure(consumer: str, message: Incoming, error: BaseException, seconds: float = 0.0) -> None:
    """A message failed whose trace nobody samples: a span all the same."""
    traceparent = message.traceparent
    if traceparent is None or not is_traceparent(traceparent) or is_sampled(traceparent):
        return
    keep(
        f"process {kebab(message.type.rpartition('.')[2])}",
        Kind.CONSUMER,
        seconds,
        attributes_of(consumer, message, 1),
        traceparent=traceparent,
        error=type(error).__name__,
    )


def _recorded(traceparent: str) -> bool:
    # Most are not, and pay for the end only.
    return not traceparent.endswith("-00") and is_traceparent(traceparent) and is_sampled(traceparent)
