"""Names of attributes that spans share: OpenTelemetry's semantic conventions 1.44, and Aljibe's own.

`chassis/tests/test_telemetry.py` compares the first group with the package
`opentelemetry-semantic-conventions`. None of them ever holds personal data: ids of orders, channels,
locations and messages are ours, and say nothing of a person.
"""

from __future__ import annotations

from typing import Final

HTTP_REQUEST_METHOD: Final = "http.request.method"
HTTP_ROUTE: Final = "http.route"
HTTP_RESPONSE_STATUS_CODE: Final = "http.response.status_code"
URL_SCHEME: Final = "url.scheme"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
ERROR_TYPE: Final = "error.type"
RPC_SYSTEM_NAME: Final = "rpc.system.name"
RPC_METHOD: Final = "rpc.method"
RPC_RESPONSE_STATUS_CODE: Final = "rpc.response.status_code"
DB_SYSTEM_NAME: Final = "db.system.name"
DB_NAMESPACE: Final = "db.namespace"
DB_OPERATION_NAME: Final = "db.operation.name"
DB_QUERY_SUMMARY: Final = "db.query.summary"
DB_RESPONSE_STATUS_CODE: Final = "db.response.status_code"
MESSAGING_SYSTEM: Final = "messaging.system"
MESSAGING_DESTINATION_NAME: Final = "messaging.destination.name"
MESSAGING_OPERATION_NAME: Final = "messaging.operation.name"
MESSAGING_OPERATION_TYPE: Final = "messaging.operation.type"
MESSAGING_MESSAGE_ID: Final = "messaging.message.id"
MESSAGING_CONSUMER_GROUP_NAME: Final = "messaging.consumer.group.name"
MESSAGING_BATCH_MESSAGE_COUNT: Final = "messaging.batch.message_count"

ORDER_ID: Final = "aljibe.order.id"
CHANNEL_ID: Final = "aljibe.channel.id"
LOCATION_ID: Final = "aljibe.location.id"
FULFILLMENT_ORDER_ID: Final = "aljibe.fulfillment_order.id"
PLAN_WAY: Final = "aljibe.plan.way"
PLAN_PARTS: Final = "aljibe.plan.parts"
PLAN_ATTEMPT: Final = "aljibe.plan.attempt"
PLAN_LOCATIONS: Final = "aljibe.plan.locations"
GROUP_SIZE: Final = "aljibe.group.size"
KEPT: Final = "aljibe.kept"
"""Why a span of a trace that is not sampled is there: `error` or `slow`."""


def aggregate_id(aggregate_type: str) -> str:
    """The attribute for the id of what an event tells of: `aljibe.fulfillment_order.id`."""
    return f"aljibe.{aggregate_type}.id"
