"""How a batch of messages becomes handler calls, and which traces the calls belong to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from opentelemetry.trace import SpanKind

from chassis.envelope import Incoming
from chassis.inbox import Aggregate
from chassis.postgres import Connection
from chassis.telemetry import from_traceparent, span

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
    """A span around a handler call in the trace of every message whose trace is sampled.

    What the handler itself starts, or sends, belongs to the first of them; events about another message carry
    that message's own `traceparent`.
    """
    first = next((one for one in messages if one.traceparent and _recorded(one)), messages[0])
    with ExitStack() as stack:
        for message in messages:
            if message is not first and _recorded(message):
                _enter(stack, consumer, kind, message)
        _enter(stack, consumer, kind, first)
        yield


def _recorded(message: Incoming) -> bool:
    # Only the flag: `from_traceparent` copes with a malformed one.
    return message.traceparent is not None and message.traceparent.endswith("-01")


def _enter(stack: ExitStack, consumer: str, kind: str, message: Incoming) -> None:
    stack.enter_context(from_traceparent(message.traceparent))
    stack.enter_context(
        span(
            f"consume {kind.rpartition('.')[2]}",
            kind=SpanKind.CONSUMER,
            consumer=consumer,
            message_id=message.id,
            aggregate_id=message.aggregate_id,
        )
    )
