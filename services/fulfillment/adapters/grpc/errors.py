"""How each refusal is answered."""

from __future__ import annotations

from grpc import StatusCode

from chassis.errors import ErrorRule, ErrorTable
from services.fulfillment.domain import refusals

TABLE = ErrorTable(
    "fulfillment.aljibe.dev",
    [
        ErrorRule(
            refusals.FulfillmentOrderUnknown,
            StatusCode.NOT_FOUND,
            "FULFILLMENT_ORDER_UNKNOWN",
            "No existe la orden de preparación {fulfillment_order_id}",
        ),
        ErrorRule(
            refusals.WrongState,
            StatusCode.FAILED_PRECONDITION,
            "WRONG_STATE",
            "El estado {state} de la orden de preparación {fulfillment_order_id} no permite esta operación",
        ),
        ErrorRule(
            refusals.OrderOnHold,
            StatusCode.FAILED_PRECONDITION,
            "ORDER_ON_HOLD",
            "El pedido {order_id} está retenido ({hold_reason}): no se trabaja en él hasta que se libere",
        ),
        ErrorRule(
            refusals.WrongMethod,
            StatusCode.FAILED_PRECONDITION,
            "WRONG_METHOD",
            "La orden de preparación {fulfillment_order_id} sale por {method}: operación no permitida",
        ),
        ErrorRule(
            refusals.LineUnknown,
            StatusCode.INVALID_ARGUMENT,
            "LINE_UNKNOWN",
            "La orden de preparación {fulfillment_order_id} no tiene la línea {line_number}",
        ),
        ErrorRule(
            refusals.QuantityTooHigh,
            StatusCode.FAILED_PRECONDITION,
            "QUANTITY_TOO_HIGH",
            "Línea {line_number} de {id}: {quantity_units} unidades son demasiadas; quedan {left_units}",
        ),
        ErrorRule(
            refusals.AlreadyPicked,
            StatusCode.FAILED_PRECONDITION,
            "ALREADY_PICKED",
            "Línea {line_number} de {fulfillment_order_id} ({state}): "
            "de las {quantity_units} unidades quedan {left_units} sin recoger",
        ),
        ErrorRule(
            refusals.CodeWrong,
            StatusCode.PERMISSION_DENIED,
            "CODE_WRONG",
            "El código de recogida no es correcto; intentos restantes: {tries_left}",
        ),
        ErrorRule(
            refusals.CodeLocked,
            StatusCode.PERMISSION_DENIED,
            "CODE_LOCKED",
            "El código de recogida está bloqueado por demasiados intentos; hay que generar uno nuevo",
        ),
        ErrorRule(
            refusals.OrderUnknown, StatusCode.NOT_FOUND, "ORDER_UNKNOWN", "No se conoce el pedido {order_id}"
        ),
        ErrorRule(
            refusals.LocationUnknown,
            StatusCode.NOT_FOUND,
            "LOCATION_UNKNOWN",
            "No existe la ubicación {location_id}",
        ),
        ErrorRule(
            refusals.NotDelivered,
            StatusCode.FAILED_PRECONDITION,
            "NOT_DELIVERED",
            "La línea {line_number} del pedido {order_id} no se ha entregado",
        ),
        ErrorRule(
            refusals.OpeningInvalid,
            StatusCode.INVALID_ARGUMENT,
            "OPENING_INVALID",
            "No se puede abrir la orden de preparación {fulfillment_order_id}: el campo {field} no es válido",
        ),
        ErrorRule(
            refusals.IncidentUnknown,
            StatusCode.NOT_FOUND,
            "INCIDENT_UNKNOWN",
            "No existe la incidencia {incident_id}",
        ),
        ErrorRule(
            refusals.IncidentClosed,
            StatusCode.FAILED_PRECONDITION,
            "INCIDENT_CLOSED",
            "La incidencia {incident_id} está cerrada",
        ),
    ],
)
